/* What goes into the network and what its output means, against the formulas in floating point */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "diffusion/precondition.h"
#include "diffusion/schedule.h"
#include "inputs.h"
#include "levels.h"
#include "runner.h"

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

START_TEST(preconditions)
{
    enum { N = 400 };
    for (int level = -256; level <= 256; level += 3) {
        double sigma = 0.7 * exp2(-level / 32.0), norm = sqrt(sigma * sigma + 0.25);
        double skip = 0.25 / (norm * norm), out = sigma * 0.5 / norm;
        struct precondition p = ddz_precondition_of(ddz_sigma_q8(level));
        int32_t y[N];
        int16_t in[N], f[N], estimate[N];
        for (uint64_t i = 0; i < N; i++) {
            y[i] = (int32_t)lrint(ONE * (0.5 + sigma) * 3 * (uniform(5, i) - 0.5));
            f[i] = (int16_t)spread(6, i, i % 2 ? 4096 : 32767);
        }
        ddz_precondition_input(&p, y, in, N);
        ddz_precondition_output(&p, y, f, estimate, N);
        for (int i = 0; i < N; i++) {
            double value = y[i] / (double)ONE;
            double input = clamp(4096 * value / norm, -32768, 32767);
            /* c_in has few digits where the noise is high */
            check_near(in[i], input, 0.6 + fabs(input) * norm * ONE * 256 * 0x1p-44, "input");
            double expected = clamp(skip * value + out * f[i] / 4096, -1, 1) * ONE;
            check_near(estimate[i], expected, 1.1 + 1e-5 * fabs(skip * value * ONE), "estimate");
        }
    }
}
END_TEST

START_TEST(precondition_of_extremes)
{
    const int32_t y[] = {INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN};
    const int16_t f[] = {INT16_MAX, INT16_MIN, INT16_MIN, INT16_MAX};
    int16_t in[4], estimate[4];
    for (int level = -256; level <= 256; level += 8) {
        struct precondition p = ddz_precondition_of(ddz_sigma_q8(level));
        ddz_precondition_input(&p, y, in, 4);
        ddz_precondition_output(&p, y, f, estimate, 4);
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(in[i] < 0, y[i] < 0);
            ck_assert_int_le(abs(estimate[i]), ONE);
        }
    }
    /* little noise: the estimate is y, and y alone saturates it */
    struct precondition low = ddz_precondition_of(ddz_sigma_q8(256));
    ddz_precondition_output(&low, y, f, estimate, 4);
    const int16_t expected[] = {ONE, -ONE, ONE, -ONE};
    ck_assert_mem_eq(estimate, expected, sizeof expected);
}
END_TEST

int main(void)
{
    return RUN("precondition", 120, CASE("precondition", preconditions, precondition_of_extremes));
}
