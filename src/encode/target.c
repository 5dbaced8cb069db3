#include "encode/target.h"

#include <math.h>

#include "chain/report.h"
#include "encode/pilot.h"
#include "encode/psnr_target.h"

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

/* The level at which a chain reaches the target in bytes or PSNR, by a guess. CANCELLED. */
static ddz_status guess_end(ddz_encoder *e)
{
    const double overhead = 1.05; /* of the channel's bits over the KLs */
    struct pilot_goal goal = {.steering = e->steering,
                              .blocks = e->partial.content ? &e->partial.blocks : NULL};
    if (e->target_kind == DDZ_TARGET_PSNR) {
        /* one step further, so that the chain does not end just short of it */
        goal.psnr = e->target_value + 0.3;
    } else {
        double others = (double)(e->writer.side.size + ddz_partial_record_size(&e->partial));
        double bits = 8 * (e->target_value - others) - coarse_bits(e);
        goal.bits = bits / overhead;
        if (bits <= 0)
            return DDZ_OK;
    }
    ddz_progress_next(&e->progress, 10);
    return ddz_pilot_end_level(e->chain, e->x[0], e->room.shift, goal, &e->progress, &e->walk.end_level);
}

ddz_status ddz_target_choose_end(ddz_encoder *e)
{
    ddz_status status = DDZ_OK;
    e->walk.end_level = LEVEL_MIN_END;
    ddz_schedule_build(&e->schedule, e->model, ddz_chain_pyramid(e->chain), e->walk);
    if (e->short_preview)
        ddz_schedule_shorten(&e->schedule);
    if (e->preview_only)
        return DDZ_OK;
    if (e->target_kind == DDZ_TARGET_QUALITY)
        e->walk.end_level = quality_level(e->target_value);
    else if (e->target_kind == DDZ_TARGET_SIGMA)
        e->walk.end_level = ddz_report_level(e->target_value);
    else
        status = guess_end(e);
    ddz_schedule_build(&e->schedule, e->model, ddz_chain_pyramid(e->chain), e->walk);
    return status;
}

double ddz_target_expected_sigma(const ddz_encoder *e, const struct block_cost *cost)
{
    if (e->target_kind == DDZ_TARGET_SIGMA)
        return e->target_value;
    if (e->target_kind == DDZ_TARGET_QUALITY)
        return ddz_report_sigma(quality_level(e->target_value));
    int32_t level = LEVEL_MIN_END;
    for (; level < LEVEL_MAX_END; level++) {
        double sigma = ddz_report_sigma(level);
        double bits = ddz_block_cost_bits(cost, false, sigma) + ddz_block_cost_bits(cost, true, sigma);
        if (e->target_kind == DDZ_TARGET_PSNR ? ddz_block_cost_psnr(cost, sigma) >= e->target_value
                                              : bits >= 8 * e->target_value)
            break;
    }
    return ddz_report_sigma(level);
}

double ddz_target_ideal_bits(const ddz_encoder *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->step_count; i++)
        sum += e->steps[i].research.kl_bits;
    return sum;
}

/* Bits, on whichever channel, of the steps of the last octave. */
static double last_octave_bits(const ddz_encoder *e)
{
    double bits = 1;
    for (size_t i = e->step_count;
         i-- > 0 && e->steps[i].step.sigma_to < 2 * e->steps[e->step_count - 1].step.sigma_to;)
        bits += (double)e->steps[i].step.bits;
    return bits;
}

bool ddz_target_is_near(double missing, double limit)
{
    return missing < 0.005 * limit;
}

/* Octaves that the chain ended too early for its target, about. */
static double octaves_missing(ddz_encoder *e)
{
    if (e->target_kind == DDZ_TARGET_PSNR)
        return (e->target_value - ddz_psnr_of_last_estimate(e)) / 5; /* dB an octave */
    if (e->target_kind != DDZ_TARGET_BYTES)
        return 0;
    double limit = e->ideal ? 8 * e->target_value : (double)e->writer.main_limit;
    double missing = limit - (e->ideal ? ddz_target_ideal_bits(e) : (double)e->writer.main.position);
    return ddz_target_is_near(missing, limit) ? 0 : log2(1 + missing / last_octave_bits(e));
}

ddz_status ddz_target_end_later(ddz_encoder *e, bool *moved)
{
    *moved = false;
    ddz_status status = ddz_progress_tell(&e->progress, 1, 1);
    if (status != DDZ_OK)
        return status;
    double octaves = octaves_missing(e);
    if (octaves <= 0 || e->walk.end_level == LEVEL_MAX_END)
        return DDZ_OK;
    double levels = ceil(LEVELS_PER_OCTAVE * (fmin(octaves, 2) + 0.05));
    e->walk.end_level = (int32_t)fmin(LEVEL_MAX_END, e->walk.end_level + levels);
    ddz_schedule_build(&e->schedule, e->model, ddz_chain_pyramid(e->chain), e->walk);
    *moved = true;
    return DDZ_OK;
}
