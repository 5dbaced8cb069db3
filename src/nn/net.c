/*
 * The U-Net: graph, arena and threads. One allocation holds the network, the weights as the
 * kernels want them, and the feature maps.
 */
#include "nn/net.h"

#include <stdbool.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/fixed.h"
#include "nn/kernels.h"

enum {
    RUN_PIXELS = 64,         /* rows are joined to runs of at least so many pixels */
    PARALLEL_MACS = 1 << 21, /* a convolution smaller than this is not worth waking threads */
    INPUT_CHANNELS = TOPOLOGY_PATCH,
    UPDATE_LAYERS = 2 /* sift and join, a network's last layers */
};

/* A feature map: pixels of `channels` values, a border of zeros around them. The pixel that ends a
 * row is the border on its right and, of the next row, on its left. */
struct map {
    int16_t *data;
    ptrdiff_t width, height, channels;
};

/* A layer made ready: `parts` convolutions of the same input (4 where the output is shuffled into
 * 2x2 pixels, else 1), each of `blocks` blocks of output channels. */
struct conv {
    const struct model_layer *layer;
    int parts, blocks;
    int16_t *weight; /* [parts * blocks][taps][pairs][KERNEL_BLOCK][2] */
    int32_t *mult;   /* [parts * blocks][KERNEL_BLOCK] */
    int64_t *bias;
};

struct net {
    struct mem mem;
    const struct ddz_model *model;
    struct kernels kernels;
    int threads;
    struct conv *conv;                    /* [networks][layers], in the order of model->layer */
    int16_t *stream[TOPOLOGY_MAX_LEVELS]; /* a level's residual stream; kept as the skip connection */
    int16_t *scratch;                     /* between the two convolutions of a block; then the gates */
    int16_t *patches;                     /* pictures, as 2x2 pixels of 3 colours */
    int16_t *embedding;

    struct call {
        uint32_t width, height;
        int label;
        int32_t level_q8;
    } call;         /* the last one, which updates go on from */
    bool has_gates; /* of that call in `scratch`; else what they are made of is still in stream[0] */
    struct {
        int label, first;
        int32_t level_q8;
    } ready; /* what the called network's layers from `first` on are conditioned for */
};

/* ---- Arena --------------------------------------------------------------------------------- */

/* Carves one allocation; with a NULL base it only adds up sizes. */
struct arena {
    uint8_t *base;
    size_t used;
};

static void *carve(struct arena *arena, size_t count, size_t size)
{
    size_t at = arena->used, bytes = ddz_size_add(ddz_size_mul(count, size), DDZ_ALIGN - 1);
    if (bytes != SIZE_MAX)
        bytes &= ~(size_t)(DDZ_ALIGN - 1);
    arena->used = ddz_size_add(at, bytes);
    return arena->base ? arena->base + at : NULL;
}

static size_t map_values(size_t width, size_t height, size_t channels)
{
    return ddz_size_mul(ddz_size_add(ddz_size_mul(ddz_size_add(width, 1), ddz_size_add(height, 2)), 1),
                        channels);
}

/* `weight`: of another network, or NULL */
static struct conv conv_carve(struct arena *arena, const struct model_layer *layer, int16_t *weight)
{
    struct conv conv = {.layer = layer, .parts = layer->shape.taps == 1 ? 4 : 1};
    conv.blocks = (layer->shape.cout / conv.parts + KERNEL_BLOCK - 1) / KERNEL_BLOCK;
    size_t outputs = (size_t)(conv.parts * conv.blocks * KERNEL_BLOCK);
    conv.weight =
        weight ? weight
               : carve(arena, outputs * (size_t)(layer->shape.taps * layer->shape.cin), sizeof *conv.weight);
    conv.mult = carve(arena, outputs, sizeof *conv.mult);
    conv.bias = carve(arena, outputs, sizeof *conv.bias);
    return conv;
}

