/* AVX-512 with VNNI; compiled with -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mavx512vnni. */
#include "nn/conv/direct.h"

#if !defined(__AVX512VNNI__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "this file needs its own compiler flags"
#endif

#include <immintrin.h>
#include <string.h>

#include "nn/conv/x86/direct_avx512.h"
#include "nn/conv/x86/end_avx512.h"

#define LANES 16

/* Not __m512i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef int32_t vec __attribute__((vector_size(64)));

static inline vec vec_zero(void)
{
    return (vec){0};
}

static inline vec vec_load(const int16_t *p)
{
    return (vec)_mm512_loadu_si512(p);
}

static inline vec vec_pair(const int16_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (vec)_mm512_set1_epi32(v);
}

static inline vec vec_dot(vec acc, vec w, vec x)
{
    return (vec)_mm512_dpwssd_epi32((__m512i)acc, (__m512i)w, (__m512i)x);
}

static inline void vec_store(int32_t *p, vec v)
{
    _mm512_store_si512(p, (__m512i)v);
}

/* Of a block, whose pixels begin at `pixel` */
INLINE void end_pixels(const struct direct_run *run, int block, ptrdiff_t pixel, int pixels,
                       const int32_t *sums, enum layer_end end, bool upper)
{
    const ptrdiff_t entry = (ptrdiff_t)block * CONV_BLOCK, step = run->out_step, gates_step = run->gates_step;
    const struct rescaling rescaling = rescaling_from(&run->rescaling, entry);
    const struct ending e = ending_of(&rescaling, end, upper);
    int16_t *out = run->out + pixel * step + (end == END_GATE ? entry / 2 : entry);
    const int16_t *gates = end == END_GATE_BY ? run->gates + pixel * gates_step + entry : NULL;
    for (int i = 0; i < pixels; i += 2) {
        const bool two = i + 1 < pixels;
        const int32_t *a = sums + i * CONV_BLOCK, *b = two ? a + CONV_BLOCK : a;
        ending_two(&e, ending_value(&e, _mm512_load_si512(a)), ending_value(&e, _mm512_load_si512(b)), out,
                   two ? step : 0, gates, two ? gates_step : 0);
        out += 2 * step;
        if (end == END_GATE_BY)
            gates += 2 * gates_step;
    }
}

INLINE void end_blocks(const struct direct_run *run, int block, int blocks, ptrdiff_t pixel, int pixels,
                       const int32_t *sums, enum layer_end end, bool upper)
{
    for (int i = 0; i < blocks; i++)
        end_pixels(run, block + i, pixel, pixels, sums + i * pixels * CONV_BLOCK, end, upper);
}

#define END(end, upper) end_blocks(run, block, blocks, pixel, pixels, sums, end, upper)

static __attribute__((noinline)) void finish(const struct direct_run *run, int block, int blocks,
                                             ptrdiff_t pixel, int pixels, const int32_t *sums){
    WITH_END(run->end, run->rescaling.shift, END)}

#undef END

#include "nn/conv/x86/tile.h"

STRIP(strip_3, 8, 3) STRIP(strip_2, 12, 2) STRIP(strip_1, 12, 1)

    void ddz_direct_avx512(const struct direct_run *run)
{
    const struct spans spans = spans_of(run);
    for (int v = 0, left = run->blocks; left > 0;) {
        int count = left == 4 || left == 2 ? 2 : left == 1 ? 1 : 3;
        if (count == 3)
            strip_3(run, &spans, v);
        else if (count == 2)
            strip_2(run, &spans, v);
        else
            strip_1(run, &spans, v);
        v += count;
        left -= count;
    }
}

DIRECT_CONV_KERNEL(ddz_conv_avx512, "avx512", DDZ_CPU_AVX512, ddz_direct_supports, ddz_direct_packed_size,
                   ddz_direct_pack, ddz_direct_avx512);
