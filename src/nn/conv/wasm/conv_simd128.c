/* WebAssembly's 128-bit vectors: 8 products an instruction. */
#include <wasm_simd128.h>

#include "nn/conv/gather.h"
#include "nn/conv/wasm/direct_simd128.h"

/* The sum of each vector's values, in order */
static inline v128_t across(v128_t a, v128_t b, v128_t c, v128_t d)
{
    v128_t ab = wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
    v128_t cd = wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
    return wasm_i32x4_add(wasm_i64x2_shuffle(ab, cd, 0, 2), wasm_i64x2_shuffle(ab, cd, 1, 3));
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH(M) M(0) M(1) M(2) M(3)
#define SUMS(o) v128_t a##o = wasm_i32x4_const(0, 0, 0, 0), b##o = a##o;
#define STEP(o)                                                                                              \
    {                                                                                                        \
        v128_t w = wasm_v128_load(weight + o * weight_step);                                                 \
        a##o = wasm_i32x4_add(a##o, wasm_i32x4_dot_i16x8(w, x));                                             \
        b##o = wasm_i32x4_add(b##o, wasm_i32x4_dot_i16x8(w, y));                                             \
    }

/* Two pixels and four outputs: as many sums as engines keep in registers on x86-64, where there are 16 */
static inline void two_by_four(const int16_t *in, ptrdiff_t in_step, const int16_t *weight,
                               ptrdiff_t weight_step, int32_t *sums)
{
    const int16_t *end = in + in_step;
    EACH(SUMS)
    do {
        v128_t x = wasm_v128_load(in), y = wasm_v128_load(in + in_step);
        EACH(STEP)
        in += 8;
        weight += 8;
    } while (in != end);
    wasm_v128_store(sums, across(a0, a1, a2, a3));
    wasm_v128_store(sums + CONV_BLOCK, across(b0, b1, b2, b3));
}
/* clang-format on */

static void sums_of_block(const struct gather_tile *tile, int32_t *sums)
{
    for (int o = 0; o < CONV_BLOCK; o += 4)
        for (int p = 0; p < GATHER_TILE; p += 2)
            two_by_four(tile->in + p * tile->in_step, tile->in_step,
                        tile->weight + o * tile->inputs + tile->first, tile->inputs,
                        sums + p * CONV_BLOCK + o);
}

void ddz_direct_simd128(const struct direct_run *run)
{
    ddz_gather_run(run, &(const struct gather_kernel){NULL, sums_of_block});
}

DIRECT_CONV_KERNEL(ddz_conv_simd128, "simd128", DDZ_CPU_SIMD128, ddz_direct_supports, ddz_gather_packed_size,
                   ddz_gather_pack, ddz_direct_simd128);
