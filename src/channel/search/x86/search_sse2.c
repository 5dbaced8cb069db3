/* SSE2, which every x86-64 has. */
#include "channel/search/search.h"

#include <emmintrin.h>

/* values[index], which there is no instruction for */
static inline __m128i look_up(const int16_t *values, __m128i index)
{
    __m128i v = _mm_cvtsi32_si128(values[_mm_extract_epi16(index, 0)]);
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

static inline __m128i branch_values(const int16_t *values, __m128i owned, __m128i label)
{
    __m128i v = look_up(values, _mm_mulhi_epu16(label, owned));
    __m128i flip = _mm_srai_epi16(_mm_mullo_epi16(label, owned), 15);
    return _mm_sub_epi16(_mm_xor_si128(v, flip), flip);
}

/* 8 butterflies; returns the decisions as bytes of 0 and -1: of even new states, then of odd ones. */
static inline __m128i butterflies(__m128i v, const int16_t *first, const int16_t *second, int16_t *next)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)first);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)second);
    __m128i a_even = _mm_add_epi16(a, v), b_even = _mm_sub_epi16(b, v);
    __m128i a_odd = _mm_sub_epi16(a, v), b_odd = _mm_add_epi16(b, v);
    __m128i even = _mm_max_epi16(a_even, b_even), odd = _mm_max_epi16(a_odd, b_odd);
    _mm_storeu_si128((__m128i *)(void *)next, _mm_unpacklo_epi16(even, odd));
    _mm_storeu_si128((__m128i *)(void *)(next + 8), _mm_unpackhi_epi16(even, odd));
    return _mm_packs_epi16(_mm_cmpgt_epi16(b_even, a_even), _mm_cmpgt_epi16(b_odd, a_odd));
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    __m128i owned = _mm_set1_epi16((short)branch->owned), mul = _mm_set1_epi16((short)branch->key.mul);
    __m128i order = _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7);
    __m128i label = _mm_add_epi16(_mm_mullo_epi16(order, mul), _mm_set1_epi16((short)branch->key.add));
    __m128i advance = _mm_slli_epi16(mul, 3);
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        uint32_t even = 0, odd = 0;
        for (uint32_t i = 0; i < SEARCH_GROUP; i += 8) {
            __m128i v = branch_values(branch->values, owned, label);
            const int16_t *first = scores + m + i;
            uint32_t bits =
                (uint32_t)_mm_movemask_epi8(butterflies(v, first, first + half, next + 2 * (m + i)));
            even |= (bits & 0xFF) << i;
            odd |= (bits >> 8) << i;
            label = _mm_add_epi16(label, advance);
        }
        decisions[m / SEARCH_GROUP] = even;
        decisions[(half + m) / SEARCH_GROUP] = odd;
    }
}

const struct search_kernel ddz_search_sse2 = {{"sse2", DDZ_CPU_SSE2}, step};
