/* Noise levels in floating point, for the tests of src/diffusion. */
#ifndef DDZ_TESTS_LEVELS_H
#define DDZ_TESTS_LEVELS_H

#include <math.h>

#include "diffusion/schedule.h"

enum { ONE = 32640 }; /* x_0 = 1.0 */

/* sigma in the unit of x_0's fixed point */
static inline double sigma_of(double level)
{
    return level <= -1e6 ? (double)INFINITY : 0.7 * ONE * exp2(-level / 32);
}

/* r = sigma_to / sigma_from */
static inline double ratio_of(int32_t from, int32_t to)
{
    return from == LEVEL_NOTHING ? 0 : exp2(-(to - from) / 32.0);
}

#endif
