/*
 * Probabilities of bits that learn from the bits, and ways to make one of several: logistic mixing, and adaptive maps.
 * Integers only, the same on every machine.
 *
 * A probability is that of a 1, in 1/65536. Stretched, it is ln(p / (1 - p)) in 1/256, from -STRETCH_MOST to
 * STRETCH_MOST: what mixers add up.
 */
#ifndef DDZ_EXACT_MIXING_H
#define DDZ_EXACT_MIXING_H

#include "base/fixed.h"
#include "base/mem.h"

enum {
    STRETCH_MOST = 2839, /* of p = 65535/65536 */
    STRETCH_FINE = 2048, /* entries of the finer table */
    STRETCH_COARSE = 4096,
    MIXER_INPUTS = 32,
    MIXER_VECTOR = 8,         /* inputs are taken so many at a time, those that are none being 0 */
    MIXER_INPUT_MOST = 8191,  /* of an input's magnitude */
    MIXER_UNIT_Q16 = 1 << 16, /* a weight of 1 */
    COUNTER_LIMIT = 1023,
    APM_STEPS = 33
};

/* ---- The logistic function and its inverse ------------------------------------------------ */

struct mixing_tables {
    int16_t fine[STRETCH_FINE];            /* stretched p, at either end */
    int16_t coarse[STRETCH_COARSE];        /* stretched 16 p + 8, between the ends */
    uint16_t squash[2 * STRETCH_MOST + 1]; /* from -STRETCH_MOST on */
    uint16_t
        rate[COUNTER_LIMIT + 1]; /* of 65536: what a counter that has seen so many bits learns from one */
};

/* Some microseconds' work; each owner of mixers has tables, which stay as they are. */
void ddz_mixing_tables_init(struct mixing_tables *tables);

/* 1 <= p <= 65535 */
static inline int32_t ddz_stretch(const struct mixing_tables *tables, uint32_t p)
{
    if (p - STRETCH_FINE <= 65536 - 2 * STRETCH_FINE)
        return tables->coarse[p / 16];
    return p < STRETCH_FINE ? tables->fine[p] : -tables->fine[65536 - p];
}

/* 1 to 65535; numbers beyond STRETCH_MOST stand for it */
static inline uint32_t ddz_squash(const struct mixing_tables *tables, int32_t x)
{
    x = x > STRETCH_MOST ? STRETCH_MOST : x < -STRETCH_MOST ? -STRETCH_MOST : x;
    return tables->squash[x + STRETCH_MOST];
}

/* ---- Counters ------------------------------------------------------------------------------ */

/*
 * The share of ones in a context, 22 bits above the number of bits seen so far, 10 bits. The first bits count most;
 * behind a limit old ones are forgotten exponentially. Rounding keeps a share limit/128 of 65536 away from 0 and 1.
 */
typedef uint32_t counter;

static const counter counter_fresh = UINT32_C(1) << 31; /* one half, none seen */

/* 1 to 65535 */
static inline uint32_t ddz_counter_p(counter c)
{
    uint32_t p = c >> 16;
    return p ? p : 1;
}

static inline uint32_t ddz_counter_seen(counter c)
{
    return c & COUNTER_LIMIT;
}

/* limit: 1 to COUNTER_LIMIT bits are remembered */
static inline void ddz_counter_learn(const struct mixing_tables *tables, counter *c, int bit, uint32_t limit)
{
    uint32_t seen = *c & COUNTER_LIMIT;
    int64_t share = *c >> 10, aim = bit ? (1 << 22) - 1 : 0;
    share += asr64((aim - share) * tables->rate[seen] + (1 << 15), 16);
    *c = (uint32_t)share << 10 | (seen < limit ? seen + 1 : limit);
}

/* ---- Mixers --------------------------------------------------------------------------------- */

/*
 * A weighted sum of stretched probabilities, in one of several sets of weights, that learns by gradient descent on
 * the bits' cost.
 */
struct mixer {
    const struct mixing_tables *tables; /* not owned */
    int32_t *weights;                   /* of each set one for each input, of MIXER_UNIT_Q16; not owned */
    int vectors, sets;
    int rate;                /* learning rate: 1 is slowest; 2 to 16 is usual, 2048 the most */
    int16_t x[MIXER_INPUTS]; /* the stretched inputs of the next bit, which the caller sets */
    int32_t *chosen;         /* the set of this bit */
    uint32_t p;              /* what came out */
};

/* Weights that a set has in memory */
static inline int ddz_mixer_stride(int inputs)
{
    return (inputs + MIXER_VECTOR - 1) / MIXER_VECTOR * MIXER_VECTOR;
}

/* `weights` has room for ddz_mixer_stride(inputs) * sets numbers; all are set to `first`. 1 <= inputs <= MIXER_INPUTS */
void ddz_mixer_init(struct mixer *m, const struct mixing_tables *tables, int32_t *weights, int inputs,
                    int sets, int rate, int32_t first);

/* The stretched probability that the inputs make with this set's weights; m->p is the probability. */
int32_t ddz_mix(struct mixer *m, int set);

/* Teaches the set that the last ddz_mix chose. */
void ddz_mixer_learn(struct mixer *m, int bit);

/* ---- Adaptive maps --------------------------------------------------------------------------- */

/*
 * Corrects a probability by what came of similar ones in the same context: in each context a curve through APM_STEPS
 * points, of which the two next to the probability learn.
 */
struct apm {
    const struct mixing_tables *tables; /* not owned */
    uint16_t *points;                   /* contexts * APM_STEPS, not owned */
    uint32_t at;                        /* the lower point of the last probability */
    int32_t part;                       /* how far it lies to the upper one, of 256 */
    int shift;                          /* a point learns 1 / 2^shift of its error */
};

void ddz_apm_init(struct apm *a, const struct mixing_tables *tables, uint16_t *points, int contexts,
                  int shift);

/* The corrected probability of a stretched one, 1 to 65535. */
uint32_t ddz_apm_correct(struct apm *a, int32_t x, int context);
void ddz_apm_learn(struct apm *a, int bit);

#endif
