/*
 * The chain as the encoder walks it: for each step the shift that the network got wrong, and the bits
 * that convey it (Ho et al. 2020, algorithm 3).
 */
#ifndef DDZ_ENCODE_WALK_H
#define DDZ_ENCODE_WALK_H

#include "encode/state.h"

/* Walk the chain and write its bits, until the schedule or the target ends it. MEMORY, CANCELLED. */
ddz_status ddz_encoder_walk(ddz_encoder *e);

#endif
