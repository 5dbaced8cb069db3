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

/* Tiles take 8 KiB of every thread's saved state, so that Linux wants to be asked before a process uses them: by
 * arch_prctl, whose numbers older headers do not name. What it grants holds for all threads and children. */
static uint64_t detect_amx(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3) != 3) /* tiles, products of bytes */
        return 0;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 ? DDZ_CPU_AMX : 0;
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
