/* What ddpmeval measures: PSNR, and the codelength of pixels */
#include <check.h>
#include <math.h>
#include <string.h>

#include "runner.h"
#include "tools/codelength.h"
#include "tools/message.h"
#include "tools/metrics.h"

START_TEST(signal_to_noise)
{
    uint8_t a[1000], b[1000];
    for (int i = 0; i < 1000; i++) {
        a[i] = (uint8_t)(i % 200);
        b[i] = (uint8_t)(a[i] + (i % 2 ? 3 : 0));
    }
    ck_assert_double_infinite(psnr(a, a, 1000));
    /* Mean squared error 4.5: 10 log10(65025 / 4.5) */
    ck_assert_double_eq_tol(psnr(a, b, 1000), 41.5987, 1e-4);
    memset(a, 0, sizeof a);
    memset(b, 255, sizeof b);
    ck_assert_double_eq_tol(psnr(a, b, 1000), 0, 1e-12);
    ck_assert_double_eq_tol(psnr(b, a, 1), 0, 1e-12);
}
END_TEST

static double density(double v, double mean, double s)
{
    double z = (v - mean) / s;
    return exp(-z * z / 2) / (s * sqrt(2 * M_PI));
}

/* Equation 13 as it stands, its integral by Simpson's rule */
static double probability(int x, double estimate, double s)
{
    enum { INTERVALS = 4000 };
    double from = x == 0 ? fmin(estimate, 0) - 12 * s : x - 0.5;
    double to = x == 255 ? fmax(estimate, 255) + 12 * s : x + 0.5;
    double step = (to - from) / INTERVALS, sum = 0;
    for (int i = 0; i <= INTERVALS; i++)
        sum += density(from + i * step, estimate, s) * (i == 0 || i == INTERVALS ? 1 : i % 2 ? 4 : 2);
    return sum * step / 3;
}

static struct residuals residuals_of(const uint8_t *x, const int32_t *estimate, size_t n)
{
    struct residuals r;
    ck_assert_int_eq(residuals_count(&r, x, estimate, n), 0);
    return r;
}

static double bits_of(uint8_t x, int32_t estimate, double s)
{
    struct residuals r = residuals_of(&x, &estimate, 1);
    double bits = decoder_bits(&r, s);
    residuals_free(&r);
    return bits;
}

static const double deviations[] = {0.3, 0.58, 1, 2.7, 20, 90};
enum { DEVIATIONS = sizeof deviations / sizeof *deviations };

START_TEST(codelengths)
{
    double s = deviations[_i];
    for (int x = 0; x < 256; x += 5)
        for (int32_t estimate = 0; estimate <= 65280; estimate += 1536) {
            double p = probability(x, estimate / 256.0, s);
            if (p > 1e-12)
                ck_assert_double_eq_tol(bits_of((uint8_t)x, estimate, s), -log2(p), 1e-6);
        }
}
END_TEST

START_TEST(probabilities_sum_to_one)
{
    for (int32_t estimate = 0; estimate <= 65280; estimate += 4079) {
        double sum = 0;
        for (int x = 0; x < 256; x++)
            sum += exp2(-bits_of((uint8_t)x, estimate, deviations[_i]));
        ck_assert_double_eq_tol(sum, 1, 1e-9);
    }
}
END_TEST

/* Where the probability itself underflows the codelength is finite, and grows like a parabola. */
START_TEST(codelengths_of_far_errors)
{
    double last = 0;
    for (int x = 1; x < 255; x++) {
        double bits = bits_of((uint8_t)x, 0, 0.25), z = (x - 0.5) / 0.25;
        ck_assert(isfinite(bits));
        ck_assert_double_gt(bits, last);
        if (z > 4) /* between two bounds of the Gaussian tail; the far side of the bin does not count */
            ck_assert_double_eq_tol(bits * log(2), z * z / 2 + log(z * sqrt(2 * M_PI)) + 0.5 / (z * z),
                                    0.5 / (z * z) + 1e-5);
        last = bits;
    }
    ck_assert_double_gt(bits_of(255, 0, 0.02), 1e7);
}
END_TEST

enum { ERRORS = 20000 };

/* Pictures whose error is nearly Gaussian, of a known deviation */
static struct residuals gaussian_residuals(double deviation)
{
    static uint8_t x[ERRORS];
    static int32_t estimate[ERRORS];
    uint32_t state = 1;
    double square = 0;
    for (size_t i = 0; i < ERRORS; i++) {
        double sum = -6; /* of twelve uniform numbers */
        for (int k = 0; k < 12; k++)
            sum += (double)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24;
        estimate[i] = 25600 + (int32_t)(i % 4096);
        x[i] = (uint8_t)lrint(estimate[i] / 256.0 + deviation * sum);
        square += pow(x[i] - estimate[i] / 256.0, 2) / ERRORS;
    }
    struct residuals r = residuals_of(x, estimate, ERRORS);
    ck_assert_double_eq_tol(residuals_square(&r), square, 1e-9);
    return r;
}

/* The codelength of a Gaussian is the entropy of what a bin's width, of variance 1/12, leaves of it, and
 * its own deviation the best one. */
START_TEST(fitted_deviations)
{
    for (double deviation = 1; deviation < 20; deviation *= 2) {
        struct residuals r[2] = {gaussian_residuals(deviation), gaussian_residuals(deviation * 1.5)};
        double s = decoder_fit(r, 1), bits = decoder_bits(r, s);
        ck_assert_double_eq_tol(s / deviation, 1, 0.02);
        ck_assert_double_eq_tol(bits, log2(2 * M_PI * M_E * (deviation * deviation + 1.0 / 12)) / 2, 0.02);
        ck_assert_double_lt(bits, decoder_bits(r, s * 1.01));
        ck_assert_double_lt(bits, decoder_bits(r, s / 1.01));
        double both = decoder_fit(r, 2);
        ck_assert_double_gt(both, s * 1.1);
        ck_assert_double_lt(both, s * 1.4);
        residuals_free(&r[0]);
        residuals_free(&r[1]);
    }
    uint8_t x = 7;
    int32_t estimate = 7 * 256;
    struct residuals exact = residuals_of(&x, &estimate, 1);
    ck_assert_double_eq_tol(decoder_fit(&exact, 1), 1.0 / 64, 0.02);
    ck_assert_double_eq_tol(decoder_bits(&exact, 1.0 / 64), 0, 1e-12);
    residuals_free(&exact);
}
END_TEST

int main(void)
{
    cli_begin("check_metrics");
    TCase *codelength = CASE("codelength", codelengths_of_far_errors, fitted_deviations);
    tcase_add_loop_test(codelength, codelengths, 0, DEVIATIONS);
    tcase_add_loop_test(codelength, probabilities_sum_to_one, 0, DEVIATIONS);
    return RUN("metrics", 4, CASE("PSNR", signal_to_noise), codelength);
}
