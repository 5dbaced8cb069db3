/* Numbers for people: the only floating point beside the decode path. */
#ifndef DDZ_CODEC_REPORT_H
#define DDZ_CODEC_REPORT_H

#include "ddz.h"
#include "diffusion/schedule.h"

/* Noise of a level in grey levels; infinite for LEVEL_NOTHING. */
double ddz_report_sigma(int32_t level);

/* The level nearest to a noise in grey levels, sigma > 0. */
int32_t ddz_report_level(double sigma);

/* The schedule's part of a step's report. */
ddz_step ddz_report_step(const struct step *step);

/* Call `progress`, if it is there, before step `index`: work is the pixels that the network sees.
 * 0: go on. */
int ddz_report_progress(ddz_progress progress, void *cookie, const struct schedule *s,
                        const struct pyramid *p, int index);

/* Call `observer` with an estimate made at `scale` from noise sigma_q8 (0: infinite). 0: go on. */
int ddz_report_estimate(ddz_observer observer, void *cookie, int64_t sigma_q8, int scale, const uint8_t *rgb);

#endif
