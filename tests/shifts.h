/* Shifts of a step, in units of 1/4096 of its noise, for the tests of src/channel. */
#ifndef DDZ_TESTS_SHIFTS_H
#define DDZ_TESTS_SHIFTS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "channel/trellis.h"
#include "inputs.h"

enum { ONE = 4096 }; /* 1.0 in q12 */

/* `n` normal values of standard deviation `sigma`, to be released with free() */
static inline int32_t *normal_shift(uint32_t n, double sigma, uint64_t key)
{
    int32_t *d = new_array(n, sizeof *d);
    for (uint32_t i = 0; i < n; i++)
        d[i] = (int32_t)lrint(normal(key, i) * sigma * ONE);
    return d;
}

static inline double dot(const int32_t *a, const int32_t *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum / ((double)ONE * ONE);
}

/* The noise that a trellis' bits say, in visiting order; 0 where they say nothing yet */
static inline void walk_bits(const struct trellis *t, const uint8_t *bits, uint32_t known, int32_t *c,
                             struct parallel *parallel)
{
    struct impulses impulses = ddz_trellis_impulses(t);
    int16_t *kinds = new_array(t->samples, sizeof *kinds);
    ddz_trellis_walk(t, bits, known, placement_plain(t->samples), kinds, parallel);
    for (uint32_t i = 0; i < t->samples; i++)
        c[i] = impulses.value[kinds[i] - IMPULSE_FIRST];
    free(kinds);
}

/* Bits of trellises */
static inline void hashed_bytes(uint8_t *p, size_t size, uint64_t key)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)hash_pair(key, i);
}

#endif
