/* Colours for pixels that nobody sees. */
#ifndef DDZ_ENCODE_FILL_H
#define DDZ_ENCODE_FILL_H

#include <stdint.h>

#include "base/mem.h"

/* Where alpha is 0, the samples of x[height][width][3] are made a smooth continuation of those where it is not: the
 * picture is averaged to half its size again and again over the pixels that count, and then, from the smallest
 * one on, each size fills the holes of the next. MEMORY. */
ddz_status ddz_fill_invisible(const struct mem *mem, const uint8_t *alpha, uint32_t width, uint32_t height,
                              int16_t *x);

#endif
