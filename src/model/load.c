/*
 * Parser of the model file. The body is decompressed into one allocation, and the arrays in it
 * are put into the machine's byte order where they lie.
 */
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "ddz/research.h"
#include "model/model.h"

enum {
    HEADER_SIZE = 24,
    VERSION = 4,
    MAX_BODY = 64 << 20,
    MAX_BLOCKS = 64,
    MAX_LEVEL = 4096,
    LOUDEST = -256,     /* first level of the last label's plan: sigma_q8's square fits 64 bits */
    LIFTED = 0,         /* level before the other labels' */
    FIRST_FIXED = 5,    /* label */
    MAX_FILTER = 65535, /* sum |weight|: 65535 * 32768 < 2^31 */
    LAYER_HEADER = MODEL_NAME_SIZE + 16
};

/* ---- Reading ------------------------------------------------------------------------------- */

/* What has not been read yet. Past the end, reads give zeros and NULL, and `failed` stays set. */
struct reader {
    uint8_t *p;
    size_t left;
    int failed;
};

static uint8_t *take(struct reader *r, size_t count, size_t size)
{
    size_t bytes = ddz_size_mul(count, size);
    if (r->failed || bytes > r->left) {
        r->failed = 1;
        return NULL;
    }
    uint8_t *p = r->p;
    r->p += bytes;
    r->left -= bytes;
    return p;
}

static uint32_t take_u32(struct reader *r)
{
    const uint8_t *p = take(r, 4, 1);
    return p ? get_le32(p) : 0;
}

static int32_t take_i32(struct reader *r)
{
    return (int32_t)take_u32(r);
}

/* A number from low to high, else a failure and `low` */
static int take_int(struct reader *r, int low, int high)
{
    int32_t v = take_i32(r);
    if (v < low || v > high) {
        r->failed = 1;
        return low;
    }
    return v;
}

/* Arrays: converted in place, so each may be taken only once. */
static void *take_array16(struct reader *r, size_t count)
{
    uint8_t *p = take(r, count, 2);
    for (size_t i = 0; p && i < count; i++) {
        uint16_t v = get_le16(p + 2 * i);
        memcpy(p + 2 * i, &v, 2);
    }
    return p;
}

static void *take_array32(struct reader *r, size_t count)
{
    uint8_t *p = take(r, count, 4);
    for (size_t i = 0; p && i < count; i++) {
        uint32_t v = get_le32(p + 4 * i);
        memcpy(p + 4 * i, &v, 4);
    }
    return p;
}

/* ---- Records ------------------------------------------------------------------------------- */

enum { ARCH, EMBT, PLAN, RATE, PROV, LAYR, TAGS };

static const char tags[TAGS][5] = {"ARCH", "EMBT", "PLAN", "RATE", "PROV", "LAYR"};

/* The next record's payload, and its kind; TAGS if there is no valid one. */
static int take_record(struct reader *body, struct reader *payload)
{
    const uint8_t *tag = take(body, 4, 1);
    size_t size = take_u32(body);
    payload->p = take(body, size, 1);
    payload->left = size;
    payload->failed = body->failed;
    const uint8_t *padding = take(body, (8 - size % 8) % 8, 1);
    if (body->failed)
        return TAGS;
    for (size_t i = 0; i < (8 - size % 8) % 8; i++)
        if (padding[i])
            return TAGS;
    int kind = 0;
    while (kind < TAGS && memcmp(tag, tags[kind], 4) != 0)
        kind++;
    return kind;
}

/* Whether a payload was read without failure and to its end */
static int finished(const struct reader *r)
{
    return !r->failed && r->left == 0;
}

static int parse_arch(struct ddz_model *m, struct reader *r)
{
    m->levels = take_int(r, 1, MODEL_MAX_LEVELS);
    m->embedding = take_int(r, 1, MODEL_MAX_EMBEDDING);
    m->networks = take_int(r, 1, MODEL_MAX_NETWORKS);
    m->first_level[0] = INT32_MIN;
    for (int i = 1; i < m->networks; i++) {
        int after = i > 1 ? m->first_level[i - 1] : -MAX_LEVEL;
        m->first_level[i] = take_int(r, after + 1, MAX_LEVEL);
    }
    for (int i = 0; i < m->levels; i++) {
        m->channels[i] = take_int(r, 16, MODEL_MAX_CHANNELS);
        if (m->channels[i] % 16)
            return 0;
    }
    for (int i = 0; i < m->levels; i++)
        m->blocks[i] = take_int(r, 0, MAX_BLOCKS);
    return finished(r);
}

