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

static void run_band(const struct conv *conv, const struct conv_band *band)
{
    ddz_wino_run(conv, band, &wino);
}

const struct conv_kernel ddz_conv_wino_avx2 = {{"avx2 winograd", DDZ_CPU_AVX2},
                                               ddz_wino_supports,
                                               ddz_wino_packed_size,
                                               ddz_wino_pack,
                                               ddz_direct_rescale_size,
                                               ddz_direct_rescale,
                                               run_band};
