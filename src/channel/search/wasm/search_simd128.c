/* WebAssembly's 128-bit vectors */
#include <wasm_simd128.h>

#include "channel/search/search.h"

/* values[index], which there is no instruction for */
static inline v128_t look_up(const int16_t *values, v128_t index)
{
    v128_t v = wasm_i16x8_splat(values[wasm_u16x8_extract_lane(index, 0)]);
#define LOOK_UP(i) v = wasm_v128_load16_lane(values + wasm_u16x8_extract_lane(index, i), v, i)
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

static inline v128_t branch_values(const int16_t *values, v128_t owned, v128_t label)
{
    v128_t low = wasm_u32x4_extmul_low_u16x8(label, owned), high = wasm_u32x4_extmul_high_u16x8(label, owned);
    v128_t v = look_up(values, wasm_i16x8_shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
    v128_t flip = wasm_i16x8_shr(wasm_i16x8_mul(label, owned), 15);
    return wasm_i16x8_sub(wasm_v128_xor(v, flip), flip);
}

/* 8 butterflies; returns the decisions: bits of even new states, and above them of odd ones. */
static inline uint32_t butterflies(v128_t v, const int16_t *first, const int16_t *second, int16_t *next)
{
    v128_t a = wasm_v128_load(first), b = wasm_v128_load(second);
    v128_t a_even = wasm_i16x8_add(a, v), b_even = wasm_i16x8_sub(b, v);
    v128_t a_odd = wasm_i16x8_sub(a, v), b_odd = wasm_i16x8_add(b, v);
    v128_t even = wasm_i16x8_max(a_even, b_even), odd = wasm_i16x8_max(a_odd, b_odd);
    wasm_v128_store(next, wasm_i16x8_shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(next + 8, wasm_i16x8_shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15));
    return wasm_i8x16_bitmask(
        wasm_i8x16_narrow_i16x8(wasm_i16x8_gt(b_even, a_even), wasm_i16x8_gt(b_odd, a_odd)));
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    v128_t owned = wasm_i16x8_splat((int16_t)branch->owned), mul = wasm_i16x8_splat((int16_t)branch->key.mul);
    v128_t label = wasm_i16x8_add(wasm_i16x8_mul(wasm_i16x8_const(0, 1, 2, 3, 4, 5, 6, 7), mul),
                                  wasm_i16x8_splat((int16_t)branch->key.add));
    v128_t advance = wasm_i16x8_shl(mul, 3);
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        uint32_t even = 0, odd = 0;
        for (uint32_t i = 0; i < SEARCH_GROUP; i += 8) {
            v128_t v = branch_values(branch->values, owned, label);
            const int16_t *first = scores + m + i;
            uint32_t bits = butterflies(v, first, first + half, next + 2 * (m + i));
            even |= (bits & 0xFF) << i;
            odd |= (bits >> 8) << i;
            label = wasm_i16x8_add(label, advance);
        }
        decisions[m / SEARCH_GROUP] = even;
        decisions[(half + m) / SEARCH_GROUP] = odd;
    }
}

const struct search_kernel ddz_search_simd128 = {{"simd128", DDZ_CPU_SIMD128}, step};
