/*
 * Body of the direct kernels with vectors of 256 bits, on top of tile.h. The file that includes it defines vec_dot, and makes
 * its kernel of run_blocks.
 */
#include <immintrin.h>
#include <string.h>

#include "nn/conv/x86/rescale_avx2.h"

#define LANES 8

/* Not __m256i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef int32_t vec __attribute__((vector_size(32)));
typedef __m128i out_vec;

static inline vec vec_zero(void)
{
    return (vec){0};
}

static inline vec vec_load(const int16_t *p)
{
    return (vec)_mm256_loadu_si256((const __m256i *)p);
}

static inline vec vec_pair(const int16_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (vec)_mm256_set1_epi32(v);
}

static inline vec vec_dot(vec acc, vec w, vec x);

static inline struct rescale rescale_load(const struct direct_run *run, int entry)
{
    return rescale_make(&run->rescaling, entry);
}

static inline out_vec rescale(const struct rescale *s, vec acc, const int16_t *residual)
{
    __m256i v = s->upper ? rescale_upper(s, (__m256i)acc) : rescale_lower(s, (__m256i)acc);
    if (residual)
        v = _mm256_add_epi32(v, _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)residual)));
    return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static inline out_vec out_load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static inline void out_store(int16_t *p, out_vec v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

static inline out_vec out_gate(out_vec v, out_vec gates)
{
    return _mm_mulhrs_epi16(v, _mm_max_epi16(gates, _mm_setzero_si128()));
}

static inline void store_gated(const struct rescale *s, const struct rescale *t, vec a, vec b, int16_t *out)
{
    out_store(out, out_gate(rescale(s, a, NULL), rescale(t, b, NULL)));
}

#include "nn/conv/x86/tile.h"

STRIP(strip, 6, 2)

static void run_blocks(const struct direct_run *run)
{
    for (int block = 0; block < run->blocks; block++)
        strip(run, 2 * block);
}