/* Size of level `level` for a side of the picture, padded to whole pixels of the deepest level */
static uint32_t level_side(const struct ddz_model *model, uint32_t side, int level)
{
    uint32_t deepest = side == 0 ? 1 : ((side - 1) >> model->unet.levels) + 1;
    return deepest << (model->unet.levels - 1 - level);
}

/* The parts of a network after `net` itself, which begins the arena; `weights` is the network whose weights
 * it uses, or NULL */
static void lay_out(struct net *net, struct arena *arena, const struct ddz_model *model,
                    const struct net *weights, uint32_t width, uint32_t height)
{
    carve(arena, 1, sizeof *net);
    net->model = model;
    int convs = model->networks * model->layers;
    net->conv = carve(arena, (size_t)convs, sizeof *net->conv);
    for (int i = 0; i < convs; i++) {
        struct conv conv = conv_carve(arena, &model->layer[i], weights ? weights->conv[i].weight : NULL);
        if (arena->base)
            net->conv[i] = conv;
    }
    net->embedding = carve(arena, (size_t)model->embedding, sizeof *net->embedding);
    size_t scratch = 0;
    for (int i = 0; i < model->unet.levels; i++) {
        size_t values = map_values(level_side(model, width, i), level_side(model, height, i),
                                   (size_t)model->unet.channels[i]);
        net->stream[i] = carve(arena, values, sizeof *net->stream[i]);
        scratch = values > scratch ? values : scratch;
    }
    net->scratch = carve(arena, scratch, sizeof *net->scratch);
    size_t patches = map_values(level_side(model, width, 0), level_side(model, height, 0), KERNEL_BLOCK);
    net->patches = carve(arena, patches, sizeof *net->patches);
}

static size_t memory_beside(const struct ddz_model *model, const struct net *weights, uint32_t width,
                            uint32_t height)
{
    struct arena arena = {NULL, 0};
    struct net sizes;
    lay_out(&sizes, &arena, model, weights, width, height);
    return arena.used;
}

size_t ddz_net_memory(const struct ddz_model *model, uint32_t width, uint32_t height)
{
    return memory_beside(model, NULL, width, height);
}

/* Row of the layer that computes output channel `o` of part `part` (the order of torch's
 * pixel_shuffle: part = 2 dy + dx is the faster index), -1 for padding. */
static int source_channel(const struct conv *conv, int part, int o)
{
    int source = o * conv->parts + part;
    return source < conv->layer->shape.cout ? source : -1;
}

static void conv_pack(const struct conv *conv)
{
    const struct model_layer *layer = conv->layer;
    int inputs = layer->shape.taps * layer->shape.cin; /* cin is even: pairs do not straddle taps */
    int16_t *to = conv->weight;
    for (int part = 0; part < conv->parts; part++)
        for (int block = 0; block < conv->blocks; block++)
            for (int i = 0; i < inputs; i += 2)
                for (int o = 0; o < KERNEL_BLOCK; o++, to += 2) {
                    int source = source_channel(conv, part, block * KERNEL_BLOCK + o);
                    const int8_t *from = layer->weight + (ptrdiff_t)source * inputs + i;
                    to[0] = source < 0 ? 0 : from[0];
                    to[1] = source < 0 ? 0 : from[1];
                }
}

static struct net *make(const struct mem *mem, const struct ddz_model *model, const struct net *weights,
                        uint32_t width, uint32_t height)
{
    struct arena arena = {NULL, 0};
    arena.base = ddz_mem_alloc(mem, memory_beside(model, weights, width, height), 1);
    if (!arena.base)
        return NULL;
    struct net *net = (struct net *)arena.base;
    lay_out(net, &arena, model, weights, width, height);
    net->mem = *mem;
    net->ready.first = model->layers;
    return net;
}

