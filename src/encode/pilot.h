/*
 * How many bits will a picture take? Denoises it at a few noise levels, without a chain, and adds
 * up the rate: R = integral of |x_0 - xhat_0|^2 / sigma^2 d ln sigma (I-MMSE). Encoder only.
 */
#ifndef DDZ_ENCODE_PILOT_H
#define DDZ_ENCODE_PILOT_H

#include <stdint.h>

#include "api/progress.h"
#include "chain/chain.h"
#include "exact/blocks.h"

struct pilot_goal {
    double bits;                 /* stop where scale 0 has taken so many, */
    double psnr;                 /* or where the estimate is so good; 0: does not matter */
    double steering;             /* strength, 1 by default: leaves bits unspent, and PSNR */
    const struct blocks *blocks; /* over which the PSNR does not count; NULL: none */
};

/* *end_level = the level at which scale 0 reaches the goal, within the schedule's limits. x is the picture,
 * noise room for one, [h][w][3]. Overwrites the chain's y and estimate. CANCELLED. */
ddz_status ddz_pilot_end_level(struct chain *chain, const int16_t *x, int32_t *noise, struct pilot_goal goal,
                               struct progress *progress, int32_t *end_level);

#endif
