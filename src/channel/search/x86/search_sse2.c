/* SSE2, which every x86-64 has. */
#include <emmintrin.h>

#include "base/bytes.h"

#define PART_BITS 0
typedef __m128i vec;

#define vec_add _mm_add_epi16
#define vec_sub _mm_sub_epi16
#define vec_max _mm_max_epi16
#define vec_all _mm_set1_epi16
#define vec_entry(a, b) _mm_slli_epi16(_mm_mulhi_epu16(a, b), 4)
#define vec_zip_low _mm_unpacklo_epi16
#define vec_zip_high _mm_unpackhi_epi16

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

static inline vec vec_spread(const uint16_t *label)
{
    return _mm_set1_epi16((int16_t)label[0]);
}

static inline vec vec_gather(const int16_t *table, const uint16_t *offset)
{
    return _mm_load_si128((const __m128i *)(const void *)((const char *)table + offset[0]));
}

static inline void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)
{
    vec won = _mm_packs_epi16(_mm_cmpgt_epi16(b, a), _mm_cmpgt_epi16(d, c));
    put_le16(to, (uint16_t)_mm_movemask_epi8(won));
}

#include "channel/search/lanes.h"

const struct search_kernel ddz_search_sse2 = {{"sse2", DDZ_CPU_SSE2}, step, PART_BITS, SEARCH_GROUP_BITS};
