#include "encode/ideal.h"

#include <math.h>

#include "base/hash.h"

/* Box and Muller 1958: two uniform numbers make two Gaussian ones. */
static void gaussian_pair(uint64_t key, uint64_t counter, double pair[2])
{
    const double two_pi = 6.283185307179586;
    double u = ((double)(hash_pair(key, 2 * counter) >> 11) + 0.5) * 0x1p-53;
    double v = (double)(hash_pair(key, 2 * counter + 1) >> 11) * 0x1p-53;
    double radius = sqrt(-2 * log(u));
    pair[0] = radius * cos(two_pi * v);
    pair[1] = radius * sin(two_pi * v);
}

void ddz_ideal_draw(uint64_t key, const int32_t *mean, int32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        double pair[2];
        gaussian_pair(key, i / 2, pair);
        for (size_t j = i; j < n && j < i + 2; j++)
            out[j] = (mean ? mean[j] : 0) + (int32_t)lrint(pair[j - i] * 4096);
    }
}
