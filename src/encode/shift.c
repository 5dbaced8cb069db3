#include "encode/shift.h"

#include <math.h>

#include "diffusion/lift.h"
#include "encode/covariance.h"
#include "encode/shrink.h"

void ddz_shift_begin(const ddz_encoder *e)
{
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    for (int k = 1; k <= p->coarsest; k++)
        ddz_lift_average(e->x[k - 1], p->width[k - 1], p->height[k - 1], e->x[k]);
}

/* What a step of the full size conveys: less of the error than all of it. The coarse steps of a small picture, of few
 * bits each, are better without the network's word. */
static void aim(const ddz_encoder *e, struct chain *c, const struct step *step, const struct shift_room *room,
                struct parallel *parallel)
{
    const int16_t *x = e->x[0];
    const struct pyramid *p = ddz_chain_pyramid(c);
    double noise = e->steering * (double)ddz_sigma_q8(e->walk.end_level) / 256;
    if (!step->fixed && ddz_chain_position(c).estimate == ESTIMATE_CALLED)
        ddz_covariance_aim(c, x, noise, room->offset, room->shift, parallel);
    ddz_shrink_error(x, step->fixed ? NULL : &room->offset, ddz_chain_estimate(c), p->width[0], p->height[0],
                     noise, room->shift, parallel);
}

/* Of a grey picture there is no colour to convey, whatever the aim makes of it. */
static void take_colour_out(int32_t *error, size_t samples)
{
    for (size_t i = 0; i < samples; i += 3)
        error[i] = error[i + 1] = error[i + 2] =
            (int32_t)lrint((error[i] + error[i + 1] + (double)error[i + 2]) / 3);
}

/* What the bands of a lift differ in from those that the estimate predicts */
static void miss_bands(const ddz_encoder *e, struct chain *c, const struct step *step,
                       const struct shift_room *room)
{
    const struct pyramid *p = ddz_chain_pyramid(c);
    const int32_t *predicted = ddz_chain_predict_bands(c);
    ddz_lift_split(e->x[step->scale], p->width[step->scale], p->height[step->scale], room->shift);
    for (size_t i = 0; i < step->samples; i++)
        room->shift[i] -= predicted[i];
}

/* So many that sums do not depend on how many threads there are */
enum { PIECES = 64 };

struct conversion {
    struct reverse_step step;
    int32_t *shift;
    size_t samples;
    double square[PIECES];
};

static void convert_piece(void *argument, size_t index, int lane)
{
    struct conversion *c = argument;
    size_t begin = c->samples * index / PIECES, end = c->samples * (index + 1) / PIECES;
    double sum = 0;
    (void)lane;
    ddz_posterior_shift(&c->step, c->shift + begin, end - begin);
    for (size_t i = begin; i < end; i++)
        sum += (double)c->shift[i] * c->shift[i];
    c->square[index] = sum;
}

double ddz_shift_of_step(const ddz_encoder *e, struct chain *c, const struct step *step,
                         const struct shift_room *room, struct parallel *parallel)
{
    int32_t *shift = room->shift;
    if (step->lift) {
        miss_bands(e, c, step, room);
    } else if (step->scale == 0 && e->steering > 0) {
        aim(e, c, step, room, parallel);
        if (e->grey)
            take_colour_out(shift, step->samples);
    } else {
        const int16_t *x = e->x[step->scale], *estimate = ddz_chain_estimate(c);
        for (size_t i = 0; i < step->samples; i++)
            shift[i] = x[i] - estimate[i];
    }
    struct conversion conversion = {
        .step = ddz_chain_reverse_step(step), .shift = shift, .samples = step->samples};
    ddz_parallel_for(parallel, PIECES, convert_piece, &conversion);
    double sum = 0;
    for (int i = 0; i < PIECES; i++)
        sum += conversion.square[i];
    return sum * 0x1p-24 / (2 * M_LN2);
}

void ddz_shift_search(struct chain *c, struct viterbi *viterbi, const struct trellis *t, int32_t *shift,
                      uint32_t given, uint8_t *bits)
{
    struct coordinates delta = ddz_chain_mix(c, t, shift);
    ddz_viterbi_search(viterbi, t, &delta, given, bits);
}
