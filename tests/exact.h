/* Integer arithmetic written in another way than the library's, and inputs for it. */
#ifndef DDZ_TESTS_EXACT_H
#define DDZ_TESTS_EXACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

static inline int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* floor(v / 2^n + 1/2), by division */
static inline int64_t round_shift(int64_t v, int n)
{
    int64_t d = (int64_t)1 << n;
    v += d / 2;
    return v >= 0 ? v / d : -((d - 1 - v) / d);
}

/* Kinds of input: noise of a picture's strength, anything, the extremes */
static inline void fill(int16_t *v, size_t count, int kind, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t h = hash_pair(seed, i);
        v[i] = (int16_t)(kind == 0   ? (int)(h % 16384) - 8192
                         : kind == 1 ? (int)(h % 65536) - 32768
                         : h % 2     ? 32767
                                     : -32767);
    }
}

#endif
