/* Winograd's convolutions with AVX-VNNI; compiled with -mavx2 -mavxvnni. */
#include "nn/conv/winograd.h"

#if !defined(__AVXVNNI__)
#error "this file needs its own compiler flags"
#endif

#include "nn/conv/x86/direct_avxvnni.h"
#include "nn/conv/x86/wino_256.h"

INLINE vec dot(vec sum, __m256i w, __m256i x)
{
    return (vec)_mm256_dpwssd_avx_epi32((__m256i)sum, w, x);
}

static const struct wino_kernel wino = {STEPS_256, 1, ddz_direct_avxvnni, ddz_direct_pack};

WINO_CONV_KERNEL(ddz_conv_wino_avxvnni, "avxvnni winograd", DDZ_CPU_AVXVNNI, wino);
