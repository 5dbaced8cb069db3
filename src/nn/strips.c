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

static void open_window(struct strips *strips, struct tensor tensor, int lag)
{
    enum strip_place place = place_of(tensor);
    bool whole = tensor.kind == TENSOR_GATES ||
                 (tensor.kind == TENSOR_STREAM && tensor.level == 0 && strips->stage == STAGE_CALL);
    strips->lag[place] = strips->first_lag[place] = lag;
    strips->window[place] = (struct strip_window){tensor, whole, place, lag + strips->above[place]};
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

struct strip_layer ddz_strips_next(struct strips *strips, const struct layer_shape *shape)
{
    enum strip_place in = place_of(shape->reads), out = place_of(shape->writes);
    bool first = shape->stage != strips->stage || shape->reads.kind == TENSOR_INPUT;
    strips->stage = shape->stage;
    if (first)
        open_window(strips, shape->reads, SOURCE_LAG);
    struct strip_layer layer = {.taps = shape->taps, .in = strips->window[in], .lag_in = strips->lag[in]};
    layer.lag_out = lag_behind(shape, layer.lag_in);
    keep_rows(strips, shape, &layer);
    if (shape->end != END_ADD || (shape->taps == 1 && !strips->window[out].whole))
        open_window(strips, shape->writes, layer.lag_out);
    strips->lag[out] = layer.lag_out;
    layer.out = strips->window[out];
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

struct strips ddz_strips_begin(const struct ddz_model *model)
{
    struct strips dry = {.stage = STAGE_CALL};
    for (int i = 0; i < model->layers; i++) {
        struct strip_layer layer = ddz_strips_next(&dry, &model->layer[i].shape);
        need_rows(&dry, &layer);
    }
    struct strips strips = {.stage = STAGE_CALL};
    for (int place = 0; place < PLACES; place++)
        strips.above[place] = dry.above[place];
    return strips;
}
