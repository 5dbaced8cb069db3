#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/kernels.h"

void kernels_init(struct kernels *kernels, ddz_isa isa)
{
    kernels->conv = conv_c;
    kernels->gate = gate_c;
#ifdef DDZ_X86
    if (isa >= DDZ_ISA_AVX2) {
        kernels->conv = conv_avx2;
        kernels->gate = gate_avx2;
    }
    if (isa >= DDZ_ISA_AVX512)
        kernels->conv = conv_avx512;
#else
    (void)isa;
#endif
}
