/*
 * A stage of layers, run down a picture in strips. Lanes work on strips that follow one another, each on all layers of
 * its own: a strip may begin a layer as soon as the one before has put aside the rows that it keeps for it.
 */
#ifndef DDZ_NN_STAGE_H
#define DDZ_NN_STAGE_H

#include <stdint.h>

#include "base/parallel.h"
#include "nn/conv/conv.h"
#include "nn/plan.h"

struct stage {
    const struct plan *plan;
    const struct conv *conv; /* [model->layers], all layers of a network, conditioned */
    int first, end;          /* those that run */
    const int16_t
        *in; /* pictures of the size that the plan is cut for; `in` may be `out`. STAGE_GATES has none: */
    int16_t *out; /* it turns the whole tensor from features into gates */
};

/* Rows and columns of the whole tensor's border have to be zero. */
void ddz_stage_run(const struct stage *stage, struct parallel *parallel);

#endif
