/*
 * What the kernels for dot products of bytes share. An input x is split into two bytes with signs,
 *   x = 256 high + low + 128,
 * so that for any int16 inputs
 *   sum of w x = 256 (sum of w high) + (sum of w low) + 128 (sum of w).
 * The last sum is a constant of the output channel and of the taps that count. Where nothing is put into a row, both
 * bytes are 0, and it is not counted.
 *
 * A block's weights are bytes, which take half of the block's room. Behind them is 128 times the sum of the weights
 * of each tap, for each output, and of all taps: int32_t [taps + 1][CONV_BLOCK].
 */
#ifndef DDZ_NN_CONV_ARM_SPLIT_H
#define DDZ_NN_CONV_ARM_SPLIT_H

#include <arm_neon.h>

#include "nn/conv/gather.h"

/* Where a kernel has a weight of its block: output < CONV_BLOCK, input < taps * cin */
typedef ptrdiff_t split_place_fn(int output, ptrdiff_t input);

/* The constants have room behind the weights. */
static inline bool split_supports(const struct conv_layer *layer)
{
    return layer->shape->cin >= 8 && ddz_direct_supports(layer);
}

static inline int32_t *split_constants(const int16_t *block, ptrdiff_t inputs)
{
    return (int32_t *)(void *)((int8_t *)(void *)(uintptr_t)block + CONV_BLOCK * inputs);
}

void ddz_split_pack(const struct conv_layer *layer, void *packed, split_place_fn *place);

/* 128 (sum of w) of a block's outputs */
static inline void split_constant(const struct gather_tile *tile, int32x4_t constant[CONV_BLOCK / 4])
{
    const struct direct_run *run = tile->run;
    const int32_t *of_taps = split_constants(tile->weight, tile->inputs);
    bool all = run->taps == run->kernel_taps;
    for (int i = 0; i < CONV_BLOCK; i += 4) {
        int32x4_t sum = vld1q_s32(of_taps + (all ? run->kernel_taps : run->tap[0]) * CONV_BLOCK + i);
        for (int t = 1; t < run->taps && !all; t++)
            sum = vaddq_s32(sum, vld1q_s32(of_taps + run->tap[t] * CONV_BLOCK + i));
        constant[i / 4] = sum;
    }
}

#endif
