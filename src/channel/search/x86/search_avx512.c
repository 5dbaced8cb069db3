#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with -mavx512f -mavx512bw"
#endif

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define PART_BITS 2
typedef __m512i vec;

#define vec_add _mm512_add_epi16
#define vec_sub _mm512_sub_epi16
#define vec_max _mm512_max_epi16
#define vec_all _mm512_set1_epi16
#define vec_entry(a, b) _mm512_slli_epi16(_mm512_mulhi_epu16(a, b), 4)
#define vec_zip_low _mm512_unpacklo_epi16
#define vec_zip_high _mm512_unpackhi_epi16
#define vec_load(p) _mm512_loadu_si512(p)
#define vec_store(p, v) _mm512_storeu_si512(p, v)

/* Tables are made with the half, whose parts are stored without a shuffle. */
typedef __m256i row;
enum { ROW = 16 };
#define row_zip_low _mm256_unpacklo_epi16
#define row_zip_high _mm256_unpackhi_epi16

static inline __m128i part(const int16_t *table, uint16_t offset)
{
    return _mm_load_si128((const __m128i *)(const void *)((const char *)table + offset));
}

static inline __m256i two_parts(const int16_t *table, const uint16_t *offset)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(part(table, offset[0])), part(table, offset[1]), 1);
}

/* 16 values from memory to the low halves of 32-bit lanes; the high halves are their neighbours. */
static inline vec look_up(const int16_t *values, __m256i index)
{
    return _mm512_i32gather_epi32(_mm512_cvtepu16_epi32(index), values, 2);
}

static inline vec branch_values(const int16_t *values, vec owned, vec label)
{
    vec index = _mm512_mulhi_epu16(label, owned), sign = _mm512_mullo_epi16(label, owned);
    __m256i low = _mm512_cvtepi32_epi16(look_up(values, _mm512_castsi512_si256(index)));
    __m256i high = _mm512_cvtepi32_epi16(look_up(values, _mm512_extracti64x4_epi64(index, 1)));
    vec v = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    return _mm512_mask_sub_epi16(v, _mm512_movepi16_mask(sign), _mm512_setzero_si512(), v);
}

static inline vec vec_spread(const uint16_t *label)
{
    uint64_t four;
    memcpy(&four, label, sizeof four);
    const vec parts = _mm512_set_epi64(0x0003000300030003, 0x0003000300030003, 0x0002000200020002,
                                       0x0002000200020002, 0x0001000100010001, 0x0001000100010001, 0, 0);
    return _mm512_permutexvar_epi16(parts, _mm512_set1_epi64((long long)four));
}

static inline vec vec_gather(const int16_t *table, const uint16_t *offset)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(two_parts(table, offset)), two_parts(table, offset + 2),
                              1);
}

static inline row row_load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void row_scatter(int16_t *to, row r)
{
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(r));
    _mm_storeu_si128((__m128i *)(void *)(to + 64), _mm256_extracti128_si256(r, 1));
}

/* What was the upper bit of the part is then its lower one, if the slot is 0: pairs' numbers go up. */
static inline void vec_split(int slot, vec *a, vec *b)
{
    vec x = *a, y = *b;
    *a = slot ? _mm512_shuffle_i64x2(x, y, 0x44) : _mm512_shuffle_i64x2(x, y, 0x88);
    *b = slot ? _mm512_shuffle_i64x2(x, y, 0xEE) : _mm512_shuffle_i64x2(x, y, 0xDD);
}

static inline void vec_join(int slot, vec *a, vec *b)
{
    vec x = *a, y = *b;
    if (slot) {
        vec_split(slot, a, b);
        return;
    }
    *a = _mm512_permutex2var_epi64(x, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), y);
    *b = _mm512_permutex2var_epi64(x, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), y);
}

static inline void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)
{
    __mmask32 won_x = _mm512_cmpgt_epi16_mask(b, a), won_y = _mm512_cmpgt_epi16_mask(d, c);
    memcpy(to, &won_x, sizeof won_x);
    memcpy(to + sizeof won_x, &won_y, sizeof won_y);
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_avx512 = {
    {"avx512", DDZ_CPU_AVX512}, step, PART_BITS, SEARCH_GROUP_BITS + PART_BITS};
