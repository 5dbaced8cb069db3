/* Winograd's convolutions with SSE2 */
#include "nn/conv/winograd.h"

#include <emmintrin.h>

#include "nn/conv/gather.h"
#include "nn/conv/wino_128.h"
#include "nn/conv/x86/direct_sse2.h"

INLINE v16 max_16(v16 a, v16 b)
{
    return (v16)_mm_max_epi16((__m128i)a, (__m128i)b);
}

INLINE v16 min_16(v16 a, v16 b)
{
    return (v16)_mm_min_epi16((__m128i)a, (__m128i)b);
}

INLINE vec dot(v16 w, v16 x)
{
    return (vec)_mm_madd_epi16((__m128i)w, (__m128i)x);
}

#include "nn/conv/wino_pairs.h"

static const struct wino_kernel wino = {STEPS_128, 1, ddz_direct_sse2, ddz_gather_pack};

WINO_CONV_KERNEL(ddz_conv_wino_sse2, "sse2 winograd", DDZ_CPU_SSE2, wino);
