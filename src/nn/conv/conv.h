/*
 * The network's convolutions: what a kernel offers. A new kernel is a file with one struct conv_kernel, and a
 * line in the table of conv.c.
 *
 * A kernel chooses how it keeps weights and rescaling, and works on bands of rows. All kernels give the same
 * result: sums of integers have no order, and 32 bits hold every sum, for any int16 input.
 *
 * For each pixel and output channel o, with acc the sum over taps and input channels of weight * input:
 *   v = (acc * mult[o] + bias[o]) >> shift
 * and what becomes of it is shape->end. Bounds: |acc| < 2^31, |mult| <= 2^29, |bias| <= 2^60 + 2^39,
 * 8 <= shift <= 40.
 */
#ifndef DDZ_NN_CONV_CONV_H
#define DDZ_NN_CONV_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "model/topology.h"
#include "nn/conv/map.h"

enum {
    CONV_BLOCK = 16,          /* an output pixel has room for its channels rounded up to a multiple of this */
    CONV_MAX_CHANNELS = 1024, /* of a layer's input */
    CONV_BIAS_BITS = 24       /* of biases before they are multiplied by 2^(shift - 4) */
};

struct conv_layer {
    const struct layer_shape *shape;
    const int8_t *weight; /* [cout][taps][cin]; the sum of |weight| over a filter is at most 65535 */
    int shift;
};

/* A layer made ready */
struct conv {
    struct conv_layer layer;
    const struct conv_kernel *kernel;
    void *packed; /* weights */
    void *
        spare; /* weights that are seldom used, if the kernel has such: apart, so that the others lie together */
    void *rescale; /* mult and bias */
};

/*
 * Rows that one call of a kernel computes. Row 0 of each map is the band's first. A 3x3 filter also reads the
 * rows before and behind the band and the pixels beside it, which are there: neighbours, or border.
 *
 * `rows` are those of `out`; of 1x1, where each pixel of `in` gives 2x2 of `out`, those of `in`. The border of
 * `out` is zero, and is so afterwards; what is behind the channels of its pixels is left undefined. Meanwhile another
 * thread may read the rows around those of the band: the border behind its last row is not written at all.
 */
struct conv_band {
    struct map in, out, gates; /* gates: for END_GATE_BY */
    ptrdiff_t rows;
    bool above, below; /* false: the row before, the row behind has nothing but zeros */
};

struct conv_kernel {
    struct kernel kernel;

    /* Whether the kernel can run the layer. */
    bool (*supports)(const struct conv_layer *layer);

    /* The weights in the kernel's own layout, aligned to 64 bytes; `run` may complete them. */
    size_t (*packed_size)(const struct layer_shape *shape);
    void (*pack)(const struct conv_layer *layer, void *packed);

    /* The same of mult[cout] and bias[cout], which change from call to call. */
    size_t (*rescale_size)(const struct layer_shape *shape);
    void (*rescale)(const struct conv_layer *layer, const int32_t *mult, const int64_t *bias, void *rescale);

    /* May use 256 KiB of stack. Several threads may run bands of one layer at a time. */
    void (*run)(const struct conv *conv, const struct conv_band *band);

    /* Bytes of `spare`, aligned to 64 bytes, which `run` fills; NULL: there is none. */
    size_t (*spare_size)(const struct layer_shape *shape);
};

/* The table, the fastest first; NULL ends it. The last one, ddz_conv_c, supports all layers. */
extern const struct conv_kernel *const ddz_conv_kernels[];
extern const struct conv_kernel ddz_conv_c;
extern const struct conv_kernel ddz_conv_sse2, ddz_conv_avx2, ddz_conv_wino_avx2, ddz_conv_avx512,
    ddz_conv_wino_avx512;
extern const struct conv_kernel ddz_conv_amx, ddz_conv_avxvnni, ddz_conv_wino_avxvnni;
extern const struct conv_kernel ddz_conv_wino_sse2, ddz_conv_wino_neon, ddz_conv_wino_simd128;
extern const struct conv_kernel ddz_conv_neon, ddz_conv_dotprod, ddz_conv_i8mm, ddz_conv_simd128;

static inline size_t conv_spare_size(const struct conv_kernel *kernel, const struct layer_shape *shape)
{
    return kernel->spare_size ? kernel->spare_size(shape) : 0;
}

/* The fastest for a layer and a set of features that the machine has. */
const struct conv_kernel *ddz_conv_choose(const struct conv_layer *layer, uint64_t features);

#endif
