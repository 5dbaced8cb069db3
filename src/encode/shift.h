/* What a step has to convey, and the bits that do. */
#ifndef DDZ_ENCODE_SHIFT_H
#define DDZ_ENCODE_SHIFT_H

#include "encode/state.h"

/* Makes x_0 of the coarser scales, where the last walk had its aim's offset: before the first shift of a walk, and of a search
 * for a preview. */
void ddz_shift_begin(const ddz_encoder *e);

/* The shift to convey in a chain's step, q12, into room->shift; returns the KL in bits. room->offset is to be the one
 * that the step before had, as long as both are of one call. Overwrites the chain's vector. */
double ddz_shift_of_step(const ddz_encoder *e, struct chain *chain, const struct step *step,
                         const struct shift_room *room, struct parallel *parallel);

/* Bits of a step with this shift into `bits`, which has the first `given` of them. Mixes the shift; overwrites
 * the chain's vector. */
void ddz_shift_search(struct chain *chain, struct viterbi *viterbi, const struct trellis *t, int32_t *shift,
                      uint32_t given, uint8_t *bits);

#endif
