/* Conditioning: the multipliers and biases of a layer for an embedding of label and noise level. */
#ifndef DDZ_NN_CONDITION_H
#define DDZ_NN_CONDITION_H

#include <stdint.h>

#include "model/model.h"

/* mult[cout] and bias[cout] as conv.h takes them: the formula of model.h, half of 2^shift for rounding included in
 * the bias. `size`: of the embedding. */
void ddz_condition(const struct model_layer *layer, const int16_t *embedding, int size, int32_t *mult,
                   int64_t *bias);

#endif