struct net *ddz_net_new(const struct mem *mem, const struct ddz_model *model, uint32_t width, uint32_t height,
                        int threads, uint64_t features)
{
    struct net *net = make(mem, model, NULL, width, height);
    if (!net)
        return NULL;
    net->threads = threads;
#ifdef _OPENMP
    if (threads <= 0)
        net->threads = omp_get_max_threads();
#endif
    ddz_kernels_init(&net->kernels, features);
    for (int i = 0; i < model->networks * model->layers; i++)
        conv_pack(&net->conv[i]);
    return net;
}

struct net *ddz_net_new_beside(const struct net *net, uint32_t width, uint32_t height)
{
    struct net *other = make(&net->mem, net->model, net, width, height);
    if (!other)
        return NULL;
    other->threads = 1;
    other->kernels = net->kernels;
    return other;
}

void ddz_net_free(struct net *net)
{
    if (!net)
        return;
    struct mem mem = net->mem;
    ddz_mem_free(&mem, net);
}

/* ---- Conditioning -------------------------------------------------------------------------- */

/* Multipliers and biases of a layer for the embedding; the formula is model.h's. */
static void conv_condition(const struct conv *conv, const int16_t *embedding, int size)
{
    const struct model_layer *layer = conv->layer;
    for (int i = 0; i < conv->parts * conv->blocks * KERNEL_BLOCK; i++) {
        int outputs = conv->blocks * KERNEL_BLOCK, o = source_channel(conv, i / outputs, i % outputs);
        if (o < 0) /* padding: zero since the arena was made */
            continue;
        int64_t gain = 0, bias = 0;
        for (int j = 0; j < size; j++) {
            gain += (int64_t)layer->gain_weight[o * size + j] * embedding[j];
            bias += (int64_t)layer->bias_weight[o * size + j] * embedding[j];
        }
        gain = layer->gain_base[o] + rshift_round(gain, MODEL_EMBEDDING_BITS);
        gain = clamp64(gain, INT16_MIN, INT16_MAX);
        bias = layer->bias_base[o] + rshift_round(bias, MODEL_EMBEDDING_BITS);
        bias = clamp64(bias, -(1 << KERNEL_BIAS_BITS), (1 << KERNEL_BIAS_BITS) - 1);
        conv->mult[i] = (int32_t)rshift_round(gain * layer->scale[o], MODEL_GAIN_BITS);
        conv->bias[i] =
            bias * ((int64_t)1 << (layer->shift - MODEL_BIAS_BITS)) + ((int64_t)1 << (layer->shift - 1));
    }
}

/* ---- Layers -------------------------------------------------------------------------------- */

static int16_t *map_pixel(const struct map *map, ptrdiff_t y, ptrdiff_t x)
{
    return map->data + ((y + 1) * (map->width + 1) + x + 1) * map->channels;
}

static void clear_right_border(const struct map *map, ptrdiff_t first_row, ptrdiff_t end_row)
{
    for (ptrdiff_t y = first_row; y < end_row; y++)
        memset(map_pixel(map, y, map->width), 0, (size_t)map->channels * sizeof *map->data);
}

/* A feature map of a level's size in `data`, its border cleared */
static struct map map_bind(int16_t *data, ptrdiff_t width, ptrdiff_t height, ptrdiff_t channels)
{
    struct map map = {data, width, height, channels};
    size_t row = (size_t)((width + 1) * channels) * sizeof *data;
    memset(data, 0, row + (size_t)channels * sizeof *data);
    memset(map_pixel(&map, height, 0), 0, row);
    clear_right_border(&map, 0, height);
    return map;
}

static struct conv_run conv_run(const struct conv *conv, int part, const struct map *out)
{
    const struct model_layer *layer = conv->layer;
    struct conv_run run = {
        .kernel_taps = layer->shape.taps, .pairs = layer->shape.cin / 2, .blocks = conv->blocks};
    ptrdiff_t outputs = (ptrdiff_t)part * conv->blocks * KERNEL_BLOCK;
    run.weight = conv->weight + outputs * layer->shape.taps * layer->shape.cin;
    run.mult = conv->mult + outputs;
    run.bias = conv->bias + outputs;
    run.shift = layer->shift;
    run.out_step = out->channels;
    return run;
}

