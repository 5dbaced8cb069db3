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
        STATE_NOTHING,  /* the last call was not kept, or there was none */
        STATE_FEATURES, /* the whole tensor is stream 0 at the last call's end */
        STATE_GATES     /* it is the last call's gates */
    } kind;
    struct net_call call; /* the last one */
};

struct net {
    struct mem mem;
    const struct ddz_model *model;
    enum net_use use;
    struct parallel *parallel; /* NULL: none */
    uint64_t features;
    struct conv *conv;           /* [networks][layers], in the order of model->layer */
    struct condition *condition; /* the same: of conv.rescale */
    struct plan plan;
    int16_t *room; /* of NET_FLOWS, for the whole tensor; NULL: none */
    size_t whole;  /* values that there is room for in the whole tensor */
    struct state state;
    int16_t *embedding;
    struct condition embedded; /* what `embedding` is of */
    int32_t *mult;             /* of one layer, on their way into its kernel's form */
    int64_t *bias;
};

/* ---- Memory -------------------------------------------------------------------------------- */

/* Whose weights a network uses */
enum weights { WEIGHTS_OWN, WEIGHTS_OTHERS };

/* What a network is made for */
struct order {
    const struct ddz_model *model;
    enum net_use use;
    enum weights weights;
    uint32_t width, height;
    int lanes;
    uint64_t features;
};

static struct conv conv_of(const struct order *order, int index)
{
    const struct model_layer *layer = &order->model->layer[index];
    struct conv conv = {.layer = {&layer->shape, layer->weight, layer->shift}};
    conv.kernel = ddz_conv_choose(&conv.layer, order->features);
    return conv;
}

/* A layer's weights among those of all, those to spare behind them, and its rescaling. Kernels read weights all over in each
 * strip: they come first, and are what *end is the end of. */
static void carve_layers(struct net *net, struct arena *arena, const struct order *order, size_t *end)
{
    int layers = order->model->networks * order->model->layers;
    for (int i = 0; i < layers; i++) {
        struct conv conv = conv_of(order, i);
        if (order->weights == WEIGHTS_OWN)
            conv.packed = arena_carve(arena, conv.kernel->packed_size(conv.layer.shape), 1);
        if (arena->base)
            net->conv[i] = conv;
    }
    *end = arena->used;
    for (int i = 0; i < layers; i++) {
        struct conv conv = conv_of(order, i);
        if (order->weights == WEIGHTS_OWN)
            conv.spare = arena_carve(arena, conv_spare_size(conv.kernel, conv.layer.shape), 1);
        conv.rescale = arena_carve(arena, conv.kernel->rescale_size(conv.layer.shape), 1);
        if (arena->base) {
            net->conv[i].spare = conv.spare;
            net->conv[i].rescale = conv.rescale;
        }
    }
}

/* The parts of a network after `net` itself, which begins the arena */
static void lay_out(struct net *net, struct arena *arena, const struct order *order)
{
    const struct ddz_model *model = order->model;
    int layers = model->networks * model->layers;
    size_t most = 0;
    arena_carve(arena, 1, sizeof *net);
    net->conv = arena_carve(arena, (size_t)layers, sizeof *net->conv);
    net->condition = arena_carve(arena, (size_t)layers, sizeof *net->condition);
    size_t begin = arena->used, end;
    carve_layers(net, arena, order, &end);
    if (arena->base)
        ddz_mem_scatter(&net->mem, arena->base + begin, end - begin);
    for (int i = 0; i < layers; i++) {
        size_t outputs = (size_t)model->layer[i].shape.cout;
        most = outputs > most ? outputs : most;
    }
    net->mult = arena_carve(arena, most, sizeof *net->mult);
    net->bias = arena_carve(arena, most, sizeof *net->bias);
    net->embedding = arena_carve(arena, (size_t)model->embedding, sizeof *net->embedding);
    net->plan = ddz_plan_make(arena, model, order->width, order->height, order->lanes,
                              order->use == NET_KEEPS ? RUN_FLOW : STRIP_RUNS);
    if (order->use == NET_FLOWS)
        return;
    net->whole = ddz_plan_whole_values(&model->unet, order->width, order->height);
    net->plan.whole = arena_carve(arena, net->whole, sizeof *net->plan.whole);
}

static size_t memory(const struct order *order)
{
    struct arena arena = {NULL, 0};
    struct net sizes = {0};
    lay_out(&sizes, &arena, order);
    return arena.used;
}

size_t ddz_net_memory(const struct ddz_model *model, enum net_use use, uint32_t width, uint32_t height,
                      int lanes, uint64_t features)
{
    return memory(&(struct order){model, use, WEIGHTS_OWN, width, height, lanes, features});
}

size_t ddz_net_memory_beside(const struct ddz_model *model, uint32_t width, uint32_t height,
                             uint64_t features)
{
    return memory(&(struct order){model, NET_KEEPS, WEIGHTS_OTHERS, width, height, 1, features});
}

size_t ddz_net_memory_kept(const struct ddz_model *model, uint32_t width, uint32_t height)
{
    return ddz_size_mul(ddz_plan_whole_values(&model->unet, width, height), sizeof(int16_t));
}

static struct net *make(const struct mem *mem, const struct order *order)
{
    struct arena arena = {NULL, 0};
    arena.base = ddz_mem_alloc(mem, memory(order), 1);
    if (!arena.base)
        return NULL;
    struct net *net = (struct net *)arena.base;
    net->mem = *mem;
    net->model = order->model;
    net->use = order->use;
    net->features = order->features;
    lay_out(net, &arena, order);
    return net;
}

