/*
 * The first bits, which a preview stands on, are few: how good they are is a matter of luck. So all of them
 * are chosen by a beam search. From each of the best chains so far, a step's bits are searched for many
 * times, for shifts a little beside the true one; the chains are kept whose estimates come closest to the
 * picture. Then the first of these bits stand, and the search begins again for the others.
 */
#ifndef DDZ_ENCODE_PREVIEW_H
#define DDZ_ENCODE_PREVIEW_H

#include "encode/state.h"

/* Choose all bits of the preview into e->preview_bits. They serve every walk of the picture: only the
 * steering of one that is a single coarse scale knows where the chain ends. MEMORY, CANCELLED. */
ddz_status ddz_preview_choose(ddz_encoder *e);

/* Bytes that the search takes with `threads` threads */
uint64_t ddz_preview_memory(const struct schedule *s, const struct pyramid *p, const struct ddz_model *model,
                            int threads, int trials, uint64_t features);

/* Where the bits of step `index` of the preview begin there. */
size_t ddz_preview_offset(const struct schedule *s, int index);

#endif
