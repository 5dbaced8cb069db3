/* The model file: what it says arrives, and nothing that it may not say is accepted. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "cpu/cpu.h"
#include "ddz/research.h"
#include "guard.h"
#include "model/model.h"
#include "nn/net.h"
#include "runner.h"
#include "toy_model.h"

struct bytes {
    uint8_t *p;
    size_t size;
};

static const struct toy_shape tiny_shape = {
    .levels = 2, .embedding = 3, .channels = {16, 16}, .blocks = {1, 0}};

static struct bytes toy_bytes(void)
{
    struct bytes file;
    file.p = toy_model(5, &file.size);
    return file;
}

static struct bytes tiny_bytes(void)
{
    struct bytes file;
    file.p = toy_model_shaped(5, &tiny_shape, &file.size);
    return file;
}

static struct bytes body_of(struct bytes file)
{
    struct bytes body;
    body.p = toy_body(file.p, file.size, &body.size);
    free(file.p);
    return body;
}

/* Load from a buffer of exact size */
static ddz_status load(const uint8_t *p, size_t size, ddz_model **model)
{
    uint8_t *copy = guard_copy(p, size);
    *model = NULL;
    ddz_status status = ddz_model_load(copy, size, NULL, model);
    guard_free(copy, size);
    ck_assert((status == DDZ_OK) == (*model != NULL));
    return status;
}

static ddz_status load_body(const uint8_t *body, size_t size, ddz_model **model)
{
    size_t file_size;
    uint8_t *file = toy_file(body, size, &file_size);
    ddz_status status = load(file, file_size, model);
    free(file);
    return status;
}

/* Offset of the payload of the n-th record of a tag */
static size_t record_at(struct bytes body, const char *tag, int n)
{
    for (size_t i = 0; i + 8 <= body.size;) {
        size_t size = get_le32(body.p + i + 4);
        if (memcmp(body.p + i, tag, 4) == 0 && n-- == 0)
            return i + 8;
        i += 8 + (size + 7) / 8 * 8;
    }
    ck_abort_msg("no record %s", tag);
    return 0;
}

/* ---- Contents ------------------------------------------------------------------------------- */

static void compare_layer(const ddz_model *m, const uint8_t *p)
{
    int taps = (int)get_le32(p + 24), cin = (int)get_le32(p + 28), cout = (int)get_le32(p + 32);
    const struct model_layer *l = ddz_model_find(m, (const char *)p, taps, cin, cout);
    ck_assert_ptr_nonnull(l);
    ck_assert_ptr_null(ddz_model_find(m, (const char *)p, taps, cin, cout + 1));
    ck_assert_int_eq(l->shift, (int)get_le32(p + 36));
    p += 40;
    for (int i = 0; i < cout; i++, p += 4)
        ck_assert_uint_eq(l->scale[i], get_le32(p));
    for (int i = 0; i < cout; i++, p += 4)
        ck_assert_int_eq(l->bias_base[i], (int32_t)get_le32(p));
    for (int i = 0; i < cout * m->embedding; i++, p += 4)
        ck_assert_int_eq(l->bias_weight[i], (int32_t)get_le32(p));
    for (int i = 0; i < cout; i++, p += 2)
        ck_assert_int_eq(l->gain_base[i], (int16_t)get_le16(p));
    for (int i = 0; i < cout * m->embedding; i++, p += 2)
        ck_assert_int_eq(l->gain_weight[i], (int16_t)get_le16(p));
    ck_assert_mem_eq(l->weight, p, (size_t)(cout * taps * cin));
}

