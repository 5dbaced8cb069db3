/*
 * Mixing: turns a vector of samples into one whose coordinates are all alike, and back.
 *
 * Affine permutation, random signs, orthonormal Walsh-Hadamard transforms in blocks, then the
 * visiting order of the trellis' branches (another affine permutation). White noise stays white,
 * and a shift of any shape becomes even and Gaussian; a run of consecutive mixed coordinates knows
 * a random part of the whole picture.
 *
 * All of it happens in place: a mixed coordinate is kept where one of the samples that it is made of was. No
 * transform reaches beyond a unit of some thousand coordinates, so that whoever has other uses for a unit's values
 * than to store them runs the units himself.
 */
#ifndef DDZ_CHANNEL_MIX_H
#define DDZ_CHANNEL_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/parallel.h"
#include "channel/placement.h"

struct mixing {
    uint32_t samples;
    uint32_t block;         /* size of the transforms: a power of 4, at most `samples` */
    struct placement order; /* among the samples, of linear coordinates */
    struct placement visit; /* among the linear coordinates, of positions */
    uint64_t sign_key, overlap_key;
};

/* `samples` >= 1; `branches` >= 1: how many branches share the coordinates (each block must hold
 * enough of their impulses for the unmixed noise to be Gaussian). */
struct mixing ddz_mix_plan(uint32_t samples, uint32_t branches, uint64_t key);

/* Nothing but visits to the elements of a vector that are kept at places `where`: its linear coordinates are those. */
struct mixing ddz_mix_visits(struct placement where);

/* Where among the samples mixed coordinates are, in visiting order. */
struct placement ddz_mix_positions(const struct mixing *m);

/* ---- Units ------------------------------------------------------------------------------- */

/* Linear coordinates that follow one another: a unit is transformed together, unit k from number k * block on. */
struct mix_unit {
    uint32_t first, count;
};

uint32_t ddz_mix_unit_count(const struct mixing *m);

/* Goes along a unit: where each coordinate is among the samples, and its sign there. */
struct mix_cursor {
    struct placement order;
    uint32_t at, linear;
    uint64_t signs, sign_key;
};

static inline struct mix_cursor mix_begin(const struct mixing *m, struct mix_unit unit)
{
    return (struct mix_cursor){m->order, placement_at(m->order, unit.first), unit.first,
                               hash_pair(m->sign_key, unit.first / 64) >> unit.first % 64, m->sign_key};
}

static inline void mix_advance(struct mix_cursor *c)
{
    c->at = placement_next(c->order, c->at);
    c->signs >>= 1;
    if (++c->linear % 64 == 0)
        c->signs = hash_pair(c->sign_key, c->linear / 64);
}

/* The value with the coordinate's sign; wraps like the transform. */
static inline int32_t mix_sign(const struct mix_cursor *c, int32_t v)
{
    uint32_t flip = -(uint32_t)(c->signs & 1);
    return (int32_t)(((uint32_t)v ^ flip) - flip);
}

/* A unit's signed samples into mixed coordinates, and back up to rounding. Values wrap modulo 2^32, which
 * |sample| < 2^26 of any natural picture never does. */
void ddz_mix_unit_forward(const struct mixing *m, struct mix_unit unit, int32_t *values);
void ddz_mix_unit_inverse(const struct mixing *m, struct mix_unit unit, int32_t *values);

/* Work on one unit or a piece of it; `values` are its coordinates'. */
typedef void mix_work(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument);

/* A part of the work on a unit. What needs the places of coordinates among the samples is done in pieces, in an order
 * in which units that are worked on together come to neighbouring samples at about the same time. */
struct mix_phase {
    mix_work *work;
    bool whole; /* on a unit at a time, not on pieces */
};

/* Values that units are worked on in */
struct mix_room {
    int32_t *values;
    size_t count;
};

/* How many values there have to be for vectors of up to so many samples */
size_t ddz_mix_room(size_t samples);

/* Work on all units, on each in these phases, by as many threads as there is room for. */
void ddz_mix_units(const struct mixing *m, struct mix_room room, struct parallel *parallel,
                   const struct mix_phase *phase, int phases, void *argument);

/* ---- Whole vectors ----------------------------------------------------------------------- */

/* values[samples], in place: samples into mixed coordinates, and back up to rounding */
void ddz_mix_forward(const struct mixing *m, int32_t *values, struct mix_room room,
                     struct parallel *parallel);
void ddz_mix_inverse(const struct mixing *m, int32_t *values, struct mix_room room,
                     struct parallel *parallel);

#endif
