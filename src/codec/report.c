#include "codec/report.h"

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

int ddz_report_progress(ddz_progress progress, void *cookie, const struct schedule *s,
                        const struct pyramid *p, int index)
{
    uint64_t done = 0, total = 1;
    for (int i = 0; i < s->steps; i++) {
        int scale = s->step[i].scale;
        uint64_t work = (uint64_t)p->width[scale] * p->height[scale];
        total += work;
        done += i < index ? work : 0;
    }
    return progress ? progress(cookie, (double)done, (double)total) : 0;
}

int ddz_report_estimate(ddz_observer observer, void *cookie, int64_t sigma_q8, int scale, const uint8_t *rgb)
{
    double sigma = sigma_q8 ? ldexp((double)sigma_q8 / (256.0 * 256.0), scale) : (double)INFINITY;
    return observer(cookie, sigma, rgb);
}
