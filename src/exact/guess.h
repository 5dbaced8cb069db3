/*
 * Guessing whole pixels: colours that followed the same neighbourhoods before, and neighbours' own, each asked for with
 * a flag. What none of them is, others have to code (value.h).
 */
#ifndef DDZ_EXACT_GUESS_H
#define DDZ_EXACT_GUESS_H

#include "base/arena.h"
#include "exact/blend.h"
#include "exact/rows.h"

enum {
    GUESS_CONTEXTS = 16, /* neighbourhoods in which flags are counted */
    GUESS_SLOTS = 9,     /* the first of them remember colours, too, the largest neighbourhood first */
    GUESS_MOST = 8       /* colours that are asked for */
};

/* What followed a neighbourhood. */
struct guess_slot {
    uint64_t colour[2]; /* the last one, and the last other one */
    uint32_t check;     /* whose neighbourhood it is; 0: nobody's */
    uint32_t run;       /* how often the last one came in succession */
};

struct guess {
    const struct mixing_tables *tables; /* not owned */
    struct blend blend;
    struct guess_slot *slots; /* of each context 1 << size_bits */
    counter *flags;           /* of each context 2 << size_bits */
    counter *states;          /* of each slot's state */
    int32_t *weights;
    uint16_t *points;
    int size_bits;
    uint64_t colour_bits; /* those that a colour may have */

    /* Of the pixel at hand */
    uint64_t hash[GUESS_CONTEXTS];
    uint64_t base[GUESS_CONTEXTS]; /* colours in the context are told as differences from it */
    struct guess_slot *slot[GUESS_SLOTS];
    uint64_t colour[GUESS_MOST]; /* the guesses, the best one first */
    int32_t odds[GUESS_MOST];    /* stretched: what others think of them, 0 if they do not */
    int colours;
    int asked; /* of them, those that the pixel is not; the owner sets it to 0 before a pixel */
    int known; /* how many slots knew the neighbourhood */
    counter *flag[GUESS_CONTEXTS]; /* of the guess `found`, whose memory has been asked for; -1: of none */
    int found;
};

/* Places all arrays; a first pass without memory adds up sizes. */
void ddz_guess_place(struct guess *g, struct arena *arena, uint64_t pixels, uint64_t colour_bits);
void ddz_guess_init(struct guess *g, const struct mixing_tables *tables);

/* The guesses for the pixel at `n`. */
void ddz_guess_look(struct guess *g, const struct neighbours *n);

/* The next guess is going to be asked for: what is needed is made ready. */
void ddz_guess_expect(struct guess *g);

/* Code which of the guesses the colour is, from g->asked on; whether it is one. When reading, it is put into *colour.
 * Where the data ended, false, and the same call goes on once there are more of them. */
bool ddz_guess_code(struct guess *g, struct bit_coder *c, const struct neighbours *n, uint64_t *colour);

/* Whether it is one of the guesses, which is not coded. */
bool ddz_guess_has(const struct guess *g, uint64_t colour);

/* Remember what the pixel was. */
void ddz_guess_learn(struct guess *g, uint64_t colour);

#endif
