/* What a step changes: for src/chain alone. */
#ifndef DDZ_CHAIN_CHANGE_H
#define DDZ_CHAIN_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/chain.h"
#include "channel/impulses.h"
#include "diffusion/posterior.h"

/* Of samples in any order */
struct change {
    struct reverse_step step;
    struct impulses impulses; /* which the vector has, or */
    const struct impulse_list *list;
    int32_t *y;              /* of a lift: its bands; NULL: nothing is changed yet */
    const int16_t *estimate; /* of a lift: NULL, for the bands are as predicted before it */
    int16_t *vector;         /* impulses; then noise as the network takes it */
    size_t samples;
};

/* Noise beyond the range of the vector, whose bounds stand for it there */
static inline bool change_is_beyond(int16_t c)
{
    return c == INT16_MIN || c == INT16_MAX;
}

/* The vector becomes the noise of a step all of whose bits are known. y, if there is one, takes of it what is beyond the
 * vector's range. */
void ddz_change_take(struct chain *chain, const struct trellis *t, const uint8_t *bits,
                     struct change *change);

/* y takes the noise of samples from `begin` to `end`, or of all, but for what it has taken already. */
void ddz_change_pass(const struct change *change, size_t begin, size_t end);
void ddz_change_pass_all(struct chain *chain, struct change *change);

/* Is noise in the vector beyond its range? */
bool ddz_change_has_beyond(const struct chain *chain, const struct change *change);

/* The chain's estimate becomes xhat_0 + sigma_s sqrt(1 - r^2) J c for the noise c in the vector, which becomes J c. */
void ddz_change_update(struct chain *chain, const struct change *change);
/* estimate[n], given moved[n] = J c */
void ddz_change_move(int64_t noise_q8, const int16_t *moved, int16_t *estimate, size_t n);

#endif
