/* Winograd's convolutions with AVX2; compiled with -mavx2. */
#include "nn/conv/winograd.h"

#if !defined(__AVX2__)
#error "this file needs its own compiler flags"
#endif

#include "nn/conv/x86/direct_avx2.h"
#include "nn/conv/x86/wino_256.h"

INLINE vec dot(vec sum, __m256i w, __m256i x)
{
    return sum + (vec)_mm256_madd_epi16(w, x);
}

static const struct wino_kernel wino = {STEPS_256, 1, ddz_direct_avx2, ddz_direct_pack};

WINO_CONV_KERNEL(ddz_conv_wino_avx2, "avx2 winograd", DDZ_CPU_AVX2, wino);
