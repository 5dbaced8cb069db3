#include "channel/search/search.h"

#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with -mavx512f -mavx512bw"
#endif

#include <immintrin.h>

/* Table of up to 256 values in registers: 64 to a pair. */
struct table {
    __m512i part[8];
};

static inline __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline __m512i look_up_64(const struct table *t, int pair, __m512i index)
{
    return _mm512_permutex2var_epi16(t->part[2 * pair], index, t->part[2 * pair + 1]);
}

static inline __m512i look_up_128(const struct table *t, int pair, __m512i index)
{
    __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
    return _mm512_mask_mov_epi16(look_up_64(t, pair, index), upper, look_up_64(t, pair + 1, index));
}

static inline __m512i look_up_256(const struct table *t, __m512i index)
{
    __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
    return _mm512_mask_mov_epi16(look_up_128(t, 0, index), upper, look_up_128(t, 2, index));
}

/* 16 values from memory to the low halves of 32-bit lanes; the high halves are their neighbours. */
static inline __m512i gather(const int16_t *values, __m256i index)
{
    return _mm512_i32gather_epi32(_mm512_cvtepu16_epi32(index), values, 2);
}

static inline __m512i look_up_memory(const int16_t *values, __m512i index, __m512i even_words)
{
    return _mm512_permutex2var_epi16(gather(values, _mm512_castsi512_si256(index)), even_words,
                                     gather(values, _mm512_extracti64x4_epi64(index, 1)));
}

/* 32 numbers from `first` on, `stride` apart. */
static inline __m512i words(int first, int stride)
{
    int16_t w[32];
    for (int i = 0; i < 32; i++)
        w[i] = (int16_t)(first + stride * i);
    return load(w);
}

/* Indices that interleave two vectors of 32, from word `first` of each on. */
static inline __m512i interleaving(int first)
{
    int16_t w[32];
    for (int i = 0; i < 32; i++)
        w[i] = (int16_t)(first + i / 2 + 32 * (i % 2));
    return load(w);
}

/* `reach`: how many values the look-up covers, a constant at each call: 0 for any number. */
__attribute__((always_inline)) static inline void step_reach(const struct search_branch *branch,
                                                             const int16_t *scores, int16_t *next,
                                                             uint32_t *decisions, uint32_t reach)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    __m512i owned = _mm512_set1_epi16((short)branch->owned), mul = _mm512_set1_epi16((short)branch->key.mul);
    __m512i label =
        _mm512_add_epi16(_mm512_mullo_epi16(words(0, 1), mul), _mm512_set1_epi16((short)branch->key.add));
    __m512i advance = _mm512_slli_epi16(mul, 5), even_words = words(0, 2), zero = _mm512_setzero_si512();
    __m512i interleave_low = interleaving(0), interleave_high = interleaving(16);
    struct table t;
    for (uint32_t i = 0; i < 8; i++)
        t.part[i] = 32 * i < reach ? load(branch->values + 32 * i) : zero;

    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        __m512i index = _mm512_mulhi_epu16(label, owned), sign = _mm512_mullo_epi16(label, owned);
        __m512i v = reach == 64    ? look_up_64(&t, 0, index)
                    : reach == 128 ? look_up_128(&t, 0, index)
                    : reach == 256 ? look_up_256(&t, index)
                                   : look_up_memory(branch->values, index, even_words);
        v = _mm512_mask_sub_epi16(v, _mm512_movepi16_mask(sign), zero, v);

        __m512i a = load(scores + m), b = load(scores + half + m);
        __m512i a_even = _mm512_add_epi16(a, v), b_even = _mm512_sub_epi16(b, v);
        __m512i a_odd = _mm512_sub_epi16(a, v), b_odd = _mm512_add_epi16(b, v);
        __m512i even = _mm512_max_epi16(a_even, b_even), odd = _mm512_max_epi16(a_odd, b_odd);
        _mm512_storeu_si512(next + 2 * m, _mm512_permutex2var_epi16(even, interleave_low, odd));
        _mm512_storeu_si512(next + 2 * m + 32, _mm512_permutex2var_epi16(even, interleave_high, odd));
        decisions[m / SEARCH_GROUP] = _mm512_cmpgt_epi16_mask(b_even, a_even);
        decisions[(half + m) / SEARCH_GROUP] = _mm512_cmpgt_epi16_mask(b_odd, a_odd);
        label = _mm512_add_epi16(label, advance);
    }
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    if (branch->owned <= 64)
        step_reach(branch, scores, next, decisions, 64);
    else if (branch->owned <= 128)
        step_reach(branch, scores, next, decisions, 128);
    else if (branch->owned <= 256)
        step_reach(branch, scores, next, decisions, 256);
    else
        step_reach(branch, scores, next, decisions, 0);
}

const struct search_kernel ddz_search_avx512 = {{"avx512", DDZ_CPU_AVX512}, step};
