/* The network in strips: pictures of many strips, and where strips lie in memory. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "crew.h"
#include "exact.h"
#include "net_reference.h"
#include "nn/net.h"
#include "nn/plan.h"
#include "runner.h"
#include "toy_model.h"

static ddz_model *load(uint64_t seed, const struct toy_shape *shape)
{
    size_t size;
    uint8_t *file = toy_model_shaped(seed, shape, &size);
    ddz_model *model = NULL;
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &model), DDZ_OK);
    free(file);
    return model;
}

static int16_t *samples(uint32_t width, uint32_t height)
{
    int16_t *v = calloc((size_t)width * height * 3, sizeof *v);
    ck_assert_ptr_nonnull(v);
    return v;
}

static const struct toy_shape shapes[] = {
    {.levels = 1, .embedding = 2, .channels = {16}, .blocks = {1}},
    {.levels = 2, .embedding = 2, .channels = {16, 32}, .blocks = {1, 0}},
    {.levels = 3, .embedding = 2, .channels = {32, 16, 48}, .blocks = {1, 2, 1}},
    {.levels = 3, .embedding = 2, .channels = {16, 16, 16}, .blocks = {0, 1, 3}},
    {.levels = 3, .embedding = 2, .channels = {16, 16, 32}, .blocks = {1, 1, 0}},
    {.levels = 4, .embedding = 2, .channels = {16, 32, 16, 16}, .blocks = {1, 1, 0, 2}},
    {.levels = 5, .embedding = 2, .channels = {16, 16, 16, 16, 16}, .blocks = {2, 1, 1, 1, 1}},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static const struct size {
    uint32_t width, height;
} sizes[] = {{1, 1}, {2, 3}, {333, 2}, {3, 131}, {69, 90}, {640, 34}};

enum { SIZES = sizeof sizes / sizeof *sizes, WIDEST = 640, HIGHEST = 131 };

/* ---- The same integers --------------------------------------------------------------------- */

static const int crews[] = {1, 2, 5};

enum { CREWS = sizeof crews / sizeof *crews };

/* A call and an update after it, each also in place */
static void compare(struct net *net, const int16_t *in, const struct size *size, const int16_t *called,
                    const int16_t *updated)
{
    size_t bytes = (size_t)size->width * size->height * 3 * sizeof *in;
    int16_t *out = samples(size->width, size->height);
    ddz_net_forward(net, in, out, &(struct net_call){size->width, size->height, 0, 900, false});
    ck_assert_mem_eq(out, called, bytes);
    memcpy(out, in, bytes);
    ddz_net_forward(net, out, out, &(struct net_call){size->width, size->height, 0, 900, false});
    ck_assert_mem_eq(out, called, bytes);
    ddz_net_update(net, called, out);
    ck_assert_mem_eq(out, updated, bytes);
    memcpy(out, called, bytes);
    ddz_net_update(net, out, out);
    ck_assert_mem_eq(out, updated, bytes);
    free(out);
}

/* A call and updates in one go: part k has its own input, taken once from the top, and its own output. */
enum { PARTS = 1 + FLOW_UPDATES };

struct parts {
    const int16_t *in[PARTS];
    int16_t *out[PARTS];
    uint32_t width, height;
};

static const int16_t *take(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *room)
{
    const struct parts *p = cookie;
    size_t row = (size_t)3 * p->width;
    ck_assert(part < PARTS && rows >= 1 && rows <= 2 && y + rows <= p->height);
    memcpy(room, p->in[part] + y * row, rows * row * sizeof *room);
    return room;
}

static void give(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *values)
{
    const struct parts *p = cookie;
    size_t row = (size_t)3 * p->width;
    ck_assert(part < PARTS && rows >= 1 && rows <= 2 && y + rows <= p->height);
    for (size_t i = 0; i < rows * row; i++) {
        p->out[part][y * row + i] = (int16_t)(p->out[part][y * row + i] + values[i]); /* once */
        values[i] = 0;
    }
}

/* With 0 to FLOW_UPDATES updates, of the call's picture and what has come of it */
static void compare_flows(struct net *net, const int16_t *in, const struct size *size, const int16_t *called,
                          const int16_t *updated)
{
    size_t bytes = (size_t)size->width * size->height * 3 * sizeof *in;
    const struct net_call call = {size->width, size->height, 0, 900, false};
    for (int updates = 0; updates < PARTS; updates++) {
        struct parts parts = {.width = size->width, .height = size->height};
        const struct net_rows rows = {take, give, &parts};
        for (int part = 0; part < PARTS; part++) {
            parts.in[part] = part ? called : in;
            parts.out[part] = samples(size->width, size->height);
        }
        if (updates)
            ddz_net_flow(net, &call, updates, &rows);
        else
            ddz_net_call(net, &call, &rows);
        ck_assert(!ddz_net_is_kept(net));
        for (int part = 0; part < PARTS; part++) {
            if (part <= updates)
                ck_assert_mem_eq(parts.out[part], part ? updated : called, bytes);
            free(parts.out[part]);
        }
    }
}

