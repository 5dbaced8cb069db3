/* Numbers for people: the only floating point beside the decode path. */
#ifndef DDZ_CHAIN_REPORT_H
#define DDZ_CHAIN_REPORT_H

#include "ddz.h"
#include "diffusion/schedule.h"

/* Noise of a level in grey levels; infinite for LEVEL_NOTHING. */
double ddz_report_sigma(int32_t level);

/* The level nearest to a noise in grey levels, sigma > 0. */
int32_t ddz_report_level(double sigma);

/* The schedule's part of a step's report. */
ddz_step ddz_report_step(const struct step *step);

/* Work of the steps first to end - 1, for progress: the pixels that the network sees. */
uint64_t ddz_report_work(const struct schedule *s, const struct pyramid *p, int first, int end);

/* What an observer is told of an estimate made at `scale` from noise sigma_q8 (0: infinite) */
double ddz_report_observed_sigma(int64_t sigma_q8, int scale);

#endif