static int parse_nodes(struct reader *r, int32_t *first, int32_t *step, int32_t *nodes)
{
    *first = take_int(r, -MAX_LEVEL, MAX_LEVEL);
    *step = take_int(r, 1, 2 * MAX_LEVEL);
    *nodes = take_int(r, 2, 2 * MAX_LEVEL + 1);
    take_int(r, 0, 0);
    return !r->failed && *first + (int64_t)*step * (*nodes - 1) <= MAX_LEVEL;
}

static int parse_embedding(struct ddz_model *m, struct reader *r)
{
    if (!parse_nodes(r, &m->embed_first, &m->embed_step, &m->embed_nodes))
        return 0;
    size_t tables = (size_t)m->networks * MODEL_LABELS;
    m->embed = take_array16(r, tables * (size_t)m->embed_nodes * (size_t)m->embedding);
    return finished(r);
}

static int parse_rate(struct ddz_model *m, struct reader *r)
{
    if (!parse_nodes(r, &m->rate_first, &m->rate_step, &m->rate_nodes))
        return 0;
    m->rate = take_array32(r, (size_t)MODEL_LABELS * (size_t)m->rate_nodes);
    for (int i = 0; i < MODEL_LABELS; i++)
        m->lift_density_q16[i] = take_u32(r);
    return finished(r);
}

/* Labels from FIRST_FIXED on have fixed bits, the others predicted ones: what stands in layer 0 is
 * then the chain's beginning, in one piece. */
static int take_rate(struct reader *r, int label, uint32_t *rate_q16)
{
    *rate_q16 = take_u32(r);
    return (*rate_q16 != 0) == (label >= FIRST_FIXED);
}

static int parse_plan(struct ddz_model *m, struct reader *r)
{
    for (int i = 0; i < 3; i++)
        m->mean[i] = take_int(r, -(1 << 16), 1 << 16);
    for (int label = 1; label < MODEL_LABELS; label++) {
        int count = take_int(r, 1, MODEL_MAX_PLAN);
        int previous = label == MODEL_LABELS - 1 ? LOUDEST - 1 : LIFTED;
        for (int i = 0; i < count; i++) {
            struct plan_step *step = &m->plan[label][i];
            step->level = take_int(r, previous + 1, 32);
            if (!take_rate(r, label, &step->rate_q16))
                return 0;
            previous = step->level;
        }
        if (previous != 32)
            return 0;
        m->plan_steps[label] = count;
    }
    for (int label = 0; label < MODEL_LABELS; label++)
        if (!take_rate(r, label, &m->lift_rate_q16[label]) && label != MODEL_LABELS - 1)
            return 0; /* to the last label's scale nothing is lifted */
    return finished(r);
}

static ddz_status parse_provenance(struct ddz_model *m, const struct reader *r)
{
    if (memchr(r->p, 0, r->left))
        return DDZ_ERR_MODEL;
    m->provenance = ddz_mem_alloc(&m->mem, r->left + 1, 1);
    if (!m->provenance)
        return DDZ_ERR_MEMORY;
    memcpy(m->provenance, r->p, r->left);
    return DDZ_OK;
}

/* ---- Layers -------------------------------------------------------------------------------- */

static void expect(struct model_layer **next, int network, const char *name, int taps, int cin, int cout)
{
    struct model_layer *layer = (*next)++;
    char full[3 * MODEL_NAME_SIZE];
    int length = network ? snprintf(full, sizeof full, "%d:%s", network, name)
                         : snprintf(full, sizeof full, "%s", name);
    memcpy(layer->name, full, (size_t)length < sizeof layer->name ? (size_t)length : sizeof layer->name - 1);
    layer->taps = taps;
    layer->cin = cin;
    layer->cout = cout;
}

