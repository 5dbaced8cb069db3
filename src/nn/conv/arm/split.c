#include "nn/conv/arm/split.h"

#include <string.h>

void ddz_split_pack(const struct conv_layer *layer, void *packed, split_place_fn *place)
{
    const struct layer_shape *shape = layer->shape;
    ptrdiff_t inputs = shape->taps * shape->cin;
    int16_t *block = packed;
    memset(packed, 0, ddz_gather_packed_size(shape));
    for (int entry = 0; entry < ddz_direct_entries(shape); entry++) {
        int source = ddz_direct_channel(shape, entry), o = entry % CONV_BLOCK;
        const int8_t *from = layer->weight + source * inputs;
        int32_t *constant = split_constants(block, inputs) + o;
        for (ptrdiff_t i = 0; source >= 0 && i < inputs; i++) {
            ((int8_t *)block)[place(o, i)] = from[i];
            constant[i / shape->cin * CONV_BLOCK] += 128 * from[i];
            constant[shape->taps * CONV_BLOCK] += 128 * from[i];
        }
        if (o == CONV_BLOCK - 1)
            block += CONV_BLOCK * inputs;
    }
}
