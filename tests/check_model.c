/* The model file: what it says arrives. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ddz/research.h"
#include "model/model.h"
#include "model_files.h"
#include "nn/net.h"
#include "runner.h"
#include "toy_model.h"

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
    ck_assert(m->lift_rate_q16[0] == 0);
    const uint8_t *plan = body.p + record_at(body, "PLAN", 0);
    ck_assert_uint_eq(m->lift_rate_q16[6], get_le32(plan + get_le32(plan - 4) - 8));
    ck_assert(get_le32(plan + get_le32(plan - 4) - 4) == 20107 && m->lift_rate_q16[7] == 0); /* is ignored */
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

int main(void)
{
    TCase *contained = CASE("contents", contents, cost, interpolation);
    tcase_add_loop_test(contained, topology, 0, 4);
    return RUN("model", 300, contained);
}
