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

static void run_band(const struct conv *conv, const struct conv_band *band)
{
    ddz_wino_run(conv, band, &wino);
}

const struct conv_kernel ddz_conv_wino_avxvnni = {{"avxvnni winograd", DDZ_CPU_AVXVNNI},
                                                  ddz_wino_supports,
                                                  ddz_wino_packed_size,
                                                  ddz_wino_pack,
                                                  ddz_direct_rescale_size,
                                                  ddz_direct_rescale,
                                                  run_band};
