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

/*
 * For p < GATHER_TILE and o < CONV_BLOCK:
 *   sums[p * CONV_BLOCK + o] = sum over i < GATHER_CHUNK * chunks of
 *                              in[p * in_step + i] * weight[o * weight_step + i]
 *
 * `in` is aligned to 32 bytes, and in_step a multiple of GATHER_CHUNK.
 */
typedef void gather_sums_fn(const int16_t *in, ptrdiff_t in_step, const int16_t *weight,
                            ptrdiff_t weight_step, ptrdiff_t chunks, int32_t *sums);

/* The members of a struct conv_kernel, in the place of those of direct.h, and what its `run` calls. */
size_t ddz_gather_packed_size(const struct layer_shape *shape);
void ddz_gather_pack(const struct conv_layer *layer, void *packed);
void ddz_gather_run(const struct direct_run *run, gather_sums_fn *sums);

#endif
