/*
 * How the sums of a block of output channels end, with AVX-512: two pixels at a time, for kernels whose pixels are not in
 * the registers of direct kernels' tiles.
 */
#ifndef DDZ_NN_CONV_X86_END_AVX512_H
#define DDZ_NN_CONV_X86_END_AVX512_H

#include <immintrin.h>
#include <stdbool.h>

#include "nn/conv/direct.h"

#define INLINE static inline __attribute__((always_inline))

/* The 64-bit products are formed of the even lanes and of the odd lanes. */
struct ending {
    __m512i mult_even, mult_odd, bias_even, bias_odd, low, high;
    __m128i right, left;
    enum layer_end end;
    bool upper; /* shift >= 32: the value is in the upper half of its product */
};

/* r: from the block on; end and upper, which is r->shift >= 32, are constants where they can be. */
INLINE struct ending ending_of(const struct rescaling *r, enum layer_end end, bool upper)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    __m512i b0 = _mm512_loadu_si512(r->bias), b1 = _mm512_loadu_si512(r->bias + 8);
    struct ending e = {.end = end, .upper = upper};
    e.mult_even = _mm512_loadu_si512(r->mult);
    e.mult_odd = _mm512_srli_epi64(e.mult_even, 32);
    e.bias_even = _mm512_permutex2var_epi64(b0, even, b1);
    e.bias_odd = _mm512_permutex2var_epi64(b0, odd, b1);
    e.low = _mm512_loadu_si512(r->low);
    e.high = _mm512_loadu_si512(r->high);
    e.right = _mm_cvtsi32_si128(upper ? r->shift - 32 : r->shift);
    e.left = _mm_cvtsi32_si128(upper ? 0 : 32 - r->shift);
    return e;
}

/* The values of a pixel's sums, in 32 bits. As in rescale_avx2.h */
INLINE __m512i ending_value(const struct ending *e, __m512i acc)
{
    if (!e->upper)
        acc = _mm512_min_epi32(_mm512_max_epi32(acc, e->low), e->high);
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(acc, e->mult_even), e->bias_even);
    __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), e->mult_odd), e->bias_odd);
    if (e->upper)
        return _mm512_sra_epi32(_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd), e->right);
    return _mm512_mask_blend_epi32(0xAAAA, _mm512_srl_epi64(even, e->right), _mm512_sll_epi64(odd, e->left));
}

INLINE __m256i load_16(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE __m512i residual(__m512i v, const int16_t *out)
{
    return _mm512_add_epi32(v, _mm512_cvtepi16_epi32(load_16(out)));
}

/* Of the values of two pixels that are `step` apart in `out`; step 0: the second is not there. gates: with END_GATE_BY */
INLINE void ending_two(const struct ending *e, __m512i a, __m512i b, int16_t *out, ptrdiff_t step,
                       const int16_t *gates, ptrdiff_t gates_step)
{
    if (e->end == END_ADD) {
        a = residual(a, out);
        b = residual(b, out + step);
    }
    /* Packing leaves quarters of the pixels side by side. */
    __m512i v = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), _mm512_packs_epi32(a, b));
    __m256i first = _mm512_castsi512_si256(v), second = _mm512_extracti64x4_epi64(v, 1);
    if (e->end == END_GATE) { /* each has 8 values and then their gates */
        __m256i values = _mm256_permute2x128_si256(first, second, 0x20);
        __m256i open = _mm256_permute2x128_si256(first, second, 0x31);
        values = _mm256_mulhrs_epi16(values, _mm256_max_epi16(open, _mm256_setzero_si256()));
        if (step)
            _mm_storeu_si128((__m128i *)(out + step), _mm256_extracti128_si256(values, 1));
        _mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(values));
        return;
    }
    if (e->end == END_GATE_BY) {
        __m256i zero = _mm256_setzero_si256();
        first = _mm256_mulhrs_epi16(first, _mm256_max_epi16(load_16(gates), zero));
        second = _mm256_mulhrs_epi16(second, _mm256_max_epi16(load_16(gates + gates_step), zero));
    }
    if (step)
        _mm256_storeu_si256((__m256i *)(out + step), second);
    _mm256_storeu_si256((__m256i *)out, first);
}

#endif
