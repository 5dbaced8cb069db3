/* NEON, which every AArch64 processor has. */
#include "channel/search/search.h"

#include <arm_neon.h>

/* values[index], which there is no instruction for */
static inline int16x8_t look_up(const int16_t *values, uint16x8_t index)
{
    int16x8_t v = vdupq_n_s16(values[vgetq_lane_u16(index, 0)]);
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

static inline int16x8_t branch_values(const int16_t *values, uint16x4_t owned, uint16x8_t label)
{
    uint32x4_t low = vmull_u16(vget_low_u16(label), owned), high = vmull_u16(vget_high_u16(label), owned);
    int16x8_t v = look_up(values, vcombine_u16(vshrn_n_u32(low, 16), vshrn_n_u32(high, 16)));
    int16x8_t flip = vreinterpretq_s16_u16(vcombine_u16(vmovn_u32(low), vmovn_u32(high)));
    flip = vshrq_n_s16(flip, 15);
    return vsubq_s16(veorq_s16(v, flip), flip);
}

/* 8 butterflies; returns the decisions: bits of even new states, and above them of odd ones. */
static inline uint32_t butterflies(int16x8_t v, const int16_t *first, const int16_t *second, int16_t *next)
{
    static const uint16_t bit[] = {1, 2, 4, 8, 16, 32, 64, 128};
    int16x8_t a = vld1q_s16(first), b = vld1q_s16(second);
    int16x8_t a_even = vaddq_s16(a, v), b_even = vsubq_s16(b, v);
    int16x8_t a_odd = vsubq_s16(a, v), b_odd = vaddq_s16(b, v);
    int16x8x2_t both = {{vmaxq_s16(a_even, b_even), vmaxq_s16(a_odd, b_odd)}};
    vst2q_s16(next, both);
    uint16x8_t bits = vld1q_u16(bit);
    uint32_t even = vaddvq_u16(vandq_u16(vcgtq_s16(b_even, a_even), bits));
    return even | (uint32_t)vaddvq_u16(vandq_u16(vcgtq_s16(b_odd, a_odd), bits)) << 8;
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    static const uint16_t order[] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t half = 1u << (branch->register_bits - 1);
    uint16x4_t owned = vdup_n_u16((uint16_t)branch->owned);
    uint16_t mul = (uint16_t)branch->key.mul;
    uint16x8_t label = vmlaq_n_u16(vdupq_n_u16((uint16_t)branch->key.add), vld1q_u16(order), mul);
    uint16x8_t advance = vdupq_n_u16((uint16_t)(mul << 3));
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        uint32_t even = 0, odd = 0;
        for (uint32_t i = 0; i < SEARCH_GROUP; i += 8) {
            int16x8_t v = branch_values(branch->values, owned, label);
            const int16_t *first = scores + m + i;
            uint32_t bits = butterflies(v, first, first + half, next + 2 * (m + i));
            even |= (bits & 0xFF) << i;
            odd |= (bits >> 8) << i;
            label = vaddq_u16(label, advance);
        }
        decisions[m / SEARCH_GROUP] = even;
        decisions[(half + m) / SEARCH_GROUP] = odd;
    }
}

const struct search_kernel ddz_search_neon = {{"neon", DDZ_CPU_NEON}, step};
