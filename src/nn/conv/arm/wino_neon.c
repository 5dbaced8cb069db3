/* Winograd's convolutions with NEON: SMLAL */
#include "nn/conv/winograd.h"

#include <arm_neon.h>

#include "nn/conv/arm/direct_neon.h"
#include "nn/conv/wino_128.h"

INLINE v16 max_16(v16 a, v16 b)
{
    return (v16)vmaxq_s16((int16x8_t)a, (int16x8_t)b);
}

INLINE v16 min_16(v16 a, v16 b)
{
    return (v16)vminq_s16((int16x8_t)a, (int16x8_t)b);
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH_2(M) M(0) M(1)
#define EACH_4(M) M(0) M(1) M(2) M(3)
/* Of tile t: the sums of outputs 0 to 3, 4 to 7 ... */
#define SUMS(t) int32x4_t a##t = vdupq_n_s32(0), b##t = a##t, c##t = a##t, d##t = a##t;
#define PRODUCTS(t, i)                                                                                       \
    a##t = vmlal_lane_s16(a##t, vget_low_s16(w0.val[i]), x##t, i);                                           \
    b##t = vmlal_high_lane_s16(b##t, w0.val[i], x##t, i);                                                    \
    c##t = vmlal_lane_s16(c##t, vget_low_s16(w1.val[i]), x##t, i);                                           \
    d##t = vmlal_high_lane_s16(d##t, w1.val[i], x##t, i);
#define STEP(t)                                                                                              \
    {                                                                                                        \
        int32_t pair;                                                                                        \
        memcpy(&pair, v + t * channels, sizeof pair);                                                        \
        int16x4_t x##t = vreinterpret_s16_s32(vdup_n_s32(pair));                                             \
        PRODUCTS(t, 0) PRODUCTS(t, 1)                                                                        \
    }
#define STORE(t)                                                                                             \
    vst1q_s32(m + t * CONV_BLOCK, a##t);                                                                     \
    vst1q_s32(m + t * CONV_BLOCK + 4, b##t);                                                                 \
    vst1q_s32(m + t * CONV_BLOCK + 8, c##t);                                                                 \
    vst1q_s32(m + t * CONV_BLOCK + 12, d##t);

/* TILES tiles and a block's 16 outputs. The sums are variables of their own, because compilers do not always keep an
 * array of them in registers. */
#define MULTIPLY(TILES)                                                                                      \
    INLINE void multiply_##TILES(const int16_t *u, ptrdiff_t channels, const int16_t *v, int32_t *m)         \
    {                                                                                                        \
        const int16_t *end = v + channels;                                                                   \
        EACH_##TILES(SUMS) do                                                                                \
        {                                                                                                    \
            /* even values are weights of a pair's first channel */                                          \
            int16x8x2_t w0 = vld2q_s16(u), w1 = vld2q_s16(u + CONV_BLOCK);                                   \
            EACH_##TILES(STEP) u += 2 * CONV_BLOCK;                                                          \
            v += 2;                                                                                          \
        }                                                                                                    \
        while (v != end)                                                                                     \
            ;                                                                                                \
        EACH_##TILES(STORE)                                                                                  \
    }

MULTIPLY(4)
MULTIPLY(2)
/* clang-format on */

/* An odd number of tiles: the one behind them is multiplied, too, whatever is there. */
INLINE void multiply_tiles(int positions, const struct wino_product *p)
{
    const ptrdiff_t channels = p->channels;
    for (int i = 0; i < positions; i++) {
        const int16_t *u = p->u + i * channels * CONV_BLOCK, *v = p->v + i * WINO_TILES * channels;
        int32_t *m = p->m + i * WINO_TILES * CONV_BLOCK;
        int t = 0;
        for (; p->tiles - t >= 3; t += 4)
            multiply_4(u, channels, v + t * channels, m + t * CONV_BLOCK);
        if (p->tiles > t)
            multiply_2(u, channels, v + t * channels, m + t * CONV_BLOCK);
    }
}

static const struct wino_kernel wino = {STEPS_128, 1, ddz_direct_neon, ddz_neon_pack};

WINO_CONV_KERNEL(ddz_conv_wino_neon, "neon winograd", DDZ_CPU_NEON, wino);
