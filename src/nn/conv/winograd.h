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
 * |U| <= 24 * 3 * 128. V fits 16 bits for certain if |inputs| <= 1638, and then |acc| does, too. Beyond that, up to 8191,
 * both have to be looked at. |acc| is at most the sum, over input channels, of the largest input in the patch times the
 * most that a filter's nine weights can make of it. V is computed roughly, of (d's transform) >> 3: eight times that
 * is off by at most 56, the sum of a row's positive or of its negative coefficients times 7.
 *
 * A tile whose inputs are too large for a form is computed by the next one, and in the end directly: 4 columns, 2
 * columns, direct.
 */
#ifndef DDZ_NN_CONV_WINOGRAD_H
#define DDZ_NN_CONV_WINOGRAD_H

#include "nn/conv/direct.h"

enum {
    WINO_TILES = 12, /* so many are multiplied and stored at a time, if there are */
    WINO_BLOCKS = 2,
    WINO_AHEAD = 2048, /* some kernels begin to load so many values of U ahead of those they multiply */
    WINO_MIN_PIXELS = 24,
    WINO_MIN_CHANNELS = 16,
    WINO_MAX_CHANNELS = 256,
    WINO_SMALL = 8192, /* F(2x2): -WINO_SMALL <= inputs < WINO_SMALL */
    WINO_SURE = 1638,  /* F(2x4): |inputs| for which V and acc fit */
    WINO_MOST = 8191,  /* F(2x4): |inputs| for which they may */
    WINO_ROUGH = 4088, /* F(2x4): of V's eighth, computed roughly */
    WINO_ACC = 1 << 27 /* F(2x4): more than |acc| */
};

/* Outputs of a row of a tile */
enum wino_form { WINO_2, WINO_4, WINO_FORMS };

/* Inputs of a tile: 4 rows of 4 or 6 pixels */
struct wino_patch {
    const int16_t *in;
    ptrdiff_t row, step; /* values from a row, a pixel to the next */
    int channels;
    const int16_t *most; /* [channels]: the sum of |weight| of nine, in the filter where it is largest */
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

/* M = U V, of the first `tiles` tiles, for some blocks: m[blocks][positions][WINO_TILES][CONV_BLOCK], of
 * u[blocks][positions][channels / 2][CONV_BLOCK][2] and v[positions][WINO_TILES][channels]; u and m are aligned to 64
 * bytes. */
struct wino_product {
    const int16_t *u, *v;
    int32_t *m;
    int channels, tiles, blocks;
};

/* What an instruction set has for a form. `positions` are 16 or 24, row by row. */
struct wino_steps {
    /* V of one tile: `channels` values for each position, WINO_TILES * channels from position to position. False:
     * inputs are too large, and what is in v has no meaning. */
    bool (*input)(const struct wino_patch *patch, int16_t *v);

    void (*multiply)(const struct wino_product *product);

    /* The outputs of a block, of its M */
    void (*output)(const struct wino_output *output, const int32_t *m);
};

struct wino_kernel {
    struct wino_steps steps[WINO_FORMS];
    int blocks; /* that `multiply` takes at a time, at most WINO_BLOCKS */
    direct_fn *direct;
    void (*pack_direct)(const struct conv_layer *layer, void *packed);
};

/* The members of a struct conv_kernel, beside those of direct.h */
bool ddz_wino_supports(const struct conv_layer *layer);
size_t ddz_wino_packed_size(const struct layer_shape *shape);
size_t ddz_wino_spare_size(const struct layer_shape *shape);
void ddz_wino_pack(const struct conv_layer *layer, void *packed);
void ddz_wino_run(const struct conv *conv, const struct conv_band *band, const struct wino_kernel *kernel);

/* The kernel whose wino_kernel is `wino` */
#define WINO_CONV_KERNEL(variable, name, needs, wino)                                                        \
    static void run_band(const struct conv *conv, const struct conv_band *band)                              \
    {                                                                                                        \
        ddz_wino_run(conv, band, &(wino));                                                                   \
    }                                                                                                        \
    const struct conv_kernel variable = {{name, needs}, ddz_wino_supports,       ddz_wino_packed_size,       \
                                         ddz_wino_pack, ddz_direct_rescale_size, ddz_direct_rescale,         \
                                         run_band,      ddz_wino_spare_size}

#endif
