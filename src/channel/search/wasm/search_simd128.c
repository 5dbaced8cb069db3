/* WebAssembly's 128-bit vectors */
#include <wasm_simd128.h>

enum { LANES = 8 };
typedef v128_t vec;

#define vec_load wasm_v128_load
#define vec_store wasm_v128_store
#define vec_add wasm_i16x8_add
#define vec_sub wasm_i16x8_sub
#define vec_max wasm_i16x8_max
#define vec_greater wasm_i16x8_gt
#define vec_all wasm_i16x8_splat

/* values[index], which there is no instruction for */
static inline vec look_up(const int16_t *values, vec index)
{
    vec v = wasm_i16x8_splat(values[wasm_u16x8_extract_lane(index, 0)]);
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

static inline vec branch_values(const int16_t *values, vec owned, vec label)
{
    vec low = wasm_u32x4_extmul_low_u16x8(label, owned), high = wasm_u32x4_extmul_high_u16x8(label, owned);
    vec v = look_up(values, wasm_i16x8_shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
    vec flip = wasm_i16x8_shr(wasm_i16x8_mul(label, owned), 15);
    return wasm_i16x8_sub(wasm_v128_xor(v, flip), flip);
}

static inline void vec_split(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    *a = bit == 0   ? wasm_i16x8_shuffle(x, y, 0, 2, 4, 6, 8, 10, 12, 14)
         : bit == 1 ? wasm_i32x4_shuffle(x, y, 0, 2, 4, 6)
                    : wasm_i64x2_shuffle(x, y, 0, 2);
    *b = bit == 0   ? wasm_i16x8_shuffle(x, y, 1, 3, 5, 7, 9, 11, 13, 15)
         : bit == 1 ? wasm_i32x4_shuffle(x, y, 1, 3, 5, 7)
                    : wasm_i64x2_shuffle(x, y, 1, 3);
}

static inline void vec_join(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    *a = bit == 0   ? wasm_i16x8_shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
         : bit == 1 ? wasm_i32x4_shuffle(x, y, 0, 4, 1, 5)
                    : wasm_i64x2_shuffle(x, y, 0, 2);
    *b = bit == 0   ? wasm_i16x8_shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
         : bit == 1 ? wasm_i32x4_shuffle(x, y, 2, 6, 3, 7)
                    : wasm_i64x2_shuffle(x, y, 1, 3);
}

static inline void put_decisions(uint8_t *first, uint8_t *second, vec won_first, vec won_second)
{
    int bits = (int)wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(won_first, won_second));
    *first = (uint8_t)bits;
    *second = (uint8_t)(bits >> 8);
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_simd128 = {{"simd128", DDZ_CPU_SIMD128}, step};
