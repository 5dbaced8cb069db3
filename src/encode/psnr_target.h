/* A target PSNR: when it is reached, and the fewest bytes that reach it. */
#ifndef DDZ_ENCODE_PSNR_TARGET_H
#define DDZ_ENCODE_PSNR_TARGET_H

#include "encode/state.h"

/* PSNR over the three channels of the 8-bit picture that a decoder shows where the bits end, and of that from
 * the estimate that the next step starts from. */
double ddz_psnr_of_last_estimate(ddz_encoder *e);
double ddz_psnr_of_next_estimate(ddz_encoder *e);

/* Before step i, whose estimate has this PSNR: is it a target, and reached? The step before, which took
 * `sent`, is then cut to fit; the preview stays whole. *status: CANCELLED. */
bool ddz_psnr_reached(ddz_encoder *e, int i, double psnr, struct sent *sent, ddz_status *status);

#endif
