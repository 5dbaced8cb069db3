/*
 * Coding a colour's channels, bit by bit from the top: with counters in contexts of neighbours and of the channels
 * before, for what has few colours, and with predictions, for what is like a photograph or a gradient.
 */
#ifndef DDZ_EXACT_VALUE_H
#define DDZ_EXACT_VALUE_H

#include "exact/blend.h"
#include "exact/predict.h"

enum {
    VALUE_CONTEXTS = 7,
    VALUE_LINE = 16 /* counters of the 15 nodes of four bits, and whose they are */
};

/* A channel's value while its bits become known: what experts say of values below the least that it can be, below the
 * middle, and below what it must be less than. */
struct halving {
    uint32_t least, from[EXPERTS], middle[EXPERTS], to[EXPERTS];
    int done; /* bits */
};

struct value {
    const struct mixing_tables *tables; /* not owned */
    struct blend blends[2];             /* of colours that were asked for before, second */
    counter *lines[VALUE_CONTEXTS];     /* of each context 1 << line_bits lines */
    int32_t *weights[2];
    uint16_t *points[2];
    int line_bits[VALUE_CONTEXTS], depth;

    /* Of the colour at hand */
    int place; /* channels that are known, in the order of coding, */
    uint64_t known;
    uint64_t hash[VALUE_CONTEXTS]; /* and of the one at hand */
    struct halving halving;
    counter *line[VALUE_CONTEXTS];
    int node; /* in the lines */

    /* Lines that are likely to be the next, whose memory has been asked for */
    counter *next[VALUE_CONTEXTS];
    uint32_t next_check[VALUE_CONTEXTS];
    uint32_t next_least; /* and what they are the lines of */
    int next_done;
    int expected; /* the place of the channel that was predicted last; -1: none of this colour */
};

/* Places all arrays; a first pass without memory adds up sizes. */
void ddz_value_place(struct value *v, struct arena *arena, uint64_t pixels, int depth);
void ddz_value_init(struct value *v, const struct mixing_tables *tables);

/* The next colour to be coded is another one. */
static inline void ddz_value_begin(struct value *v)
{
    v->expected = -1;
}

/* The predictors have looked at the first channel, and what is needed to code it is made ready. */
void ddz_value_expect(struct value *v, struct predict *p, const struct neighbours *n, bool asked);

/* Code the colour; returns it. The predictors have looked at the pixel. `asked`: all guesses were wrong. Where the data
 * ended, the same call goes on once there are more of them. */
uint64_t ddz_value_code(struct value *v, struct predict *p, struct bit_coder *c, const struct neighbours *n,
                        uint64_t colour, bool asked);

#endif
