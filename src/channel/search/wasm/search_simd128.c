/* WebAssembly's 128-bit vectors */
#include <wasm_simd128.h>

#include "base/bytes.h"

#define PART_BITS 0
typedef v128_t vec;

#define vec_load wasm_v128_load
#define vec_store wasm_v128_store
#define vec_add wasm_i16x8_add
#define vec_sub wasm_i16x8_sub
#define vec_max wasm_i16x8_max
#define vec_all wasm_i16x8_splat
#define vec_zip_low(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define vec_zip_high(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

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

static inline vec vec_spread(const uint16_t *label)
{
    return wasm_i16x8_splat((int16_t)label[0]);
}

static inline vec vec_entry(vec a, vec b)
{
    vec low = wasm_u32x4_extmul_low_u16x8(a, b), high = wasm_u32x4_extmul_high_u16x8(a, b);
    return wasm_i16x8_shl(wasm_i16x8_shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15), 4);
}

static inline vec vec_gather(const int16_t *table, const uint16_t *offset)
{
    return wasm_v128_load((const char *)table + offset[0]);
}

static inline void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)
{
    vec won = wasm_i8x16_narrow_i16x8(wasm_i16x8_gt(b, a), wasm_i16x8_gt(d, c));
    put_le16(to, (uint16_t)wasm_i8x16_bitmask(won));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_simd128 = {
    {"simd128", DDZ_CPU_SIMD128}, step, PART_BITS, SEARCH_GROUP_BITS};
