#include "nn/strips.h"

/* Where a picture comes from that is cut into strips: each ends a row later than its layers do, so that the rows of
 * these begin with whole strips. */
enum { SOURCE_LAG = -1 };

static enum strip_place place_of(struct tensor tensor)
{
    switch (tensor.kind) {
    case TENSOR_INPUT:
        return PLACE_INPUT;
    case TENSOR_OUTPUT:
        return PLACE_OUTPUT;
    case TENSOR_INNER:
        return PLACE_INNER;
    case TENSOR_SIFTED:
        return PLACE_SIFTED;
    case TENSOR_GATES:
        return PLACE_GATES;
    case TENSOR_STREAM:
        break;
    }
    return PLACE_STREAM + (enum strip_place)tensor.level;
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static int count_stage(const struct ddz_model *model, enum layer_stage stage)
{
    int count = 0;
    for (int i = 0; i < model->layers; i++)
        count += model->layer[i].shape.stage == stage;
    return count;
}

int ddz_strips_count(const struct ddz_model *model, enum strip_run run)
{
    static const enum layer_stage stages[] = {STAGE_CALL, STAGE_GATES, STAGE_UPDATE};
    if (run != RUN_FLOW)
        return count_stage(model, stages[run]);
    return model->layers + (FLOW_UPDATES - 1) * count_stage(model, STAGE_UPDATE);
}

/* The stages' layers follow one another in the model's table; a flow's end is their last ones over again. */
int ddz_strips_layer(const struct ddz_model *model, enum strip_run run, int i)
{
    int updates = count_stage(model, STAGE_UPDATE);
    if (run == RUN_FLOW)
        return i < model->layers ? i : model->layers - updates + (i - model->layers) % updates;
    int first = run == RUN_CALL    ? 0
                : run == RUN_GATES ? count_stage(model, STAGE_CALL)
                                   : model->layers - updates;
    return first + i;
}

/* ---- Windows ------------------------------------------------------------------------------- */

static bool is_whole(const struct strips *strips, struct tensor tensor)
{
    if (strips->run == RUN_FLOW)
        return false;
    return tensor.kind == TENSOR_GATES ||
           (tensor.kind == TENSOR_STREAM && tensor.level == 0 && strips->run == RUN_CALL);
}

static void open_window(struct strips *strips, struct tensor tensor, int lag)
{
    enum strip_place place = place_of(tensor);
    strips->lag[place] = strips->first_lag[place] = lag;
    strips->window[place] =
        (struct strip_window){tensor, is_whole(strips, tensor), place, lag + strips->above[place]};
}

/* A layer's output for an input of lag `lag` */
static int lag_behind(const struct layer_shape *shape, int lag)
{
    return shape->taps == 9 ? lag + 1 : shape->taps == 4 ? (lag + 1) / 2 : 2 * lag;
}

static void keep_rows(const struct strips *strips, const struct layer_shape *shape, struct strip_layer *layer)
{
    layer->held = shape->taps == 1 ? strips->window[place_of(shape->writes)] : layer->in;
    layer->held_lag = shape->taps == 1 ? strips->lag[place_of(shape->writes)] : layer->lag_in;
    if (layer->held.whole)
        return;
    layer->kept = shape->taps == 9   ? 2 /* one above a row of the output, and one beside it */
                  : shape->taps == 4 ? layer->lag_in % 2
                                     : layer->lag_out - layer->held_lag;
}

/* What comes from outside; of a flow's update, as far as its gates have come */
static void open_source(struct strips *strips, const struct layer_shape *shape)
{
    bool flows = strips->run == RUN_FLOW && shape->stage == STAGE_UPDATE;
    open_window(strips, shape->reads, flows ? strips->lag[PLACE_GATES] - 1 : SOURCE_LAG);
}

struct strip_layer ddz_strips_next(struct strips *strips, int number)
{
    const struct layer_shape *shape = &strips->model->layer[number].shape;
    enum strip_place in = place_of(shape->reads), out = place_of(shape->writes);
    if (!strips->begun || shape->reads.kind == TENSOR_INPUT)
        open_source(strips, shape);
    strips->begun = true;
    struct strip_layer layer = {
        .number = number, .taps = shape->taps, .in = strips->window[in], .lag_in = strips->lag[in]};
    layer.lag_out = lag_behind(shape, layer.lag_in);
    keep_rows(strips, shape, &layer);
    if (shape->end != END_ADD || (shape->taps == 1 && layer.kept > 0))
        open_window(strips, shape->writes, layer.lag_out);
    strips->lag[out] = layer.lag_out;
    layer.out = strips->window[out];
    layer.gates = strips->window[PLACE_GATES];
    return layer;
}

/* Rows above what a strip adds to the window of `in`, of which the layer needs one */
static void need_rows(struct strips *strips, const struct strip_layer *layer)
{
    enum strip_place place = layer->in.place;
    int lag = layer->taps == 9 ? layer->lag_in + 2 : layer->taps == 4 ? 2 * layer->lag_out : layer->lag_in;
    int above = lag - strips->first_lag[place];
    strips->above[place] = above > strips->above[place] ? above : strips->above[place];
}

void ddz_strips_begin(struct strips *strips, enum strip_run run)
{
    strips->run = run;
    strips->begun = false;
    open_window(strips, (struct tensor){TENSOR_GATES, 0}, 0);
}

struct strips ddz_strips_make(const struct ddz_model *model, int runs)
{
    struct strips dry = {.model = model}, strips = {.model = model};
    for (int run = 0; run < runs; run++) {
        ddz_strips_begin(&dry, run);
        for (int i = 0; i < ddz_strips_count(model, run); i++) {
            struct strip_layer layer = ddz_strips_next(&dry, ddz_strips_layer(model, run, i));
            need_rows(&dry, &layer);
        }
    }
    for (int place = 0; place < PLACES; place++)
        strips.above[place] = dry.above[place];
    return strips;
}
