/*
 * One reverse step of the chain, in the form y = x_0 + sigma eps (Ho et al. 2020, eq. 6, 7 divided
 * by sqrt(alpha_bar)): from sigma_t down to sigma_s, r = sigma_s / sigma_t,
 *
 *   q(y_s | y_t, x_0) = N(r^2 y_t + (1 - r^2) x_0,    sigma_s^2 (1 - r^2) I)
 *   p(y_s | y_t)      = N(r^2 y_t + (1 - r^2) xhat_0, sigma_s^2 (1 - r^2) I)
 *   delta             = sqrt(1 - r^2) / sigma_s (x_0 - xhat_0)
 *   KL(q || p)        = |delta|^2 / 2 nats
 *
 * A step from infinite noise has r = 0, and so has a lift, on its detail bands.
 */
#ifndef DDZ_DIFFUSION_POSTERIOR_H
#define DDZ_DIFFUSION_POSTERIOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/fixed.h"

struct reverse_step {
    int64_t r2_q30;
    int64_t noise_q8;  /* sigma_s sqrt(1 - r^2), the step's own noise */
    int64_t shift_q32; /* sqrt(1 - r^2) / sigma_s, for differences in 1/32640 to give q12 */
};

/* level_from LEVEL_NOTHING: r = 0 */
struct reverse_step ddz_reverse_step_of(int32_t level_from, int32_t level_to);

/* r = 0 at `level`: a lift's detail bands */
struct reverse_step ddz_reverse_step_lift(int32_t level);

/* y_s - y_t for the step's noise c (q12) */
static inline int32_t reverse_step_change(const struct reverse_step *s, int32_t y, int32_t estimate,
                                          int32_t c)
{
    int64_t gain_q30 = ((int64_t)1 << 30) - s->r2_q30;
    int64_t mean = rshift_round(gain_q30 * ((int64_t)estimate - y), 30);
    return (int32_t)(mean + rshift_round(s->noise_q8 * c, 20));
}

/* delta[n], q12, clamped to +-2^25, in place of the differences x_0 - xhat_0 */
void ddz_posterior_shift(const struct reverse_step *s, int32_t *differences, size_t n);

/* sigma_q8 of a chain of which a share known / bits has made the step */
int64_t ddz_sigma_between_q8(int32_t level_from, int32_t level_to, uint32_t known, uint32_t bits);

#endif
