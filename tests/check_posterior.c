/* Reverse steps, against closed forms in floating point */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "diffusion/posterior.h"
#include "diffusion/schedule.h"
#include "guard.h"
#include "inputs.h"
#include "levels.h"
#include "runner.h"

static const int32_t step_levels[][2] = {
    {LEVEL_NOTHING, -64}, {LEVEL_NOTHING, 32}, {-64, -40}, {-64, 32}, {0, 1}, {0, 32}, {31, 32},
    {100, 104},           {200, 224},
};
enum { STEP_LEVELS = sizeof step_levels / sizeof *step_levels };

static void check_change(struct reverse_step s, double r2, double noise, uint64_t key)
{
    enum { N = 500 };
    int32_t y[N], estimate[N], c[N];
    for (int i = 0; i < N; i++) {
        y[i] = spread(key, 3 * (uint64_t)i, i % 3 ? 100000 : 10000000);
        estimate[i] = spread(key, 3 * (uint64_t)i + 1, ONE);
        c[i] = spread(key, 3 * (uint64_t)i + 2, 5 * 4096);
    }
    for (int i = 0; i < N; i++) {
        double mean = r2 * y[i] + (1 - r2) * estimate[i], expected = mean + noise * c[i] / 4096 - y[i];
        double tolerance =
            1.01 + fabs((double)y[i]) * 0x1p-29 + fabs((double)c[i]) / 4096 * (0.002 + noise * 0x1p-26);
        check_near(reverse_step_change(&s, y[i], estimate[i], c[i]), expected, tolerance, "change");
    }
}

static void check_shift(struct reverse_step s, double r2, double sigma)
{
    enum { N = 500 };
    int32_t x[N], estimate[N], *delta = guard_alloc(N * sizeof *delta);
    for (int i = 0; i < N; i++) {
        x[i] = spread(7, 2 * (uint64_t)i, ONE);
        estimate[i] = spread(7, 2 * (uint64_t)i + 1, ONE);
        delta[i] = x[i] - estimate[i];
    }
    ddz_posterior_shift(&s, delta, N);
    double kl = 0, expected_kl = 0;
    for (int i = 0; i < N; i++) {
        double difference = x[i] - estimate[i], expected = sqrt(1 - r2) / sigma * difference * 4096;
        check_near(delta[i], expected, 0.6 + fabs(expected) * 1e-4, "delta");
        kl += (double)delta[i] * delta[i] / 4096 / 4096 / 2;
        expected_kl += (1 - r2) / (2 * sigma * sigma) * difference * difference;
    }
    check_near(kl, expected_kl, expected_kl * 1e-3 + 1e-3, "KL");
    guard_free(delta, N * sizeof *delta);
}

START_TEST(reverse_steps)
{
    for (int i = 0; i < STEP_LEVELS; i++) {
        int32_t from = step_levels[i][0], to = step_levels[i][1];
        double r = ratio_of(from, to), sigma = sigma_of(to);
        struct reverse_step s = ddz_reverse_step_of(from, to);
        check_near((double)s.noise_q8, 256 * sigma * sqrt(1 - r * r), 1 + sigma * 256e-8, "noise");
        check_change(s, r * r, sigma * sqrt(1 - r * r), (uint64_t)i);
        check_shift(s, r * r, sigma);
    }
    struct reverse_step lift = ddz_reverse_step_lift(0);
    check_change(lift, 0, sigma_of(0), 99);
    check_shift(lift, 0, sigma_of(0));
}
END_TEST

START_TEST(shift_is_clamped)
{
    struct reverse_step s = ddz_reverse_step_of(200, 224);
    int32_t delta[] = {1 << 24, -(1 << 24), 1 << 24, 0};
    ddz_posterior_shift(&s, delta, 4);
    const int32_t expected[] = {1 << 25, -(1 << 25), 1 << 25, 0};
    ck_assert_mem_eq(delta, expected, sizeof delta);
}
END_TEST

