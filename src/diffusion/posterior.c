#include "diffusion/posterior.h"

#include "base/fixed.h"
#include "diffusion/schedule.h"

static struct reverse_step with_ratio(int64_t r2_q30, int32_t level_to)
{
    int64_t one = (int64_t)1 << 30;
    int64_t root_q30 = ddz_isqrt64((uint64_t)(one - r2_q30) << 30);
    int64_t sigma = ddz_sigma_q8(level_to);
    return (struct reverse_step){
        .r2_q30 = r2_q30,
        .noise_q8 = rshift_round(sigma * root_q30, 30),
        .shift_q32 = (root_q30 << 22) / sigma, /* q30 + q12 + q32 - q52, and 8 bits of sigma */
    };
}

struct reverse_step ddz_reverse_step_of(int32_t level_from, int32_t level_to)
{
    return with_ratio(level_from == LEVEL_NOTHING ? 0 : ddz_ratio_q30(2 * (level_to - level_from)), level_to);
}

struct reverse_step ddz_reverse_step_lift(int32_t level)
{
    return with_ratio(0, level);
}

void ddz_reverse_step_change(const struct reverse_step *s, const int32_t *y, const int32_t *estimate,
                             const int32_t *c, int32_t *change, size_t n)
{
    int64_t gain_q30 = ((int64_t)1 << 30) - s->r2_q30;
    for (size_t i = 0; i < n; i++) {
        int64_t mean = rshift_round(gain_q30 * ((int64_t)estimate[i] - y[i]), 30);
        change[i] = (int32_t)(mean + rshift_round(s->noise_q8 * c[i], 20));
    }
}

void ddz_posterior_shift(const struct reverse_step *s, const int32_t *x, const int32_t *estimate,
                         int32_t *delta, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t difference = (int64_t)x[i] - estimate[i];
        delta[i] = (int32_t)clamp64(rshift_round(difference * s->shift_q32, 32), -(1 << 25), 1 << 25);
    }
}

int64_t ddz_sigma_between_q8(int32_t level_from, int32_t level_to, uint32_t known, uint32_t bits)
{
    if (!known)
        return ddz_sigma_q8(level_from);
    uint64_t from = (uint64_t)ddz_sigma_q8(level_from), to = (uint64_t)ddz_sigma_q8(level_to);
    uint64_t change = from * from - to * to;
    /* share in 16 bits: the product must fit for the steps of the highest noise too */
    uint64_t share = ((uint64_t)known << 16) / bits;
    return ddz_isqrt64(from * from - (change >> 16) * share);
}
