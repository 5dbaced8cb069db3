/* What a step has to convey, and the bits that do. */
#ifndef DDZ_ENCODE_SHIFT_H
#define DDZ_ENCODE_SHIFT_H

#include "encode/state.h"

/* The shift to convey in a chain's step, q12, into chain->shift; returns the KL in bits. */
double ddz_shift_of_step(const ddz_encoder *e, struct chain *chain, const struct step *step);

/* Bits of a step whose shift is in chain->shift, into `bits`, which has the first `given` of them. */
void ddz_shift_search(struct chain *chain, struct viterbi *viterbi, const struct trellis *t, uint32_t given,
                      uint8_t *bits);

#endif