struct net *ddz_net_new(const struct mem *mem, const struct ddz_model *model, enum net_use use,
                        uint32_t width, uint32_t height, struct parallel *parallel, uint64_t features)
{
    const struct order order = {model,   use, WEIGHTS_OWN, width, height, ddz_parallel_lanes(parallel),
                                features};
    struct net *net = make(mem, &order);
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
    const struct order order = {model, NET_KEEPS, WEIGHTS_OTHERS, width, height, 1, net->features};
    struct net *other = make(&net->mem, &order);
    for (int i = 0; other && i < model->networks * model->layers; i++)
        other->conv[i].packed = net->conv[i].packed, other->conv[i].spare = net->conv[i].spare;
    return other;
}

bool ddz_net_keep(struct net *net, uint32_t width, uint32_t height)
{
    size_t values = width ? ddz_plan_whole_values(&net->model->unet, width, height) : 0;
    if (net->use != NET_FLOWS || (values && values <= net->whole))
        return true;
    ddz_mem_free(&net->mem, net->room);
    net->state.kind = STATE_NOTHING;
    net->room = values ? ddz_mem_alloc(&net->mem, values, sizeof *net->room) : NULL;
    net->plan.whole = net->room;
    net->whole = net->room ? values : 0;
    return net->room || !values;
}

bool ddz_net_is_kept(const struct net *net)
{
    return net->state.kind != STATE_NOTHING;
}

void ddz_net_free(struct net *net)
{
    if (!net)
        return;
    struct mem mem = net->mem;
    ddz_mem_free(&mem, net->room);
    ddz_mem_free(&mem, net);
}

/* ---- Layers -------------------------------------------------------------------------------- */

static bool conditioned(const struct condition *condition, const struct net_call *call)
{
    return condition->known && condition->label == call->label && condition->level_q8 == call->level_q8;
}

/* Multipliers and biases for a call's label and level. For a small picture this is a good part of a call,
 * and many are called alike. */
static void condition(struct net *net, const struct net_call *call, int index)
{
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

/* The first so many layers of a run, of the network that a call uses, for pictures of its size */
static void run_layers(struct net *net, const struct net_call *call, enum strip_run run, int layers,
                       const struct net_rows *rows)
{
    const struct ddz_model *model = net->model;
    int network = ddz_model_network(model, call->label, call->level_q8) * model->layers;
    struct stage stage = {&net->plan, net->conv + network, run, layers, rows};
    int64_t macs = 0;
    ddz_plan_cut(&net->plan, call->width, call->height);
    for (int i = 0; i < layers; i++) {
        int number = ddz_strips_layer(model, run, i);
        const struct layer_shape *shape = &model->layer[number].shape;
        condition(net, call, network + number);
        macs += ddz_plan_pixels(&net->plan, shape->level) * shape->taps * shape->cin * shape->cout;
    }
    ddz_stage_run(&stage, macs < PARALLEL_MACS ? NULL : net->parallel);
}

/* ---- Calls --------------------------------------------------------------------------------- */

void ddz_net_call(struct net *net, const struct net_call *call, const struct net_rows *rows)
{
    int layers = ddz_strips_count(net->model, RUN_CALL);
    bool kept = ddz_plan_whole_values(&net->model->unet, call->width, call->height) <= net->whole;
    assert(!call->aside || net->use != NET_KEEPS);
    if (!call->aside)
        net->state = (struct state){kept ? STATE_FEATURES : STATE_NOTHING, *call};
    if (!kept || call->aside) {
        run_layers(net, call, RUN_FLOW, layers, rows);
        return;
    }
    ddz_plan_cut(&net->plan, call->width, call->height);
    ddz_plan_clear_border(&net->plan);
    run_layers(net, call, RUN_CALL, layers, rows);
}

void ddz_net_flow(struct net *net, const struct net_call *call, int updates, const struct net_rows *rows)
{
    int unused = (FLOW_UPDATES - updates) * ddz_strips_count(net->model, RUN_UPDATE);
    assert(updates >= 1 && updates <= FLOW_UPDATES && net->use == NET_FLOWS);
    net->state = (struct state){STATE_NOTHING, *call};
    run_layers(net, call, RUN_FLOW, ddz_strips_count(net->model, RUN_FLOW) - unused, rows);
}

/* Pictures in memory */
struct pictures {
    const int16_t *in;
    int16_t *out;
    size_t row;
};

static const int16_t *take_rows(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *room)
{
    const struct pictures *p = cookie;
    (void)part, (void)rows, (void)room;
    return p->in + y * p->row;
}

static void give_rows(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *values)
{
    const struct pictures *p = cookie;
    (void)part;
    memcpy(p->out + y * p->row, values, rows * p->row * sizeof *values);
}

void ddz_net_forward(struct net *net, const int16_t *in, int16_t *out, const struct net_call *call)
{
    struct pictures pictures = {in, out, (size_t)3 * call->width};
    const struct net_rows rows = {take_rows, give_rows, &pictures};
    ddz_net_call(net, call, &rows);
}

void ddz_net_update(struct net *net, const int16_t *in, int16_t *out)
{
    const struct net_call *call = &net->state.call;
    struct pictures pictures = {in, out, (size_t)3 * call->width};
    const struct net_rows rows = {take_rows, give_rows, &pictures};
    assert(net->state.kind != STATE_NOTHING);
    if (net->state.kind == STATE_FEATURES)
        run_layers(net, call, RUN_GATES, ddz_strips_count(net->model, RUN_GATES), NULL);
    net->state.kind = STATE_GATES;
    run_layers(net, call, RUN_UPDATE, ddz_strips_count(net->model, RUN_UPDATE), &rows);
}