START_TEST(contents)
{
    struct bytes file = toy_bytes();
    uint32_t id = get_le32(file.p + 12);
    ddz_model *m;
    ck_assert_int_eq(load(file.p, file.size, &m), DDZ_OK);
    struct bytes body = body_of(file);
    ck_assert_uint_eq(ddz_model_id(m), id);
    ck_assert_str_eq(ddz_model_provenance(m), "random weights");
    ck_assert_int_eq(m->unet.levels, 3);
    ck_assert_int_eq(m->embedding, 8);
    ck_assert(m->unet.channels[0] == 16 && m->unet.channels[1] == 32 && m->unet.channels[2] == 32);
    ck_assert(m->unet.blocks[0] == 1 && m->unet.blocks[1] == 1 && m->unet.blocks[2] == 1);
    ck_assert_int_eq(m->layers, 19);
    ck_assert_str_eq(m->layer[0].shape.name, "head");
    ck_assert_str_eq(m->layer[3].shape.name, "down.0");
    ck_assert_str_eq(m->layer[15].shape.name, "tail");
    ck_assert_str_eq(m->layer[16].shape.name, "gates");
    ck_assert_str_eq(m->layer[17].shape.name, "sift");
    ck_assert_str_eq(m->layer[18].shape.name, "join");
    ck_assert_int_eq(m->networks, 2);
    ck_assert_int_eq(m->first_level[1], 64);
    ck_assert_str_eq(m->layer[19].shape.name, "1:head");
    ck_assert_str_eq(m->layer[37].shape.name, "1:join");
    for (int i = 0; i < 38; i++)
        compare_layer(m, body.p + record_at(body, "LAYR", i));
    ck_assert(m->mean[0] == -900 && m->mean[1] == -2100 && m->mean[2] == -3600);
    ck_assert(m->plan_steps[1] == 2 && m->plan_steps[7] == 3);
    ck_assert(m->plan[7][0].level == -32 && m->plan[7][0].rate_q16 == 19661);
    ck_assert(m->plan[4][1].level == 32 && m->plan[4][1].rate_q16 == 0);
    ck_assert(m->lift_rate_q16[0] == 0 && m->lift_rate_q16[7] == 20107);
    ck_assert(m->lift_density_q16[0] == 14000 && m->lift_density_q16[7] == 20300);
    const uint8_t *embed = body.p + record_at(body, "EMBT", 0);
    ck_assert(m->embed_first == -64 && m->embed_step == 48 && m->embed_nodes == 9);
    for (int i = 0; i < 2 * 8 * 9 * 8; i++)
        ck_assert_int_eq(m->embed[i], (int16_t)get_le16(embed + 16 + 2 * i));
    const uint8_t *rate = body.p + record_at(body, "RATE", 0);
    ck_assert(m->rate_first == -64 && m->rate_step == 16 && m->rate_nodes == 21);
    for (int i = 0; i < 8 * 21; i++)
        ck_assert_uint_eq(m->rate[i], get_le32(rate + 16 + 4 * i));
    free(body.p);
    ddz_model_free(m);
}
END_TEST

/* Whatever a layer reads has been written, or is the network's input; the stages come one after the other; each
 * level's blocks are there; a convolution's output has the channels that the next one reads. */
START_TEST(topology)
{
    static const struct architecture architectures[] = {
        {1, {16}, {0}},
        {2, {16, 48}, {1, 2}},
        {3, {64, 112, 176}, {2, 2, 4}},
        {5, {16, 16, 32, 16, 32}, {0, 1, 0, 64, 1}},
    };
    const struct architecture *a = &architectures[_i];
    struct layer_shape layer[400];
    int count = ddz_topology_layers(a, 2, NULL), convolutions = 2 + 3 + 2 * (a->levels - 1);
    for (int i = 0; i < a->levels; i++)
        convolutions += 2 * a->blocks[i] * (i < a->levels - 1 ? 2 : 1);
    ck_assert_int_eq(count, convolutions);
    ck_assert_int_eq(ddz_topology_layers(a, 2, layer), count);
    int written[TENSOR_OUTPUT + 1][TOPOLOGY_MAX_LEVELS] = {{0}};
    for (int i = 0; i < count; i++) {
        const struct layer_shape *l = &layer[i];
        int fanout = l->taps == 1 ? 4 : l->end == END_GATE ? 2 : 1;
        ck_assert(memcmp(l->name, "2:", 2) == 0);
        ck_assert(l->reads.kind == TENSOR_INPUT || written[l->reads.kind][l->reads.level]);
        if (l->end == END_ADD)
            ck_assert(written[l->writes.kind][l->writes.level]);
        if (l->end == END_GATE_BY)
            ck_assert(written[TENSOR_GATES][0]);
        written[l->writes.kind][l->writes.level] = 1;
        ck_assert_int_eq(l->cin, ddz_tensor_channels(a, l->reads));
        ck_assert_int_eq(l->cout, fanout * ddz_tensor_channels(a, l->writes));
        ck_assert_int_eq(l->writes.level - l->reads.level, l->taps == 4 ? 1 : l->taps == 1 ? -1 : 0);
        ck_assert_int_eq(l->level, l->taps == 4 ? l->writes.level : l->reads.level);
        if (i > 0)
            ck_assert_int_ge(l->stage, layer[i - 1].stage);
    }
    ck_assert_int_eq(layer[count - 1].stage, STAGE_UPDATE);
}
END_TEST

