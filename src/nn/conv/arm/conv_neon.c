/* NEON, which every AArch64 processor has: SMLAL, 4 products of an int16 an instruction. */
#include <arm_neon.h>
#include <string.h>

#include "nn/conv/arm/direct_neon.h"
#include "nn/conv/gather.h"

/* A last chunk reads past a block, and past the last one. */
static size_t packed_size(const struct layer_shape *shape)
{
    return ddz_direct_packed_size(shape) + GATHER_CHUNK * CONV_BLOCK * sizeof(int16_t);
}

/* A block: [taps * cin][CONV_BLOCK] */
void ddz_neon_pack(const struct conv_layer *layer, void *packed)
{
    const struct layer_shape *shape = layer->shape;
    ptrdiff_t inputs = shape->taps * shape->cin;
    int16_t *to = packed;
    for (int block = 0; block < ddz_direct_entries(shape); block += CONV_BLOCK)
        for (ptrdiff_t i = 0; i < inputs; i++)
            for (int o = 0; o < CONV_BLOCK; o++) {
                int source = ddz_direct_channel(shape, block + o);
                *to++ = source < 0 ? 0 : layer->weight[source * inputs + i];
            }
    memset(to, 0, GATHER_CHUNK * CONV_BLOCK * sizeof *to);
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH(M) M(0) M(1) M(2) M(3)
/* Of pixel p: the sums of outputs 0 to 3, 4 to 7 ... */
#define SUMS(p) int32x4_t a##p = vdupq_n_s32(0), b##p = a##p, c##p = a##p, d##p = a##p;
#define LOAD(p) int16x8_t x##p = vld1q_s16(in + p * tile->in_step);
#define PRODUCTS(p, i)                                                                                       \
    a##p = vmlal_laneq_s16(a##p, vget_low_s16(v), x##p, i);                                                  \
    b##p = vmlal_high_laneq_s16(b##p, v, x##p, i);                                                           \
    c##p = vmlal_laneq_s16(c##p, vget_low_s16(w), x##p, i);                                                  \
    d##p = vmlal_high_laneq_s16(d##p, w, x##p, i);
#define STEP(i)                                                                                              \
    {                                                                                                        \
        int16x8_t v = vld1q_s16(weight + i * CONV_BLOCK), w = vld1q_s16(weight + i * CONV_BLOCK + 8);        \
        PRODUCTS(0, i) PRODUCTS(1, i) PRODUCTS(2, i) PRODUCTS(3, i)                                          \
    }
#define STORE(p)                                                                                             \
    vst1q_s32(sums + p * CONV_BLOCK, a##p);                                                                  \
    vst1q_s32(sums + p * CONV_BLOCK + 4, b##p);                                                              \
    vst1q_s32(sums + p * CONV_BLOCK + 8, c##p);                                                              \
    vst1q_s32(sums + p * CONV_BLOCK + 12, d##p);

/* The sums are variables of their own, because compilers do not always keep an array of them in registers. */
static void sums_of_block(const struct gather_tile *tile, int32_t *sums)
{
    const int16_t *in = tile->in, *end = in + tile->in_step;
    const int16_t *weight = tile->weight + tile->first * CONV_BLOCK;
    EACH(SUMS)
    do {
        EACH(LOAD)
        STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) in += 8;
        weight += 8 * CONV_BLOCK;
    } while (in != end);
    EACH(STORE)
}
/* clang-format on */

void ddz_direct_neon(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){NULL, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_neon, "neon", DDZ_CPU_NEON, ddz_direct_supports, packed_size, ddz_neon_pack,
                   ddz_direct_neon);
