/*
 * Where the chain ends: the noise at which the stream reaches its target.
 */
#include <math.h>

#include "base/fixed.h"
#include "codec/encoder.h"
#include "codec/pilot.h"
#include "codec/report.h"

/* Quality 0 to 100 names the noise at which the chain ends. */
static int32_t quality_level(double quality)
{
    return (int32_t)lrint(36 + 1.6 * quality);
}

/* Bits that the schedule gives to all scales but the full one. */
static double coarse_bits(const ddz_encoder *e)
{
    double bits = 0;
    for (int i = 0; i < e->schedule.steps; i++)
        if (e->schedule.step[i].scale > 0 || e->schedule.step[i].fixed)
            bits += e->schedule.step[i].bits;
    return bits;
}

void ddz_target_choose_end(ddz_encoder *e)
{
    const double overhead = 1.05; /* of the channel's bits over the KLs */
    struct chain *c = &e->chain;
    struct pilot_goal goal = {.steering = e->settings.steering};
    e->walk.end_level = LEVEL_MIN_END;
    ddz_schedule_build(&e->schedule, e->model, &c->pyramid, e->walk);
    if (e->settings.target == DDZ_TARGET_QUALITY) {
        e->walk.end_level = quality_level(e->settings.target_value);
    } else if (e->settings.target == DDZ_TARGET_SIGMA) {
        e->walk.end_level = ddz_report_level(e->settings.target_value);
    } else if (e->settings.target == DDZ_TARGET_PSNR) {
        /* one step further, so that the chain does not end just short of it */
        goal.psnr = e->settings.target_value + 0.3;
        e->walk.end_level = ddz_pilot_end_level(c, e->x[0], goal);
    } else {
        double bits = 8 * e->settings.target_value - coarse_bits(e);
        goal.bits = bits / overhead;
        if (bits > 0)
            e->walk.end_level = ddz_pilot_end_level(c, e->x[0], goal);
    }
    ddz_schedule_build(&e->schedule, e->model, &c->pyramid, e->walk);
}

/* Bits, on whichever channel, of the steps of the last octave. */
static double last_octave_bits(const ddz_encoder *e)
{
    double bits = 1;
    for (size_t i = e->step_count;
         i-- > 0 && e->steps[i].sigma_to < 2 * e->steps[e->step_count - 1].sigma_to;)
        bits += (double)e->steps[i].bits;
    return bits;
}

bool ddz_target_is_near(double missing, double limit)
{
    return missing < 0.005 * limit;
}

/* Octaves that the chain ended too early for its target, about. */
static double octaves_missing(ddz_encoder *e)
{
    const ddz_encoder_settings *set = &e->settings;
    if (set->target == DDZ_TARGET_PSNR)
        return (set->target_value - ddz_encoder_psnr(e)) / 5; /* dB an octave */
    if (set->target != DDZ_TARGET_BYTES)
        return 0;
    bool ideal = set->channel == DDZ_CHANNEL_IDEAL;
    double limit = ideal ? 8 * set->target_value : (double)e->main_limit;
    double missing = limit - (ideal ? ddz_encoder_ideal_bits(e) : (double)e->main.position);
    return ddz_target_is_near(missing, limit) ? 0 : log2(1 + missing / last_octave_bits(e));
}

bool ddz_target_end_later(ddz_encoder *e)
{
    double octaves = octaves_missing(e);
    if (octaves <= 0 || e->walk.end_level == LEVEL_MAX_END)
        return false;
    double levels = ceil(LEVELS_PER_OCTAVE * (fmin(octaves, 2) + 0.05));
    e->walk.end_level = (int32_t)fmin(LEVEL_MAX_END, e->walk.end_level + levels);
    ddz_schedule_build(&e->schedule, e->model, &e->chain.pyramid, e->walk);
    return true;
}
