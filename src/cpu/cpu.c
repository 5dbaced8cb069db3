#include "cpu/cpu.h"

#include <stddef.h>

/* A feature comes after those that it builds on. */
static const struct {
    uint64_t feature, builds_on;
    const char *name;
} known[] = {
    {DDZ_CPU_SSE2, 0, "sse2"},
    {DDZ_CPU_AVX2, DDZ_CPU_SSE2, "avx2"},
    {DDZ_CPU_AVXVNNI, DDZ_CPU_AVX2, "avxvnni"},
    {DDZ_CPU_AVX512, DDZ_CPU_AVX2, "avx512"},
    {DDZ_CPU_AMX, DDZ_CPU_AVX512, "amx"},
    {DDZ_CPU_NEON, 0, "neon"},
    {DDZ_CPU_DOTPROD, DDZ_CPU_NEON, "dotprod"},
    {DDZ_CPU_I8MM, DDZ_CPU_DOTPROD, "i8mm"},
    {DDZ_CPU_SIMD128, 0, "simd128"},
};

enum { KNOWN = sizeof known / sizeof *known };

const char *ddz_cpu_feature_name(uint64_t feature)
{
    for (int i = 0; i < KNOWN; i++)
        if (known[i].feature == feature)
            return known[i].name;
    return NULL;
}

uint64_t ddz_cpu_allowed(int64_t set)
{
    uint64_t allowed = (uint64_t)set;
    for (int i = KNOWN - 1; i >= 0; i--)
        if (allowed & known[i].feature)
            allowed |= known[i].builds_on;
    return ddz_cpu_ask(ddz_cpu_features() & allowed);
}
