/*
 * The U-Net: runs the topology's layers. One allocation holds the network, the weights as the kernels want them,
 * and the feature maps.
 */
#include "nn/net.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/parallel.h"
#include "nn/condition.h"
#include "nn/conv/conv.h"
#include "nn/patches.h"
#include "nn/plan.h"

enum {
    PARALLEL_MACS = 1 << 21, /* a convolution smaller than this is not worth waking threads */
    BANDS_PER_LANE = 4,      /* into which a map is cut, so that threads end at about the same time */
    BAND_STEP = 4            /* a band's rows are a multiple of this; whole tiles of any kernel */
};

static_assert((int)MODEL_MAX_CHANNELS <= (int)CONV_MAX_CHANNELS, "kernels are made for all models");

/* What layers are conditioned for */
struct condition {
    bool known;
    int label;
    int32_t level_q8;
};

/* A layer of one network */
struct net_layer {
    const struct model_layer *layer;
    struct conv conv;
    struct condition condition; /* of conv.rescale */
};

/* What updates go on from */
struct state {
    enum {
        STATE_NOTHING,
        STATE_FEATURES, /* stream 0 is that of the last call's end */
        STATE_GATES     /* the last call's gates are there */
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
    struct net_layer *layer; /* [networks][layers], in the order of model->layer */
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

static struct net_layer carve_layer(struct arena *arena, const struct model_layer *layer, uint64_t features,
                                    enum weights weights)
{
    const struct layer_shape *shape = &layer->shape;
    struct net_layer made = {.layer = layer, .conv.layer = {shape, layer->weight, layer->shift}};
    made.conv.kernel = ddz_conv_choose(&made.conv.layer, features);
    if (weights == WEIGHTS_OWN)
        made.conv.packed = arena_carve(arena, made.conv.kernel->packed_size(shape), 1);
    made.conv.rescale = arena_carve(arena, made.conv.kernel->rescale_size(shape), 1);
    return made;
}

/* The parts of a network after `net` itself, which begins the arena */
static void lay_out(struct net *net, struct arena *arena, enum weights weights, uint32_t width,
                    uint32_t height)
{
    const struct ddz_model *model = net->model;
    int layers = model->networks * model->layers;
    size_t most = 0;
    arena_carve(arena, 1, sizeof *net);
    net->layer = arena_carve(arena, (size_t)layers, sizeof *net->layer);
    for (int i = 0; i < layers; i++) {
        size_t outputs = (size_t)model->layer[i].shape.cout;
        struct net_layer layer = carve_layer(arena, &model->layer[i], net->features, weights);
        if (arena->base)
            net->layer[i] = layer;
        most = outputs > most ? outputs : most;
    }
    net->mult = arena_carve(arena, most, sizeof *net->mult);
    net->bias = arena_carve(arena, most, sizeof *net->bias);
    net->embedding = arena_carve(arena, (size_t)model->embedding, sizeof *net->embedding);
    net->plan = ddz_plan_make(arena, &model->unet, width, height);
}

static size_t memory(const struct ddz_model *model, enum weights weights, uint32_t width, uint32_t height,
                     uint64_t features)
{
    struct arena arena = {NULL, 0};
    struct net sizes = {.model = model, .features = features};
    lay_out(&sizes, &arena, weights, width, height);
    return arena.used;
}

size_t ddz_net_memory(const struct ddz_model *model, uint32_t width, uint32_t height, uint64_t features)
{
    return memory(model, WEIGHTS_OWN, width, height, features);
}

size_t ddz_net_memory_beside(const struct ddz_model *model, uint32_t width, uint32_t height,
                             uint64_t features)
{
    return memory(model, WEIGHTS_OTHERS, width, height, features);
}

static struct net *make(const struct mem *mem, const struct ddz_model *model, enum weights weights,
                        uint32_t width, uint32_t height, uint64_t features)
{
    struct arena arena = {NULL, 0};
    arena.base = ddz_mem_alloc(mem, memory(model, weights, width, height, features), 1);
    if (!arena.base)
        return NULL;
    struct net *net = (struct net *)arena.base;
    net->mem = *mem;
    net->model = model;
    net->features = features;
    lay_out(net, &arena, weights, width, height);
    return net;
}

struct net *ddz_net_new(const struct mem *mem, const struct ddz_model *model, uint32_t width, uint32_t height,
                        struct parallel *parallel, uint64_t features)
{
    struct net *net = make(mem, model, WEIGHTS_OWN, width, height, features);
    if (!net)
        return NULL;
    net->parallel = parallel;
    for (int i = 0; i < model->networks * model->layers; i++) {
        const struct conv *conv = &net->layer[i].conv;
        conv->kernel->pack(&conv->layer, conv->packed);
    }
    return net;
}

struct net *ddz_net_new_beside(const struct net *net, uint32_t width, uint32_t height)
{
    const struct ddz_model *model = net->model;
    struct net *other = make(&net->mem, model, WEIGHTS_OTHERS, width, height, net->features);
    for (int i = 0; other && i < model->networks * model->layers; i++)
        other->layer[i].conv.packed = net->layer[i].conv.packed;
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
static void condition(struct net *net, struct net_layer *layer)
{
    const struct state *call = &net->state;
    const struct condition now = {true, call->label, call->level_q8};
    if (conditioned(&layer->condition, call))
        return;
    if (!conditioned(&net->embedded, call)) {
        ddz_model_embedding(net->model, call->label, call->level_q8, net->embedding);
        net->embedded = now;
    }
    ddz_condition(layer->layer, net->embedding, net->model->embedding, net->mult, net->bias);
    layer->conv.kernel->rescale(&layer->conv.layer, net->mult, net->bias, layer->conv.rescale);
    layer->condition = now;
}

static struct map map_of(const struct net *net, struct tensor tensor)
{
    return ddz_plan_map(&net->plan, tensor, net->state.width);
}

static ptrdiff_t rows_of(const struct net *net, int level)
{
    return ddz_plan_side(&net->model->unet, net->state.height, level);
}

/* A layer's work, cut into bands */
struct job {
    const struct conv *conv;
    struct map in, out, gates;
    ptrdiff_t rows, band; /* of all, and of a band */
};

static void run_band(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    int taps = job->conv->layer.shape->taps;
    ptrdiff_t y = (ptrdiff_t)index * job->band, end = y + job->band < job->rows ? y + job->band : job->rows;
    struct conv_band band = {.in = map_from(job->in, taps == 4 ? 2 * y : y),
                             .out = map_from(job->out, taps == 1 ? 2 * y : y),
                             .gates = map_from(job->gates, y),
                             .rows = end - y,
                             .above = y > 0,
                             .below = end < job->rows};
    job->conv->kernel->run(job->conv, &band);
}

/* By several threads, if the work is worth waking them */
static void run_bands(struct net *net, struct job *job, int64_t macs)
{
    struct parallel *parallel = macs < PARALLEL_MACS ? NULL : net->parallel;
    int lanes = ddz_parallel_lanes(parallel);
    ptrdiff_t most = lanes > 1 ? lanes * BANDS_PER_LANE : 1;
    job->band = ((job->rows + most - 1) / most + BAND_STEP - 1) / BAND_STEP * BAND_STEP;
    ddz_parallel_for(parallel, (size_t)((job->rows + job->band - 1) / job->band), run_band, job);
}

static void run_layer(struct net *net, struct net_layer *layer)
{
    const struct layer_shape *shape = &layer->layer->shape;
    struct job job = {.conv = &layer->conv,
                      .in = map_of(net, shape->reads),
                      .out = map_of(net, shape->writes),
                      .gates = map_of(net, (struct tensor){TENSOR_GATES, 0}),
                      .rows = rows_of(net, shape->level)};
    condition(net, layer);
    if (shape->end != END_ADD)
        ddz_plan_clear_border(&job.out, rows_of(net, shape->writes.level));
    int64_t pixels = (int64_t)job.rows * ddz_plan_side(&net->model->unet, net->state.width, shape->level);
    run_bands(net, &job, pixels * shape->taps * shape->cin * shape->cout);
}

/* All layers of a stage, of the network that the last call used */
static void run_stage(struct net *net, enum layer_stage stage)
{
    const struct ddz_model *model = net->model;
    int network = ddz_model_network(model, net->state.label, net->state.level_q8);
    struct net_layer *layer = net->layer + network * model->layers;
    for (int i = 0; i < model->layers; i++)
        if (layer[i].layer->shape.stage == stage)
            run_layer(net, &layer[i]);
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* A stage from a picture to a picture, both of the size of the last call */
static void run_picture(struct net *net, enum layer_stage stage, const int16_t *in, int16_t *out)
{
    struct map input = map_of(net, (struct tensor){TENSOR_INPUT, 0}),
               output = map_of(net, (struct tensor){TENSOR_OUTPUT, 0});
    ddz_plan_clear_border(&input, rows_of(net, 0));
    ddz_patches_from(in, net->state.width, net->state.height, &input, rows_of(net, 0));
    run_stage(net, stage);
    ddz_patches_to(&output, out, net->state.width, net->state.height);
}

void ddz_net_forward(struct net *net, const int16_t *in, int16_t *out, uint32_t width, uint32_t height,
                     int label, int32_t level_q8)
{
    net->state = (struct state){STATE_FEATURES, width, height, label, level_q8};
    run_picture(net, STAGE_CALL, in, out);
}

void ddz_net_update(struct net *net, const int16_t *in, int16_t *out)
{
    assert(net->state.kind != STATE_NOTHING);
    if (net->state.kind == STATE_FEATURES)
        run_stage(net, STAGE_GATES);
    net->state.kind = STATE_GATES;
    run_picture(net, STAGE_UPDATE, in, out);
}

/* ---- State --------------------------------------------------------------------------------- */

/* Features and gates are tensors of one size. */
static struct tensor kept_tensor(const struct state *state)
{
    return (struct tensor){state->kind == STATE_FEATURES ? TENSOR_STREAM : TENSOR_GATES, 0};
}

static size_t kept_bytes(const struct ddz_model *model, const struct state *state)
{
    if (state->kind == STATE_NOTHING)
        return 0;
    size_t values = ddz_plan_values(&model->unet, kept_tensor(state), state->width, state->height);
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
    memcpy(state + sizeof *now, ddz_plan_data(&net->plan, kept_tensor(now)), kept_bytes(net->model, now));
}

void ddz_net_restore(struct net *net, const uint8_t *state)
{
    struct state *now = &net->state;
    memcpy(now, state, sizeof *now);
    memcpy(ddz_plan_data(&net->plan, kept_tensor(now)), state + sizeof *now, kept_bytes(net->model, now));
}
