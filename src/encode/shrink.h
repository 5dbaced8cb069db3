/*
 * Where the encoder aims the chain: not at the picture itself, but at what of it is worth its bits.
 * The decoder never learns of it.
 */
#ifndef DDZ_ENCODE_SHRINK_H
#define DDZ_ENCODE_SHRINK_H

#include <stdint.h>

#include "base/parallel.h"
#include "encode/offset.h"

/*
 * error = S(x + offset - estimate), all [h][w][3] in units of 1/256 grey level; offset NULL: 0. S shrinks every
 * coefficient z of an 8x8 DCT at four shifts by z^2 / (z^2 + noise^2): an error weaker than the noise
 * at which the file ends costs bits and returns next to nothing. noise > 0, in the same unit. The
 * result does not depend on `parallel`.
 */
void ddz_shrink_error(const int16_t *x, const struct offset *offset, const int16_t *estimate, uint32_t width,
                      uint32_t height, double noise, int32_t *error, struct parallel *parallel);

#endif