static void expect_blocks(struct model_layer **next, const struct ddz_model *m, int network, const char *side,
                          int level)
{
    int channels = m->channels[level];
    for (int block = 0; block < m->blocks[level]; block++)
        for (int i = 1; i <= 2; i++) {
            char name[2 * MODEL_NAME_SIZE];
            snprintf(name, sizeof name, "%s.%d.%d.conv%d", side, level, block, i);
            expect(next, network, name, 9, i == 1 ? channels : channels / 2, channels);
        }
}

/* A network's layers in the order in which they run */
static void expect_network(struct ddz_model *m, int network)
{
    struct model_layer *layer = m->layer + network * m->layers, **next = &layer;
    int deepest = m->levels - 1;
    char name[2 * MODEL_NAME_SIZE];
    expect(next, network, "head", 9, 12, m->channels[0]);
    for (int level = 0; level < deepest; level++) {
        expect_blocks(next, m, network, "enter", level);
        snprintf(name, sizeof name, "down.%d", level);
        expect(next, network, name, 4, m->channels[level], m->channels[level + 1]);
    }
    expect_blocks(next, m, network, "enter", deepest);
    for (int level = deepest - 1; level >= 0; level--) {
        snprintf(name, sizeof name, "up.%d", level);
        expect(next, network, name, 1, m->channels[level + 1], 4 * m->channels[level]);
        expect_blocks(next, m, network, "leave", level);
    }
    expect(next, network, "tail", 9, m->channels[0], 12);
    expect(next, network, "gates", 9, m->channels[0], m->channels[0]);
    expect(next, network, "sift", 9, 12, m->channels[0]);
    expect(next, network, "join", 9, m->channels[0], 12);
}

static int count_layers(const struct ddz_model *m)
{
    int layers = 2 + 2 * (m->levels - 1) + 1 + MODEL_UPDATE_LAYERS;
    for (int i = 0; i < m->levels; i++)
        layers += 2 * m->blocks[i] * (i < m->levels - 1 ? 2 : 1);
    return layers;
}

static int parse_layer(struct ddz_model *m, struct reader *r)
{
    const char *name = (const char *)take(r, MODEL_NAME_SIZE, 1);
    int taps = take_int(r, 1, 9);
    int cin = take_int(r, 8, MODEL_MAX_CHANNELS);
    int cout = take_int(r, 12, 4 * MODEL_MAX_CHANNELS);
    int shift = take_int(r, 8, 40);
    if (r->failed || !memchr(name, 0, MODEL_NAME_SIZE))
        return 0;
    struct model_layer *layer = (struct model_layer *)ddz_model_find(m, name, taps, cin, cout);
    if (!layer || layer->weight)
        return 0;
    size_t outputs = (size_t)cout, inputs = (size_t)(taps * cin), conditions = outputs * (size_t)m->embedding;
    layer->shift = shift;
    layer->scale = take_array32(r, outputs);
    layer->bias_base = take_array32(r, outputs);
    layer->bias_weight = take_array32(r, conditions);
    layer->gain_base = take_array16(r, outputs);
    layer->gain_weight = take_array16(r, conditions);
    layer->weight = (const int8_t *)take(r, outputs, inputs);
    if (!finished(r))
        return 0;
    for (size_t o = 0; o < outputs; o++) {
        int sum = 0;
        for (size_t i = 0; i < inputs; i++) {
            int w = layer->weight[o * inputs + i];
            sum += w < 0 ? -w : w;
        }
        if (sum > MAX_FILTER || layer->scale[o] >= (uint32_t)1 << 26)
            return 0;
    }
    return 1;
}

/* All of the architecture's layers and no others: as many records as layers, no name twice. */
static ddz_status parse_layers(struct ddz_model *m, struct reader body, int records)
{
    m->layers = count_layers(m);
    if (records != m->networks * m->layers)
        return DDZ_ERR_MODEL;
    m->layer = ddz_mem_alloc(&m->mem, (size_t)records, sizeof *m->layer);
    if (!m->layer)
        return DDZ_ERR_MEMORY;
    for (int network = 0; network < m->networks; network++)
        expect_network(m, network);
    struct reader payload;
    while (body.left)
        if (take_record(&body, &payload) == LAYR && !parse_layer(m, &payload))
            return DDZ_ERR_MODEL;
    return DDZ_OK;
}

