#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/kernels.h"

void ddz_kernels_init(struct kernels *kernels, uint64_t features)
{
    kernels->conv = ddz_conv_c;
    kernels->gate = ddz_gate_c;
#ifdef DDZ_X86
    if (features & DDZ_CPU_AVX2) {
        kernels->conv = ddz_conv_avx2;
        kernels->gate = ddz_gate_avx2;
    }
    if (features & DDZ_CPU_AVX512)
        kernels->conv = ddz_conv_avx512;
#else
    (void)features;
#endif
}
