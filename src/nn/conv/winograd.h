/*
 * 3x3 convolutions with fewer multiplications, the same integers: Winograd's F(2x2,3x3) and F(2x4,3x3).
 *
 * A tile is 2 rows of 2 or 4 outputs, of the patch d of 4 rows of 4 or 6 inputs around them. Once for a layer, and
 * for each pair of an input and an output channel: U = G g H^T, of the filter g. For each tile and input channel:
 * V = B^T d C. For each of the 16 or 24 positions in them a matrix product over the input channels: M = U V, modulo
 * 2^32. Then A^T M D is a multiple of the sums of the convolution. For 2 outputs, down a column or along a row,
 * the matrices are
 *
 *         1  0 -1  0           2  0  0
 *   B^T = 0  1  1  0       G = 1  1  1      A^T = 1  1  1  0
 *         0 -1  1  0           1 -1  1            0  1 -1 -1
 *         0  1  0 -1           0  0  2
 *
 * and give twice the sum; for 4 outputs, along a row,
 *
 *         4  0 -5  0  1  0           6  0  0
 *         0 -4 -4  1  1  0          -4 -4 -4            1  1  1  1  1  0
 *   C^T = 0  4 -4 -1  1  0       H = -4  4 -4     D^T = 0  1 -1  2 -2  0
 *         0 -2 -1  2  1  0           1  2  4            0  1  1  4  4  0
 *         0  2 -1 -2  1  0           1 -2  4            0  1 -1  8 -8  1
 *         0  4  0 -5  0  1           0  0 24
 *
 * which give 24 times the sum.
 *
 * F(2x2): 4 acc is exact if it fits 32 bits. With inputs from -8192 to 8191 it does, since the sum of |weight| over
 * a filter is at most 65535, and V fits 16 bits. |U| <= 9 * 128.
 *
 * F(2x4): 48 acc modulo 2^32, times the inverse of 3, is 16 acc modulo 2^32, and exact if that fits, |acc| < 2^27.
 * |U| <= 24 * 3 * 128. V fits 16 bits for certain if |inputs| <= 1638, and then |acc| does, too; beyond that V has to be
 * looked at, and inputs are bounded by the layer's `limit`.
 *
 * Tiles whose inputs are too large for a form are computed by the next one, and in the end directly: 4 columns, 2
 * columns, direct.
 */
#ifndef DDZ_NN_CONV_WINOGRAD_H
#define DDZ_NN_CONV_WINOGRAD_H

#include "nn/conv/direct.h"

enum {
    WINO_TILES = 12, /* at most so many are transformed, multiplied and stored at a time */
    WINO_MIN_CHANNELS = 16,
    WINO_MAX_CHANNELS = 256,
    WINO_SMALL = 8192, /* F(2x2): -WINO_SMALL <= inputs < WINO_SMALL */
    WINO_SURE = 1638,  /* F(2x4): |inputs| for which V fits */
};

/* Outputs of a row of a tile */
enum wino_form { WINO_2, WINO_4, WINO_FORMS };

/* Inputs of a tile: 4 rows of 4 or 6 pixels */
struct wino_patch {
    const int16_t *in;
    ptrdiff_t row, step; /* values from a row, a pixel to the next */
    int channels;
    int limit; /* F(2x4): of |inputs| */
};

/* Where outputs go: the tile's first pixel */
struct wino_place {
    ptrdiff_t y, x;
    int rows, columns; /* that the map has of it, at least 1 */
};

struct wino_output {
    struct rescaling rescaling; /* from the block on */
    const struct conv_band *band;
    enum layer_end end;
    ptrdiff_t channel; /* first of the block */
    const struct wino_place *place;
    int tiles;
};

/* What an instruction set has for a form. `positions` are 16 or 24, row by row. */
struct wino_steps {
    /* V of one tile: channels values for each position, `next` values from position to position. False: inputs are
     * too large. */
    bool (*input)(const struct wino_patch *patch, int16_t *v, ptrdiff_t next);

    /* M[positions][tiles][CONV_BLOCK] of a block, of u[positions][channels / 2][CONV_BLOCK][2] and
     * v[positions][tiles][channels]; m is aligned to 64 bytes */
    void (*multiply)(const int16_t *u, int channels, int tiles, const int16_t *v, int32_t *m);

    /* The outputs of a block */
    void (*output)(const struct wino_output *output, const int32_t *m);
};

struct wino_kernel {
    struct wino_steps steps[WINO_FORMS];
    direct_fn *direct;
};

/* The members of a struct conv_kernel, beside those of direct.h */
bool ddz_wino_supports(const struct conv_layer *layer);
size_t ddz_wino_packed_size(const struct layer_shape *shape);
void ddz_wino_pack(const struct conv_layer *layer, void *packed);
void ddz_wino_run(const struct conv *conv, const struct conv_band *band, const struct wino_kernel *kernel);

#endif
