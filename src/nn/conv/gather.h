/*
 * For direct kernels that want all inputs of a pixel's filters in one row: a convolution becomes sums of products
 * of rows, those of the inputs and those of the weights. The inputs of a few pixels are copied together, and serve
 * all output channels.
 *
 * A kernel gives the sums of one block of output channels; what is done with them is here.
 */
#ifndef DDZ_NN_CONV_GATHER_H
#define DDZ_NN_CONV_GATHER_H

#include "nn/conv/direct.h"

enum {
    GATHER_TILE = 4,  /* pixels whose sums are computed at a time */
    GATHER_CHUNK = 16 /* a row of inputs is a multiple of this long */
};

/* What is multiplied at a time: the inputs of GATHER_TILE pixels, a block of weights */
struct gather_tile {
    const struct direct_run *run;
    const int16_t *in;       /* rows; aligned to 32 bytes */
    ptrdiff_t in_step;       /* from row to row: GATHER_CHUNK * chunks */
    ptrdiff_t chunks;        /* of a row, at least 1 */
    const int16_t *weight;   /* of the block */
    ptrdiff_t inputs, first; /* of a filter: how many, and which one is multiplied by a row's first value */
};

/* What kernels of this kind differ in */
struct gather_kernel {
    /* Puts `count` inputs of a tap into row `pixel`, from `at` on. Rows are zero where nothing is put. NULL: copies. */
    void (*fill)(int16_t *in, ptrdiff_t in_step, ptrdiff_t pixel, ptrdiff_t at, const int16_t *from,
                 ptrdiff_t count);

    /*
     * For p < GATHER_TILE and o < CONV_BLOCK:
     *   sums[p * CONV_BLOCK + o] = sum over i < in_step of in[p * in_step + i] * weight[o * inputs + first + i]
     * or the same of what `fill` has made of inputs, and the kernel of weights. Inputs behind a filter's last are 0.
     */
    void (*sums)(const struct gather_tile *tile, int32_t *sums);
};

/* The members of a struct conv_kernel, in the place of those of direct.h, and what its `run` calls. */
size_t ddz_gather_packed_size(const struct layer_shape *shape);
void ddz_gather_pack(const struct conv_layer *layer, void *packed);
void ddz_gather_run(const struct direct_run *run, const struct gather_kernel *kernel);

#endif
