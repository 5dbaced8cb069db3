#include "base/fixed.h"

uint32_t ddz_isqrt64(uint64_t v)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit; bit >>= 2) {
        uint64_t trial = root + bit;
        root >>= 1;
        if (v >= trial) {
            v -= trial;
            root += bit;
        }
    }
    return (uint32_t)root;
}

int ddz_ilog2(uint64_t v)
{
    int n = 0;
    while (v >>= 1)
        n++;
    return n;
}

uint32_t ddz_ilog2_q16(uint64_t v)
{
    int whole = ddz_ilog2(v);
    /* mantissa in [1, 2) as q31; squaring it doubles its logarithm, a bit at a time */
    uint64_t m = whole > 31 ? v >> (whole - 31) : v << (31 - whole);
    uint32_t fraction = 0;
    for (int i = 0; i < 16; i++) {
        m = (m * m) >> 31;
        fraction <<= 1;
        if (m >> 32) {
            m >>= 1;
            fraction |= 1;
        }
    }
    return (uint32_t)whole << 16 | fraction;
}
