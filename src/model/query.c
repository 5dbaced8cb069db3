/* What the codec asks of a loaded model. */
#include <string.h>

#include "base/fixed.h"
#include "ddz/research.h"
#include "model/model.h"

uint32_t ddz_model_id(const ddz_model *model)
{
    return model->id;
}

int ddz_model_matches(const ddz_model *model, uint32_t id, int id_bits)
{
    uint64_t known = ((uint64_t)1 << id_bits) - 1;
    return ((model->id ^ id) & known) == 0;
}

const char *ddz_model_provenance(const ddz_model *model)
{
    return model->provenance;
}

/* Of a call with its gates; updates are left aside. Level i of the U-Net has 1 / 4^(i + 1) of the pixels. */
uint32_t ddz_research_model_macs_per_pixel(const ddz_model *model)
{
    uint64_t sum = 0; /* in units of 1 / 4^levels */
    for (int i = 0; i < model->layers; i++) {
        const struct layer_shape *shape = &model->layer[i].shape;
        if (shape->stage != STAGE_UPDATE)
            sum += (uint64_t)(shape->taps * shape->cin) * (uint64_t)shape->cout
                   << 2 * (model->unet.levels - 1 - shape->level);
    }
    return (uint32_t)rshift_round((int64_t)sum, 2 * model->unet.levels);
}

int ddz_model_network(const struct ddz_model *model, int label, int32_t level_q8)
{
    int network = 0;
    while (label == 0 && network + 1 < model->networks && level_q8 >= 256 * model->first_level[network + 1])
        network++;
    return network;
}

const struct model_layer *ddz_model_find(const struct ddz_model *model, const char *name, int taps, int cin,
                                         int cout)
{
    for (int i = 0; i < model->networks * model->layers; i++) {
        const struct layer_shape *shape = &model->layer[i].shape;
        if (strcmp(shape->name, name) == 0)
            return shape->taps == taps && shape->cin == cin && shape->cout == cout ? &model->layer[i] : NULL;
    }
    return NULL;
}

/* Position between equidistant nodes: `fraction` of their distance after `node`, which has a next */
struct position {
    int64_t node, fraction;
};

static struct position locate(int64_t distance, int64_t den, int32_t nodes)
{
    int64_t at = clamp64(distance, 0, den * (nodes - 1));
    int64_t node = at / den < nodes - 1 ? at / den : nodes - 2;
    return (struct position){node, at - node * den};
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void ddz_model_embedding(const struct ddz_model *model, int label, int32_t level_q8, int16_t *out)
{
    int64_t den = model->embed_step * (int64_t)256;
    struct position at = locate(level_q8 - model->embed_first * (int64_t)256, den, model->embed_nodes);
    ptrdiff_t table = ddz_model_network(model, label, level_q8) * MODEL_LABELS + label;
    const int16_t *a = model->embed + (table * model->embed_nodes + at.node) * model->embedding;
    const int16_t *b = a + model->embedding;
    for (int i = 0; i < model->embedding; i++)
        out[i] = (int16_t)floor_div(a[i] * (den - at.fraction) + b[i] * at.fraction + den / 2, den);
}

uint32_t ddz_model_rate(const struct ddz_model *model, int label, int32_t level)
{
    int64_t den = model->rate_step;
    struct position at = locate(level - (int64_t)model->rate_first, den, model->rate_nodes);
    const uint32_t *a = model->rate + label * (ptrdiff_t)model->rate_nodes + at.node;
    return (uint32_t)((a[0] * (den - at.fraction) + a[1] * at.fraction + den / 2) / den);
}
