/* NEON, which every AArch64 processor has. */
#include <arm_neon.h>

enum { LANES = 8 };
typedef int16x8_t vec;

#define vec_load vld1q_s16
#define vec_store vst1q_s16
#define vec_add vaddq_s16
#define vec_sub vsubq_s16
#define vec_max vmaxq_s16
#define vec_greater(a, b) vreinterpretq_s16_u16(vcgtq_s16(a, b))
#define vec_all vdupq_n_s16

/* values[index], which there is no instruction for */
static inline vec look_up(const int16_t *values, uint16x8_t index)
{
    vec v = vdupq_n_s16(values[vgetq_lane_u16(index, 0)]);
#define LOOK_UP(i) v = vld1q_lane_s16(values + vgetq_lane_u16(index, i), v, i)
    LOOK_UP(1);
    LOOK_UP(2);
    LOOK_UP(3);
    LOOK_UP(4);
    LOOK_UP(5);
    LOOK_UP(6);
    LOOK_UP(7);
#undef LOOK_UP
    return v;
}

static inline vec branch_values(const int16_t *values, vec owned, vec label)
{
    uint16x8_t l = vreinterpretq_u16_s16(label), n = vreinterpretq_u16_s16(owned);
    uint32x4_t low = vmull_u16(vget_low_u16(l), vget_low_u16(n)), high = vmull_high_u16(l, n);
    vec v = look_up(values, vcombine_u16(vshrn_n_u32(low, 16), vshrn_n_u32(high, 16)));
    vec flip = vreinterpretq_s16_u16(vcombine_u16(vmovn_u32(low), vmovn_u32(high)));
    flip = vshrq_n_s16(flip, 15);
    return vsubq_s16(veorq_s16(v, flip), flip);
}

static inline void vec_split(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    int32x4_t x2 = vreinterpretq_s32_s16(x), y2 = vreinterpretq_s32_s16(y);
    int64x2_t x4 = vreinterpretq_s64_s16(x), y4 = vreinterpretq_s64_s16(y);
    *a = bit == 0   ? vuzp1q_s16(x, y)
         : bit == 1 ? vreinterpretq_s16_s32(vuzp1q_s32(x2, y2))
                    : vreinterpretq_s16_s64(vuzp1q_s64(x4, y4));
    *b = bit == 0   ? vuzp2q_s16(x, y)
         : bit == 1 ? vreinterpretq_s16_s32(vuzp2q_s32(x2, y2))
                    : vreinterpretq_s16_s64(vuzp2q_s64(x4, y4));
}

static inline void vec_join(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    int32x4_t x2 = vreinterpretq_s32_s16(x), y2 = vreinterpretq_s32_s16(y);
    int64x2_t x4 = vreinterpretq_s64_s16(x), y4 = vreinterpretq_s64_s16(y);
    *a = bit == 0   ? vzip1q_s16(x, y)
         : bit == 1 ? vreinterpretq_s16_s32(vzip1q_s32(x2, y2))
                    : vreinterpretq_s16_s64(vzip1q_s64(x4, y4));
    *b = bit == 0   ? vzip2q_s16(x, y)
         : bit == 1 ? vreinterpretq_s16_s32(vzip2q_s32(x2, y2))
                    : vreinterpretq_s16_s64(vzip2q_s64(x4, y4));
}

static inline void put_decisions(uint8_t *first, uint8_t *second, vec won_first, vec won_second)
{
    static const uint16_t bit[] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint16x8_t bits = vld1q_u16(bit);
    *first = (uint8_t)vaddvq_u16(vandq_u16(vreinterpretq_u16_s16(won_first), bits));
    *second = (uint8_t)vaddvq_u16(vandq_u16(vreinterpretq_u16_s16(won_second), bits));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_neon = {{"neon", DDZ_CPU_NEON}, step};
