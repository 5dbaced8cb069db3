/*
 * The model file (.ddm) in memory: a read-only view that the network, the schedule and the codec
 * use. ddz.5, "MODEL FILE", is the format.
 */
#ifndef DDZ_MODEL_MODEL_H
#define DDZ_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "ddz.h"
#include "model/topology.h"

enum {
    MODEL_LABELS = 8,
    MODEL_MAX_NETWORKS = 4,
    MODEL_MAX_PLAN = 32,
    MODEL_MAX_CHANNELS = 1024,
    MODEL_MAX_EMBEDDING = 128,
    MODEL_EMBEDDING_BITS = 14, /* embedding values: q14 */
    MODEL_GAIN_BITS = 12,      /* gains: q12 */
    MODEL_BIAS_BITS = 4,       /* biases: sixteenths of a unit of the layer's output */
    MODEL_INPUT_BITS = 12      /* the network's input and output: q12 */
};

/*
 * One convolution and its conditioning. For output channel o and embedding E (q14):
 *   gain = clamp16(gain_base[o] + rshift_round(sum_j gain_weight[o][j] E[j], 14))
 *   mult = rshift_round(gain * scale[o], 12)
 *   bias = clamp25(bias_base[o] + rshift_round(sum_j bias_weight[o][j] E[j], 14))
 *   out  = clamp16(residual + rshift_round(acc * mult + bias * 2^(shift - 4), shift))
 * where acc = sum over taps and input channels of weight * input (int32, proven not to overflow
 * for any int16 input: sum |weight| <= 65535).
 * clamp25 is to [-2^24, 2^24 - 1], thirty times the range of the output: bias * 2^(shift - 4) and
 * its sum with acc * mult then fit 62 bits for every gain, scale and shift.
 */
struct model_layer {
    struct layer_shape shape;
    int shift;                  /* 8 to 40 */
    const uint32_t *scale;      /* [cout], < 2^26 */
    const int16_t *gain_base;   /* [cout] */
    const int16_t *gain_weight; /* [cout][embedding] */
    const int32_t *bias_base;   /* [cout] */
    const int32_t *bias_weight; /* [cout][embedding] */
    const int8_t *weight;       /* [cout][taps][cin], taps row by row */
};

/* A step of the plan for a label: go to `level`; rate_q16: bits per coordinate, 0: predicted. */
struct plan_step {
    int32_t level;
    uint32_t rate_q16;
};

struct ddz_model {
    struct mem mem;
    uint32_t id;
    char *provenance;

    struct architecture unet;
    int embedding;
    /* Networks of one shape, each for its part of the noise: at label 0 the last one whose first level
     * has been reached, at other labels number 0. */
    int networks;
    int32_t first_level[MODEL_MAX_NETWORKS]; /* ascending; of number 0 INT32_MIN */
    struct model_layer *layer;               /* [networks][layers], in the order in which they run */
    int layers;                              /* of one network */

    /* Embedding table: [network][label][node][embedding], node i at noise level first + i * step */
    int32_t embed_first, embed_step, embed_nodes;
    const int16_t *embed;

    int32_t mean[3]; /* xhat_0 at sigma = infinity, 256 a grey level, centred */
    /* labels 1 to 7: levels to visit; the last is 32. Label 0's steps are named by the stream. */
    int plan_steps[MODEL_LABELS];
    struct plan_step plan[MODEL_LABELS][MODEL_MAX_PLAN];
    uint32_t lift_rate_q16[MODEL_LABELS]; /* of the lift to a scale of that label; 0: predicted, or no such lift */

    /* Mean |x_0 - xhat_0|^2 / sigma^2 per coordinate, q16: [label][node] */
    int32_t rate_first, rate_step, rate_nodes;
    const uint32_t *rate;
    uint32_t lift_density_q16[MODEL_LABELS]; /* mean |d - dhat|^2 / sigma^2 of the lift to it */

    uint8_t *body; /* the decompressed file, and all arrays */
};

/* Number of the network for `label` at noise level_q8 / 256. */
int ddz_model_network(const struct ddz_model *model, int label, int32_t level_q8);

/* NULL if there is no layer of that name and exact shape. Names of network n > 0 begin with "n:". */
const struct model_layer *ddz_model_find(const struct ddz_model *model, const char *name, int taps, int cin,
                                         int cout);

/* The embedding, by its network, of `label` at noise level_q8 / 256 into out[embedding], q14: linear between
 * nodes, constant outside. */
void ddz_model_embedding(const struct ddz_model *model, int label, int32_t level_q8, int16_t *out);

/* Density of the rate, q16, at a whole noise level: linear between nodes, constant outside. */
uint32_t ddz_model_rate(const struct ddz_model *model, int label, int32_t level);

#endif
