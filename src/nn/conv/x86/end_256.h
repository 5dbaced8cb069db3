/* How values of 8 output channels end, with vectors of 256 bits: two pixels at a time */
#ifndef DDZ_NN_CONV_X86_END_256_H
#define DDZ_NN_CONV_X86_END_256_H

#include "nn/conv/x86/rescale_avx2.h"

#define INLINE static inline __attribute__((always_inline))

INLINE __m128i load_8(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/* 8 channels of two pixels that are `step` apart; step 0: the second is not there. */
INLINE void store_8(int16_t *out, ptrdiff_t step, __m256i v)
{
    v = _mm256_permute4x64_epi64(v, 0xD8); /* packing left the halves of the pixels side by side */
    if (step)
        _mm_storeu_si128((__m128i *)(out + step), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128((__m128i *)out, _mm256_castsi256_si128(v));
}

INLINE __m256i gated(__m256i v, __m256i gates)
{
    return _mm256_mulhrs_epi16(v, _mm256_max_epi16(gates, _mm256_setzero_si256()));
}

/* a, b: of two pixels; gates: with END_GATE_BY. Not END_GATE */
INLINE void end_8(enum layer_end end, __m256i a, __m256i b, int16_t *out, ptrdiff_t step,
                  const int16_t *gates, ptrdiff_t gates_step)
{
    if (end == END_ADD) {
        a = _mm256_add_epi32(a, _mm256_cvtepi16_epi32(load_8(out)));
        b = _mm256_add_epi32(b, _mm256_cvtepi16_epi32(load_8(out + step)));
    }
    __m256i v = _mm256_packs_epi32(a, b);
    if (end == END_GATE_BY) {
        __m256i g =
            _mm256_inserti128_si256(_mm256_castsi128_si256(load_8(gates)), load_8(gates + gates_step), 1);
        v = gated(v, _mm256_permute4x64_epi64(g, 0xD8));
    }
    store_8(out, step, v);
}

#endif
