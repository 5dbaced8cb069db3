/*
 * Predicting a pixel's channels from its neighbours: several simple predictors, weighted by how good they were around;
 * a filter that learns how their mean is off; and how far off either is likely to be. A channel is predicted from the
 * channels before it, too.
 */
#ifndef DDZ_EXACT_PREDICT_H
#define DDZ_EXACT_PREDICT_H

#include "base/arena.h"
#include "exact/mixing.h"
#include "exact/rows.h"

enum {
    PREDICTORS = 10,
    EXPERTS =
        3, /* the weighted mean, the filter's correction of it, and the predictor that was best around */
    TAPS = 15,
    SPREAD_CLASSES = 24
};

/* What a probability is that a value is below all that it can be: 2^24 by the prediction, 2^16 for whatever is. */
static const uint32_t below_all = (1 << 24) + (1 << 16);

/* What became of the predictions of a channel of a pixel. */
struct record {
    uint16_t off[PREDICTORS]; /* by how much each was off */
    uint16_t off_q2[EXPERTS];
    int32_t residual_q4; /* of the second expert */
};

struct expert {
    int32_t mean_q4;
    int32_t slope; /* of the logistic function about the mean, in 1/256 for each level */
};

/* What is known of a channel before those before it are. */
struct outlook {
    int32_t plain[TAPS];            /* the values around */
    int32_t prediction[PREDICTORS]; /* those from number `moving` on have the reference's value added later */
    uint32_t weight[PREDICTORS];
    uint64_t total;            /* of the weights */
    int32_t mean_q4, moves_q8; /* the weighted mean, and how much of the reference's value has to be added */
    int reference, count, moving, best;
    int32_t slope[EXPERTS];
    int spread_class; /* how far off the filter is likely to be, on a logarithmic scale */
};

struct predict {
    struct record *records[2]; /* of this row and the row above: of each pixel one for each channel */
    int channels, depth;
    int32_t taps_q16[4][TAPS]; /* filters on what is known */
    struct outlook outlook[4]; /* of channels */

    int32_t inputs_q4[4][TAPS]; /* what the filters were given, and how much of it */
    int inputs[4];

    /* Of the channel at hand */
    int32_t prediction[PREDICTORS];
    struct expert expert[EXPERTS];
};

/* In which order channels are coded: alpha first, then green, to which the others are alike. */
int ddz_channel_order(int channels, int place);

void ddz_predict_place(struct predict *p, struct arena *arena, uint32_t width, int channels, int depth);

/* A new row begins. */
void ddz_predict_next_row(struct predict *p);

/* Prepares all that does not depend on the pixel's own channels, of the channels from place `from` to the one before
 * `to`. */
void ddz_predict_look(struct predict *p, const struct neighbours *n, int from, int to);

/* How probable the first expert holds a colour: of 2^32. */
uint32_t ddz_predict_score(const struct predict *p, const struct mixing_tables *tables, uint64_t colour);

/* The experts on a channel; `known` has the channels before. */
void ddz_predict_channel(struct predict *p, const struct neighbours *n, int place, uint64_t known);

/* What it was. Others may be predicted then. */
void ddz_predict_note(struct predict *p, const struct neighbours *n, int channel, int32_t value);

/* The filter learns from what was noted of its channel. */
void ddz_predict_adapt(struct predict *p, const struct neighbours *n, int channel);

/* Nobody looked at the pixel. */
void ddz_predict_skip(struct predict *p, const struct neighbours *n);

/* How probable the expert holds values below this one, of below_all: a logistic distribution with a little of a uniform
 * one. */
uint32_t ddz_expert_below(const struct mixing_tables *tables, const struct expert *e, int depth,
                          uint32_t value);

/* The last residual of the second expert in a channel of this pixel */
int32_t ddz_predict_residual(const struct predict *p, const struct neighbours *n, int channel);

#endif
