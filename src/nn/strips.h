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
 * Of most tensors there are windows only: the rows that a strip works on. What later updates need of a call is there for
 * the whole picture: the residual stream of level 0, which becomes its gates. Updates that run down the picture with
 * their call have windows of these, too.
 */
#ifndef DDZ_NN_STRIPS_H
#define DDZ_NN_STRIPS_H

#include <stdbool.h>

#include "model/model.h"

enum { FLOW_UPDATES = 3 /* at most, that run down a picture with their call */ };

/* Layers that run down a picture together */
enum strip_run {
    RUN_CALL,   /* keeps the stream of level 0 */
    RUN_GATES,  /* turns it into gates, */
    RUN_UPDATE, /* with which this one works */
    RUN_FLOW,   /* a call, its gates, and FLOW_UPDATES updates, or what it begins with; keeps nothing */
    STRIP_RUNS
};

/* Windows that share no memory while both are in use */
enum strip_place {
    PLACE_INPUT,
    PLACE_OUTPUT,
    PLACE_INNER, /* of all levels */
    PLACE_SIFTED,
    PLACE_GATES,
    PLACE_STREAM, /* of level 0 */
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
    int number; /* of the layer among the model's */
    int taps;
    struct strip_window in, out, gates; /* gates: of the tensor that END_GATE_BY needs, if there is one */
    int lag_in, lag_out;

    /* Rows that are kept for the next strip. `held` is where they are when they are put aside: rows of `in`, which has
     * lag held_lag; of layers that go up a level, those of `out` that the levels below have not come to yet, in the
     * window in which they were computed. */
    int kept; /* at most; for layers that go up, the rows of a strip come on top */
    struct strip_window held;
    int held_lag;
};

/* Layers one after the other */
struct strips {
    const struct ddz_model *model;
    int above[PLACES]; /* rows of windows above those that a strip adds: kept ones, lags, border */

    /* what the layers of the run so far have come to */
    enum strip_run run;
    bool begun;
    int lag[PLACES], first_lag[PLACES]; /* first: of the tensor's window when it was begun */
    struct strip_window window[PLACES];
};

/* How many layers a run has, and which is its number i */
int ddz_strips_count(const struct ddz_model *model, enum strip_run run);
int ddz_strips_layer(const struct ddz_model *model, enum strip_run run, int i);

/* For runs number 0 to `runs` - 1; then for each of them, begun in any order, its layers in theirs */
struct strips ddz_strips_make(const struct ddz_model *model, int runs);
void ddz_strips_begin(struct strips *strips, enum strip_run run);
struct strip_layer ddz_strips_next(struct strips *strips, int number);

#endif
