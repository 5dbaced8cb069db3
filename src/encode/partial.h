/*
 * A partial exact layer: some blocks of a picture are no part of a photograph, and coded exactly where that takes fewer bits
 * than the chain would; what the chain sees there is smooth and costs next to nothing.
 */
#ifndef DDZ_ENCODE_PARTIAL_H
#define DDZ_ENCODE_PARTIAL_H

#include "api/pixels.h"
#include "api/progress.h"
#include "encode/block_cost.h"

/* All zero: there is none. */
struct partial {
    struct blocks blocks;
    uint8_t *content; /* owned: of the layer's record; NULL: there is none */
    size_t size;
    double others; /* bytes that a chain takes for the other blocks, about */
    int channels;  /* of the picture's samples */
};

/* Looks for blocks that are worth it, for a chain that ends where `end_sigma` says by what either would cost: grey levels;
 * codes them. There may be none in the end. MEMORY, CANCELLED. */
typedef double partial_end(void *cookie, const struct block_cost *cost);
ddz_status ddz_partial_find(struct partial *p, const struct mem *mem, const struct layout *layout,
                            const void *pixels, partial_end *end_sigma, void *cookie,
                            struct progress *progress);
void ddz_partial_free(struct partial *p, const struct mem *mem);

/* Bytes of its record, 0 if there is none */
uint64_t ddz_partial_record_size(const struct partial *p);

/* In the blocks, x[height][width][3] becomes the means of blocks, and what is linearly between them. MEMORY. */
ddz_status ddz_partial_soften(const struct partial *p, const struct mem *mem, uint32_t width, uint32_t height,
                              int16_t *x);

#endif
