/* Pixels in the caller's layout to and from the codec's samples: 1/256 of a grey level, less CENTRE. */
#ifndef DDZ_API_PIXELS_H
#define DDZ_API_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

struct layout {
    uint32_t width, height;
    int channels; /* 1 to 4 */
    bool deep;    /* 16-bit samples, else 8-bit ones */
    size_t stride;
};

/* `stride` 0: packed rows. UNSUPPORTED: no such format; ARGUMENT: a row is longer than the stride, or the
 * picture longer than `size`. */
ddz_status ddz_layout_make(struct layout *layout, ddz_pixel_format format, uint32_t width, uint32_t height,
                           size_t stride, size_t size);

bool ddz_layout_has_alpha(const struct layout *layout);

/* x[height][width][3] of pixels */
void ddz_pixels_read(const struct layout *layout, const void *pixels, int16_t *x);

/* alpha[height][width], 8-bit; returns whether any of it is not opaque. The format must have alpha. */
bool ddz_pixels_read_alpha(const struct layout *layout, const void *pixels, uint8_t *alpha);

/* Alpha [height][width] averaged down by boxes of 2 by 2, `scale` > 0 times; an odd side repeats its last row or column.
 * `room` has as many values as the first of these averages; returns the last one, 8-bit, which begins there. */
const uint8_t *ddz_pixels_reduce_alpha(const uint8_t *alpha, uint32_t width, uint32_t height, int scale,
                                       uint16_t *room);

/* Row y of the pixels from its samples x[width][3]; if the format has alpha it is that of alpha[height][width], NULL
 * being opaque. */
void ddz_pixels_write_row(const struct layout *layout, uint32_t y, const int32_t *x, const uint8_t *alpha,
                          void *pixels);

#endif
