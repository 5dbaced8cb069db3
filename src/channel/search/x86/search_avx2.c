#include "channel/search/search.h"

#if !defined(__AVX2__)
#error "compile this file with -mavx2"
#endif

#include <immintrin.h>

/* values[index], 8 at a time; each read takes the next value along, which the shifts remove. */
static inline __m256i look_up(const int16_t *values, __m256i index)
{
    __m256i pair = _mm256_i32gather_epi32((const int *)(const void *)values, index, 2);
    return _mm256_srai_epi32(_mm256_slli_epi32(pair, 16), 16);
}

static inline __m256i branch_values(const int16_t *values, __m256i owned, __m256i label)
{
    __m256i index = _mm256_mulhi_epu16(label, owned), zero = _mm256_setzero_si256();
    __m256i v = _mm256_packs_epi32(look_up(values, _mm256_unpacklo_epi16(index, zero)),
                                   look_up(values, _mm256_unpackhi_epi16(index, zero)));
    __m256i sign = _mm256_mullo_epi16(label, owned);
    return _mm256_sign_epi16(v, _mm256_or_si256(sign, _mm256_set1_epi16(1)));
}

/* 16 butterflies; returns the decisions of even and odd new states as bytes of 0 and -1, packed
 * by lanes: even 0-7, odd 0-7, even 8-15, odd 8-15. */
static inline __m256i butterflies(__m256i v, const int16_t *first, const int16_t *second, int16_t *next)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)first);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)second);
    __m256i a_even = _mm256_add_epi16(a, v), b_even = _mm256_sub_epi16(b, v);
    __m256i a_odd = _mm256_sub_epi16(a, v), b_odd = _mm256_add_epi16(b, v);
    __m256i even = _mm256_max_epi16(a_even, b_even), odd = _mm256_max_epi16(a_odd, b_odd);
    __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
    _mm256_storeu_si256((__m256i *)(void *)next, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(next + 16), _mm256_permute2x128_si256(low, high, 0x31));
    return _mm256_packs_epi16(_mm256_cmpgt_epi16(b_even, a_even), _mm256_cmpgt_epi16(b_odd, a_odd));
}

/* Bytes to bits: even states' decisions in the low half, odd ones' in the high half. */
static inline uint32_t decision_bits(__m256i bytes)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(bytes, 0xD8));
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    __m256i owned = _mm256_set1_epi16((short)branch->owned), mul = _mm256_set1_epi16((short)branch->key.mul);
    __m256i order = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m256i label =
        _mm256_add_epi16(_mm256_mullo_epi16(order, mul), _mm256_set1_epi16((short)branch->key.add));
    __m256i advance = _mm256_slli_epi16(mul, 4);
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        uint32_t bits[2];
        for (uint32_t i = 0; i < 2; i++) {
            uint32_t at = m + 16 * i;
            __m256i v = branch_values(branch->values, owned, label);
            bits[i] = decision_bits(butterflies(v, scores + at, scores + half + at, next + 2 * at));
            label = _mm256_add_epi16(label, advance);
        }
        decisions[m / SEARCH_GROUP] = (bits[0] & 0xFFFF) | bits[1] << 16;
        decisions[(half + m) / SEARCH_GROUP] = bits[0] >> 16 | (bits[1] & 0xFFFF0000u);
    }
}

const struct search_kernel ddz_search_avx2 = {{"avx2", DDZ_CPU_AVX2}, step};
