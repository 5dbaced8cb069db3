#include "nn/stage.h"

#include <string.h>

#include "base/wave.h"
#include "nn/patches.h"

/* A strip, and who computes it */
struct strip {
    const struct stage *stage;
    const struct plan *plan;
    ptrdiff_t number;
    int lane;
};

static struct map window(const struct strip *strip, const struct strip_window *window, ptrdiff_t y)
{
    return ddz_plan_from(strip->plan, window, strip->lane, strip->number, y);
}

/* Where a layer's input and output end in a strip */
static ptrdiff_t input_end(const struct plan *plan, const struct strip_layer *layer, ptrdiff_t strip)
{
    return ddz_plan_end(plan, layer->in.tensor.level, layer->lag_in, strip);
}

static ptrdiff_t output_end(const struct plan *plan, const struct strip_layer *layer, ptrdiff_t strip)
{
    return ddz_plan_end(plan, layer->out.tensor.level, layer->lag_out, strip);
}

/* ---- Rows from strip to strip -------------------------------------------------------------- */

static void put_aside(const struct strip *strip, int index, ptrdiff_t y, ptrdiff_t end)
{
    for (; y < end; y++) {
        struct map map = window(strip, &strip->plan->layer[index].held, y);
        memcpy(ddz_plan_kept(strip->plan, index, y), map.data, (size_t)map.row * sizeof *map.data);
    }
}

static void take_back(const struct strip *strip, int index, const struct strip_window *to, ptrdiff_t y,
                      ptrdiff_t end)
{
    if (y < end) { /* the border on the left is the pixel before */
        struct map map = window(strip, to, y);
        memset(map_pixel(&map, 0, -1), 0, (size_t)map.step * sizeof *map.data);
    }
    for (; y < end; y++) {
        struct map map = window(strip, to, y);
        memcpy(map.data, ddz_plan_kept(strip->plan, index, y), (size_t)map.row * sizeof *map.data);
    }
}

/* The first row kept that is needed once a layer is done with a strip. Of a 3x3 layer's input, the row above the next
 * one of its output: to the end, since a block adds the output of its second layer there, a row behind the first. */
static ptrdiff_t needed_after(const struct plan *plan, const struct strip_layer *layer, ptrdiff_t strip)
{
    if (layer->taps == 9)
        return ddz_plan_end(plan, layer->out.tensor.level, layer->lag_out + 1, strip);
    ptrdiff_t end = output_end(plan, layer, strip);
    return layer->taps == 4 ? 2 * end : end;
}

static void exchange(const struct strip *strip, int index)
{
    const struct plan *plan = strip->plan;
    const struct strip_layer *layer = &plan->layer[index];
    if (layer->kept == 0)
        return;
    int level = layer->held.tensor.level;
    ptrdiff_t old_end = ddz_plan_end(plan, level, layer->held_lag, strip->number - 1);
    ptrdiff_t new_end = ddz_plan_end(plan, level, layer->held_lag, strip->number);
    ptrdiff_t old = needed_after(plan, layer, strip->number - 1),
              new = needed_after(plan, layer, strip->number);
    if (layer->taps == 1) { /* to where the rows were; there is room for both */
        put_aside(strip, index, old_end, new_end);
        take_back(strip, index, &layer->out, old, new);
    } else {
        take_back(strip, index, &layer->in, old, old_end);
        put_aside(strip, index, new > old_end ? new : old_end, new_end);
    }
}

/* ---- Layers -------------------------------------------------------------------------------- */

/* Zeros around the rows from y to `end`, as far as they are the tensor's: a window has been elsewhere before. */
static void clear_above_and_below(const struct strip *strip, const struct strip_window *in, ptrdiff_t y,
                                  ptrdiff_t end)
{
    struct map map = window(strip, in, y);
    size_t row = (size_t)map.row * sizeof *map.data, pixel = (size_t)map.step * sizeof *map.data;
    if (y == 0)
        memset(map_pixel(&map, -1, -1), 0, row + pixel);
    if (end == ddz_plan_rows(strip->plan, in->tensor.level))
        memset(map_pixel(&map, end - y, 0), 0, row);
}

static void clear_beside(struct map map, ptrdiff_t rows)
{
    for (ptrdiff_t y = 0; y < rows; y++)
        memset(map_pixel(&map, y, map.width), 0, (size_t)map.step * sizeof *map.data);
}

