#include "nn/condition.h"

#include "base/fixed.h"
#include "nn/conv/conv.h"

void ddz_condition(const struct model_layer *layer, const int16_t *embedding, int size, int32_t *mult,
                   int64_t *bias)
{
    for (int o = 0; o < layer->shape.cout; o++) {
        int64_t gain = 0, offset = 0;
        for (int j = 0; j < size; j++) {
            gain += (int64_t)layer->gain_weight[o * size + j] * embedding[j];
            offset += (int64_t)layer->bias_weight[o * size + j] * embedding[j];
        }
        gain = layer->gain_base[o] + rshift_round(gain, MODEL_EMBEDDING_BITS);
        gain = clamp64(gain, INT16_MIN, INT16_MAX);
        offset = layer->bias_base[o] + rshift_round(offset, MODEL_EMBEDDING_BITS);
        offset = clamp64(offset, -(1 << CONV_BIAS_BITS), (1 << CONV_BIAS_BITS) - 1);
        mult[o] = (int32_t)rshift_round(gain * layer->scale[o], MODEL_GAIN_BITS);
        bias[o] =
            offset * ((int64_t)1 << (layer->shift - MODEL_BIAS_BITS)) + ((int64_t)1 << (layer->shift - 1));
    }
}
