/* Winograd's convolutions with WebAssembly's vectors */
#include "nn/conv/winograd.h"

#include <wasm_simd128.h>

#include "nn/conv/gather.h"
#include "nn/conv/wasm/direct_simd128.h"
#include "nn/conv/wino_128.h"

INLINE v16 max_16(v16 a, v16 b)
{
    return (v16)wasm_i16x8_max((v128_t)a, (v128_t)b);
}

INLINE v16 min_16(v16 a, v16 b)
{
    return (v16)wasm_i16x8_min((v128_t)a, (v128_t)b);
}

INLINE vec dot(v16 w, v16 x)
{
    return (vec)wasm_i32x4_dot_i16x8((v128_t)w, (v128_t)x);
}

#include "nn/conv/wino_pairs.h"

static const struct wino_kernel wino = {STEPS_128, 1, ddz_direct_simd128, ddz_gather_pack};

WINO_CONV_KERNEL(ddz_conv_wino_simd128, "simd128 winograd", DDZ_CPU_SIMD128, wino);