/* 64, 112, 176 channels and 2, 2, 4 blocks: train/net.py says 142,488 */
START_TEST(cost)
{
    static const struct toy_shape shape = {
        .levels = 3, .embedding = 2, .channels = {64, 112, 176}, .blocks = {2, 2, 4}};
    size_t size;
    uint8_t *file = toy_model_shaped(1, &shape, &size);
    ddz_model *m;
    ck_assert_int_eq(load(file, size, &m), DDZ_OK);
    double expected = (12 * 64 * 2 + 64 * 64) * 9 / 4.0; /* head and tail; gates */
    for (int i = 0; i < 3; i++) {
        double c = shape.channels[i], scale = 1 << 2 * (i + 1);
        expected += 1.5 * shape.blocks[i] * (i < 2 ? 2 : 1) * 9 * c * c / scale;
        if (i < 2)
            expected += 2 * 4 * c * shape.channels[i + 1] / (scale * 4);
    }
    ck_assert_uint_eq(ddz_research_model_macs_per_pixel(m), 142488);
    ck_assert_double_le(expected - 0.5, ddz_research_model_macs_per_pixel(m));
    ck_assert_double_le(ddz_research_model_macs_per_pixel(m), expected + 0.5);
    ddz_model_free(m);
    free(file);
}
END_TEST

/* Linear interpolation in exact fractions: v is the one integer within half a unit, the upper one
 * of two. */
static int rounds_to(int64_t v, int64_t numerator, int64_t denominator)
{
    int64_t low = 2 * v * denominator - denominator, twice = 2 * numerator;
    return twice >= low && twice < low + 2 * denominator;
}

START_TEST(interpolation)
{
    struct bytes file = toy_bytes();
    ddz_model *m;
    ck_assert_int_eq(load(file.p, file.size, &m), DDZ_OK);
    int16_t out[8];
    for (int label = 0; label < 8; label++)
        for (int level = -120 * 256; level < 400 * 256; level += 311) {
            int inside = level < -64 * 256 ? -64 * 256 : level > 320 * 256 ? 320 * 256 : level;
            int64_t from = inside + 64 * 256, node = from / 12288 < 8 ? from / 12288 : 7;
            int64_t f = from - node * 12288;
            int table = label == 0 && level >= 64 * 256 ? 8 : label;
            ddz_model_embedding(m, label, level, out);
            for (int i = 0; i < 8; i++) {
                const int16_t *a = m->embed + (table * 9 + node) * 8 + i;
                ck_assert(rounds_to(out[i], a[0] * (12288 - f) + a[8] * f, 12288));
            }
        }
    for (int label = 0; label < 8; label++)
        for (int level = -200; level < 400; level++) {
            int inside = level < -64 ? -64 : level > 256 ? 256 : level;
            int64_t from = inside + 64, node = from / 16 < 20 ? from / 16 : 19, f = from - node * 16;
            const uint32_t *a = m->rate + label * 21 + node;
            ck_assert(rounds_to(ddz_model_rate(m, label, level), a[0] * (16 - f) + a[1] * f, 16));
        }
    ddz_model_embedding(m, 7, INT32_MAX, out);
    ck_assert_mem_eq(out, m->embed + (7 * 9 + 8) * 8, sizeof out);
    ddz_model_embedding(m, 0, INT32_MIN, out);
    ck_assert_mem_eq(out, m->embed, sizeof out);
    ck_assert_uint_eq(ddz_model_rate(m, 7, INT32_MAX), m->rate[8 * 21 - 1]);
    ck_assert_uint_eq(ddz_model_rate(m, 0, INT32_MIN), m->rate[0]);
    ddz_model_free(m);
    free(file.p);
}
END_TEST

/* ---- What is refused -------------------------------------------------------------------------- */

