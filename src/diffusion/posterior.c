#include "diffusion/posterior.h"

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

void ddz_posterior_shift(const struct reverse_step *s, int32_t *differences, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t delta = rshift_round(differences[i] * s->shift_q32, 32);
        differences[i] = (int32_t)clamp64(delta, -(1 << 25), 1 << 25);
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
