/* Where the chain ends: the noise at which the stream reaches its target. */
#ifndef DDZ_ENCODE_TARGET_H
#define DDZ_ENCODE_TARGET_H

#include "encode/state.h"

/* Choose the level at which the chain ends, by the target, and build the schedule. CANCELLED. */
ddz_status ddz_target_choose_end(ddz_encoder *e);

/* After a walk: if it ended too early for the target, move its end. *moved is false if it did not, or if
 * there is nowhere to go. CANCELLED. */
ddz_status ddz_target_end_later(ddz_encoder *e, bool *moved);

/* Is so little missing of a limit in bits that another walk is not worth it? */
bool ddz_target_is_near(double missing, double limit);

/* Bits of the ideal channel's steps so far. */
double ddz_target_ideal_bits(const ddz_encoder *e);

/* The noise at which the chain of such a picture will end, grey levels, about, before any of it is there */
double ddz_target_expected_sigma(const ddz_encoder *e, const struct block_cost *cost);

#endif
