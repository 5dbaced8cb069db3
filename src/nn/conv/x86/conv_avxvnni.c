/* AVX-VNNI, the dot products of AVX-512 with vectors of 256 bits; compiled with -mavx2 -mavxvnni. */
#include "nn/conv/direct.h"

#if !defined(__AVXVNNI__)
#error "this file needs its own compiler flags"
#endif

#include "nn/conv/x86/conv_256.h"
#include "nn/conv/x86/direct_avxvnni.h"

static inline vec vec_dot(vec acc, vec w, vec x)
{
    return (vec)_mm256_dpwssd_avx_epi32((__m256i)acc, (__m256i)w, (__m256i)x);
}

void ddz_direct_avxvnni(const struct direct_run *run)
{
    run_blocks(run);
}

DIRECT_CONV_KERNEL(ddz_conv_avxvnni, "avxvnni", DDZ_CPU_AVXVNNI, ddz_direct_supports, ddz_direct_packed_size,
                   ddz_direct_pack, ddz_direct_avxvnni);
