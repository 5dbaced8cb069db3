/*
 * Where the network's tensors lie in memory:
 *
 *   whole     if calls are kept for later updates: the stream of level 0, which becomes the features that `gates`
 *             reads, and then, row by row, its gates
 *   windows   all others, as far as a strip works on them: for each lane that computes strips
 *   kept      rows that a layer has to see again in the next strip, for each layer of a run
 *
 * A cut is how a picture is divided into strips. It decides how much of the windows and kept rows is in use.
 */
#ifndef DDZ_NN_PLAN_H
#define DDZ_NN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "nn/conv/map.h"
#include "nn/strips.h"

struct plan {
    const struct ddz_model *model;
    int lanes, runs;                 /* runs number 0 to runs - 1 are planned */
    int above[PLACES];               /* strips.h */
    int lag;                         /* of a run's output behind the picture, at most */
    struct strip_layer *layer;       /* one run after the other */
    int first[STRIP_RUNS + 1];       /* of each run's, and where the last one's end */
    size_t lane_values, kept_values; /* room that each lane has for windows, and room for kept rows */
    int16_t *windows, *kept_rows, *whole;
    int16_t *picture_rows; /* two rows of a picture for each lane */

    /* the present cut */
    uint32_t width, height; /* of the picture; 0: none */
    ptrdiff_t strip_rows;   /* of level 0 */
    size_t at[PLACES];      /* of windows, among the values of a lane */
    int16_t **kept;         /* each layer's rows */
};

/* Takes room for pictures of up to width x height pixels, computed by `lanes` lanes, from the arena, but for the whole
 * tensor: whoever has room for that sets it. Of runs, those up to RUN_UPDATE or all. */
struct plan ddz_plan_make(struct arena *arena, const struct ddz_model *model, uint32_t width, uint32_t height,
                          int lanes, int runs);

/* Cuts a picture, no larger than the plan was made for. */
void ddz_plan_cut(struct plan *plan, uint32_t width, uint32_t height);

/* Pixels of a level for a side of a picture: padded to whole pixels of the deepest level */
uint32_t ddz_plan_side(const struct architecture *unet, uint32_t side, int level);

/* Values of the whole tensor for a picture, border and all; they begin at plan->whole. */
size_t ddz_plan_whole_values(const struct architecture *unet, uint32_t width, uint32_t height);

/* Of the present cut: how many strips there are for layers up to lag `lag`; rows and pixels of a level; and where a
 * tensor of a lag ends in a strip, 0 before the first. */
ptrdiff_t ddz_plan_strips(const struct plan *plan, int lag);
ptrdiff_t ddz_plan_rows(const struct plan *plan, int level);
int64_t ddz_plan_pixels(const struct plan *plan, int level);
ptrdiff_t ddz_plan_end(const struct plan *plan, int level, int lag, ptrdiff_t strip);

/* The whole tensor, and zeros all around it */
struct map ddz_plan_whole(const struct plan *plan);
void ddz_plan_clear_border(const struct plan *plan);
/* A window, or the whole tensor, from the tensor's row `y` on, as a lane has it in a strip */
struct map ddz_plan_from(const struct plan *plan, const struct strip_window *window, int lane,
                         ptrdiff_t strip, ptrdiff_t y);
/* Where row `y` is kept of those for the plan's layer number `layer`, with the border on its right */
int16_t *ddz_plan_kept(const struct plan *plan, int layer, ptrdiff_t y);
/* Room of a lane for two rows of the picture, [width][3] each */
int16_t *ddz_plan_picture_rows(const struct plan *plan, int lane);

#endif