/* c ~ N(delta, 1), as an ideal channel gives it */
static void draw_step(const int32_t *delta, int32_t *c, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        c[i] = delta[i] + (int32_t)lrint(4096 * normal(key, i));
}

/*
 * Steps compose: whatever the estimates were, y stays x_0 + sigma(level) times white noise. n = 40000
 * draws know a variance to 0.7 %, a correlation to 0.5 %.
 */
START_TEST(steps_compose)
{
    enum { N = 40000 };
    int32_t *x = new_array(N, sizeof *x), *y = new_array(N, sizeof *y), *estimate = new_array(N, sizeof *x);
    int32_t *c = new_array(N, sizeof *c), *delta = new_array(N, sizeof *x);
    const int32_t levels[] = {LEVEL_NOTHING, -64, -32, 0, 16, 32, 33, 64, 65, 100, 132, 200, 224};
    for (int i = 0; i < N; i++)
        x[i] = spread(1, (uint64_t)i, ONE);
    for (size_t k = 1; k < sizeof levels / sizeof *levels; k++) {
        struct reverse_step s = ddz_reverse_step_of(levels[k - 1], levels[k]);
        double sigma = sigma_of(levels[k]), error_scale = fmin(sigma, ONE);
        for (int i = 0; i < N; i++)
            estimate[i] = x[i] + (int32_t)(error_scale * 0.4 * normal(2, k * N + (uint64_t)i)) - x[i] / 16;
        for (int i = 0; i < N; i++)
            delta[i] = x[i] - estimate[i];
        ddz_posterior_shift(&s, delta, N);
        draw_step(delta, c, N, 3 + k);
        double mean = 0, variance = 0, with_x = 0, with_error = 0;
        for (int i = 0; i < N; i++) {
            y[i] += reverse_step_change(&s, y[i], estimate[i], c[i]);
            double noise = (y[i] - x[i]) / sigma;
            mean += noise / N;
            variance += noise * noise / N;
            with_x += noise * x[i] / (ONE * sqrt(1.0 / 3)) / N;
            with_error += noise * (estimate[i] - x[i]) / error_scale / N;
        }
        check_near(mean, 0, 0.03, "mean");
        check_near(variance, 1, 0.04, "variance");
        check_near(with_x, 0, 0.03, "correlation with x");
        check_near(with_error, 0, 0.05, "correlation with the error");
    }
    free(x);
    free(y);
    free(estimate);
    free(c);
    free(delta);
}
END_TEST

START_TEST(noise_between)
{
    for (int i = 0; i < STEP_LEVELS; i++) {
        int32_t from = step_levels[i][0], to = step_levels[i][1];
        if (from == LEVEL_NOTHING)
            continue;
        const uint32_t counts[] = {1, 2, 7, 1000, 800000000};
        for (size_t k = 0; k < 5; k++) {
            uint32_t bits = counts[k];
            ck_assert_int_eq(ddz_sigma_between_q8(from, to, 0, bits), ddz_sigma_q8(from));
            check_near((double)ddz_sigma_between_q8(from, to, bits, bits), (double)ddz_sigma_q8(to),
                       1 + 0x1p-15 * (double)ddz_sigma_q8(to), "all known");
            for (uint32_t part = 1; part < 8; part++) {
                uint32_t known = (uint32_t)((uint64_t)bits * part / 8);
                double a = pow(256 * sigma_of(from), 2), b = pow(256 * sigma_of(to), 2);
                double expected = a - (a - b) * known / bits;
                /* the share has 16 bits */
                check_near(pow((double)ddz_sigma_between_q8(from, to, known, bits), 2), expected,
                           (a - b) * 0x1p-15 + 3 * sqrt(expected), "variance");
            }
        }
    }
}
END_TEST

int main(void)
{
    return RUN("posterior", 120,
               CASE("posterior", reverse_steps, shift_is_clamped, steps_compose, noise_between));
}
