/* Numbers for people: the only floating point beside the decode path. */
#ifndef DDZ_CODEC_REPORT_H
#define DDZ_CODEC_REPORT_H

#include "ddz.h"
#include "diffusion/schedule.h"

/* Noise of a level in grey levels; infinite for LEVEL_NOTHING. */
double report_sigma(int32_t level);

/* The schedule's part of a step's report. */
ddz_step report_step(const struct step *step);

/* Call `progress` if it is there. 0: go on. */
int report_progress(ddz_progress progress, void *cookie, uint64_t done, uint64_t total);

/* Work of a step's network call, in pixels of full size. */
uint64_t report_work(const struct pyramid *p, const struct step *step);

#endif
