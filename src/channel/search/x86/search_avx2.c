#if !defined(__AVX2__)
#error "compile this file with -mavx2"
#endif

#include <immintrin.h>

#include "base/bytes.h"

enum { LANES = 16 };
typedef __m256i vec;

#define vec_add _mm256_add_epi16
#define vec_sub _mm256_sub_epi16
#define vec_max _mm256_max_epi16
#define vec_greater _mm256_cmpgt_epi16
#define vec_all _mm256_set1_epi16

static inline vec vec_load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void vec_store(int16_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

/* values[index], 8 at a time; each read takes the next value along, which the shifts remove. */
static inline vec look_up(const int16_t *values, vec index)
{
    vec pair = _mm256_i32gather_epi32((const int *)(const void *)values, index, 2);
    return _mm256_srai_epi32(_mm256_slli_epi32(pair, 16), 16);
}

static inline vec branch_values(const int16_t *values, vec owned, vec label)
{
    vec index = _mm256_mulhi_epu16(label, owned), zero = _mm256_setzero_si256();
    vec v = _mm256_packs_epi32(look_up(values, _mm256_unpacklo_epi16(index, zero)),
                               look_up(values, _mm256_unpackhi_epi16(index, zero)));
    vec sign = _mm256_mullo_epi16(label, owned);
    return _mm256_sign_epi16(v, _mm256_or_si256(sign, _mm256_set1_epi16(1)));
}

/* Within each half of the vectors but for the last bit: in which order the pairs are does not matter. */
static inline void vec_split(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    if (bit == 0) {
        *a = _mm256_blend_epi16(x, _mm256_slli_epi32(y, 16), 0xAA);
        *b = _mm256_blend_epi16(_mm256_srli_epi32(x, 16), y, 0xAA);
    } else if (bit == 1) {
        *a = _mm256_blend_epi32(x, _mm256_slli_epi64(y, 32), 0xAA);
        *b = _mm256_blend_epi32(_mm256_srli_epi64(x, 32), y, 0xAA);
    } else if (bit == 2) {
        *a = _mm256_unpacklo_epi64(x, y);
        *b = _mm256_unpackhi_epi64(x, y);
    } else {
        *a = _mm256_permute2x128_si256(x, y, 0x20);
        *b = _mm256_permute2x128_si256(x, y, 0x31);
    }
}

/* Twice, each of these puts everything back. */
static inline void vec_join(int bit, vec *a, vec *b)
{
    vec_split(bit, a, b);
}

static inline void put_decisions(uint8_t *first, uint8_t *second, vec won_first, vec won_second)
{
    vec bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(won_first, won_second), 0xD8);
    uint32_t bits = (uint32_t)_mm256_movemask_epi8(bytes);
    put_le16(first, (uint16_t)bits);
    put_le16(second, (uint16_t)(bits >> 16));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_avx2 = {{"avx2", DDZ_CPU_AVX2}, step};
