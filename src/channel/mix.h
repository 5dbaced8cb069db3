/*
 * Mixing: turns a vector of samples into one whose coordinates are all alike, and back.
 *
 * Affine permutation, random signs, orthonormal Walsh-Hadamard transforms in blocks, then the
 * visiting order of the trellis' branches (another affine permutation). White noise stays white,
 * and a shift of any shape becomes even and Gaussian; a run of consecutive mixed coordinates knows
 * a random part of the whole picture.
 */
#ifndef DDZ_CHANNEL_MIX_H
#define DDZ_CHANNEL_MIX_H

#include <stdint.h>

#include "base/parallel.h"

struct mixing {
    uint32_t samples;
    uint32_t block;          /* size of the transforms: a power of 4, at most `samples` */
    uint32_t stride, offset; /* sample index of linear coordinate j: (stride j + offset) mod samples */
    uint32_t visit_stride, visit_offset; /* linear coordinate of position p */
    uint64_t sign_key, overlap_key;
};

/* `samples` >= 1; `branches` >= 1: how many branches share the coordinates (each block must hold
 * enough of their impulses for the unmixed noise to be Gaussian). */
struct mixing ddz_mix_plan(uint32_t samples, uint32_t branches, uint64_t key);

/* mixed[p], positions in visiting order, from plain[], samples in their own order. `scratch` holds
 * `samples` values; the three arrays must not overlap. Values wrap modulo 2^32, which
 * |plain| < 2^26 of any natural picture never does. */
void ddz_mix_forward(const struct mixing *m, const int32_t *plain, int32_t *mixed, int32_t *scratch,
                     struct parallel *parallel);

/* The inverse, up to rounding. */
void ddz_mix_inverse(const struct mixing *m, const int32_t *mixed, int32_t *plain, int32_t *scratch,
                     struct parallel *parallel);

#endif
