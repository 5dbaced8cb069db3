/* The network as a direct, scalar evaluation of the formulas in model.h. */
#ifndef DDZ_TESTS_NET_REFERENCE_H
#define DDZ_TESTS_NET_REFERENCE_H

#include <stdint.h>

#include "model/model.h"

/* Planes of 16-bit values, without any border; outside is 0. */
struct image {
    int width, height, channels;
    int16_t *v;
};

/* What updates go on from; gates.v is to be freed. */
struct reference {
    const ddz_model *model;
    int network;
    int16_t embedding[MODEL_MAX_EMBEDDING];
    struct image gates; /* of a call, for the updates after it */
};

/* All fail the running test when something fails. */
struct reference reference_forward(const ddz_model *model, const int16_t *in, int16_t *out, int width,
                                   int height, int label, int32_t level_q8);
void reference_update(const struct reference *r, const int16_t *in, int16_t *out, int width, int height);

#endif
