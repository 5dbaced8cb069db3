#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/conv/conv.h"

const struct conv_kernel *const ddz_conv_kernels[] = {
#ifdef DDZ_AMX
    &ddz_conv_amx,
#endif
#ifdef DDZ_X86
    &ddz_conv_wino_avx512,
    &ddz_conv_avx512,
#ifdef DDZ_AVXVNNI
    &ddz_conv_wino_avxvnni,
    &ddz_conv_avxvnni,
#endif
    &ddz_conv_wino_avx2,
    &ddz_conv_avx2,
#endif
#ifdef DDZ_SSE2
    &ddz_conv_wino_sse2,
    &ddz_conv_sse2,
#endif
#ifdef DDZ_ARM
    &ddz_conv_i8mm,
    &ddz_conv_dotprod,
#endif
#ifdef DDZ_NEON
    &ddz_conv_wino_neon,
    &ddz_conv_neon,
#endif
#ifdef DDZ_SIMD128
    &ddz_conv_wino_simd128,
    &ddz_conv_simd128,
#endif
    &ddz_conv_c,
    NULL,
};

const struct conv_kernel *ddz_conv_choose(const struct conv_layer *layer, uint64_t features)
{
    const struct conv_kernel *const *k = ddz_conv_kernels;
    while (k[1] && !(kernel_runs(&(*k)->kernel, features) && (*k)->supports(layer)))
        k++;
    return *k;
}
