#include "encode/shift.h"

#include <math.h>

#include "diffusion/lift.h"
#include "encode/covariance.h"
#include "encode/shrink.h"

/* What to aim a step of the full size at, into c->aim: less of the error than all of it. The coarse steps
 * of a small picture, of few bits each, are better without the network's word. */
static void aim(const ddz_encoder *e, struct chain *c, const struct step *step)
{
    const int32_t *x = e->x[0];
    double noise = e->steering * (double)ddz_sigma_q8(e->walk.end_level) / 256;
    if (!step->fixed) {
        if (c->estimate_kind == ESTIMATE_CALLED)
            ddz_covariance_target(c, x, noise, e->target);
        x = e->target;
    }
    ddz_shrink_target(x, c->estimate, c->pyramid.width[0], c->pyramid.height[0], noise, c->aim, c->parallel);
}

double ddz_shift_of_step(const ddz_encoder *e, struct chain *c, const struct step *step)
{
    const int32_t *x = e->x[step->scale];
    if (step->lift) {
        ddz_chain_enter_lift(c, step);
        ddz_lift_split(x, c->pyramid.width[step->scale], c->pyramid.height[step->scale], c->aim);
        x = c->aim;
    }
    if (step->scale == 0 && !step->lift && e->steering > 0) {
        aim(e, c, step);
        x = c->aim;
    }
    struct reverse_step r = ddz_chain_reverse_step(step);
    ddz_posterior_shift(&r, x, c->estimate, c->shift, step->samples);
    double sum = 0;
    for (size_t i = 0; i < step->samples; i++)
        sum += (double)c->shift[i] * c->shift[i];
    return sum * 0x1p-24 / (2 * M_LN2);
}

void ddz_shift_search(struct chain *c, struct viterbi *viterbi, const struct trellis *t, uint32_t given,
                      uint8_t *bits)
{
    struct mixing m = ddz_mix_plan(t->samples, t->branches, t->key);
    ddz_mix_forward(&m, c->shift, c->mixed, c->scratch, c->parallel);
    ddz_viterbi_search(viterbi, t, c->mixed, given, bits);
}
