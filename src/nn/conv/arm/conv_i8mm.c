/* Matrix products of bytes: SMMLA multiplies two pixels by two outputs, of 8 inputs: 32 products an instruction. */
#include "nn/conv/arm/split.h"

#if !defined(__ARM_FEATURE_MATMUL_INT8)
#error "this file needs its own compiler flags"
#endif

static bool supports(const struct conv_layer *layer)
{
    return layer->shape->cin % 8 == 0 && split_supports(layer);
}

/* [taps * cin / 8][CONV_BLOCK][8] */
static ptrdiff_t place(int output, ptrdiff_t input)
{
    return (input / 8 * CONV_BLOCK + output) * 8 + input % 8;
}

static void pack(const struct conv_layer *layer, void *packed)
{
    ddz_split_pack(layer, packed, place);
}

/* The rows of two pixels together: [in_step / 8][2][8] high bytes, then the same of low ones */
static void fill(int16_t *in, ptrdiff_t in_step, ptrdiff_t pixel, ptrdiff_t at, const int16_t *from,
                 ptrdiff_t count)
{
    int8_t *high = (int8_t *)(in + pixel / 2 * 2 * in_step) + 2 * at + pixel % 2 * 8,
           *low = high + 2 * in_step;
    for (; count > 0; count -= 8, from += 8, high += 16, low += 16) {
        int16x8_t x = vld1q_s16(from);
        vst1_s8(high, vshrn_n_s16(x, 8));
        vst1_s8(low, veor_s8(vmovn_s16(x), vdup_n_s8(-128)));
    }
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH(M) M(0) M(1) M(2) M(3)
/* Of outputs 2o and 2o + 1: the sums of the first two pixels (a, c) and of the others (b, d), of high bytes (a, b) and
 * of low ones (c, d) */
#define SUMS(o) int32x4_t a##o = vdupq_n_s32(0), b##o = a##o, c##o = a##o, d##o = a##o;
#define STEP(o)                                                                                              \
    {                                                                                                        \
        int8x16_t w = vld1q_s8(weight + o * 16);                                                             \
        a##o = vmmlaq_s32(a##o, h0, w);                                                                      \
        b##o = vmmlaq_s32(b##o, h1, w);                                                                      \
        c##o = vmmlaq_s32(c##o, l0, w);                                                                      \
        d##o = vmmlaq_s32(d##o, l1, w);                                                                      \
    }
#define STORE(o)                                                                                             \
    {                                                                                                        \
        int32x4_t x = vaddq_s32(vshlq_n_s32(a##o, 8), c##o), y = vaddq_s32(vshlq_n_s32(b##o, 8), d##o);      \
        int32x2_t k = o & 1 ? vget_high_s32(constant[o / 2]) : vget_low_s32(constant[o / 2]);                \
        vst1_s32(sums + 2 * o, vadd_s32(vget_low_s32(x), k));                                                \
        vst1_s32(sums + CONV_BLOCK + 2 * o, vadd_s32(vget_high_s32(x), k));                                  \
        vst1_s32(sums + 2 * CONV_BLOCK + 2 * o, vadd_s32(vget_low_s32(y), k));                               \
        vst1_s32(sums + 3 * CONV_BLOCK + 2 * o, vadd_s32(vget_high_s32(y), k));                              \
    }

/* 8 outputs of a tile. The sums are variables of their own, because compilers do not always keep an array of them in
 * registers. */
static inline void eight(const int8_t *in, ptrdiff_t row, const int8_t *weight, ptrdiff_t count,
                         const int32x4_t constant[2], int32_t *sums)
{
    EACH(SUMS)
    do {
        int8x16_t h0 = vld1q_s8(in), l0 = vld1q_s8(in + row);
        int8x16_t h1 = vld1q_s8(in + 2 * row), l1 = vld1q_s8(in + 3 * row);
        EACH(STEP)
        in += 16;
        weight += 8 * CONV_BLOCK;
    } while (--count);
    EACH(STORE)
}
/* clang-format on */

static void sums_of_block(const struct gather_tile *tile, int32_t *sums)
{
    const int8_t *in = (const int8_t *)tile->in,
                 *weight = (const int8_t *)tile->weight + tile->first * CONV_BLOCK;
    int32x4_t constant[CONV_BLOCK / 4];
    split_constant(tile, constant);
    for (int o = 0; o < CONV_BLOCK; o += 8)
        eight(in, 2 * tile->in_step, weight + 8 * o, 2 * tile->chunks, constant + o / 4, sums + o);
}

static void inner(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){fill, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_i8mm, "i8mm", DDZ_CPU_I8MM, supports, ddz_gather_packed_size, pack, inner);
