/*
 * How the network's layers follow one another down a picture: in strips of rows, which derive from the table of
 * layers.
 *
 * In each strip every layer computes the rows for which its input has come far enough since the strip before. A 3x3
 * layer needs the row below each of its own, so that its output lags a row behind its input, and lags add up along
 * the layers. At level l a strip is height / 2^l rows high, and in strip s a tensor of lag g ends at row
 *   (s + 1) height / 2^l - g,
 * or where the picture does. What a layer has to see again in the next strip is kept for it; no row is computed twice.
 *
 * The residual stream of level 0 is there for the whole picture: updates need it. Of other tensors there are windows
 * only: the rows that a strip works on.
 */
#ifndef DDZ_NN_STRIPS_H
#define DDZ_NN_STRIPS_H

#include <stdbool.h>

#include "model/model.h"

/* Windows that share no memory, as far as they are of one stage of layers */
enum strip_place {
    PLACE_INPUT,
    PLACE_OUTPUT,
    PLACE_INNER, /* of all levels */
    PLACE_SIFTED,
    PLACE_GATES,  /* whole */
    PLACE_STREAM, /* of level 0: features, on their way to gates */
    PLACES = PLACE_STREAM + TOPOLOGY_MAX_LEVELS
};

/* Rows of a tensor. In strip s the first is number s height / 2^level - top. */
struct strip_window {
    struct tensor tensor;
    bool whole; /* no window, but all of the tensor */
    enum strip_place place;
    int top;
};

/* A layer's rows in a strip are those from the end of its output in the strip before to that in this one. */
struct strip_layer {
    int taps;
    struct strip_window in, out;
    int lag_in, lag_out;

    /* Rows that are kept for the next strip. `held` is where they are when they are put aside: rows of `in`, which has
     * lag held_lag; of layers that go up a level, those of `out` that the levels below have not come to yet, in the
     * window in which they were computed. */
    int kept; /* at most; for layers that go up, the rows of a strip come on top */
    struct strip_window held;
    int held_lag;
};

/* All layers of a model's network, one after the other */
struct strips {
    int above[PLACES]; /* rows of windows above those that a strip adds: kept ones, lags, border */

    /* what the layers so far have come to */
    enum layer_stage stage;
    int lag[PLACES], first_lag[PLACES]; /* first: of the tensor's window when it was begun */
    struct strip_window window[PLACES];
};

/* Before the first layer */
struct strips ddz_strips_begin(const struct ddz_model *model);

/* The next layer, in the order in which they run */
struct strip_layer ddz_strips_next(struct strips *strips, const struct layer_shape *shape);

#endif
