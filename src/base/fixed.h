/*
 * Integer arithmetic that is the same on every machine: shifts of signed values, rounding,
 * square root, logarithm. One rounding rule: floor(x + 1/2).
 */
#ifndef DDZ_BASE_FIXED_H
#define DDZ_BASE_FIXED_H

#include <assert.h>
#include <stdint.h>

static_assert((-1 >> 1) == -1, "right shift of a negative number must be arithmetic");

/* floor(v / 2^n), 0 <= n < 64 (32) */
static inline int64_t asr64(int64_t v, int n)
{
    return v >> n;
}
static inline int32_t asr32(int32_t v, int n)
{
    return v >> n;
}

/* floor(v / 2^n + 1/2), 1 <= n < 63; |v| + 2^(n-1) must fit */
static inline int64_t rshift_round(int64_t v, int n)
{
    return asr64(v + ((int64_t)1 << (n - 1)), n);
}

static inline int64_t clamp64(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* floor(sqrt(v)) */
uint32_t ddz_isqrt64(uint64_t v);

/* floor(log2(v) * 2^16) for v >= 1, exact to its last bit but one: a bitwise squaring. */
uint32_t ddz_ilog2_q16(uint64_t v);

/* floor(log2(v)), v >= 1 */
int ddz_ilog2(uint64_t v);

#endif
