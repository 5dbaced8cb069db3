#include "codec/report.h"

#include <math.h>

double report_sigma(int32_t level)
{
    return level == LEVEL_NOTHING ? (double)INFINITY : (double)sigma_q8(level) / (256.0 * 256.0);
}

ddz_step report_step(const struct step *step)
{
    return (ddz_step){.scale = step->scale,
                      .lift = step->lift,
                      .sigma_from = step->lift ? (double)INFINITY : report_sigma(step->level_from),
                      .sigma_to = report_sigma(step->level_to),
                      .samples = step->samples};
}

int report_progress(ddz_progress progress, void *cookie, uint64_t done, uint64_t total)
{
    return progress ? progress(cookie, (double)done, (double)total) : 0;
}

uint64_t report_work(const struct pyramid *p, const struct step *step)
{
    return (uint64_t)p->width[step->scale] * p->height[step->scale];
}
