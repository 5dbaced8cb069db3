#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cpu/cpu.h"

#ifdef DDZ_X86

/* The compiler's run-time library asks CPUID, and XGETBV for what the operating system saves. */
uint64_t ddz_cpu_detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2"))
        return 0;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
    return DDZ_CPU_AVX2 | (avx512 ? DDZ_CPU_AVX512 : 0);
}

#else

uint64_t ddz_cpu_detect(void)
{
    return 0;
}

#endif