static void run_layer(const struct strip *strip, const struct strip_layer *layer)
{
    const struct plan *plan = strip->plan;
    const struct conv *conv = &strip->stage->conv[layer->number];
    ptrdiff_t y = output_end(plan, layer, strip->number - 1), end = output_end(plan, layer, strip->number);
    ptrdiff_t input = layer->taps == 4 ? 2 * y : layer->taps == 1 ? y / 2 : y;
    if (y == end)
        return;
    if (layer->taps == 9 && !layer->in.whole)
        clear_above_and_below(strip, &layer->in, y, end);
    struct conv_band band = {.in = window(strip, &layer->in, input),
                             .out = window(strip, &layer->out, y),
                             .rows = layer->taps == 1 ? (end - y) / 2 : end - y,
                             .above = y > 0,
                             .below = end < ddz_plan_rows(plan, layer->out.tensor.level)};
    if (conv->layer.shape->end == END_GATE_BY)
        band.gates = window(strip, &layer->gates, y);
    if (!layer->out.whole && conv->layer.shape->end != END_ADD)
        clear_beside(band.out, end - y);
    conv->kernel->run(conv, &band);
}

/* ---- Pictures ------------------------------------------------------------------------------ */

/* The rows of the picture that patch row `y` is of: two, or at its end one or none */
static uint32_t picture_rows(const struct plan *plan, ptrdiff_t y)
{
    ptrdiff_t rest = (ptrdiff_t)plan->height - 2 * y;
    return rest > 2 ? 2 : rest < 0 ? 0 : (uint32_t)rest;
}

/* Rows of patches from y to `end`, of the picture that part `part` of the run begins with */
static void take_picture(const struct strip *strip, struct map map, int part, ptrdiff_t y, ptrdiff_t end)
{
    const struct net_rows *from = strip->stage->rows;
    const struct plan *plan = strip->plan;
    int16_t *room = ddz_plan_picture_rows(plan, strip->lane);
    for (; y < end; y++, map = map_from(map, 1)) {
        uint32_t rows = picture_rows(plan, y);
        const int16_t *picture = rows ? from->take(from->cookie, part, (uint32_t)(2 * y), rows, room) : room;
        ddz_patches_from(picture, plan->width, rows, &map, 0, 1);
    }
}

static void take_whole(const struct plan *plan, struct map map, ptrdiff_t y, ptrdiff_t end)
{
    struct map whole = ddz_plan_whole(plan);
    memcpy(map.data, map_pixel(&whole, y, 0), (size_t)((end - y) * map.row) * sizeof *map.data);
}

/* The rows of a layer's input that a strip adds, from a picture or the whole tensor */
static void take_in(const struct strip *strip, const struct strip_layer *layer, int part)
{
    const struct plan *plan = strip->plan;
    ptrdiff_t y = input_end(plan, layer, strip->number - 1), end = input_end(plan, layer, strip->number);
    if (y == end)
        return;
    struct map map = window(strip, &layer->in, y);
    clear_beside(map, end - y);
    if (layer->in.tensor.kind == TENSOR_INPUT)
        take_picture(strip, map, part, y, end);
    else
        take_whole(plan, map, y, end);
}

/* The rows of a layer's output that a strip adds: part `part` of the run ends. */
static void give_out(const struct strip *strip, const struct strip_layer *layer, int part)
{
    const struct net_rows *to = strip->stage->rows;
    const struct plan *plan = strip->plan;
    int16_t *room = ddz_plan_picture_rows(plan, strip->lane);
    ptrdiff_t y = output_end(plan, layer, strip->number - 1), end = output_end(plan, layer, strip->number);
    if (y == end)
        return;
    struct map map = window(strip, &layer->out, y);
    for (; y < end; y++, map = map_from(map, 1)) {
        uint32_t rows = picture_rows(plan, y);
        if (!rows)
            return;
        ddz_patches_to(&map, 0, 1, room, plan->width, rows);
        to->give(to->cookie, part, (uint32_t)(2 * y), rows, room);
    }
}

/* ---- Strips -------------------------------------------------------------------------------- */

/* A part of a run begins with the layer that reads a picture and ends with the one that writes one. What a part gives
 * is there before the strip passes the next mark. */
static void run_strip(void *argument, size_t number, int lane, struct wave *wave)
{
    const struct stage *stage = argument;
    const struct plan *plan = stage->plan;
    const struct strip strip = {stage, plan, (ptrdiff_t)number, lane};
    int first = plan->first[stage->run], part = 0;
    for (int i = 0; i < stage->layers; i++) {
        const struct strip_layer *layer = &plan->layer[first + i];
        if (i == 0 || layer->in.tensor.kind == TENSOR_INPUT)
            take_in(&strip, layer, part);
        ddz_wave_wait(wave, number, (size_t)i);
        exchange(&strip, first + i);
        ddz_wave_pass(wave, number, (size_t)i);
        run_layer(&strip, layer);
        if (layer->out.tensor.kind == TENSOR_OUTPUT)
            give_out(&strip, layer, part++);
    }
}

void ddz_stage_run(const struct stage *stage, struct parallel *parallel)
{
    const struct plan *plan = stage->plan;
    int last = plan->first[stage->run] + stage->layers - 1;
    size_t strips = (size_t)ddz_plan_strips(plan, plan->layer[last].lag_out);
    struct stage run = *stage;
    ddz_wave_run(parallel, strips, (size_t)stage->layers, run_strip, &run);
}
