#define _DEFAULT_SOURCE /* syscall */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cpu/cpu.h"

#if defined DDZ_X86

#ifdef DDZ_AVXVNNI
#include <cpuid.h>

/* Not all compilers' run-time libraries know of it. Its vectors are AVX2's, and what saves them does so here. */
static uint64_t detect_avxvnni(void)
{
    unsigned a = 0, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 4 & 1 ? DDZ_CPU_AVXVNNI : 0;
}
#else
static uint64_t detect_avxvnni(void)
{
    return 0;
}
#endif

#ifdef DDZ_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux's arch_prctl, of whose numbers older headers do not know */
enum { ARCH_GET_XCOMP_SUPP = 0x1021, ARCH_REQ_XCOMP_PERM = 0x1023, TILE_CONFIG = 17, TILE_DATA = 18 };

static uint64_t detect_amx(void)
{
    const uint64_t needed = (uint64_t)1 << TILE_CONFIG | (uint64_t)1 << TILE_DATA;
    uint64_t saved = 0; /* what the system saves for threads */
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3) != 3) /* tiles, products of bytes */
        return 0;
    return syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &saved) == 0 && (saved & needed) == needed
               ? DDZ_CPU_AMX
               : 0;
}

/* Tiles take 8 KiB of every thread's saved state, and of signals' stacks, for which Linux wants to be asked. What it
 * grants holds for all of the process and its children; it does not where a signal's stack is too small. */
uint64_t ddz_cpu_ask(uint64_t features)
{
    if (features & DDZ_CPU_AMX && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) != 0)
        features &= ~(uint64_t)DDZ_CPU_AMX;
    return features;
}
#else
static uint64_t detect_amx(void)
{
    return 0;
}
#endif

/* The compiler's run-time library asks CPUID, and XGETBV for what the operating system saves. */
uint64_t ddz_cpu_detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2"))
        return DDZ_CPU_SSE2;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
    return DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | detect_avxvnni() | (avx512 ? DDZ_CPU_AVX512 | detect_amx() : 0);
}

#elif defined DDZ_SSE2

uint64_t ddz_cpu_detect(void)
{
    return DDZ_CPU_SSE2;
}

#elif defined DDZ_ARM

#include <sys/auxv.h>

/* Linux tells the features of the processor: bits of its interface, which older headers do not name. */
uint64_t ddz_cpu_detect(void)
{
    const unsigned long dotprod = 1ul << 20, i8mm = 1ul << 13; /* HWCAP_ASIMDDP, HWCAP2_I8MM */
    uint64_t features = DDZ_CPU_NEON;
    if (getauxval(AT_HWCAP) & dotprod)
        features |= DDZ_CPU_DOTPROD;
    if (features & DDZ_CPU_DOTPROD && getauxval(AT_HWCAP2) & i8mm)
        features |= DDZ_CPU_I8MM;
    return features;
}

#elif defined DDZ_NEON

uint64_t ddz_cpu_detect(void)
{
    return DDZ_CPU_NEON;
}

#elif defined DDZ_SIMD128

/* An engine without them does not load the program. */
uint64_t ddz_cpu_detect(void)
{
    return DDZ_CPU_SIMD128;
}

#else

uint64_t ddz_cpu_detect(void)
{
    return 0;
}

#endif

#ifndef DDZ_AMX
uint64_t ddz_cpu_ask(uint64_t features)
{
    return features;
}
#endif