/* The file with one 32-bit value changed, in the n-th record of a tag, must give `expected`. */
struct edit {
    const char *tag;
    int n;
    size_t offset;
    uint32_t value;
    ddz_status expected;
};

static const struct edit edits[] = {
    {"ARCH", 0, 0, 3, DDZ_OK}, /* levels: no change */
    {"ARCH", 0, 0, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 0, 6, DDZ_ERR_MODEL},
    {"ARCH", 0, 0, 0xFFFFFFFF, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 7, DDZ_ERR_MODEL},
    {"ARCH", 0, 4, 0x80000000, DDZ_ERR_MODEL},
    {"ARCH", 0, 8, 0, DDZ_ERR_MODEL}, /* networks, and the second's first level */
    {"ARCH", 0, 8, 1, DDZ_ERR_MODEL},
    {"ARCH", 0, 8, 5, DDZ_ERR_MODEL},
    {"ARCH", 0, 12, (uint32_t)-4095, DDZ_OK},
    {"ARCH", 0, 12, (uint32_t)-4096, DDZ_ERR_MODEL},
    {"ARCH", 0, 12, 4096, DDZ_OK},
    {"ARCH", 0, 12, 4097, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 17, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 32, DDZ_ERR_MODEL},
    {"ARCH", 0, 16, 1040, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 0, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 2, DDZ_ERR_MODEL},
    {"ARCH", 0, 28, 0x40000000, DDZ_ERR_MODEL},
    {"EMBT", 0, 0, 4097, DDZ_ERR_MODEL},
    {"EMBT", 0, 0, (uint32_t)-4096, DDZ_OK},
    {"EMBT", 0, 0, (uint32_t)-4097, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, 0, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, (uint32_t)-1, DDZ_ERR_MODEL},
    {"EMBT", 0, 4, 520, DDZ_OK},
    {"EMBT", 0, 4, 521, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 1, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 8, DDZ_ERR_MODEL},
    {"EMBT", 0, 8, 10, DDZ_ERR_MODEL},
    {"EMBT", 0, 12, 1, DDZ_ERR_MODEL},
    {"RATE", 0, 8, 20, DDZ_ERR_MODEL},
    {"RATE", 0, 8, 0x40000001, DDZ_ERR_MODEL},
    {"RATE", 0, 4, 0, DDZ_ERR_MODEL},
    {"RATE", 0, 12, 9, DDZ_ERR_MODEL},
    {"PLAN", 0, 0, 65537, DDZ_ERR_MODEL},
    {"PLAN", 0, 8, (uint32_t)-65536, DDZ_OK},
    {"PLAN", 0, 12, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 12, 3, DDZ_ERR_MODEL},
    {"PLAN", 0, 12, 33, DDZ_ERR_MODEL},
    {"PLAN", 0, 16, 1, DDZ_OK},
    {"PLAN", 0, 16, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 16, 32, DDZ_ERR_MODEL},
    {"PLAN", 0, 24, 31, DDZ_ERR_MODEL},
    {"PLAN", 0, 24, 33, DDZ_ERR_MODEL},
    {"PLAN", 0, 28, 1, DDZ_ERR_MODEL},
    {"PLAN", 0, 100, 0, DDZ_ERR_MODEL}, /* label 5 */
    {"PLAN", 0, 100, 0xFFFFFFFF, DDZ_OK},
    {"PLAN", 0, 136, (uint32_t)-256, DDZ_OK}, /* label 7 */
    {"PLAN", 0, 136, (uint32_t)-257, DDZ_ERR_MODEL},
    {"PLAN", 0, 140, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 160, 1, DDZ_ERR_MODEL}, /* lifts to labels 0, 5, 7 */
    {"PLAN", 0, 180, 0, DDZ_ERR_MODEL},
    {"PLAN", 0, 188, 0, DDZ_OK},
    {"PROV", 0, 0, 0x00414141, DDZ_ERR_MODEL},
    {"LAYR", 0, 0, 0x6C696171, DDZ_ERR_MODEL}, /* "tail" to "qail" */
    {"LAYR", 0, 20, 1, DDZ_OK},                /* after the name's end */
    {"LAYR", 0, 24, 1, DDZ_ERR_MODEL},
    {"LAYR", 0, 28, 32, DDZ_ERR_MODEL},
    {"LAYR", 0, 32, 16, DDZ_ERR_MODEL},
    {"LAYR", 0, 36, 7, DDZ_ERR_MODEL},
    {"LAYR", 0, 36, 8, DDZ_OK},
    {"LAYR", 0, 36, 40, DDZ_OK},
    {"LAYR", 0, 36, 41, DDZ_ERR_MODEL},
    {"LAYR", 0, 40, 0x03FFFFFF, DDZ_OK},
    {"LAYR", 0, 40, 0x04000000, DDZ_ERR_MODEL},
    {"LAYR", 0, 44 + 4 * 12, 0x80000000, DDZ_OK},
    {"LAYR", 16, 0, 0x6E696F6D, DDZ_ERR_MODEL}, /* "join" to "moin"; 12 outputs */
    {"LAYR", 16, 32, 16, DDZ_ERR_MODEL},
    {"LAYR", 17, 0, 0x65746168, DDZ_ERR_MODEL}, /* "gates" to "hates" */
    {"LAYR", 17, 28, 12, DDZ_ERR_MODEL},
    {"LAYR", 18, 0, 0x74666972, DDZ_ERR_MODEL}, /* "sift" to "rift"; 12 inputs */
    {"LAYR", 18, 28, 16, DDZ_ERR_MODEL},
};

