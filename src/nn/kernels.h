/*
 * The network's inner loops, per instruction set: a convolution along a run of output pixels with its
 * rescaling, and the gate. All variants give the same result: sums of integers have no order.
 */
#ifndef DDZ_NN_KERNELS_H
#define DDZ_NN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"

enum {
    KERNEL_BLOCK = 16,   /* output channels are computed by so many */
    KERNEL_MAX_TAPS = 9, /* 3x3 */
    KERNEL_BIAS_BITS = 24
};

/*
 * For each pixel i < pixels and output channel o:
 *   acc = sum over taps t and input channels c of weight(o, tap[t], c) * in[t][i * in_step + c]
 *   v = (acc * mult[o] + bias[o]) >> shift
 *   out[i * out_step + o] = clamp16(residual[i * out_step + o] + v)
 * Bounds: |acc| < 2^31, |mult| <= 2^29, |bias| <= 2^60 + 2^39, 8 <= shift <= 40.
 */
struct conv_run {
    const int16_t *in[KERNEL_MAX_TAPS]; /* of the first pixel, for each tap that counts */
    int tap[KERNEL_MAX_TAPS];           /* which of the kernel's taps they are */
    int taps;                           /* how many, at least 1 */
    ptrdiff_t in_step;                  /* in values, as all steps */
    int pairs;                          /* pairs of input channels, at least 1 */
    int blocks;                         /* of output channels */
    int kernel_taps;
    const int16_t *weight; /* [blocks][kernel_taps][pairs][KERNEL_BLOCK][2] */
    const int32_t *mult;   /* [blocks * KERNEL_BLOCK] */
    const int64_t *bias;   /* the same; half of 2^shift, for rounding, included */
    int shift;
    const int16_t *residual; /* may be out; NULL: none */
    int16_t *out;
    ptrdiff_t out_step;
    ptrdiff_t pixels;
};

/*
 * For each pixel i < pixels and channel c < channels, both arrays having pixels `step` apart:
 *   values[i * step + c] = R(values[i * step + c] * max(opening[i * step + c], 0) / 2^15), R(x) = floor(x +
 * 1/2) `channels` is a multiple of half a KERNEL_BLOCK; `opening` may be the other half of the same pixels.
 */
#define KERNEL_GATE(name)                                                                                    \
    void name(int16_t *values, const int16_t *opening, ptrdiff_t pixels, ptrdiff_t step, ptrdiff_t channels)
#define KERNEL_CONV(name) void name(const struct conv_run *run)

struct kernels {
    KERNEL_CONV((*conv));
    KERNEL_GATE((*gate));
};

/* The fastest kernels for a set of features that the machine has. */
void ddz_kernels_init(struct kernels *kernels, uint64_t features);

KERNEL_CONV(ddz_conv_c);
KERNEL_CONV(ddz_conv_avx2);
KERNEL_CONV(ddz_conv_avx512);

KERNEL_GATE(ddz_gate_c);
KERNEL_GATE(ddz_gate_avx2);

#endif