static void add_tap(struct conv_run *run, int tap, const int16_t *in)
{
    run->in[run->taps] = in;
    run->tap[run->taps++] = tap;
}

/* What a layer works on */
struct job {
    const struct net *net;
    const struct conv *conv;
    const struct map *in, *out;
    const struct map *gates; /* of the first `gated` channels of `out`; NULL: none */
    ptrdiff_t gated;
    int residual;
    ptrdiff_t rows; /* of 3x3: rows of a run */
};

/* part(job, i) for all i < count, by several threads if `pixels` times the filters are worth it */
static void parallel(const struct job *job, ptrdiff_t pixels, ptrdiff_t count,
                     void (*part)(const struct job *job, ptrdiff_t i))
{
#ifdef _OPENMP
    const struct model_layer *layer = job->conv->layer;
    int64_t macs = (int64_t)pixels * layer->shape.taps * layer->shape.cin * layer->shape.cout;
    if (macs >= PARALLEL_MACS && job->net->threads > 1) {
#pragma omp parallel for num_threads(job->net->threads) schedule(static)
        for (ptrdiff_t i = 0; i < count; i++)
            part(job, i);
        return;
    }
#else
    (void)pixels;
#endif
    for (ptrdiff_t i = 0; i < count; i++)
        part(job, i);
}

static void run_3x3(const struct job *job, ptrdiff_t i)
{
    const struct map *in = job->in, *out = job->out;
    ptrdiff_t y = i * job->rows, end = y + job->rows < in->height ? y + job->rows : in->height;
    struct conv_run run = conv_run(job->conv, 0, out);
    for (int t = 0; t < 9; t++) {
        int dy = t / 3 - 1, dx = t % 3 - 1;
        if ((dy == 0 || in->height > 1) && (dx == 0 || in->width > 1))
            add_tap(&run, t, map_pixel(in, y + dy, dx));
    }
    run.in_step = in->channels;
    run.out = map_pixel(out, y, 0);
    run.residual = job->residual ? run.out : NULL;
    run.pixels = (end - y) * (in->width + 1) - 1;
    job->net->kernels.conv(&run);
    if (job->gates)
        job->net->kernels.gate(run.out, map_pixel(job->gates, y, 0), run.pixels, out->channels, job->gated);
    clear_right_border(out, y, end);
}

/*
 * 3x3. Rows are computed in runs across the border between them, so that small maps fill the
 * kernels' tiles too; what lands in the border is cleared. Taps that see nothing but border are
 * left out.
 */
static void run_conv_3x3(struct job job)
{
    const struct map *in = job.in;
    job.rows = RUN_PIXELS / (in->width + 1) + 1;
    parallel(&job, in->width * in->height, (in->height + job.rows - 1) / job.rows, run_3x3);
}

static void conv_3x3(const struct net *net, const struct conv *conv, const struct map *in,
                     const struct map *out)
{
    run_conv_3x3((struct job){.net = net, .conv = conv, .in = in, .out = out});
}

static void run_down(const struct job *job, ptrdiff_t y)
{
    struct conv_run run = conv_run(job->conv, 0, job->out);
    for (int t = 0; t < 4; t++)
        add_tap(&run, t, map_pixel(job->in, 2 * y + t / 2, t % 2));
    run.in_step = 2 * job->in->channels;
    run.out = map_pixel(job->out, y, 0);
    run.pixels = job->out->width;
    job->net->kernels.conv(&run);
}

/* 2x2, stride 2 */
static void conv_down(const struct net *net, const struct conv *conv, const struct map *in,
                      const struct map *out)
{
    struct job job = {.net = net, .conv = conv, .in = in, .out = out};
    parallel(&job, out->width * out->height, out->height, run_down);
}

