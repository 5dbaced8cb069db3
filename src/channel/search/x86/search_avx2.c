#if !defined(__AVX2__)
#error "compile this file with -mavx2"
#endif

#include <immintrin.h>

#include "base/bytes.h"

#define PART_BITS 1
typedef __m256i vec;

#define vec_add _mm256_add_epi16
#define vec_sub _mm256_sub_epi16
#define vec_max _mm256_max_epi16
#define vec_all _mm256_set1_epi16
#define vec_entry(a, b) _mm256_slli_epi16(_mm256_mulhi_epu16(a, b), 4)
#define vec_zip_low _mm256_unpacklo_epi16
#define vec_zip_high _mm256_unpackhi_epi16

static inline vec vec_load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void vec_store(int16_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline __m128i part(const int16_t *table, uint16_t offset)
{
    return _mm_load_si128((const __m128i *)(const void *)((const char *)table + offset));
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

static inline vec vec_spread(const uint16_t *label)
{
    return _mm256_set_m128i(_mm_set1_epi16((int16_t)label[1]), _mm_set1_epi16((int16_t)label[0]));
}

static inline vec vec_gather(const int16_t *table, const uint16_t *offset)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(part(table, offset[0])), part(table, offset[1]), 1);
}

static inline void row_scatter(int16_t *to, vec v)
{
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(void *)(to + 64), _mm256_extracti128_si256(v, 1));
}

/* Twice, it puts everything back. */
static inline void vec_split(int slot, vec *a, vec *b)
{
    vec x = *a, y = *b;
    (void)slot;
    *a = _mm256_permute2x128_si256(x, y, 0x20);
    *b = _mm256_permute2x128_si256(x, y, 0x31);
}

#define vec_join vec_split

/* Packing leaves parts of both side by side. */
static inline void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)
{
    vec won = _mm256_packs_epi16(_mm256_cmpgt_epi16(b, a), _mm256_cmpgt_epi16(d, c));
    put_le32(to, (uint32_t)_mm256_movemask_epi8(won));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_avx2 = {{"avx2", DDZ_CPU_AVX2}, step, PART_BITS, SEARCH_GROUP_BITS};
