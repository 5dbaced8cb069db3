/* NEON, which every AArch64 processor has. */
#include <arm_neon.h>

#define PART_BITS 0
typedef int16x8_t vec;

#define vec_load vld1q_s16
#define vec_store vst1q_s16
#define vec_add vaddq_s16
#define vec_sub vsubq_s16
#define vec_max vmaxq_s16
#define vec_all vdupq_n_s16
#define vec_zip_low vzip1q_s16
#define vec_zip_high vzip2q_s16

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

static inline vec vec_spread(const uint16_t *label)
{
    return vdupq_n_s16((int16_t)label[0]);
}

static inline vec vec_entry(vec a, vec b)
{
    uint16x8_t l = vreinterpretq_u16_s16(a), n = vreinterpretq_u16_s16(b);
    uint32x4_t low = vmull_u16(vget_low_u16(l), vget_low_u16(n)), high = vmull_high_u16(l, n);
    return vreinterpretq_s16_u16(vshlq_n_u16(vcombine_u16(vshrn_n_u32(low, 16), vshrn_n_u32(high, 16)), 4));
}

static inline vec vec_gather(const int16_t *table, const uint16_t *offset)
{
    return vld1q_s16(table + offset[0] / sizeof *table);
}

static inline void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)
{
    static const uint8_t bit[] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t won = vcombine_u8(vmovn_u16(vcgtq_s16(b, a)), vmovn_u16(vcgtq_s16(d, c)));
    won = vandq_u8(won, vld1q_u8(bit));
    to[0] = vaddv_u8(vget_low_u8(won));
    to[1] = vaddv_u8(vget_high_u8(won));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_neon = {{"neon", DDZ_CPU_NEON}, step, PART_BITS, SEARCH_GROUP_BITS};
