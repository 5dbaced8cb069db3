#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/kernels.h"

void ddz_kernels_init(struct kernels *kernels, ddz_isa isa)
{
    kernels->conv = ddz_conv_c;
    kernels->gate = ddz_gate_c;
#ifdef DDZ_X86
    if (isa >= DDZ_ISA_AVX2) {
        kernels->conv = ddz_conv_avx2;
        kernels->gate = ddz_gate_avx2;
    }
    if (isa >= DDZ_ISA_AVX512)
        kernels->conv = ddz_conv_avx512;
#else
    (void)isa;
#endif
}