static void run_up(const struct job *job, ptrdiff_t y)
{
    for (int part = 0; part < job->conv->parts; part++) {
        struct conv_run run = conv_run(job->conv, part, job->out);
        add_tap(&run, 0, map_pixel(job->in, y, 0));
        run.in_step = job->in->channels;
        run.out = map_pixel(job->out, 2 * y + part / 2, part % 2);
        run.residual = run.out;
        run.out_step *= 2;
        run.pixels = job->in->width;
        job->net->kernels.conv(&run);
    }
}

/* 1x1 to 2x2 pixels, added to what `out` holds */
static void conv_up(const struct net *net, const struct conv *conv, const struct map *in,
                    const struct map *out)
{
    struct job job = {.net = net, .conv = conv, .in = in, .out = out};
    parallel(&job, in->width * in->height, in->height, run_up);
}

/* x + conv2(gate(conv1(x))), `count` times; returns the first convolution not used. A gate leaves its
 * result where the first half of its input was: the second convolution takes half of the map's channels. */
static const struct conv *residual_blocks(const struct net *net, const struct conv *conv, int count,
                                          const struct map *x)
{
    struct map inner = map_bind(net->scratch, x->width, x->height, x->channels), gates = inner;
    gates.data += x->channels / 2;
    for (int i = 0; i < count; i++, conv += 2) {
        run_conv_3x3((struct job){net, &conv[0], x, &inner, .gates = &gates, .gated = x->channels / 2});
        run_conv_3x3((struct job){net, &conv[1], &inner, x, .residual = 1});
    }
    return conv;
}

/* ---- Picture ------------------------------------------------------------------------------- */

/* Channel 4 c + 2 dy + dx of a pixel is colour c of the picture's pixel (2 y + dy, 2 x + dx). */
static void unshuffle(const int16_t *in, uint32_t width, uint32_t height, const struct map *map)
{
    for (ptrdiff_t y = 0; y < map->height; y++)
        for (ptrdiff_t x = 0; x < map->width; x++) {
            int16_t *pixel = map_pixel(map, y, x);
            for (int i = 0; i < 4; i++) {
                ptrdiff_t py = 2 * y + i / 2, px = 2 * x + i % 2;
                int inside = py < (ptrdiff_t)height && px < (ptrdiff_t)width;
                for (int c = 0; c < 3; c++)
                    pixel[4 * c + i] = inside ? in[(py * (ptrdiff_t)width + px) * 3 + c] : 0;
            }
        }
}

static void shuffle(const struct map *map, int16_t *out, uint32_t width, uint32_t height)
{
    for (ptrdiff_t y = 0; y < (ptrdiff_t)height; y++)
        for (ptrdiff_t x = 0; x < (ptrdiff_t)width; x++, out += 3) {
            const int16_t *pixel = map_pixel(map, y / 2, x / 2) + y % 2 * 2 + x % 2;
            for (int c = 0; c < 3; c++)
                out[c] = pixel[4 * c];
        }
}

static const struct conv *called_network(const struct net *net)
{
    const struct ddz_model *model = net->model;
    return net->conv + ddz_model_network(model, net->call.label, net->call.level_q8) * model->layers;
}

/* Make the layers of the called network ready, from number `first` on. For a small picture this is a good
 * part of a call, and many are called alike. */
static void condition(struct net *net, int first)
{
    const struct ddz_model *model = net->model;
    const struct conv *conv = called_network(net);
    if (net->ready.label == net->call.label && net->ready.level_q8 == net->call.level_q8 &&
        net->ready.first <= first)
        return;
    net->ready.label = net->call.label;
    net->ready.level_q8 = net->call.level_q8;
    net->ready.first = first;
    ddz_model_embedding(model, net->call.label, net->call.level_q8, net->embedding);
    for (int i = first; i < model->layers; i++)
        conv_condition(&conv[i], net->embedding, model->embedding);
}

