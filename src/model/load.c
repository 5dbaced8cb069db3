/*
 * Parser of the model file. The body is decompressed into one allocation, and the arrays in it
 * are put into the machine's byte order where they lie.
 */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/units.h"
#include "model/model.h"

enum {
    HEADER_SIZE = 24,
    VERSION = 4,
    MAX_BODY = 64 << 20,
    MAX_BLOCKS = 64,
    MAX_LEVEL = 4096,
    LEVEL_FIRST = -256, /* first level of the last label's plan: sigma_q8's square fits 64 bits */
    LIFTED = 0,         /* level before the other labels' */
    FIRST_FIXED = 5,    /* label */
    MAX_FILTER = 65535, /* sum |weight|: 65535 * 32768 < 2^31 */
    LAYER_HEADER = TOPOLOGY_NAME_SIZE + 16
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
    struct architecture *unet = &m->unet;
    unet->levels = take_int(r, 1, TOPOLOGY_MAX_LEVELS);
    m->embedding = take_int(r, 1, MODEL_MAX_EMBEDDING);
    m->networks = take_int(r, 1, MODEL_MAX_NETWORKS);
    m->first_level[0] = INT32_MIN;
    for (int i = 1; i < m->networks; i++) {
        int after = i > 1 ? m->first_level[i - 1] : -MAX_LEVEL;
        m->first_level[i] = take_int(r, after + 1, MAX_LEVEL);
    }
    for (int i = 0; i < unet->levels; i++) {
        unet->channels[i] = take_int(r, 16, MODEL_MAX_CHANNELS);
        if (unet->channels[i] % 16)
            return 0;
    }
    for (int i = 0; i < unet->levels; i++)
        unet->blocks[i] = take_int(r, 0, MAX_BLOCKS);
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
        m->mean[i] = take_int(r, -CENTRE, CENTRE);
    for (int label = 1; label < MODEL_LABELS; label++) {
        int count = take_int(r, 1, MODEL_MAX_PLAN);
        int previous = label == MODEL_LABELS - 1 ? LEVEL_FIRST - 1 : LIFTED;
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
    for (int label = 0; label < MODEL_LABELS - 1; label++)
        if (!take_rate(r, label, &m->lift_rate_q16[label]))
            return 0;
    (void)take_u32(r); /* nothing is lifted to a scale of the last label: the coarsest one alone has it */
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

static int parse_layer(struct ddz_model *m, struct reader *r)
{
    const char *name = (const char *)take(r, TOPOLOGY_NAME_SIZE, 1);
    int taps = take_int(r, 1, 9);
    int cin = take_int(r, 8, MODEL_MAX_CHANNELS);
    int cout = take_int(r, 12, 4 * MODEL_MAX_CHANNELS);
    int shift = take_int(r, 8, 40);
    if (r->failed || !memchr(name, 0, TOPOLOGY_NAME_SIZE))
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

/* What the records must hold, by the topology */
static ddz_status expect_layers(struct ddz_model *m)
{
    struct layer_shape *expected = ddz_mem_alloc(&m->mem, (size_t)m->layers, sizeof *expected);
    m->layer = ddz_mem_alloc(&m->mem, (size_t)(m->networks * m->layers), sizeof *m->layer);
    for (int network = 0; expected && m->layer && network < m->networks; network++) {
        ddz_topology_layers(&m->unet, network, expected);
        for (int i = 0; i < m->layers; i++)
            m->layer[network * m->layers + i].shape = expected[i];
    }
    ddz_mem_free(&m->mem, expected);
    return expected && m->layer ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* All of the topology's layers and no others: as many records as layers, no name twice. */
static ddz_status parse_layers(struct ddz_model *m, struct reader body, int records)
{
    m->layers = ddz_topology_layers(&m->unet, 0, NULL);
    if (records != m->networks * m->layers)
        return DDZ_ERR_MODEL;
    ddz_status status = expect_layers(m);
    if (status != DDZ_OK)
        return status;
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
