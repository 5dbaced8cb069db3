/* AVX2; compiled with -mavx2. */
#include "nn/conv/direct.h"

#if !defined(__AVX2__)
#error "this file needs its own compiler flags"
#endif

#include "nn/conv/x86/conv_256.h"
#include "nn/conv/x86/direct_avx2.h"

static inline vec vec_dot(vec acc, vec w, vec x)
{
    return (vec)_mm256_add_epi32((__m256i)acc, _mm256_madd_epi16((__m256i)w, (__m256i)x));
}

void ddz_direct_avx2(const struct direct_run *run)
{
    run_blocks(run);
}

DIRECT_CONV_KERNEL(ddz_conv_avx2, "avx2", DDZ_CPU_AVX2, ddz_direct_supports, ddz_direct_packed_size,
                   ddz_direct_pack, ddz_direct_avx2);
