/* SSE2, which every x86-64 has: 8 products an instruction. */
#include "nn/conv/gather.h"

#include <assert.h>
#include <emmintrin.h>

#include "nn/conv/x86/direct_sse2.h"

typedef int32_t vec __attribute__((vector_size(16)));

static inline __m128i load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* The sum of each vector's values, in order */
static inline __m128i across(vec a, vec b, vec c, vec d)
{
    __m128i ab =
        _mm_add_epi32(_mm_unpacklo_epi32((__m128i)a, (__m128i)b), _mm_unpackhi_epi32((__m128i)a, (__m128i)b));
    __m128i cd =
        _mm_add_epi32(_mm_unpacklo_epi32((__m128i)c, (__m128i)d), _mm_unpackhi_epi32((__m128i)c, (__m128i)d));
    return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH(M) M(0) M(1) M(2) M(3)
#define SUMS(o) vec a##o = {0}, b##o = {0};
/* Of output o: the weights once, from memory, for both pixels */
#define STEP(o)                                                                                              \
    {                                                                                                        \
        __m128i w = load(weight + o * weight_step);                                                          \
        a##o += (vec)_mm_madd_epi16(w, x);                                                                   \
        b##o += (vec)_mm_madd_epi16(w, y);                                                                   \
    }

/* Two pixels and four outputs. The sums are variables of their own, because compilers do not always keep an array of
 * them in registers. */
static inline void two_by_four(const int16_t *in, ptrdiff_t in_step, const int16_t *weight,
                               ptrdiff_t weight_step, int32_t *sums)
{
    const int16_t *end = in + in_step;
    EACH(SUMS)
    do {
        __m128i x = load(in), y = load(in + in_step);
        EACH(STEP)
        in += 8;
        weight += 8;
    } while (in != end);
    _mm_storeu_si128((__m128i *)(void *)sums, across(a0, a1, a2, a3));
    _mm_storeu_si128((__m128i *)(void *)(sums + CONV_BLOCK), across(b0, b1, b2, b3));
}
/* clang-format on */

static void sums_of_block(const struct gather_tile *tile, int32_t *sums)
{
    static_assert(GATHER_CHUNK % 8 == 0 && GATHER_TILE % 2 == 0 && CONV_BLOCK % 4 == 0, "whole tiles");
    for (int o = 0; o < CONV_BLOCK; o += 4)
        for (int p = 0; p < GATHER_TILE; p += 2)
            two_by_four(tile->in + p * tile->in_step, tile->in_step,
                        tile->weight + o * tile->inputs + tile->first, tile->inputs,
                        sums + p * CONV_BLOCK + o);
}

void ddz_direct_sse2(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){NULL, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_sse2, "sse2", DDZ_CPU_SSE2, ddz_direct_supports, ddz_gather_packed_size,
                   ddz_gather_pack, ddz_direct_sse2);
