#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "peak.h"

#ifdef DDZ_X86
#include <immintrin.h>

enum {
    LOOPS = 4000000,
    CHAINS = 12 /* sums under way at a time: more than the instruction takes cycles */
};

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* Keeps the compiler from simplifying what it cannot see is used. */
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))

/* Sums of 32-bit values: GCC copies a sum of type __m256i or __m512i at each addition. */
typedef int32_t sum8 __attribute__((vector_size(32)));
typedef int32_t sum16 __attribute__((vector_size(64)));

__attribute__((target("avx2"))) static double peak_avx2(void)
{
    sum8 acc[CHAINS];
    __m256i w = _mm256_set1_epi16(3), x = _mm256_set1_epi16(5);
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum8)_mm256_set1_epi32(i);
    for (int n = 0; n < LOOPS; n++) {
        UNROLL for (int i = 0; i < CHAINS; i++)
        {
            OPAQUE(x);
            acc[i] += (sum8)_mm256_madd_epi16(w, x);
        }
    }
    UNROLL for (int i = 0; i < CHAINS; i++) OPAQUE(acc[i]);
    return 16.0 * CHAINS * LOOPS;
}

#ifdef DDZ_AVXVNNI
__attribute__((target("avx2,avxvnni"))) static double peak_avxvnni(void)
{
    sum8 acc[CHAINS];
    __m256i w = _mm256_set1_epi16(3), x = _mm256_set1_epi16(5);
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum8)_mm256_set1_epi32(i);
    for (int n = 0; n < LOOPS; n++) {
        OPAQUE(w);
        UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum8)_mm256_dpwssd_avx_epi32((__m256i)acc[i], w, x);
    }
    UNROLL for (int i = 0; i < CHAINS; i++) OPAQUE(acc[i]);
    return 16.0 * CHAINS * LOOPS;
}
#endif

__attribute__((target("avx512f,avx512vnni"))) static double peak_avx512(void)
{
    sum16 acc[CHAINS];
    __m512i w = _mm512_set1_epi32(3), x = _mm512_set1_epi32(5);
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum16)_mm512_set1_epi32(i);
    for (int n = 0; n < LOOPS; n++) {
        OPAQUE(w);
        UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum16)_mm512_dpwssd_epi32((__m512i)acc[i], w, x);
    }
    UNROLL for (int i = 0; i < CHAINS; i++) OPAQUE(acc[i]);
    return 32.0 * CHAINS * LOOPS;
}

#ifdef DDZ_AMX
/* A product of bytes of two for an input of 16 bits */
__attribute__((target("amx-tile,amx-int8"))) static double peak_amx(void)
{
    static const struct {
        uint8_t palette, start, zero[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } tiles = {1, 0, {0}, {64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&tiles);
    for (int n = 0; n < LOOPS / 10; n++) {
        _tile_dpbssd(0, 4, 5);
        _tile_dpbusd(1, 4, 5);
        _tile_dpbssd(2, 4, 5);
        _tile_dpbusd(3, 4, 5);
    }
    _tile_release();
    return 2 * 16.0 * 16 * 64 * (LOOPS / 10);
}
#endif

double peak_macs(uint64_t features)
{
#ifdef DDZ_AMX
    if (features & DDZ_CPU_AMX)
        return peak_amx();
#endif
    if (features & DDZ_CPU_AVX512)
        return peak_avx512();
#ifdef DDZ_AVXVNNI
    if (features & DDZ_CPU_AVXVNNI)
        return peak_avxvnni();
#endif
    return features & DDZ_CPU_AVX2 ? peak_avx2() : 0;
}
#else
double peak_macs(uint64_t features)
{
    (void)features;
    return 0;
}
#endif