START_TEST(fields)
{
    const struct edit *e = &edits[_i];
    struct bytes body = body_of(toy_bytes());
    put_le32(body.p + record_at(body, e->tag, e->n) + e->offset, e->value);
    ddz_model *m;
    ck_assert_msg(load_body(body.p, body.size, &m) == e->expected, "%s at %zu: %u", e->tag, e->offset,
                  (unsigned)e->value);
    ddz_model_free(m);
    free(body.p);
}
END_TEST

/* sum |weight| of a filter: 65535 is the most */
START_TEST(filter_sums)
{
    static const struct toy_shape shape = {.levels = 1, .embedding = 1, .channels = {64}, .blocks = {1}};
    struct bytes file;
    file.p = toy_model_shaped(3, &shape, &file.size);
    struct bytes body = body_of(file);
    uint8_t *weight = body.p + record_at(body, "LAYR", 2) + 40 + 64 * (4 + 4 + 4 + 2 + 2);
    ck_assert_str_eq((const char *)body.p + record_at(body, "LAYR", 2), "enter.0.0.conv1");
    memset(weight + 576, 0x80, 511); /* the second filter: 511 * 128 + 127 = 65535 */
    weight[576 + 511] = 127;
    memset(weight + 576 + 512, 0, 64);
    ddz_model *m;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_OK);
    ddz_model_free(m);
    weight[576 + 575] = 0xFF;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* A record moved, missing, twice, unknown; padding that is not zero */
START_TEST(records)
{
    static const char *const tags[] = {"ARCH", "EMBT", "PLAN", "RATE", "PROV", "LAYR"};
    struct bytes body = body_of(tiny_bytes());
    uint8_t *other = malloc(2 * body.size);
    ck_assert_ptr_nonnull(other);
    for (int i = 0; i < 6; i++) {
        size_t start = record_at(body, tags[i], 0) - 8;
        size_t length = 8 + (get_le32(body.p + start + 4) + 7) / 8 * 8;
        ddz_model *m;
        memcpy(other, body.p, start); /* taken out ... */
        memcpy(other + start, body.p + start + length, body.size - start - length);
        ck_assert_int_eq(load_body(other, body.size - length, &m), DDZ_ERR_MODEL);
        memcpy(other + body.size - length, body.p + start, length); /* put back last ... */
        ck_assert_int_eq(load_body(other, body.size, &m), DDZ_OK);
        ddz_model_free(m);
        memcpy(other + body.size, body.p + start, length); /* and once more */
        ck_assert_int_eq(load_body(other, body.size + length, &m), DDZ_ERR_MODEL);
        other[body.size] ^= 32;
        ck_assert_int_eq(load_body(other, body.size + length, &m), DDZ_ERR_MODEL);
    }
    size_t last = record_at(body, "PROV", 0) + 14; /* 14 bytes of text, 2 of padding */
    ddz_model *m;
    ck_assert_uint_eq(last + 2, body.size);
    body.p[last + 1] = 1;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(other);
    free(body.p);
}
END_TEST

