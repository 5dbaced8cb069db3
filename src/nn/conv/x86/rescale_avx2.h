/*
 * Rescaling of 8 sums with AVX2 (struct rescaling). The 64-bit products are formed of the even lanes and of the odd
 * lanes; there is no arithmetic shift of 64 bits, and 32 bits of each are all that is needed.
 */
#ifndef DDZ_NN_CONV_X86_RESCALE_AVX2_H
#define DDZ_NN_CONV_X86_RESCALE_AVX2_H

#include <immintrin.h>

#include "nn/conv/direct.h"

struct rescale {
    __m256i mult_even, mult_odd, bias_even, bias_odd, low, high;
    __m128i right, left;
    bool upper; /* shift >= 32: the value is in the upper half of its product */
};

static inline struct rescale rescale_make(const struct rescaling *r, ptrdiff_t entry)
{
    __m256i b0 = _mm256_loadu_si256((const __m256i *)(r->bias + entry));
    __m256i b1 = _mm256_loadu_si256((const __m256i *)(r->bias + entry + 4));
    b0 = _mm256_permute4x64_epi64(b0, 0xD8);
    b1 = _mm256_permute4x64_epi64(b1, 0xD8);
    struct rescale s;
    s.mult_even = _mm256_loadu_si256((const __m256i *)(r->mult + entry));
    s.mult_odd = _mm256_srli_epi64(s.mult_even, 32);
    s.bias_even = _mm256_permute2x128_si256(b0, b1, 0x20);
    s.bias_odd = _mm256_permute2x128_si256(b0, b1, 0x31);
    s.low = _mm256_loadu_si256((const __m256i *)(r->low + entry));
    s.high = _mm256_loadu_si256((const __m256i *)(r->high + entry));
    s.upper = r->shift >= 32;
    s.right = _mm_cvtsi32_si128(s.upper ? r->shift - 32 : r->shift);
    s.left = _mm_cvtsi32_si128(s.upper ? 0 : 32 - r->shift);
    return s;
}

static inline __m256i rescale_even(const struct rescale *s, __m256i sum)
{
    return _mm256_add_epi64(_mm256_mul_epi32(sum, s->mult_even), s->bias_even);
}

static inline __m256i rescale_odd(const struct rescale *s, __m256i sum)
{
    return _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(sum, 32), s->mult_odd), s->bias_odd);
}

static inline __m256i rescale_upper(const struct rescale *s, __m256i sum)
{
    __m256i even = _mm256_srli_epi64(rescale_even(s, sum), 32), odd = rescale_odd(s, sum);
    return _mm256_sra_epi32(_mm256_blend_epi32(even, odd, 0xAA), s->right);
}

/* shift < 32: sums are clamped, and logical shifts do, of 32 bits in the lower half and in the upper one. */
static inline __m256i rescale_lower(const struct rescale *s, __m256i sum)
{
    sum = _mm256_min_epi32(_mm256_max_epi32(sum, s->low), s->high);
    __m256i even = _mm256_srl_epi64(rescale_even(s, sum), s->right);
    __m256i odd = _mm256_sll_epi64(rescale_odd(s, sum), s->left);
    return _mm256_blend_epi32(even, odd, 0xAA);
}

#endif
