/* AVX-512 with VNNI; compiled with -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mavx512vnni. */
#include "nn/conv/direct.h"

#if !defined(__AVX512VNNI__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "this file needs its own compiler flags"
#endif

#include <immintrin.h>
#include <string.h>

#include "nn/conv/x86/direct_avx512.h"

#define LANES 16

/* Not __m512i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef int32_t vec __attribute__((vector_size(64)));
typedef __m256i out_vec;

static inline vec vec_zero(void)
{
    return (vec){0};
}

static inline vec vec_load(const int16_t *p)
{
    return (vec)_mm512_loadu_si512(p);
}

static inline vec vec_pair(const int16_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (vec)_mm512_set1_epi32(v);
}

static inline vec vec_dot(vec acc, vec w, vec x)
{
    return (vec)_mm512_dpwssd_epi32((__m512i)acc, (__m512i)w, (__m512i)x);
}

/* The 64-bit products are formed of the even lanes and of the odd lanes. */
struct rescale {
    __m512i mult_even, mult_odd, bias_even, bias_odd;
    __m128i shift;
};

static inline struct rescale rescale_load(const struct direct_run *run, int entry)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    __m512i b0 = _mm512_loadu_si512(run->rescaling.bias + entry),
            b1 = _mm512_loadu_si512(run->rescaling.bias + entry + 8);
    struct rescale s;
    s.mult_even = _mm512_loadu_si512(run->rescaling.mult + entry);
    s.mult_odd = _mm512_srli_epi64(s.mult_even, 32);
    s.bias_even = _mm512_permutex2var_epi64(b0, even, b1);
    s.bias_odd = _mm512_permutex2var_epi64(b0, odd, b1);
    s.shift = _mm_cvtsi32_si128(run->rescaling.shift);
    return s;
}

/* Into 32 bits with room for the residual */
static inline __m512i narrow(__m512i v)
{
    return _mm512_min_epi64(_mm512_max_epi64(v, _mm512_set1_epi64(-(1 << 30))), _mm512_set1_epi64(1 << 30));
}

static inline out_vec rescale(const struct rescale *s, vec acc, const int16_t *residual)
{
    const __m512i sum = (__m512i)acc;
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, s->mult_even), s->bias_even);
    __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), s->mult_odd), s->bias_odd);
    even = narrow(_mm512_sra_epi64(even, s->shift));
    odd = narrow(_mm512_sra_epi64(odd, s->shift));
    __m512i v = _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
    if (residual)
        v = _mm512_add_epi32(v, _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)residual)));
    return _mm512_cvtsepi32_epi16(v);
}

static inline out_vec out_load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void out_store(int16_t *p, out_vec v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

static inline out_vec out_gate(out_vec v, out_vec gates)
{
    return _mm256_mulhrs_epi16(v, _mm256_max_epi16(gates, _mm256_setzero_si256()));
}

static inline void store_gated(const struct rescale *s, vec a, int16_t *out)
{
    out_vec v = rescale(s, a, NULL);
    __m128i open = _mm_max_epi16(_mm256_extracti128_si256(v, 1), _mm_setzero_si128());
    _mm_storeu_si128((__m128i *)out, _mm_mulhrs_epi16(_mm256_castsi256_si128(v), open));
}

#include "nn/conv/x86/tile.h"

STRIP(strip_3, 8, 3)
STRIP(strip_2, 12, 2)
STRIP(strip_1, 12, 1)

void ddz_direct_avx512(const struct direct_run *run)
{
    for (int v = 0, left = run->blocks; left > 0;) {
        int count = left == 4 || left == 2 ? 2 : left == 1 ? 1 : 3;
        if (count == 3)
            strip_3(run, v);
        else if (count == 2)
            strip_2(run, v);
        else
            strip_1(run, v);
        v += count;
        left -= count;
    }
}

DIRECT_CONV_KERNEL(ddz_conv_avx512, "avx512", DDZ_CPU_AVX512, ddz_direct_supports, ddz_direct_packed_size,
                   ddz_direct_pack, ddz_direct_avx512);