START_TEST(same_as_reference)
{
    struct mem mem = ddz_mem_init(NULL);
    ddz_model *model = load((uint64_t)_i, &shapes[_i]);
    struct net *large[CREWS];
    for (int c = 0; c < CREWS; c++)
        ck_assert_ptr_nonnull(large[c] = ddz_net_new(&mem, model, NET_KEEPS, WIDEST, HIGHEST, crew(crews[c]),
                                                     ddz_cpu_allowed(-1)));
    for (int i = 0; i < SIZES; i++) {
        uint32_t width = sizes[i].width, height = sizes[i].height;
        int16_t *in = samples(width, height), *called = samples(width, height),
                *updated = samples(width, height);
        fill(in, (size_t)width * height * 3, 0, (uint64_t)i);
        struct reference r = reference_forward(model, in, called, (int)width, (int)height, 0, 900);
        reference_update(&r, called, updated, (int)width, (int)height);
        for (int c = 0; c < CREWS; c++) {
            struct net *net =
                ddz_net_new(&mem, model, NET_KEEPS, width, height, crew(crews[c]), ddz_cpu_allowed(-1));
            ck_assert_ptr_nonnull(net);
            compare(net, in, &sizes[i], called, updated);
            compare(large[c], in, &sizes[i], called, updated);
            ddz_net_free(net);
            net = ddz_net_new(&mem, model, NET_FLOWS, width, height, crew(crews[c]), ddz_cpu_allowed(-1));
            ck_assert_ptr_nonnull(net);
            compare_flows(net, in, &sizes[i], called, updated);
            ddz_net_free(net);
        }
        free(r.gates.v);
        free(updated);
        free(called);
        free(in);
    }
    for (int c = 0; c < CREWS; c++)
        ddz_net_free(large[c]);
    ddz_model_free(model);
}
END_TEST

/* ---- Memory -------------------------------------------------------------------------------- */

/* Rows of a window from y to `end`, with what is beside them, lie in what the lane has, and neither in the whole
 * tensor nor in another lane's: returned as places in it. */
struct extent {
    ptrdiff_t first, end;
};

static struct extent extent_of(const struct plan *plan, const struct strip_window *window, int lane,
                               ptrdiff_t strip, ptrdiff_t y, ptrdiff_t end)
{
    struct map map = ddz_plan_from(plan, window, lane, strip, y);
    const int16_t *base = window->whole ? plan->whole : plan->windows + (size_t)lane * plan->lane_values;
    size_t room = window->whole ? ddz_plan_whole_values(&plan->model->unet, plan->width, plan->height)
                                : plan->lane_values;
    struct extent e = {map.data - map.step - base, map_pixel(&map, end - y, 0) - base};
    ck_assert_int_ge(e.first, 0);
    ck_assert_int_le(e.end, (ptrdiff_t)room);
    return e;
}

static void check_layer(const struct plan *plan, const struct strip_layer *layer, int index, int lane,
                        ptrdiff_t strip)
{
    int in_level = layer->in.tensor.level, out_level = layer->out.tensor.level;
    ptrdiff_t y = ddz_plan_end(plan, out_level, layer->lag_out, strip - 1),
              end = ddz_plan_end(plan, out_level, layer->lag_out, strip),
              input_end = ddz_plan_end(plan, in_level, layer->lag_in, strip), first = y, last = end;
    ck_assert_int_le(y, end);
    if (y == end)
        return;
    if (layer->taps == 9) { /* with a row above and below, of border or not */
        first = y - 1;
        last = end + 1;
        ck_assert_int_le(end < ddz_plan_rows(plan, out_level) ? last : end, input_end);
    } else {
        first = layer->taps == 4 ? 2 * y : y / 2;
        last = layer->taps == 4 ? 2 * end : end / 2;
        ck_assert_int_le(last, input_end);
        ck_assert(layer->taps == 4 || y % 2 + end % 2 == 0);
    }
    struct extent in = extent_of(plan, &layer->in, lane, strip, first, last),
                  out = extent_of(plan, &layer->out, lane, strip, y, end);
    ck_assert(layer->in.whole || layer->out.whole || in.end <= out.first || out.end <= in.first);
    if (plan->model->layer[layer->number].shape.end == END_GATE_BY)
        extent_of(plan, &layer->gates, lane, strip, y, end);
    if (layer->kept) {
        const int16_t *kept = ddz_plan_kept(plan, index, y);
        ck_assert(kept >= plan->kept_rows && kept < plan->kept_rows + plan->kept_values);
    }
}

