/*
 * Layers of a run, down a picture in strips. Lanes work on strips that follow one another, each on all layers of
 * its own: a strip may begin a layer as soon as the one before has put aside the rows that it keeps for it.
 */
#ifndef DDZ_NN_STAGE_H
#define DDZ_NN_STAGE_H

#include <stdint.h>

#include "base/parallel.h"
#include "nn/conv/conv.h"
#include "nn/plan.h"
#include "nn/rows.h"

struct stage {
    const struct plan *plan;
    const struct conv *conv; /* [model->layers], all layers of a network, conditioned */
    enum strip_run run;      /* the plan must have it */
    int layers; /* so many of the run's, from the first on; their last one gives a picture or gates */
    const struct net_rows *rows; /* RUN_GATES has none: it turns the whole tensor from features into gates */
};

/* Rows and columns of the whole tensor's border have to be zero. */
void ddz_stage_run(const struct stage *stage, struct parallel *parallel);

#endif
