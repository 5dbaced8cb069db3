/*
 * The ideal channel, for measurement and for the pilot: exact Gaussian noise. Floating point; never
 * in the decode path.
 */
#ifndef DDZ_ENCODE_IDEAL_H
#define DDZ_ENCODE_IDEAL_H

#include <stddef.h>
#include <stdint.h>

/* out[i] = mean[i] + a draw from N(0, 1), q12; a function of key and i. mean NULL: 0; it may be
 * out. */
void ddz_ideal_draw(uint64_t key, const int32_t *mean, int32_t *out, size_t n);

#endif
