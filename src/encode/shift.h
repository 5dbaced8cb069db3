/* What a step has to convey, and the bits that do. */
#ifndef DDZ_ENCODE_SHIFT_H
#define DDZ_ENCODE_SHIFT_H

#include "encode/state.h"

/* The shift to convey in a chain's step, q12, into room->shift; returns the KL in bits. room->target is to be the one
 * that the step before had, as long as both are of one call. */
double ddz_shift_of_step(const ddz_encoder *e, struct chain *chain, const struct step *step,
                         const struct shift_room *room, struct parallel *parallel);

/* Bits of a step with this shift into `bits`, which has the first `given` of them. Mixes the shift; overwrites
 * the chain's vector. */
void ddz_shift_search(struct chain *chain, struct viterbi *viterbi, const struct trellis *t, int32_t *shift,
                      uint32_t given, uint8_t *bits);

#endif
