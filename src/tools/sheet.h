/* Pictures of one size side by side in a larger one, as figures of samples are printed. */
#ifndef DDZ_TOOLS_SHEET_H
#define DDZ_TOOLS_SHEET_H

#include <stdint.h>

#include "imgio/image.h"

struct sheet {
    struct image image; /* 8-bit RGB, white where no picture has been placed; the caller frees it */
    uint32_t columns;
    uint32_t width, height; /* of one picture */
};

/* Room for `count` pictures, in about as many rows as columns. Returns an exit status, and has said why. */
int sheet_make(struct sheet *sheet, uint32_t count, uint32_t width, uint32_t height);

/* Place number `index`, by rows. */
void sheet_place(struct sheet *sheet, uint32_t index, const uint8_t *rgb);

#endif
