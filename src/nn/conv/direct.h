/*
 * What the direct kernels share, which differ in their innermost loop alone: the layout of weights and rescaling,
 * and how a band is cut into runs of pixels.
 *
 * Output channels are computed in blocks of CONV_BLOCK. Where the second half of a layer's outputs gates the
 * first, a block has 8 values and then their 8 gates; where outputs become 2x2 pixels, each of the four has
 * blocks of its own.
 */
#ifndef DDZ_NN_CONV_DIRECT_H
#define DDZ_NN_CONV_DIRECT_H

#include "nn/conv/conv.h"

enum { DIRECT_MAX_TAPS = 9 };

/*
 * How sums become values, for each entry of the blocks: (sum * mult + bias) >> shift. A sum below `low` has the
 * result of `low`, in the end, and one above `high` that of `high`; between them, values before the residual is
 * added are within +-2^23, so that a kernel that clamps sums needs 32 bits of a value. With shift >= 32 all values
 * fit 32 bits, and low and high need not be looked at.
 */
struct rescaling {
    const int64_t *bias;
    const int32_t *mult, *low, *high;
    int shift;
};

static inline struct rescaling rescaling_from(const struct rescaling *r, ptrdiff_t entry)
{
    return (struct rescaling){r->bias + entry, r->mult + entry, r->low + entry, r->high + entry, r->shift};
}

/*
 * For each pixel i < pixels and entry o of the blocks:
 *   acc = sum over t < taps and input channels c of weight(o, tap[t], c) * in[t][i * in_step + c]
 * rescaled, and ended by `end`, into out[i * out_step ...]: CONV_BLOCK values for each block, or with END_GATE 8.
 */
struct direct_run {
    const int16_t *in[DIRECT_MAX_TAPS]; /* of the first pixel, for each tap that counts */
    int tap[DIRECT_MAX_TAPS];           /* which of the kernel's taps they are */
    int taps;                           /* how many, at least 1 */
    ptrdiff_t in_step;                  /* in values, as all steps */
    int pairs;                          /* pairs of input channels, at least 1 */
    int blocks;                         /* of output channels */
    int kernel_taps;
    const int16_t *weight; /* [blocks][kernel_taps][pairs][CONV_BLOCK][2], or as gather.h has them */
    struct rescaling rescaling;
    enum layer_end end;
    const int16_t *gates; /* END_GATE_BY: those of the first pixel */
    ptrdiff_t gates_step;
    int16_t *out;
    ptrdiff_t out_step;
    ptrdiff_t pixels;
};

typedef void direct_fn(const struct direct_run *run);

/* How many entries all blocks of a layer have, and the layer's output that one of them computes, -1 for padding. */
int ddz_direct_entries(const struct layer_shape *shape);
int ddz_direct_channel(const struct layer_shape *shape, int entry);

/* What becomes of the sums of a pixel and a block, for kernels that have nothing better; rescaling: from the block on;
 * gates: with END_GATE_BY. */
void ddz_direct_end(const struct rescaling *rescaling, enum layer_end end, const int32_t *acc,
                    const int16_t *gates, int16_t *out);

/* The members of a struct conv_kernel; `inner` is the kernel's own. */
bool ddz_direct_supports(const struct conv_layer *layer);
size_t ddz_direct_packed_size(const struct layer_shape *shape);
void ddz_direct_pack(const struct conv_layer *layer, void *packed);
size_t ddz_direct_rescale_size(const struct layer_shape *shape);
void ddz_direct_rescale(const struct conv_layer *layer, const int32_t *mult, const int64_t *bias,
                        void *rescale);

/* From an entry on */
struct rescaling ddz_direct_rescaling(const struct conv *conv, ptrdiff_t entry);

void ddz_direct_run(const struct conv *conv, const struct conv_band *band, direct_fn *inner);

/* Of a 3x3 layer: `rows` rows from `y`, `pixels` pixels from `x`. Borders of `out` are not looked after. */
void ddz_direct_run_part(const struct conv *conv, const struct conv_band *band, ptrdiff_t y, int rows,
                         ptrdiff_t x, ptrdiff_t pixels, direct_fn *inner);

/* f(end, whether shift >= 32) with constants, for functions that are compiled for each end and each way of rescaling */
#define WITH_END(end, shift, f)                                                                              \
    switch (end) {                                                                                           \
    case END_STORE:                                                                                          \
        (shift) >= 32 ? f(END_STORE, true) : f(END_STORE, false);                                            \
        break;                                                                                               \
    case END_ADD:                                                                                            \
        (shift) >= 32 ? f(END_ADD, true) : f(END_ADD, false);                                                \
        break;                                                                                               \
    case END_GATE:                                                                                           \
        (shift) >= 32 ? f(END_GATE, true) : f(END_GATE, false);                                              \
        break;                                                                                               \
    case END_GATE_BY:                                                                                        \
        (shift) >= 32 ? f(END_GATE_BY, true) : f(END_GATE_BY, false);                                        \
        break;                                                                                               \
    }

/* The kernel whose loop is `inner`, for layers and weights as the other functions have them */
#define DIRECT_CONV_KERNEL(variable, name, needs, supports, packed_size, pack, inner)                        \
    static void run_band(const struct conv *conv, const struct conv_band *band)                              \
    {                                                                                                        \
        ddz_direct_run(conv, band, inner);                                                                   \
    }                                                                                                        \
    const struct conv_kernel variable = {{name, needs},           supports,           packed_size, pack,     \
                                         ddz_direct_rescale_size, ddz_direct_rescale, run_band,    NULL}

#endif