void ddz_net_forward(struct net *net, const int16_t *in, int16_t *out, uint32_t width, uint32_t height,
                     int label, int32_t level_q8)
{
    const struct ddz_model *model = net->model;
    const int deepest = model->unet.levels - 1;
    net->call = (struct call){width, height, label, level_q8};
    const struct conv *conv = called_network(net);
    condition(net, 0);

    struct map stream[TOPOLOGY_MAX_LEVELS];
    for (int i = 0; i <= deepest; i++)
        stream[i] = map_bind(net->stream[i], level_side(model, width, i), level_side(model, height, i),
                             model->unet.channels[i]);
    struct map input = map_bind(net->patches, stream[0].width, stream[0].height, INPUT_CHANNELS);
    unshuffle(in, width, height, &input);
    conv_3x3(net, conv++, &input, &stream[0]);
    for (int i = 0; i < deepest; i++) {
        conv = residual_blocks(net, conv, model->unet.blocks[i], &stream[i]);
        conv_down(net, conv++, &stream[i], &stream[i + 1]);
    }
    conv = residual_blocks(net, conv, model->unet.blocks[deepest], &stream[deepest]);
    for (int i = deepest - 1; i >= 0; i--) {
        conv_up(net, conv++, &stream[i + 1], &stream[i]);
        conv = residual_blocks(net, conv, model->unet.blocks[i], &stream[i]);
    }
    struct map output = map_bind(net->patches, stream[0].width, stream[0].height, KERNEL_BLOCK);
    conv_3x3(net, conv++, &stream[0], &output);
    shuffle(&output, out, width, height);
    net->has_gates = false;
}

/* The last call's gates. Only updates need them, and not every call has one. */
static struct map gates_of_call(struct net *net)
{
    struct map gates = {net->scratch, level_side(net->model, net->call.width, 0),
                        level_side(net->model, net->call.height, 0), net->model->unet.channels[0]};
    if (net->has_gates)
        return gates;
    struct map stream = gates;
    stream.data = net->stream[0];
    gates = map_bind(net->scratch, gates.width, gates.height, gates.channels);
    conv_3x3(net, called_network(net) + net->model->layers - UPDATE_LAYERS - 1, &stream, &gates);
    net->has_gates = true;
    return gates;
}

void ddz_net_update(struct net *net, const int16_t *in, int16_t *out)
{
    const struct conv *update = called_network(net) + net->model->layers - UPDATE_LAYERS;
    const struct call *call = &net->call;
    struct map gates = gates_of_call(net);
    struct map input = map_bind(net->patches, gates.width, gates.height, INPUT_CHANNELS);
    unshuffle(in, call->width, call->height, &input);
    struct map sifted = map_bind(net->stream[0], gates.width, gates.height, gates.channels);
    run_conv_3x3((struct job){net, &update[0], &input, &sifted, .gates = &gates, .gated = gates.channels});
    struct map output = map_bind(net->patches, gates.width, gates.height, KERNEL_BLOCK);
    conv_3x3(net, &update[1], &sifted, &output);
    shuffle(&output, out, call->width, call->height);
}

static size_t gates_size(const struct ddz_model *model, uint32_t width, uint32_t height)
{
    size_t values = map_values(level_side(model, width, 0), level_side(model, height, 0),
                               (size_t)model->unet.channels[0]);
    return ddz_size_mul(values, sizeof(int16_t));
}

size_t ddz_net_state_size(const struct ddz_model *model, uint32_t width, uint32_t height)
{
    return ddz_size_add(sizeof(struct call), gates_size(model, width, height));
}

void ddz_net_save(struct net *net, uint8_t *state)
{
    gates_of_call(net);
    memcpy(state, &net->call, sizeof net->call);
    memcpy(state + sizeof net->call, net->scratch, gates_size(net->model, net->call.width, net->call.height));
}

void ddz_net_restore(struct net *net, const uint8_t *state)
{
    memcpy(&net->call, state, sizeof net->call);
    memcpy(net->scratch, state + sizeof net->call, gates_size(net->model, net->call.width, net->call.height));
    net->has_gates = true;
    condition(net, net->model->layers - UPDATE_LAYERS);
}
