#include "chain/report.h"

#include <math.h>

double ddz_report_sigma(int32_t level)
{
    return level == LEVEL_NOTHING ? (double)INFINITY : (double)ddz_sigma_q8(level) / (256.0 * 256.0);
}

int32_t ddz_report_level(double sigma)
{
    double octaves = log2(ddz_report_sigma(LEVEL_LIFTED) / sigma);
    return (int32_t)lrint(fmax(-1e6, fmin(1e6, octaves * LEVELS_PER_OCTAVE)));
}

ddz_step ddz_report_step(const struct step *step)
{
    return (ddz_step){.scale = step->scale,
                      .lift = step->lift,
                      .sigma_from = step->lift ? (double)INFINITY : ddz_report_sigma(step->level_from),
                      .sigma_to = ddz_report_sigma(step->level_to),
                      .samples = step->samples};
}

uint64_t ddz_report_work(const struct schedule *s, const struct pyramid *p, int first, int end)
{
    uint64_t work = 0;
    for (int i = first; i < end; i++)
        work += (uint64_t)p->width[s->step[i].scale] * p->height[s->step[i].scale];
    return work;
}

double ddz_report_observed_sigma(int64_t sigma_q8, int scale)
{
    return sigma_q8 ? ldexp((double)sigma_q8 / (256.0 * 256.0), scale) : (double)INFINITY;
}
