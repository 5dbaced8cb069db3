/* Which kernels this machine may run. */
#ifndef DDZ_CPU_CPU_H
#define DDZ_CPU_CPU_H

#include "ddz.h"

/* The best level that processor and operating system support, at most `wanted`.
 * AVX512 means F, BW, VL, DQ, VBMI and VNNI together. */
ddz_isa ddz_cpu_isa(ddz_isa wanted);

#endif
