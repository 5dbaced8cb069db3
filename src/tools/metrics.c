#include "tools/metrics.h"

#include <math.h>

double psnr(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0; /* 2^48 samples fit */
    for (size_t i = 0; i < count; i++) {
        int difference = a[i] - b[i];
        sum += (uint64_t)(difference * difference);
    }
    if (sum == 0)
        return INFINITY;
    return 10 * log10(255.0 * 255.0 * (double)count / (double)sum);
}
