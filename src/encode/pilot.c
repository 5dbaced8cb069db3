#include "encode/pilot.h"

#include <math.h>
#include <stdbool.h>

#include "base/fixed.h"
#include "encode/ideal.h"

enum { OCTAVE = LEVELS_PER_OCTAVE };

/* Mean |x_0 - xhat_0|^2 per sample at a noise level, in squared units of 1/256 grey level: of all of the picture, and of
 * what is outside of the blocks */
struct errors {
    double all, outside;
};

static double sum_squares(const int16_t *x, const int16_t *estimate, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double e = x[i] - estimate[i];
        sum += e * e;
    }
    return sum;
}

static struct errors denoising_errors(struct chain *chain, const int16_t *x, const int32_t *noise,
                                      const struct blocks *blocks, int32_t level)
{
    ddz_chain_place(chain, x, noise, level);
    ddz_chain_call(chain, 1);
    const int16_t *estimate = ddz_chain_estimate(chain);
    const uint32_t width = ddz_chain_pyramid(chain)->width[0], height = ddz_chain_pyramid(chain)->height[0];
    const double n = (double)ddz_chain_samples(chain, 0);
    if (!blocks) {
        double mean = sum_squares(x, estimate, (size_t)n) / n;
        return (struct errors){mean, mean};
    }
    double sum[2] = {0}, outside = 0;
    for (uint32_t v = 0; v < height; v++)
        for (uint32_t u = 0, end; u < width; u = end) {
            size_t at = 3 * ((size_t)v * width + u);
            bool in = blocks_have(blocks, u, v);
            end = ddz_blocks_end(blocks, u, v, width);
            sum[in] += sum_squares(x + at, estimate + at, 3 * (size_t)(end - u));
            outside += in ? 0 : 3.0 * (end - u);
        }
    return (struct errors){(sum[0] + sum[1]) / n, sum[0] / fmax(outside, 1)};
}

static double psnr_of(double mse)
{
    return 10 * log10(65280.0 * 65280.0 / (mse > 1 ? mse : 1));
}

/* Integral over t in [0, share] of a^(1-t) b^t */
static double exponential_area(double a, double b, double share)
{
    double slope = log(b / a);
    return fabs(slope) < 1e-6 ? a * share : a * (exp(slope * share) - 1) / slope;
}

/* How strongly steering works, against strength 1. Fits at 0.5 and 2. */
static double steering_effect(double strength)
{
    return log(1 + 2.5 * strength * strength) / log(3.5);
}

/* What steering leaves to spend of a chain's bits: a fit to 11 photographs at six ends, within 0.05. `spent`
 * is bits a sample, `rate` |x_0 - xhat_0|^2 / sigma^2 a sample at the end: the steeper the rate's rise, the
 * more of the error is weak. A little less than the fit, so that the chain rather ends late. */
static double steered_share(double strength, double spent, double rate)
{
    double share = 0.96 / (1 + exp(1.57 + 4.2 * log(rate) - 4.0 * log(spent)));
    return pow(fmin(fmax(share, 0.05), 1), steering_effect(strength));
}

/* What it takes from the PSNR of the end, dB: 2.4 to 2.9 */
static double steered_loss(double strength)
{
    return 2.8 * steering_effect(strength);
}

/* An octave of noise: what the chain spent before it, and the rates at its ends. */
struct octave {
    double samples, spent, begin, end;
};

/* Bits that a steered chain has spent when it ends at a share of the octave. */
static double steered_bits(const struct octave *o, double strength, double share)
{
    double rate = o->begin * pow(o->end / o->begin, share);
    /* nats a unit of ln sigma are bits an octave */
    double spent = o->spent + o->samples * exponential_area(o->begin, o->end, share);
    return spent * steered_share(strength, spent / o->samples, rate);
}

/* Share of the octave, 0 to 1, after which `bits` are spent; 2 if they last longer. */
static double share_for_bits(const struct octave *o, double strength, double bits)
{
    double low = 0, high = 1;
    if (bits <= 0 || steered_bits(o, strength, 1) <= bits)
        return 2;
    for (int i = 0; i < 20; i++) {
        double share = (low + high) / 2;
        *(steered_bits(o, strength, share) > bits ? &high : &low) = share;
    }
    return high;
}

ddz_status ddz_pilot_end_level(struct chain *chain, const int16_t *x, int32_t *noise, struct pilot_goal goal,
                               struct progress *progress, int32_t *end_level)
{
    size_t n = ddz_chain_samples(chain, 0);
    struct octave o = {.samples = (double)n};
    double psnr = 0;
    if (goal.psnr > 0)
        goal.psnr += steered_loss(goal.steering);
    *end_level = LEVEL_MAX_END;
    ddz_ideal_draw(0, NULL, noise, n);
    for (int32_t level = 0; level <= LEVEL_MAX_END; level += OCTAVE) {
        if (ddz_progress_tell(progress, (uint64_t)level, LEVEL_MAX_END) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        double sigma = (double)ddz_sigma_q8(level) / 256;
        struct errors mse = denoising_errors(chain, x, noise, goal.blocks, level);
        double next_psnr = psnr_of(mse.outside);
        o.end = mse.all / (sigma * sigma) + 1e-9;
        if (level > 0) {
            double share = share_for_bits(&o, goal.steering, goal.bits);
            if (goal.psnr > 0 && next_psnr >= goal.psnr)
                share = fmin(share, fmax(0, (goal.psnr - psnr) / (next_psnr - psnr)));
            if (share <= 1) {
                *end_level = (int32_t)clamp64(level - OCTAVE + (int32_t)ceil(share * OCTAVE), LEVEL_MIN_END,
                                              LEVEL_MAX_END);
                return DDZ_OK;
            }
            o.spent += o.samples * exponential_area(o.begin, o.end, 1);
        }
        o.begin = o.end;
        psnr = next_psnr;
    }
    return DDZ_OK;
}
