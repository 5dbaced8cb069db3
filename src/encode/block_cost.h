/*
 * What a chain would spend on some blocks of a picture and on the others, about, as a function of the noise where it ends:
 * from the coefficients of Haar's transform of each block, whose bits are 1/2 log2(1 + c^2 / sigma^2).
 */
#ifndef DDZ_ENCODE_BLOCK_COST_H
#define DDZ_ENCODE_BLOCK_COST_H

#include "exact/graphics.h"

enum { COST_BINS = 96, COST_BINS_AN_OCTAVE = 6 };

struct block_cost {
    double count[2][COST_BINS]; /* of coefficients by their size; [1]: of the blocks that are in */
    double samples;             /* of the whole picture, three for a pixel */
};

/* samples[height][width][channels], 1 or 3 channels */
void ddz_block_cost_measure(struct block_cost *cost, const struct graphics_size *size,
                            const uint16_t *samples, const struct blocks *blocks);

/* Bits with a chain that ends at sigma grey levels: of the blocks that are in, or of the others */
double ddz_block_cost_bits(const struct block_cost *cost, bool in, double sigma);

/* PSNR of such a chain, dB, over the blocks of both kinds */
double ddz_block_cost_psnr(const struct block_cost *cost, double sigma);

#endif
