/*
 * The U-Net: its memory, conditioning and state. One allocation holds the network, the weights as the kernels want
 * them, and the feature maps.
 */
#include "nn/net.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/parallel.h"
#include "nn/condition.h"
#include "nn/conv/conv.h"
#include "nn/plan.h"
#include "nn/stage.h"

enum { PARALLEL_MACS = 1 << 24 /* less work than this is not worth waking threads */ };

static_assert((int)MODEL_MAX_CHANNELS <= (int)CONV_MAX_CHANNELS, "kernels are made for all models");

/* What layers are conditioned for */
struct condition {
    bool known;
    int label;
    int32_t level_q8;
};

/* What updates go on from */
struct state {
    enum {
        STATE_NOTHING,
        STATE_FEATURES, /* the whole tensor is stream 0 at the last call's end */
        STATE_GATES     /* it is the last call's gates */
    } kind;
    uint32_t width, height; /* the last call */
    int label;
    int32_t level_q8;
};

struct net {
    struct mem mem;
    const struct ddz_model *model;
    struct parallel *parallel; /* NULL: none */
    uint64_t features;
    struct conv *conv;           /* [networks][layers], in the order of model->layer */
    struct condition *condition; /* the same: of conv.rescale */
    struct plan plan;
    struct state state;
    int16_t *embedding;
    struct condition embedded; /* what `embedding` is of */
    int32_t *mult;             /* of one layer, on their way into its kernel's form */
    int64_t *bias;
};

/* ---- Memory -------------------------------------------------------------------------------- */

/* Whose weights a network uses */
enum weights { WEIGHTS_OWN, WEIGHTS_OTHERS };

static struct conv carve_conv(struct arena *arena, const struct model_layer *layer, uint64_t features,
                              enum weights weights)
{
    const struct layer_shape *shape = &layer->shape;
    struct conv conv = {.layer = {shape, layer->weight, layer->shift}};
    conv.kernel = ddz_conv_choose(&conv.layer, features);
    if (weights == WEIGHTS_OWN)
        conv.packed = arena_carve(arena, conv.kernel->packed_size(shape), 1);
    conv.rescale = arena_carve(arena, conv.kernel->rescale_size(shape), 1);
    return conv;
}

/* The parts of a network after `net` itself, which begins the arena */
static void lay_out(struct net *net, struct arena *arena, enum weights weights, uint32_t width,
                    uint32_t height, int lanes)
{
    const struct ddz_model *model = net->model;
    int layers = model->networks * model->layers;
    size_t most = 0;
    arena_carve(arena, 1, sizeof *net);
    net->conv = arena_carve(arena, (size_t)layers, sizeof *net->conv);
    net->condition = arena_carve(arena, (size_t)layers, sizeof *net->condition);
    for (int i = 0; i < layers; i++) {
        size_t outputs = (size_t)model->layer[i].shape.cout;
        struct conv conv = carve_conv(arena, &model->layer[i], net->features, weights);
        if (arena->base)
            net->conv[i] = conv;
        most = outputs > most ? outputs : most;
    }
    net->mult = arena_carve(arena, most, sizeof *net->mult);
    net->bias = arena_carve(arena, most, sizeof *net->bias);
    net->embedding = arena_carve(arena, (size_t)model->embedding, sizeof *net->embedding);
    net->plan = ddz_plan_make(arena, model, width, height, lanes);
}

static size_t memory(const struct ddz_model *model, enum weights weights, uint32_t width, uint32_t height,
                     int lanes, uint64_t features)
{
    struct arena arena = {NULL, 0};
    struct net sizes = {.model = model, .features = features};
    lay_out(&sizes, &arena, weights, width, height, lanes);
    return arena.used;
}

size_t ddz_net_memory(const struct ddz_model *model, uint32_t width, uint32_t height, int lanes,
                      uint64_t features)
{
    return memory(model, WEIGHTS_OWN, width, height, lanes, features);
}

size_t ddz_net_memory_beside(const struct ddz_model *model, uint32_t width, uint32_t height,
                             uint64_t features)
{
    return memory(model, WEIGHTS_OTHERS, width, height, 1, features);
}

static struct net *make(const struct mem *mem, const struct ddz_model *model, enum weights weights,
                        uint32_t width, uint32_t height, int lanes, uint64_t features)
{
    struct arena arena = {NULL, 0};
    arena.base = ddz_mem_alloc(mem, memory(model, weights, width, height, lanes, features), 1);
    if (!arena.base)
        return NULL;
    struct net *net = (struct net *)arena.base;
    net->mem = *mem;
    net->model = model;
    net->features = features;
    lay_out(net, &arena, weights, width, height, lanes);
    return net;
}