/* ---- The file ------------------------------------------------------------------------------ */

static ddz_status parse_body(struct ddz_model *m, struct reader body)
{
    struct reader record[TAGS], scan = body;
    int count[TAGS] = {0};
    while (scan.left) {
        struct reader payload;
        int kind = take_record(&scan, &payload);
        if (kind == TAGS)
            return DDZ_ERR_MODEL;
        record[kind] = payload;
        count[kind]++;
    }
    for (int kind = 0; kind < LAYR; kind++)
        if (count[kind] != 1)
            return DDZ_ERR_MODEL;
    if (!parse_arch(m, &record[ARCH]) || !parse_embedding(m, &record[EMBT]) ||
        !parse_plan(m, &record[PLAN]) || !parse_rate(m, &record[RATE]))
        return DDZ_ERR_MODEL;
    ddz_status status = parse_provenance(m, &record[PROV]);
    return status ? status : parse_layers(m, body, count[LAYR]);
}

/* One zstd frame that gives exactly the size that the header names */
static ddz_status decompress(struct ddz_model *m, const uint8_t *data, size_t size, uint64_t body_size)
{
    if (body_size > MAX_BODY || ZSTD_findFrameCompressedSize(data, size) != size)
        return DDZ_ERR_MODEL;
    m->body = ddz_mem_alloc(&m->mem, (size_t)body_size, 1);
    if (!m->body)
        return DDZ_ERR_MEMORY;
    return ZSTD_decompress(m->body, (size_t)body_size, data, size) == body_size ? DDZ_OK : DDZ_ERR_MODEL;
}

static ddz_status load(struct ddz_model *m, const uint8_t *data, size_t size)
{
    if (size < HEADER_SIZE || memcmp(data, "DDZMODEL", 8) != 0 || get_le32(data + 8) != VERSION)
        return DDZ_ERR_MODEL;
    m->id = get_le32(data + 12);
    uint64_t body_size = get_le64(data + 16);
    ddz_status status = decompress(m, data + HEADER_SIZE, size - HEADER_SIZE, body_size);
    if (status)
        return status;
    if (crc32(0, m->body, (uInt)body_size) != m->id)
        return DDZ_ERR_MODEL;
    struct reader body = {m->body, (size_t)body_size, 0};
    return parse_body(m, body);
}

ddz_status ddz_model_load(const uint8_t *data, size_t size, const ddz_allocator *allocator, ddz_model **model)
{
    if (!data || !model)
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(allocator);
    struct ddz_model *m = ddz_mem_alloc(&mem, 1, sizeof *m);
    if (!m)
        return DDZ_ERR_MEMORY;
    m->mem = mem;
    ddz_status status = load(m, data, size);
    if (status)
        ddz_model_free(m);
    else
        *model = m;
    return status;
}

void ddz_model_free(ddz_model *model)
{
    if (!model)
        return;
    struct mem mem = model->mem;
    ddz_mem_free(&mem, model->provenance);
    ddz_mem_free(&mem, model->layer);
    ddz_mem_free(&mem, model->body);
    ddz_mem_free(&mem, model);
}

/* ---- Queries ------------------------------------------------------------------------------- */

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

/* Of a call; updates are left aside. Level i of the U-Net has 1 / 4^(i + 1) of the pixels; `down` and `up`
 * are counted where they are evaluated once per filter: at the coarser level. */
uint32_t ddz_research_model_macs_per_pixel(const ddz_model *model)
{
    uint64_t sum = 0; /* in units of 1 / 4^levels */
    for (int i = 0; i < model->layers - MODEL_UPDATE_LAYERS; i++) {
        const struct model_layer *layer = &model->layer[i];
        const char *dot = strchr(layer->name, '.');
        int level = dot ? dot[1] - '0' + (layer->taps != 9) : 0;
        sum += (uint64_t)(layer->taps * layer->cin) * (uint64_t)layer->cout
               << 2 * (model->levels - 1 - level);
    }
    return (uint32_t)rshift_round((int64_t)sum, 2 * model->levels);
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
        const struct model_layer *layer = &model->layer[i];
        if (strcmp(layer->name, name) == 0)
            return layer->taps == taps && layer->cin == cin && layer->cout == cout ? layer : NULL;
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