static void check_plan(struct plan *plan, uint32_t width, uint32_t height)
{
    ddz_plan_cut(plan, width, height);
    for (int i = 0; i < plan->first[plan->runs]; i++) {
        const struct strip_layer *layer = &plan->layer[i];
        ptrdiff_t strips = ddz_plan_strips(plan, plan->lag);
        for (ptrdiff_t strip = 0; strip < strips; strip++)
            check_layer(plan, layer, i, (int)strip % plan->lanes, strip);
        /* all rows have been computed, the padding's, too */
        ck_assert_int_eq(ddz_plan_end(plan, layer->out.tensor.level, layer->lag_out, strips - 1),
                         ddz_plan_rows(plan, layer->out.tensor.level));
    }
}

START_TEST(strips_in_memory)
{
    int runs = _i < SHAPES ? RUN_FLOW : STRIP_RUNS;
    ddz_model *model = load((uint64_t)_i, &shapes[_i % SHAPES]);
    for (int lanes = 1; lanes <= 8; lanes += lanes == 1 ? 1 : 3)
        for (int most = 0; most < SIZES; most++) {
            struct arena sizes_only = {NULL, 0}, arena = {NULL, 0};
            ddz_plan_make(&sizes_only, model, sizes[most].width, sizes[most].height, lanes, runs);
            ck_assert_ptr_nonnull(arena.base = calloc(1, sizes_only.used));
            struct plan plan =
                ddz_plan_make(&arena, model, sizes[most].width, sizes[most].height, lanes, runs);
            ck_assert_uint_eq(arena.used, sizes_only.used);
            ck_assert(plan.kept_rows + plan.kept_values <= (int16_t *)(arena.base + arena.used));
            size_t whole = ddz_plan_whole_values(&model->unet, sizes[most].width, sizes[most].height);
            ck_assert_ptr_nonnull(plan.whole = calloc(whole, sizeof *plan.whole));
            for (uint32_t part = 1; part <= 8; part++)
                check_plan(&plan, (sizes[most].width - 1) / part + 1, (sizes[most].height - 1) / part + 1);
            check_plan(&plan, 1, sizes[most].height);
            check_plan(&plan, sizes[most].width, 1);
            free(plan.whole);
            free(arena.base);
        }
    ddz_model_free(model);
}
END_TEST

static void *count_bytes(void *cookie, size_t size)
{
    *(size_t *)cookie += size;
    return malloc(size);
}

static void release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

/* What the query says is what is taken, and twice the rows take little more than the features of these rows. */
START_TEST(memory_grows_with_width)
{
    ddz_model *model = load(2, &shapes[2]);
    for (int c = 0; c < CREWS; c++) {
        size_t bytes = 0;
        struct mem mem = ddz_mem_init(&(ddz_allocator){count_bytes, release, &bytes});
        size_t stated = ddz_net_memory(model, NET_KEEPS, 640, 480, crews[c], ddz_cpu_allowed(-1));
        struct net *net = ddz_net_new(&mem, model, NET_KEEPS, 640, 480, crew(crews[c]), ddz_cpu_allowed(-1));
        ck_assert_ptr_nonnull(net);
        ck_assert(bytes >= stated && bytes < stated + 256);
        size_t low = ddz_net_memory(model, NET_KEEPS, 4000, 1000, crews[c], 0),
               high = ddz_net_memory(model, NET_KEEPS, 4000, 3000, crews[c], 0);
        size_t features = (size_t)32 * 2 * 2001 * 1000;
        ck_assert(high - low >= features && high - low < features + features / 50);
        ddz_net_free(net);
    }
    ck_assert_uint_eq(ddz_net_memory(model, NET_KEEPS, UINT32_MAX, UINT32_MAX, 8, 0), SIZE_MAX);
    ddz_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("strips");
    tcase_add_loop_test(tc, same_as_reference, 0, SHAPES);
    tcase_add_loop_test(tc, strips_in_memory, 0, 2 * SHAPES);
    tcase_add_test(tc, memory_grows_with_width);
    return run_cases("strips", 120, &tc, 1);
}
