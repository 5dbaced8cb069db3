/*
 * Coding a sample's level around what is predicted: binary decisions outward from the mean, each with probabilities
 * of two logistic distributions, whose scales follow the errors seen in like places, and of counters, mixed. The same
 * code writes and reads. Integers only.
 */
#ifndef DDZ_EXACT_LEVELS_H
#define DDZ_EXACT_LEVELS_H

#include "exact/binary.h"
#include "exact/mixing.h"

enum {
    LEVELS_CHANNELS = 3,
    LEVELS_COUNTERS = 4,   /* contexts of a decision */
    LEVELS_EXPERTS = 2,    /* logistic distributions */
    LEVELS_ERROR_BITS = 12 /* errors are in 1/4096 of a grey level */
};

struct level_tables;

/* Everything that learns, for one picture */
struct level_coder {
    struct mem mem;
    struct level_tables *tables;
    int max;  /* levels are 0 to this, */
    int span; /* in bins of so many (odd), of which the middle stands for all: near-lossless; 1: exactly */
    int64_t unit_q32; /* grey levels of 255 in a level */

    /* Of the sample at hand: a sample at which the data ended begins anew, with what is known of it. */
    uint64_t told; /* its decisions, the first one lowest */
    int decided;   /* how many are known, */
    int repeated;  /* and of them those that are past */
};

/* What is known where a sample stands */
struct level_site {
    int channel;         /* in the order of coding */
    int32_t mean_q16;    /* prediction, grey levels, in the range of levels */
    int32_t near;        /* weighted mean of errors of this channel's neighbours, */
    int32_t west, north; /* two of these alone, */
    int32_t others;      /* and of the other channels' at and about this place */
    int32_t activity;    /* of the estimate: sums of differences, 1/256 of a grey level */
};

/* max: 1 to 65535; span: odd, up to max. MEMORY. */
ddz_status ddz_level_coder_init(struct level_coder *c, const struct mem *mem, int max, int span);
void ddz_level_coder_free(struct level_coder *c);
uint64_t ddz_level_coder_memory(void);

/* Write `level`, or read one: returns what a decoder knows of it, within span / 2 of the level. *error is its distance
 * from the mean. Where the data ended, neither means anything, and the same call goes on once there are more of them. */
int ddz_level_code(struct level_coder *c, struct bit_coder *bits, const struct level_site *site, int level,
                   int32_t *error);

#endif
