/* SSE2, which every x86-64 has. */
#include <emmintrin.h>

#include "base/bytes.h"

enum { LANES = 8 };
typedef __m128i vec;

#define vec_add _mm_add_epi16
#define vec_sub _mm_sub_epi16
#define vec_max _mm_max_epi16
#define vec_greater _mm_cmpgt_epi16
#define vec_all _mm_set1_epi16

static inline vec vec_load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void vec_store(int16_t *p, vec v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

/* values[index], which there is no instruction for */
static inline vec look_up(const int16_t *values, vec index)
{
    vec v = _mm_cvtsi32_si128(values[_mm_extract_epi16(index, 0)]);
#define LOOK_UP(i) v = _mm_insert_epi16(v, values[_mm_extract_epi16(index, i)], i)
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
    vec v = look_up(values, _mm_mulhi_epu16(label, owned));
    vec flip = _mm_srai_epi16(_mm_mullo_epi16(label, owned), 15);
    return _mm_sub_epi16(_mm_xor_si128(v, flip), flip);
}

static inline void vec_split(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    if (bit == 0) {
        *a = _mm_packs_epi32(_mm_srai_epi32(_mm_slli_epi32(x, 16), 16),
                             _mm_srai_epi32(_mm_slli_epi32(y, 16), 16));
        *b = _mm_packs_epi32(_mm_srai_epi32(x, 16), _mm_srai_epi32(y, 16));
    } else if (bit == 1) {
        x = _mm_shuffle_epi32(x, _MM_SHUFFLE(3, 1, 2, 0));
        y = _mm_shuffle_epi32(y, _MM_SHUFFLE(3, 1, 2, 0));
    }
    if (bit != 0) {
        *a = _mm_unpacklo_epi64(x, y);
        *b = _mm_unpackhi_epi64(x, y);
    }
}

static inline void vec_join(int bit, vec *a, vec *b)
{
    vec x = *a, y = *b;
    *a = bit == 0 ? _mm_unpacklo_epi16(x, y) : bit == 1 ? _mm_unpacklo_epi32(x, y) : _mm_unpacklo_epi64(x, y);
    *b = bit == 0 ? _mm_unpackhi_epi16(x, y) : bit == 1 ? _mm_unpackhi_epi32(x, y) : _mm_unpackhi_epi64(x, y);
}

static inline void put_decisions(uint8_t *first, uint8_t *second, vec won_first, vec won_second)
{
    int bits = _mm_movemask_epi8(_mm_packs_epi16(won_first, won_second));
    *first = (uint8_t)bits;
    *second = (uint8_t)(bits >> 8);
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_sse2 = {{"sse2", DDZ_CPU_SSE2}, step};