/* Tag of one name twice and another missing: the count is right, the layers are not. */
START_TEST(layer_twice)
{
    struct bytes body = body_of(tiny_bytes());
    uint8_t *second = body.p + record_at(body, "LAYR", 3);
    ck_assert_str_eq((char *)second, "enter.0.0.conv2");
    second[14] = '1';
    ddz_model *m;
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* Three networks: the levels from which each is used ascend. */
START_TEST(network_choice)
{
    static const struct toy_shape shape = {
        .levels = 1, .embedding = 1, .channels = {16}, .blocks = {0}, .networks = 3};
    struct bytes file;
    file.p = toy_model_shaped(3, &shape, &file.size);
    ddz_model *m;
    ck_assert_int_eq(load(file.p, file.size, &m), DDZ_OK);
    static const int32_t levels[] = {-9999, 16383, 16384, 24575, 24576, 99999};
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(ddz_model_network(m, 0, levels[i]), i / 2);
        for (int label = 1; label < 8; label++)
            ck_assert_int_eq(ddz_model_network(m, label, levels[i]), 0);
    }
    ddz_model_free(m);
    struct bytes body = body_of(file);
    put_le32(body.p + record_at(body, "ARCH", 0) + 16, 64);
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_ERR_MODEL);
    put_le32(body.p + record_at(body, "ARCH", 0) + 16, 65);
    ck_assert_int_eq(load_body(body.p, body.size, &m), DDZ_OK);
    ddz_model_free(m);
    free(body.p);
}
END_TEST

