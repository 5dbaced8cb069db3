#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "channel/search/search.h"

#include <stddef.h>

const struct search_kernel *const ddz_search_kernels[] = {
#ifdef DDZ_X86
    &ddz_search_avx512,  &ddz_search_avx2,
#endif
#ifdef DDZ_SSE2
    &ddz_search_sse2,
#endif
#ifdef DDZ_NEON
    &ddz_search_neon,
#endif
#ifdef DDZ_SIMD128
    &ddz_search_simd128,
#endif
    &ddz_search_c,       NULL,
};

const struct search_kernel *ddz_search_choose(uint64_t features)
{
    int i = 0;
    while (!kernel_runs(&ddz_search_kernels[i]->kernel, features))
        i++;
    return ddz_search_kernels[i];
}
