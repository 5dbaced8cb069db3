/* Coding a bit whose probability several counters and experts suggest: what the pixel coder's parts share. */
#ifndef DDZ_EXACT_BLEND_H
#define DDZ_EXACT_BLEND_H

#include "exact/binary.h"
#include "exact/mixing.h"

/*
 * Two mixers over the same inputs, whose sets of weights two different contexts choose; the mean of both, and an
 * adaptive map on it.
 */
struct blend {
    const struct mixing_tables *tables; /* not owned */
    struct mixer first, second;
    struct apm map;
    counter *counters[MIXER_INPUTS]; /* of the next bit: the first inputs are theirs */
    int counted;
    int rate, haste; /* see below */
    uint32_t limit;  /* of the counters */
    uint32_t bits;   /* coded so far */
};

/* How many inputs come from counters, and how many the caller sets; sets of weights; contexts of the map. Mixers
 * learn at `rate`, and at the beginning, when weights are still far off, faster by `haste`. */
struct blend_shape {
    int counted, others, first_sets, second_sets, contexts, rate, haste;
    uint32_t limit;
};

/* Numbers that a blend needs: int32_t for its weights, uint16_t for its map's points. */
size_t ddz_blend_weights(const struct blend_shape *shape);
size_t ddz_blend_points(const struct blend_shape *shape);

void ddz_blend_init(struct blend *b, const struct mixing_tables *tables, const struct blend_shape *shape,
                    int32_t *weights, uint16_t *points);

/* Where the inputs that are not counters' are set. */
static inline int16_t *ddz_blend_others(struct blend *b)
{
    return b->first.x + b->counted;
}

/* Code a bit with b->counters and the other inputs; all learn from it, unless the data ended. */
int ddz_blend_code(struct blend *b, struct bit_coder *c, int bit, int first_set, int second_set, int context);

#endif
