/* The loop of the direct kernel, on which others fall back */
#ifndef DDZ_NN_CONV_WASM_DIRECT_SIMD128_H
#define DDZ_NN_CONV_WASM_DIRECT_SIMD128_H

#include "nn/conv/direct.h"

direct_fn ddz_direct_simd128;

#endif