struct net *ddz_net_new(const struct mem *mem, const struct ddz_model *model, uint32_t width, uint32_t height,
                        struct parallel *parallel, uint64_t features)
{
    struct net *net = make(mem, model, WEIGHTS_OWN, width, height, ddz_parallel_lanes(parallel), features);
    if (!net)
        return NULL;
    net->parallel = parallel;
    for (int i = 0; i < model->networks * model->layers; i++)
        net->conv[i].kernel->pack(&net->conv[i].layer, net->conv[i].packed);
    return net;
}

struct net *ddz_net_new_beside(const struct net *net, uint32_t width, uint32_t height)
{
    const struct ddz_model *model = net->model;
    struct net *other = make(&net->mem, model, WEIGHTS_OTHERS, width, height, 1, net->features);
    for (int i = 0; other && i < model->networks * model->layers; i++)
        other->conv[i].packed = net->conv[i].packed;
    return other;
}

void ddz_net_free(struct net *net)
{
    if (!net)
        return;
    struct mem mem = net->mem;
    ddz_mem_free(&mem, net);
}

/* ---- Layers -------------------------------------------------------------------------------- */

static bool conditioned(const struct condition *condition, const struct state *call)
{
    return condition->known && condition->label == call->label && condition->level_q8 == call->level_q8;
}

/* Multipliers and biases for the last call's label and level. For a small picture this is a good part of a call,
 * and many are called alike. */
static void condition(struct net *net, int index)
{
    const struct state *call = &net->state;
    const struct condition now = {true, call->label, call->level_q8};
    const struct conv *conv = &net->conv[index];
    if (conditioned(&net->condition[index], call))
        return;
    if (!conditioned(&net->embedded, call)) {
        ddz_model_embedding(net->model, call->label, call->level_q8, net->embedding);
        net->embedded = now;
    }
    ddz_condition(&net->model->layer[index], net->embedding, net->model->embedding, net->mult, net->bias);
    conv->kernel->rescale(&conv->layer, net->mult, net->bias, conv->rescale);
    net->condition[index] = now;
}

/* All layers of a stage, of the network that the last call used, for pictures of its size */
static void run_stage(struct net *net, enum layer_stage kind, const int16_t *in, int16_t *out)
{
    const struct ddz_model *model = net->model;
    int network = ddz_model_network(model, net->state.label, net->state.level_q8) * model->layers;
    struct stage stage = {.plan = &net->plan, .conv = net->conv + network, .in = in, .out = out};
    int64_t macs = 0;
    ddz_plan_cut(&net->plan, net->state.width, net->state.height);
    for (int i = 0; i < model->layers; i++) {
        const struct layer_shape *shape = &model->layer[i].shape;
        if (shape->stage < kind)
            stage.first = i + 1;
        if (shape->stage != kind)
            continue;
        stage.end = i + 1;
        condition(net, network + i);
        macs += ddz_plan_pixels(&net->plan, shape->level) * shape->taps * shape->cin * shape->cout;
    }
    ddz_stage_run(&stage, macs < PARALLEL_MACS ? NULL : net->parallel);
}

/* ---- Calls --------------------------------------------------------------------------------- */

void ddz_net_forward(struct net *net, const int16_t *in, int16_t *out, uint32_t width, uint32_t height,
                     int label, int32_t level_q8)
{
    net->state = (struct state){STATE_FEATURES, width, height, label, level_q8};
    ddz_plan_cut(&net->plan, width, height);
    ddz_plan_clear_border(&net->plan);
    run_stage(net, STAGE_CALL, in, out);
}

void ddz_net_update(struct net *net, const int16_t *in, int16_t *out)
{
    assert(net->state.kind != STATE_NOTHING);
    if (net->state.kind == STATE_FEATURES)
        run_stage(net, STAGE_GATES, NULL, NULL);
    net->state.kind = STATE_GATES;
    run_stage(net, STAGE_UPDATE, in, out);
}

/* ---- State --------------------------------------------------------------------------------- */

static size_t kept_bytes(const struct ddz_model *model, const struct state *state)
{
    if (state->kind == STATE_NOTHING)
        return 0;
    size_t values = ddz_plan_whole_values(&model->unet, state->width, state->height);
    return ddz_size_mul(values, sizeof(int16_t));
}

size_t ddz_net_state_size(const struct ddz_model *model, uint32_t width, uint32_t height)
{
    const struct state largest = {.kind = STATE_GATES, .width = width, .height = height};
    return ddz_size_add(sizeof largest, kept_bytes(model, &largest));
}

void ddz_net_save(const struct net *net, uint8_t *state)
{
    const struct state *now = &net->state;
    memcpy(state, now, sizeof *now);
    memcpy(state + sizeof *now, net->plan.whole, kept_bytes(net->model, now));
}

void ddz_net_restore(struct net *net, const uint8_t *state)
{
    struct state *now = &net->state;
    memcpy(now, state, sizeof *now);
    memcpy(net->plan.whole, state + sizeof *now, kept_bytes(net->model, now));
}
