#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cpu/cpu.h"

#include <stddef.h>

#ifdef DDZ_X86

/* The compiler's run-time library asks CPUID, and XGETBV for what the operating system saves. */
static ddz_isa best_isa(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2"))
        return DDZ_ISA_PORTABLE;
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
    return avx512 ? DDZ_ISA_AVX512 : DDZ_ISA_AVX2;
}

#else

static ddz_isa best_isa(void)
{
    return DDZ_ISA_PORTABLE;
}

#endif

ddz_isa ddz_cpu_isa(ddz_isa wanted)
{
    ddz_isa best = best_isa();
    return wanted < best ? wanted : best;
}

ddz_isa ddz_cpu_isa_of(int64_t features)
{
    if (features & DDZ_CPU_AVX512)
        return ddz_cpu_isa(DDZ_ISA_AVX512);
    return features & DDZ_CPU_AVX2 ? ddz_cpu_isa(DDZ_ISA_AVX2) : DDZ_ISA_PORTABLE;
}

uint64_t ddz_cpu_features(void)
{
    static const uint64_t features[] = {0, DDZ_CPU_AVX2, DDZ_CPU_AVX2 | DDZ_CPU_AVX512};
    return features[best_isa()];
}

const char *ddz_cpu_feature_name(uint64_t feature)
{
    return feature == DDZ_CPU_AVX2 ? "avx2" : feature == DDZ_CPU_AVX512 ? "avx512" : NULL;
}
