/*
 * The encoder's half of the channel: the bit string whose vector c has the highest score
 * <c, delta>, by the Viterbi algorithm over 2^L states. Reverse channel coding: c so chosen is
 * close to a draw from N(delta, I) and costs little more than |delta|^2 / 2 nats.
 */
#ifndef DDZ_CHANNEL_VITERBI_H
#define DDZ_CHANNEL_VITERBI_H

#include <stdint.h>

#include "base/mem.h"
#include "channel/coordinates.h"
#include "channel/trellis.h"

struct viterbi;

/* Workspace for searches with registers of up to `register_bits` and trellises of up to `branches`, by kernels for
 * `features`; NULL if memory is short. `parallel` (NULL: none) must outlive it. */
struct viterbi *ddz_viterbi_new(const struct mem *mem, int register_bits, uint32_t branches,
                                struct parallel *parallel, uint64_t features);
/* Bytes that it takes for `lanes` lanes of `parallel` */
uint64_t ddz_viterbi_memory(int register_bits, uint32_t branches, int lanes);
void ddz_viterbi_free(struct viterbi *v);

/* bits[ceil(branches / 8)], MSB first, unused bits zero, for delta, whose coordinates are t->samples. The first `given` bits
 * are there already, and the best others for them are found. The result does not depend on parallel or features. */
void ddz_viterbi_search(struct viterbi *v, const struct trellis *t, const struct coordinates *delta,
                        uint32_t given, uint8_t *bits);

#endif
