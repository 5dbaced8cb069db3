/* Which kernels this machine may run. */
#ifndef DDZ_CPU_CPU_H
#define DDZ_CPU_CPU_H

#include "ddz.h"

typedef enum ddz_isa {
    DDZ_ISA_PORTABLE = 0,
    DDZ_ISA_AVX2 = 1,
    DDZ_ISA_AVX512 = 2,
    DDZ_ISA_BEST = 255
} ddz_isa;

/* The best level that processor and operating system support, at most `wanted`.
 * AVX512 means F, BW, VL, DQ, VBMI and VNNI together. */
ddz_isa ddz_cpu_isa(ddz_isa wanted);

/* The best level of those that a set of ddz_cpu_feature allows */
ddz_isa ddz_cpu_isa_of(int64_t features);

#endif
