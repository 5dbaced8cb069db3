#include "nn/plan.h"

#include <string.h>

#include "nn/conv/conv.h"

enum {
    STRIP_PIXELS = 6144, /* of level 0, about what a strip has */
    STRIP_ROWS = 8,      /* and least rows, where the picture is wide */
    STRIPS_PER_LANE = 2, /* at least, where the picture is small */
    DEEPEST_ROWS = 2     /* of the deepest level: whole tiles of kernels */
};

static const struct tensor stream_0 = {TENSOR_STREAM, 0};

uint32_t ddz_plan_side(const struct architecture *unet, uint32_t side, int level)
{
    uint32_t deepest = side == 0 ? 1 : ((side - 1) >> unet->levels) + 1;
    return deepest << (unet->levels - 1 - level);
}

/* Values of a pixel: the input's are packed, others have the room that kernels ask for. */
static size_t step_of(const struct architecture *unet, struct tensor tensor)
{
    int channels = ddz_tensor_channels(unet, tensor);
    if (tensor.kind == TENSOR_OUTPUT)
        channels = (channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    return (size_t)channels;
}

/* Of a row with the border on its right */
static size_t row_values(const struct architecture *unet, struct tensor tensor, uint32_t width)
{
    return ddz_size_mul((size_t)ddz_plan_side(unet, width, tensor.level) + 1, step_of(unet, tensor));
}

/* Of `rows` rows, and the border on the left of the first */
static size_t map_values(const struct architecture *unet, struct tensor tensor, uint32_t width, size_t rows)
{
    return ddz_size_add(ddz_size_mul(row_values(unet, tensor, width), rows), step_of(unet, tensor));
}

size_t ddz_plan_whole_values(const struct architecture *unet, uint32_t width, uint32_t height)
{
    return map_values(unet, stream_0, width, ddz_size_add(ddz_plan_side(unet, height, 0), 2));
}

/* ---- Sizes --------------------------------------------------------------------------------- */

static size_t aligned(size_t values)
{
    enum { UNIT = DDZ_ALIGN / sizeof(int16_t) };
    return ddz_size_mul(ddz_size_add(values, UNIT - 1) / UNIT, UNIT);
}

/* Of two rows of the picture, for a lane */
static size_t picture_rows_values(uint32_t width)
{
    return aligned(ddz_size_mul(width, 2 * 3));
}

/* The values that a place takes for strips of `rows` rows of level 0 */
static size_t place_values(const struct plan *plan, enum strip_place place, enum tensor_kind kind, int level,
                           uint32_t width, ptrdiff_t rows)
{
    const struct tensor tensor = {kind, level};
    size_t border_below = 1, count = (size_t)(rows >> level) + (size_t)plan->above[place] + border_below;
    return aligned(map_values(&plan->model->unet, tensor, width, count));
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Gives each place its part of a lane's values, and returns how many there are. An update begins when its call is done
 * with the strip: then its tensors take the places of those that are of no more use. */
static size_t share_lane(const struct plan *plan, uint32_t width, ptrdiff_t rows, size_t at[PLACES])
{
    size_t input = place_values(plan, PLACE_INPUT, TENSOR_INPUT, 0, width, rows);
    size_t output = place_values(plan, PLACE_OUTPUT, TENSOR_OUTPUT, 0, width, rows);
    size_t sifted = place_values(plan, PLACE_SIFTED, TENSOR_SIFTED, 0, width, rows);
    size_t features = place_values(plan, PLACE_STREAM, TENSOR_STREAM, 0, width, rows);
    size_t gates = place_values(plan, PLACE_GATES, TENSOR_GATES, 0, width, rows);
    size_t inner = sifted, deeper;
    for (int level = 0; level < plan->model->unet.levels; level++)
        inner = larger(inner, place_values(plan, PLACE_INNER, TENSOR_INNER, level, width, rows));
    at[PLACE_INPUT] = 0;
    at[PLACE_OUTPUT] = input;
    at[PLACE_INNER] = at[PLACE_SIFTED] = ddz_size_add(input, output);
    at[PLACE_STREAM] = at[PLACE_INNER];
    if (plan->runs > RUN_FLOW)
        at[PLACE_STREAM] = ddz_size_add(at[PLACE_INNER], inner);
    at[PLACE_GATES] = deeper =
        larger(ddz_size_add(at[PLACE_INNER], inner), ddz_size_add(at[PLACE_STREAM], features));
    for (int level = 1; level < plan->model->unet.levels; level++) {
        at[PLACE_STREAM + level] = deeper;
        deeper = ddz_size_add(deeper, place_values(plan, PLACE_STREAM + (enum strip_place)level,
                                                   TENSOR_STREAM, level, width, rows));
    }
    return larger(deeper, ddz_size_add(at[PLACE_GATES], gates));
}

/* Rows that are kept for a layer at most */
static ptrdiff_t kept_rows(const struct strip_layer *layer, ptrdiff_t rows)
{
    return layer->kept + (layer->taps == 1 && layer->kept ? rows >> layer->held.tensor.level : 0);
}

static size_t kept_values(const struct ddz_model *model, const struct strip_layer *layer, uint32_t width,
                          ptrdiff_t rows)
{
    if (layer->kept == 0)
        return 0;
    return aligned(
        ddz_size_mul(row_values(&model->unet, layer->held.tensor, width), (size_t)kept_rows(layer, rows)));
}

/* Where each layer's rows are kept, if kept is not NULL; and how many values the run takes that keeps most, since one
 * runs at a time. */
static size_t share_kept(const struct plan *plan, uint32_t width, ptrdiff_t rows, int16_t **kept)
{
    struct strips strips = ddz_strips_make(plan->model, plan->runs);
    size_t most = 0;
    for (int run = 0; run < plan->runs; run++) {
        size_t values = 0;
        ddz_strips_begin(&strips, run);
        for (int i = 0; i < ddz_strips_count(plan->model, run); i++) {
            struct strip_layer layer = ddz_strips_next(&strips, ddz_strips_layer(plan->model, run, i));
            if (kept)
                kept[plan->first[run] + i] = plan->kept_rows + values;
            values = ddz_size_add(values, kept_values(plan->model, &layer, width, rows));
        }
        most = larger(most, values);
    }
    return most;
}

/* ---- Cuts ---------------------------------------------------------------------------------- */

/* Strips have a multiple of so many rows of level 0. */
static ptrdiff_t row_unit(const struct architecture *unet)
{
    return (ptrdiff_t)DEEPEST_ROWS << (unet->levels - 1);
}

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

/* The height of strips that is good for a picture */
static ptrdiff_t strip_rows_for(const struct plan *plan, uint32_t width, uint32_t height)
{
    const struct architecture *unet = &plan->model->unet;
    ptrdiff_t unit = row_unit(unet), all = ddz_plan_side(unet, height, 0);
    ptrdiff_t rows = STRIP_PIXELS / (ptrdiff_t)ddz_plan_side(unet, width, 0);
    rows = rows < STRIP_ROWS ? STRIP_ROWS : rows;
    if (plan->lanes > 1)
        rows = least(rows, all / (plan->lanes * STRIPS_PER_LANE));
    rows = (least(rows, all + plan->lag) + unit - 1) / unit * unit;
    return rows < unit ? unit : rows;
}

void ddz_plan_cut(struct plan *plan, uint32_t width, uint32_t height)
{
    if (plan->width == width && plan->height == height)
        return;
    const struct ddz_model *model = plan->model;
    ptrdiff_t rows = strip_rows_for(plan, width, height);
    while (share_lane(plan, width, rows, plan->at) > plan->lane_values ||
           share_kept(plan, width, rows, NULL) > plan->kept_values)
        rows -= row_unit(&model->unet);
    plan->width = width;
    plan->height = height;
    plan->strip_rows = rows;
    share_kept(plan, width, rows, plan->kept);
}

static void derive_layers(struct plan *plan)
{
    const struct ddz_model *model = plan->model;
    struct strips strips = ddz_strips_make(model, plan->runs);
    memcpy(plan->above, strips.above, sizeof plan->above);
    for (int run = 0; run < plan->runs; run++) {
        ddz_strips_begin(&strips, run);
        for (int i = 0; i < ddz_strips_count(model, run); i++) {
            struct strip_layer layer = ddz_strips_next(&strips, ddz_strips_layer(model, run, i));
            if (plan->layer)
                plan->layer[plan->first[run] + i] = layer;
            if (layer.out.place == PLACE_OUTPUT)
                plan->lag = layer.lag_out > plan->lag ? layer.lag_out : plan->lag;
        }
    }
}

struct plan ddz_plan_make(struct arena *arena, const struct ddz_model *model, uint32_t width, uint32_t height,
                          int lanes, int runs)
{
    struct plan plan = {.model = model, .lanes = lanes, .runs = runs};
    size_t at[PLACES];
    for (int run = 0; run < runs; run++)
        plan.first[run + 1] = plan.first[run] + ddz_strips_count(model, run);
    plan.layer = arena_carve(arena, (size_t)plan.first[runs], sizeof *plan.layer);
    plan.kept = arena_carve(arena, (size_t)plan.first[runs], sizeof *plan.kept);
    derive_layers(&plan);
    ptrdiff_t rows = strip_rows_for(&plan, width, height);
    plan.lane_values = share_lane(&plan, width, rows, at);
    plan.kept_values = share_kept(&plan, width, rows, NULL);
    plan.windows = arena_carve(arena, ddz_size_mul(plan.lane_values, (size_t)lanes), sizeof *plan.windows);
    plan.kept_rows = arena_carve(arena, plan.kept_values, sizeof *plan.kept_rows);
    plan.picture_rows = arena_carve(arena, ddz_size_mul(picture_rows_values(width), (size_t)lanes),
                                    sizeof *plan.picture_rows);
    return plan;
}

/* ---- The present cut ----------------------------------------------------------------------- */

ptrdiff_t ddz_plan_rows(const struct plan *plan, int level)
{
    return ddz_plan_side(&plan->model->unet, plan->height, level);
}

int64_t ddz_plan_pixels(const struct plan *plan, int level)
{
    return (int64_t)ddz_plan_rows(plan, level) * ddz_plan_side(&plan->model->unet, plan->width, level);
}

ptrdiff_t ddz_plan_end(const struct plan *plan, int level, int lag, ptrdiff_t strip)
{
    ptrdiff_t end = (strip + 1) * (plan->strip_rows >> level) - lag;
    return strip < 0 || end < 0 ? 0 : least(end, ddz_plan_rows(plan, level));
}

ptrdiff_t ddz_plan_strips(const struct plan *plan, int lag)
{
    return (ddz_plan_rows(plan, 0) + lag + plan->strip_rows - 1) / plan->strip_rows;
}

static struct map map_of(const struct plan *plan, struct tensor tensor)
{
    struct map map = {.width = ddz_plan_side(&plan->model->unet, plan->width, tensor.level),
                      .step = (ptrdiff_t)step_of(&plan->model->unet, tensor)};
    map.row = (map.width + 1) * map.step;
    return map;
}

struct map ddz_plan_whole(const struct plan *plan)
{
    struct map map = map_of(plan, stream_0);
    map.data = plan->whole + map.row + map.step;
    return map;
}

void ddz_plan_clear_border(const struct plan *plan)
{
    struct map map = ddz_plan_whole(plan);
    ptrdiff_t rows = ddz_plan_rows(plan, 0);
    size_t pixel = (size_t)map.step * sizeof *map.data, row = (size_t)map.row * sizeof *map.data;
    memset(map_pixel(&map, -1, -1), 0, row + pixel);
    memset(map_pixel(&map, rows, 0), 0, row);
    for (ptrdiff_t y = 0; y < rows; y++)
        memset(map_pixel(&map, y, map.width), 0, pixel);
}

struct map ddz_plan_from(const struct plan *plan, const struct strip_window *window, int lane,
                         ptrdiff_t strip, ptrdiff_t y)
{
    if (window->whole)
        return map_from(ddz_plan_whole(plan), y);
    struct map map = map_of(plan, window->tensor);
    ptrdiff_t first = strip * (plan->strip_rows >> window->tensor.level) - window->top;
    map.data = plan->windows + (size_t)lane * plan->lane_values + plan->at[window->place] + map.step;
    return map_from(map, y - first);
}

int16_t *ddz_plan_kept(const struct plan *plan, int layer, ptrdiff_t y)
{
    const struct strip_layer *l = &plan->layer[layer];
    return plan->kept[layer] + y % kept_rows(l, plan->strip_rows) * map_of(plan, l->held.tensor).row;
}

int16_t *ddz_plan_picture_rows(const struct plan *plan, int lane)
{
    return plan->picture_rows + (size_t)lane * picture_rows_values(plan->width);
}
