/* The loop of the direct kernel, on which others fall back */
#ifndef DDZ_NN_CONV_ARM_DIRECT_NEON_H
#define DDZ_NN_CONV_ARM_DIRECT_NEON_H

#include "nn/conv/direct.h"

direct_fn ddz_direct_neon;

/* Its weights: [blocks][taps * cin][CONV_BLOCK], and GATHER_CHUNK * CONV_BLOCK behind them */
void ddz_neon_pack(const struct conv_layer *layer, void *packed);

#endif
