/*
 * The trellis code of a step: a bit string names an approximately Gaussian vector c.
 *
 * Every bit shifts a register; the register names one signed coordinate among those that the
 * bit's branch owns. This is the decoder's half: it only walks. The search is in viterbi.h.
 */
#ifndef DDZ_CHANNEL_TRELLIS_H
#define DDZ_CHANNEL_TRELLIS_H

#include <stdint.h>

#include "base/parallel.h"
#include "channel/placement.h"
#include "format/limits.h"

enum {
    TRELLIS_SEGMENT = 4096,    /* branches that share one register, about */
    TRELLIS_MAX_SEGMENT = 6143 /* and at most */
};

struct trellis {
    uint32_t samples;  /* N mixed coordinates, in visiting order */
    uint32_t branches; /* B, one bit each: 1 <= B <= N, N / B <= STEP_MAX_OWNED */
    int register_bits; /* L */
    uint64_t key;
};

/* First coordinate of branch i; i == branches gives `samples`. */
static inline uint32_t trellis_first(const struct trellis *t, uint32_t i)
{
    return (uint32_t)((uint64_t)i * t->samples / t->branches);
}

uint32_t ddz_trellis_segments(const struct trellis *t);
/* First branch of segment s, a multiple of 8: segments share no byte of the bit string.
 * s == ddz_trellis_segments() gives `branches`. */
uint32_t ddz_trellis_segment_first(const struct trellis *t, uint32_t s);

/* What maps a branch's middle bits to labels: both below 2^16, mul an odd multiple of 2^(17-L). */
struct branch_key {
    uint32_t add, mul;
};
struct branch_key ddz_trellis_branch_key(const struct trellis *t, uint32_t branch);

/*
 * Label of the branch for the L-1 middle bits of the window. The labels of all middles are evenly
 * spread over 0..65535, in an order that looks random: times the number of coordinates owned, their
 * upper 16 bits name a coordinate, and the bit below is a sign.
 */
static inline uint32_t trellis_label(struct branch_key k, uint32_t middle)
{
    return (k.add + middle * k.mul) & 0xFFFF;
}

static inline uint32_t trellis_label_index(uint32_t label, uint32_t owned)
{
    return label * owned >> 16;
}

static inline uint32_t trellis_label_sign(uint32_t label, uint32_t owned)
{
    return label * owned >> 15 & 1;
}

/* Amplitude of a branch's impulse, sqrt(owned) in q12. */
int32_t ddz_trellis_amplitude(uint32_t owned);

/* What a trellis' bits say of a coordinate: an impulse of either amplitude and sign, none, or nothing yet */
enum {
    IMPULSE_NONE = 0,
    IMPULSE_LEAST = 1, /* of a branch that owns floor(N / B) coordinates; -1: negative */
    IMPULSE_MORE = 2,  /* of one that owns one more; -2: negative */
    IMPULSE_UNKNOWN = 3,
    IMPULSE_KINDS = 6 /* -2 to 3 */
};

/* Values of impulses, q12: that of kind k is value[k - IMPULSE_FIRST]. What is unknown is 0. */
enum { IMPULSE_FIRST = -IMPULSE_MORE };
struct impulses {
    int32_t value[IMPULSE_KINDS];
};
struct impulses ddz_trellis_impulses(const struct trellis *t);

/* The impulses c[samples], each coordinate at its place `where`, from the first `known` bits (MSB first in bytes).
 * Coordinates of branches from `known` on are unknown. */
void ddz_trellis_walk(const struct trellis *t, const uint8_t *bits, uint32_t known, struct placement where,
                      int16_t *c, struct parallel *parallel);

/* An entry of a list of impulses: a coordinate's place, below 2^30, and its impulse, one of four */
static inline uint32_t impulse_entry(uint32_t at, int impulse)
{
    return at << 2 | (uint32_t)(impulse < 0 ? impulse - IMPULSE_FIRST : impulse - IMPULSE_FIRST - 1);
}

static inline uint32_t impulse_entry_place(uint32_t entry)
{
    return entry >> 2;
}

static inline int32_t impulse_entry_value(const struct impulses *impulses, uint32_t entry)
{
    return impulses->value[(entry & 3) < 2 ? entry & 3 : (entry & 3) + 1];
}

/* The impulses of all bits, list[branches], in the order of the branches. */
void ddz_trellis_list(const struct trellis *t, const uint8_t *bits, struct placement where, uint32_t *list,
                      struct parallel *parallel);

#endif
