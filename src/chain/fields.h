/* What a chain consists of: for src/chain alone. */
#ifndef DDZ_CHAIN_FIELDS_H
#define DDZ_CHAIN_FIELDS_H

#include "base/units.h"
#include "chain/chain.h"
#include "channel/mix.h"
#include "nn/net.h"

/* A step that is made when an estimate is asked for, together with the call that it begins with or follows */
struct waiting {
    struct reverse_step step;
    int32_t level_to;
    int16_t *noise; /* none of it beyond the range of int16 */
};

/* Bytes a sample: 4 for y, and as many for estimate and vector together, so that after a lift they can change places;
 * a quarter for the remainders; and 2 for each step after the first that waits. */
struct chain {
    struct mem mem;
    const struct ddz_model *model;
    enum net_use use;          /* of the network. NET_FLOWS: steps can wait for their call */
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

    struct waiting waiting[FLOW_UPDATES];
    int deferred;    /* how many wait; sigma_q8 is y's before them */
    bool one_by_one; /* they follow a call that is kept */
    bool aside;      /* calls are not kept, and the one that is stays */
    int16_t *slot;   /* [slots][capacity]: noise of those after the first, whose noise is in the vector */
    int slots;
};

/* Of a grey picture the three samples of each pixel become their mean. */
static inline void chain_take_colour_out(const struct chain *chain, int16_t *values, size_t n)
{
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

/* The call of y as it is */
struct net_call ddz_chain_net_call(const struct chain *chain);

/* Small pictures cost little, but all depends on them: an estimate is that of several views of y. The smallest are estimated
 * hundreds of times to choose their bits. */
static inline bool label_has_views(int label)
{
    return label >= 2 && label <= 4;
}

/* How many views of y the estimate for the next step is the mean of, if it is a call's */
int ddz_chain_next_views(const struct chain *chain);

/* The call that is due and the steps that wait for it, if there are any. */
void ddz_chain_catch_up(struct chain *chain);

/* estimate = xhat_0(y) from one view of y; and the first `steps` of the steps that wait, 0 to FLOW_UPDATES, in one go down the picture. */
void ddz_chain_call_rows(struct chain *chain, int steps);

/* A waiting step, of n samples from number `begin` on, whose estimate and J c (`moved`, which is changed) are there */
void ddz_chain_make_rows(struct chain *chain, const struct waiting *step, size_t begin, int16_t *moved,
                         size_t n);

#endif
