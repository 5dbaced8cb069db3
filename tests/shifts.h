/* Shifts of a step, in units of 1/4096 of its noise, for the tests of src/channel. */
#ifndef DDZ_TESTS_SHIFTS_H
#define DDZ_TESTS_SHIFTS_H

#include <math.h>
#include <stdint.h>

#include "base/hash.h"
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

/* Bits of trellises */
static inline void hashed_bytes(uint8_t *p, size_t size, uint64_t key)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)hash_pair(key, i);
}

#endif
