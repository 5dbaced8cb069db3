/* Dot products of bytes: SDOT, 16 products an instruction; two of them are one of an int16. */
#include "base/fixed.h"
#include "nn/conv/arm/split.h"

#if !defined(__ARM_FEATURE_DOTPROD)
#error "this file needs its own compiler flags"
#endif

static bool supports(const struct conv_layer *layer)
{
    return layer->shape->cin % 4 == 0 && split_supports(layer);
}

/* [taps * cin / 4][CONV_BLOCK][4] */
static ptrdiff_t place(int output, ptrdiff_t input)
{
    return (input / 4 * CONV_BLOCK + output) * 4 + input % 4;
}

static void pack(const struct conv_layer *layer, void *packed)
{
    ddz_split_pack(layer, packed, place);
}

/* A row: all high bytes, then all low bytes */
static void fill(int16_t *in, ptrdiff_t in_step, ptrdiff_t pixel, ptrdiff_t at, const int16_t *from,
                 ptrdiff_t count)
{
    int8_t *high = (int8_t *)(in + pixel * in_step) + at, *low = high + in_step;
    for (; count >= 8; count -= 8, from += 8, high += 8, low += 8) {
        int16x8_t x = vld1q_s16(from);
        vst1_s8(high, vshrn_n_s16(x, 8));
        vst1_s8(low, veor_s8(vmovn_s16(x), vdup_n_s8(-128)));
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        high[i] = (int8_t)asr32(from[i], 8);
        low[i] = (int8_t)((from[i] & 255) - 128);
    }
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH(M) M(0) M(1) M(2) M(3)
/* Of pixel p: the sums of 4 outputs and of 4 more, of high bytes (a, b) and of low ones (c, d) */
#define SUMS(p) int32x4_t a##p = vdupq_n_s32(0), b##p = a##p, c##p = constant[0], d##p = constant[1];
#define LOAD(p) int8x16_t h##p = vld1q_s8(in + p * row), l##p = vld1q_s8(in + p * row + row / 2);
#define DOT(p, i)                                                                                            \
    a##p = vdotq_laneq_s32(a##p, v, h##p, i);                                                                \
    b##p = vdotq_laneq_s32(b##p, w, h##p, i);                                                                \
    c##p = vdotq_laneq_s32(c##p, v, l##p, i);                                                                \
    d##p = vdotq_laneq_s32(d##p, w, l##p, i);
/* Four inputs */
#define STEP(i)                                                                                              \
    {                                                                                                        \
        int8x16_t v = vld1q_s8(weight + i * CONV_BLOCK * 4), w = vld1q_s8(weight + i * CONV_BLOCK * 4 + 16); \
        DOT(0, i) DOT(1, i) DOT(2, i) DOT(3, i)                                                              \
    }
#define STORE(p)                                                                                             \
    vst1q_s32(sums + p * CONV_BLOCK, vaddq_s32(vshlq_n_s32(a##p, 8), c##p));                                 \
    vst1q_s32(sums + p * CONV_BLOCK + 4, vaddq_s32(vshlq_n_s32(b##p, 8), d##p));

/* 8 outputs of a tile. The sums are variables of their own, because compilers do not always keep an array of them in
 * registers. */
static inline void eight(const int8_t *in, ptrdiff_t row, const int8_t *weight, ptrdiff_t chunks,
                         const int32x4_t constant[2], int32_t *sums)
{
    EACH(SUMS)
    do {
        EACH(LOAD)
        EACH(STEP)
        in += GATHER_CHUNK;
        weight += GATHER_CHUNK * CONV_BLOCK;
    } while (--chunks);
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
        eight(in, 2 * tile->in_step, weight + 4 * o, tile->chunks, constant + o / 4, sums + o);
}

static void inner(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){fill, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_dotprod, "dotprod", DDZ_CPU_DOTPROD, supports, ddz_gather_packed_size, pack,
                   inner);
