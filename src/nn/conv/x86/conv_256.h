/*
 * Body of the direct kernels with vectors of 256 bits, on top of tile.h. The file that includes it defines vec_dot, and makes
 * its kernel of run_blocks.
 */
#include <immintrin.h>
#include <string.h>

#include "nn/conv/x86/end_256.h"

#define LANES 8

/* Not __m256i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef int32_t vec __attribute__((vector_size(32)));

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

static inline void vec_store(int32_t *p, vec v)
{
    _mm256_store_si256((__m256i *)p, (__m256i)v);
}

INLINE __m256i value(const struct rescale *s, const int32_t *sums, bool upper)
{
    __m256i v = _mm256_load_si256((const __m256i *)sums);
    return upper ? rescale_upper(s, v) : rescale_lower(s, v);
}

/* 8 channels from `entry` on, or with END_GATE as many of a block, and their gates; `sums`: from the first channel on */
INLINE void end_pixels(const struct direct_run *run, ptrdiff_t entry, ptrdiff_t pixel, int pixels,
                       const int32_t *sums, enum layer_end end, bool upper)
{
    const struct rescale s = rescale_make(&run->rescaling, entry);
    const struct rescale gate = end == END_GATE ? rescale_make(&run->rescaling, entry + 8) : s;
    const ptrdiff_t out_step = run->out_step, gates_step = run->gates_step;
    int16_t *out = run->out + pixel * out_step + (end == END_GATE ? entry / 2 : entry);
    const int16_t *gates = end == END_GATE_BY ? run->gates + pixel * gates_step + entry : NULL;
    for (int i = 0; i < pixels; i += 2, sums += 2 * CONV_BLOCK) {
        const bool two = i + 1 < pixels;
        const ptrdiff_t step = two ? out_step : 0;
        const int32_t *second = two ? sums + CONV_BLOCK : sums;
        __m256i a = value(&s, sums, upper), b = value(&s, second, upper);
        if (end == END_GATE)
            store_8(out, step,
                    gated(_mm256_packs_epi32(a, b), _mm256_packs_epi32(value(&gate, sums + 8, upper),
                                                                       value(&gate, second + 8, upper))));
        else
            end_8(end, a, b, out, step, gates, two ? gates_step : 0);
        out += 2 * out_step;
        if (end == END_GATE_BY)
            gates += 2 * gates_step;
    }
}

INLINE void end_block(const struct direct_run *run, int block, ptrdiff_t pixel, int pixels,
                      const int32_t *sums, enum layer_end end, bool upper)
{
    const ptrdiff_t entry = (ptrdiff_t)block * CONV_BLOCK;
    end_pixels(run, entry, pixel, pixels, sums, end, upper);
    if (end != END_GATE)
        end_pixels(run, entry + 8, pixel, pixels, sums + 8, end, upper);
}

#define END(end, upper) end_block(run, block, pixel, pixels, sums, end, upper)

/* Of one block */
static __attribute__((noinline)) void finish(const struct direct_run *run, int block, int blocks,
                                             ptrdiff_t pixel, int pixels, const int32_t *sums)
{
    (void)blocks;
    WITH_END(run->end, run->rescaling.shift, END)
}

#undef END

#include "nn/conv/x86/tile.h"

STRIP(strip, 6, 2)

static void run_blocks(const struct direct_run *run)
{
    const struct spans spans = spans_of(run);
    for (int block = 0; block < run->blocks; block++)
        strip(run, &spans, 2 * block);
}
