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

static void run_layer(const struct strip *strip, int index)
{
    const struct plan *plan = strip->plan;
    const struct strip_layer *layer = &plan->layer[index];
    const struct conv *conv = &strip->stage->conv[index];
    ptrdiff_t y = output_end(plan, layer, strip->number - 1), end = output_end(plan, layer, strip->number);
    ptrdiff_t input = layer->taps == 4 ? 2 * y : layer->taps == 1 ? y / 2 : y;
    if (y == end)
        return;
    if (layer->taps == 9 && !layer->in.whole)
        clear_above_and_below(strip, &layer->in, y, end);
    struct conv_band band = {.in = window(strip, &layer->in, input),
                             .out = window(strip, &layer->out, y),
                             .gates = map_from(ddz_plan_whole(plan), y),
                             .rows = layer->taps == 1 ? (end - y) / 2 : end - y,
                             .above = y > 0,
                             .below = end < ddz_plan_rows(plan, layer->out.tensor.level)};
    if (!layer->out.whole && conv->layer.shape->end != END_ADD)
        clear_beside(band.out, end - y);
    conv->kernel->run(conv, &band);
}

/* ---- Strips -------------------------------------------------------------------------------- */

/* The rows of the first layer's input that a strip adds */
static void take_in(const struct strip *strip)
{
    const struct stage *stage = strip->stage;
    const struct plan *plan = strip->plan;
    const struct strip_layer *first = &plan->layer[stage->first];
    ptrdiff_t y = input_end(plan, first, strip->number - 1), end = input_end(plan, first, strip->number);
    if (y == end)
        return;
    struct map map = window(strip, &first->in, y), whole = ddz_plan_whole(plan);
    clear_beside(map, end - y);
    if (stage->in)
        ddz_patches_from(stage->in, plan->width, plan->height, &map, y, end - y);
    else
        memcpy(map.data, map_pixel(&whole, y, 0), (size_t)((end - y) * map.row) * sizeof *map.data);
}

static void give_out(const struct strip *strip)
{
    const struct stage *stage = strip->stage;
    const struct plan *plan = strip->plan;
    const struct strip_layer *last = &plan->layer[stage->end - 1];
    ptrdiff_t y = output_end(plan, last, strip->number - 1), end = output_end(plan, last, strip->number);
    if (!stage->out || y == end)
        return;
    struct map map = window(strip, &last->out, y);
    ddz_patches_to(&map, y, end - y, stage->out, plan->width, plan->height);
}

static void run_strip(void *argument, size_t number, int lane, struct wave *wave)
{
    const struct stage *stage = argument;
    const struct strip strip = {stage, stage->plan, (ptrdiff_t)number, lane};
    take_in(&strip);
    for (int i = stage->first; i < stage->end; i++) {
        ddz_wave_wait(wave, number, (size_t)(i - stage->first));
        exchange(&strip, i);
        ddz_wave_pass(wave, number, (size_t)(i - stage->first));
        run_layer(&strip, i);
    }
    give_out(&strip);
}

void ddz_stage_run(const struct stage *stage, struct parallel *parallel)
{
    const struct plan *plan = stage->plan;
    size_t strips = (size_t)ddz_plan_strips(plan, plan->layer[stage->end - 1].lag_out);
    struct stage run = *stage;
    ddz_wave_run(parallel, strips, (size_t)(stage->end - stage->first), run_strip, &run);
}
