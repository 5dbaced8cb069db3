#include "codec/pilot.h"

#include <math.h>
#include <stdbool.h>

#include "base/fixed.h"
#include "codec/ideal.h"

enum { OCTAVE = LEVELS_PER_OCTAVE };

/* Mean |x_0 - xhat_0|^2 per sample at a noise level, in squared units of 1/256 grey level. */
static double denoising_error(struct chain *chain, const int32_t *x, size_t n, int32_t level)
{
    chain->scale = 0;
    chain->sigma_q8 = sigma_q8(level);
    ideal_draw((uint64_t)level, NULL, chain->plain, n);
    for (size_t i = 0; i < n; i++)
        chain->y[i] = x[i] + (int32_t)((chain->sigma_q8 * chain->plain[i]) >> 20);
    chain_estimate(chain);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double e = x[i] - chain->estimate[i];
        sum += e * e;
    }
    return sum / (double)n;
}

static double psnr_of(double mse) { return 10 * log10(65280.0 * 65280.0 / (mse > 1 ? mse : 1)); }

/* Integral over t in [0, share] of a^(1-t) b^t */
static double exponential_area(double a, double b, double share)
{
    double slope = log(b / a);
    return fabs(slope) < 1e-6 ? a * share : a * (exp(slope * share) - 1) / slope;
}

int32_t pilot_end_level(struct chain *chain, const int32_t *x, struct pilot_goal goal)
{
    size_t n = (size_t)3 * chain->pyramid.width[0] * chain->pyramid.height[0];
    double spent = 0, rate = 0, psnr = 0;
    for (int32_t level = 0; level <= LEVEL_MAX_END; level += OCTAVE) {
        double sigma = (double)sigma_q8(level) / 256;
        double mse = denoising_error(chain, x, n, level);
        double next_rate = mse / (sigma * sigma) + 1e-9, next_psnr = psnr_of(mse);
        if (level > 0) {
            double octave = (double)n * exponential_area(rate, next_rate, 1); /* nats / ln 2 = bits */
            double share = 2;
            if (goal.bits > 0 && spent + octave > goal.bits) {
                /* octave shares by bisection: the area grows with the share */
                double low = 0, high = 1;
                for (int i = 0; i < 20; i++) {
                    share = (low + high) / 2;
                    bool over = spent + (double)n * exponential_area(rate, next_rate, share) > goal.bits;
                    *(over ? &high : &low) = share;
                }
            }
            if (goal.psnr > 0 && next_psnr >= goal.psnr)
                share = fmin(share, fmax(0, (goal.psnr - psnr) / (next_psnr - psnr)));
            if (share <= 1)
                return (int32_t)clamp64(level - OCTAVE + (int32_t)ceil(share * OCTAVE), LEVEL_MIN_END, LEVEL_MAX_END);
            spent += octave;
        }
        rate = next_rate;
        psnr = next_psnr;
    }
    return LEVEL_MAX_END;
}
