#include "tools/codelength.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ONE = 256 };

static size_t error_of(uint8_t x, int32_t estimate)
{
    return (size_t)abs(ONE * x - estimate);
}

int residuals_count(struct residuals *residuals, const uint8_t *x, const int32_t *estimate, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t error = error_of(x[i], estimate[i]);
        most = error > most ? error : most;
    }
    *residuals = (struct residuals){.bins = most + 1, .samples = n};
    residuals->count = calloc(residuals->bins, sizeof *residuals->count);
    if (!residuals->count)
        return -1;
    for (size_t i = 0; i < n; i++)
        residuals->count[error_of(x[i], estimate[i])][x[i] == 0 || x[i] == 255]++;
    return 0;
}

void residuals_free(struct residuals *residuals)
{
    free(residuals->count);
    memset(residuals, 0, sizeof *residuals);
}

double residuals_square(const struct residuals *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->bins; i++)
        sum += ((double)r->count[i][0] + r->count[i][1]) * (double)i * (double)i;
    return sum / ((double)ONE * ONE * (double)r->samples);
}

/* ln of the probability that a standard Gaussian exceeds z */
static double log_tail(double z)
{
    const double log_root_two_pi = 0.91893853320467274;
    if (z < 20)
        return log(erfc(z * M_SQRT1_2) / 2);
    /* The asymptotic series: the function itself underflows. */
    double v = 1 / (z * z);
    return -z * z / 2 - log(z) - log_root_two_pi + log1p(-v * (1 - 3 * v * (1 - 5 * v)));
}

/* -ln of the probability of the grey level that is `error` >= 0 away from the estimate */
static double nats(double error, int edge, double s)
{
    double near = (error - 0.5) / s, far = (error + 0.5) / s;
    if (edge) /* all that lies beyond the bin belongs to it */
        return -log_tail(near);
    if (near < 0)
        return -log((erf(far * M_SQRT1_2) - erf(near * M_SQRT1_2)) / 2);
    double log_near = log_tail(near);
    return -log_near - log1p(-exp(log_tail(far) - log_near));
}

double decoder_bits(const struct residuals *r, double s)
{
    double sum = 0;
    for (size_t i = 0; i < r->bins; i++)
        for (int edge = 0; edge < 2; edge++)
            if (r->count[i][edge])
                sum += r->count[i][edge] * nats((double)i / ONE, edge, s);
    return sum / (M_LN2 * (double)r->samples);
}

static double mean_bits(const struct residuals *pictures, size_t count, double log2_s)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += decoder_bits(&pictures[i], exp2(log2_s));
    return sum / (double)count;
}

double decoder_fit(const struct residuals *pictures, size_t count)
{
    const double golden = 0.6180339887498949;
    double best = -6, least = INFINITY;
    for (double octave = -6; octave <= 8; octave++) {
        double bits = mean_bits(pictures, count, octave);
        if (bits < least) {
            least = bits;
            best = octave;
        }
    }
    double low = fmax(best - 1, -6), high = fmin(best + 1, 8);
    double left = high - golden * (high - low), right = low + golden * (high - low);
    double at_left = mean_bits(pictures, count, left), at_right = mean_bits(pictures, count, right);
    while (high - low > 1e-5) {
        if (at_left <= at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - golden * (high - low);
            at_left = mean_bits(pictures, count, left);
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + golden * (high - low);
            at_right = mean_bits(pictures, count, right);
        }
    }
    return exp2((low + high) / 2);
}
