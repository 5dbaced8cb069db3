/* What a chain consists of: for src/chain alone. */
#ifndef DDZ_CHAIN_FIELDS_H
#define DDZ_CHAIN_FIELDS_H

#include "base/units.h"
#include "chain/chain.h"
#include "channel/mix.h"
#include "nn/net.h"

/* Bytes a sample: 4 for y, and as many for estimate and vector together, so that after a lift they can change places;
 * a quarter for the remainders. */
struct chain {
    struct mem mem;
    const struct ddz_model *model;
    struct net *net;           /* NULL: forgotten */
    uint64_t features;         /* it was made for */
    struct parallel *parallel; /* NULL: none but the calling thread */
    struct pyramid pyramid;
    int finest;      /* scale that it comes to at most */
    bool grey;       /* R = G = B in x_0 and estimates */
    bool few_views;  /* at the finest scale an estimate is the mean of fewer views */
    size_t capacity; /* samples of the finest scale, padded to even sides for a lift's bands */

    int scale;                        /* that y and estimate have now */
    int64_t sigma_q8;                 /* noise of y; 0 before the first step */
    enum estimate_kind estimate_kind; /* for y */
    int views;                        /* of which a called estimate is the mean */

    int32_t *y;          /* [h][w][3]; within a lift, y of the coarse scale and behind it the bands */
    int16_t *estimate;   /* xhat_0 */
    int16_t *vector;     /* a step's impulses, then its noise; the network's input and output */
    uint8_t *remainders; /* of a sum of views, by 4: two bits a sample; in a step, the list of its impulses */
    struct mix_room room;
};

/* Of a grey picture the three samples of each pixel become their mean. */
static inline void chain_take_colour_out(const struct chain *chain, int16_t *values)
{
    size_t n = (size_t)3 * chain->pyramid.width[chain->scale] * chain->pyramid.height[chain->scale];
    for (size_t i = 0; chain->grey && i < n; i += 3) {
        int32_t twice = 2 * (values[i] + values[i + 1] + values[i + 2]) + 3 + (6 << 20); /* above 0 */
        values[i] = values[i + 1] = values[i + 2] = (int16_t)(twice / 6 - (1 << 20));
    }
}

/* y's noise is sigma_q8 at `scale` now, and the estimate is still to be made. */
static inline void chain_move(struct chain *chain, int scale, int64_t sigma_q8)
{
    chain->scale = scale;
    chain->sigma_q8 = sigma_q8;
    chain->estimate_kind = ESTIMATE_NONE;
}

#endif