START_TEST(header)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    uint8_t *longer = malloc(2 * file.size);
    ck_assert_ptr_nonnull(longer);
    memcpy(longer, file.p, file.size);
    memcpy(longer + file.size, file.p + 24, file.size - 24); /* a second frame */
    ck_assert_int_eq(load(longer, 2 * file.size - 24, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load(longer, file.size + 1, &m), DDZ_ERR_MODEL);
    put_le32(longer + file.size, 0x184D2A50); /* a frame that zstd skips */
    put_le32(longer + file.size + 4, 0);
    ck_assert_int_eq(load(longer, file.size + 8, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_OK);
    ddz_model_free(m);
    for (int i = 0; i < 24; i++) { /* magic, version, identity, size: nothing may differ */
        longer[i] ^= (uint8_t)(1 << i % 8);
        ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
        longer[i] = file.p[i];
    }
    put_le32(longer + 16, (64u << 20) + 1);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
    memset(longer + 16, 0xFF, 8);
    ck_assert_int_eq(load(longer, file.size, &m), DDZ_ERR_MODEL);
    free(longer);
    free(file.p);
}
END_TEST

START_TEST(arguments)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    ck_assert_int_eq(ddz_model_load(NULL, 10, NULL, &m), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_model_load(file.p, file.size, NULL, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_model_load(file.p, 0, NULL, &m), DDZ_ERR_MODEL);
    ddz_model_free(NULL);
    free(file.p);
}
END_TEST

struct ledger {
    int calls, allowed, live;
};

static void *ledger_allocate(void *cookie, size_t size)
{
    struct ledger *l = cookie;
    if (l->calls++ >= l->allowed)
        return NULL;
    l->live++;
    return malloc(size);
}

static void ledger_release(void *cookie, void *memory)
{
    ((struct ledger *)cookie)->live--;
    free(memory);
}

START_TEST(allocation_failures)
{
    struct bytes file = tiny_bytes();
    ddz_status status = DDZ_ERR_MEMORY;
    int allowed = 0;
    for (; status != DDZ_OK; allowed++) {
        struct ledger ledger = {0, allowed, 0};
        ddz_allocator functions = {ledger_allocate, ledger_release, &ledger};
        ddz_model *m = NULL;
        status = ddz_model_load(file.p, file.size, &functions, &m);
        ck_assert(status == DDZ_OK || (status == DDZ_ERR_MEMORY && ledger.live == 0));
        ddz_model_free(m);
        ck_assert_int_eq(ledger.live, 0);
    }
    ck_assert_int_ge(allowed, 4);
    free(file.p);
}
END_TEST

/* ---- Damage ---------------------------------------------------------------------------------- */

START_TEST(truncated_files)
{
    struct bytes file = tiny_bytes();
    ddz_model *m;
    for (size_t size = 0; size < file.size; size++)
        ck_assert_int_eq(load(file.p, size, &m), DDZ_ERR_MODEL);
    free(file.p);
}
END_TEST

START_TEST(truncated_bodies)
{
    struct bytes body = body_of(tiny_bytes());
    ddz_model *m;
    for (size_t size = 0; size < body.size; size += size % 512 == 100 ? 401 : 1)
        ck_assert_int_eq(load_body(body.p, size, &m), DDZ_ERR_MODEL);
    ck_assert_int_eq(load_body(body.p, body.size - 1, &m), DDZ_ERR_MODEL);
    free(body.p);
}
END_TEST

/* Bytes of the file: the identity catches what zstd does not. */
START_TEST(damaged_files)
{
    struct bytes file = tiny_bytes();
    for (uint64_t i = 0; i < 6000; i++) {
        uint64_t h = hash_pair(1, i);
        size_t at = (h >> 8) % file.size;
        uint8_t old = file.p[at];
        file.p[at] ^= (uint8_t)((h & 255) ? h & 255 : 1);
        ddz_model *m;
        if (load(file.p, file.size, &m) == DDZ_OK) {
            /* zstd has bits that mean nothing; then the contents are the same */
            ck_assert_uint_eq(ddz_model_id(m), get_le32(file.p + 12));
            ddz_model_free(m);
        }
        file.p[at] = old;
    }
    free(file.p);
}
END_TEST

/* Bytes of the body under a right identity: an error, or a model that can be used. Half of them
 * fall into the first bytes of a record, where its shape stands. */
START_TEST(damaged_bodies)
{
    struct bytes body = body_of(tiny_bytes());
    int accepted = 0, refused = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        static const char *const tags[] = {"ARCH", "EMBT", "PLAN", "RATE", "PROV", "LAYR", "LAYR", "LAYR"};
        uint64_t h = hash_pair(2, i);
        int kind = (int)(h >> 40) % 8;
        size_t start = record_at(body, tags[kind], kind > 5 ? (int)(h >> 48) % 6 : 0);
        size_t at = i % 2 ? (h >> 8) % body.size : start - 8 + (h >> 8) % 56;
        at = at < body.size ? at : body.size - 1;
        uint8_t old = body.p[at];
        body.p[at] ^= (uint8_t)((h & 255) ? h & 255 : 1);
        ddz_model *m;
        ddz_status status = load_body(body.p, body.size, &m);
        if (status == DDZ_OK) {
            static int16_t picture[5 * 3 * 3];
            struct mem mem = ddz_mem_init(NULL);
            struct net *net = ddz_net_new(&mem, m, 5, 3, NULL, ddz_cpu_features());
            ck_assert_ptr_nonnull(net);
            ddz_net_forward(net, picture, picture, 5, 3, (int)(h >> 60) & 7, (int32_t)(h >> 32));
            ddz_net_free(net);
            ddz_model_free(m);
            accepted++;
        } else {
            ck_assert_int_eq(status, DDZ_ERR_MODEL);
            refused++;
        }
        body.p[at] = old;
    }
    ck_assert_int_gt(accepted, 500);
    ck_assert_int_gt(refused, 500);
    free(body.p);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("model");
    tcase_add_test(tc, contents);
    tcase_add_loop_test(tc, topology, 0, 4);
    tcase_add_test(tc, cost);
    tcase_add_test(tc, interpolation);
    tcase_add_loop_test(tc, fields, 0, (int)(sizeof edits / sizeof *edits));
    tcase_add_test(tc, filter_sums);
    tcase_add_test(tc, records);
    tcase_add_test(tc, layer_twice);
    tcase_add_test(tc, network_choice);
    tcase_add_test(tc, header);
    tcase_add_test(tc, arguments);
    tcase_add_test(tc, allocation_failures);
    tcase_add_test(tc, truncated_files);
    tcase_add_test(tc, truncated_bodies);
    tcase_add_test(tc, damaged_files);
    tcase_add_test(tc, damaged_bodies);
    return run_cases("model", 300, &tc, 1);
}
