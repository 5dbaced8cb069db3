/* AVX2; compiled with -mavx2. */
#include "nn/conv/direct.h"

#if !defined(__AVX2__)
#error "this file needs its own compiler flags"
#endif

#include <immintrin.h>
#include <string.h>

#define LANES 8

/* Not __m256i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef int32_t vec __attribute__((vector_size(32)));
typedef __m128i out_vec;

static inline vec vec_zero(void)
{
    return (vec){0};
}

static inline vec vec_load(const int16_t *p)
{
    return (vec)_mm256_loadu_si256((const __m256i *)p);
}

static inline vec vec_pair(const int16_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (vec)_mm256_set1_epi32(v);
}

static inline vec vec_dot(vec acc, vec w, vec x)
{
    return (vec)_mm256_add_epi32((__m256i)acc, _mm256_madd_epi16((__m256i)w, (__m256i)x));
}

/*
 * The 64-bit products are formed of the even lanes and of the odd lanes. There is no arithmetic
 * shift of 64 bits: 2^62 more makes every value positive, and is taken off after a logical one.
 */
struct rescale {
    __m256i mult_even, mult_odd, bias_even, bias_odd, offset;
    __m128i shift;
};

static inline struct rescale rescale_load(const struct direct_run *run, int entry)
{
    const __m256i positive = _mm256_set1_epi64x((int64_t)1 << 62);
    __m256i b0 = _mm256_loadu_si256((const __m256i *)(run->bias + entry));
    __m256i b1 = _mm256_loadu_si256((const __m256i *)(run->bias + entry + 4));
    b0 = _mm256_permute4x64_epi64(_mm256_add_epi64(b0, positive), 0xD8);
    b1 = _mm256_permute4x64_epi64(_mm256_add_epi64(b1, positive), 0xD8);
    struct rescale s;
    s.mult_even = _mm256_loadu_si256((const __m256i *)(run->mult + entry));
    s.mult_odd = _mm256_srli_epi64(s.mult_even, 32);
    s.bias_even = _mm256_permute2x128_si256(b0, b1, 0x20);
    s.bias_odd = _mm256_permute2x128_si256(b0, b1, 0x31);
    s.shift = _mm_cvtsi32_si128(run->shift);
    s.offset = _mm256_srl_epi64(positive, s.shift);
    return s;
}

/* Shift, and into 32 bits with room for the residual */
static inline __m256i narrow(const struct rescale *s, __m256i v)
{
    const __m256i high = _mm256_set1_epi64x(1 << 30), low = _mm256_set1_epi64x(-(1 << 30));
    v = _mm256_sub_epi64(_mm256_srl_epi64(v, s->shift), s->offset);
    v = _mm256_blendv_epi8(v, high, _mm256_cmpgt_epi64(v, high));
    return _mm256_blendv_epi8(v, low, _mm256_cmpgt_epi64(low, v));
}

static inline out_vec rescale(const struct rescale *s, vec acc, const int16_t *residual)
{
    const __m256i sum = (__m256i)acc;
    __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, s->mult_even), s->bias_even);
    __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(sum, 32), s->mult_odd), s->bias_odd);
    __m256i v = _mm256_blend_epi32(narrow(s, even), _mm256_slli_epi64(narrow(s, odd), 32), 0xAA);
    if (residual)
        v = _mm256_add_epi32(v, _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)residual)));
    return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static inline out_vec out_load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static inline void out_store(int16_t *p, out_vec v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

static inline out_vec out_gate(out_vec v, out_vec gates)
{
    return _mm_mulhrs_epi16(v, _mm_max_epi16(gates, _mm_setzero_si128()));
}

static inline void store_gated(const struct rescale *s, const struct rescale *t, vec a, vec b, int16_t *out)
{
    out_store(out, out_gate(rescale(s, a, NULL), rescale(t, b, NULL)));
}

#include "nn/conv/x86/tile.h"

STRIP(strip, 6, 2)

static void blocks(const struct direct_run *run)
{
    for (int block = 0; block < run->blocks; block++)
        strip(run, 2 * block);
}

static void run_band(const struct conv *conv, const struct conv_band *band)
{
    ddz_direct_run(conv, band, blocks);
}

const struct conv_kernel ddz_conv_avx2 = {{"avx2", DDZ_CPU_AVX2},
                                          ddz_direct_supports,
                                          ddz_direct_packed_size,
                                          ddz_direct_pack,
                                          ddz_direct_rescale_size,
                                          ddz_direct_rescale,
                                          run_band};
