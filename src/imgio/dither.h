/* 16 bits to 8 without banding. */
#ifndef DDZ_IMGIO_DITHER_H
#define DDZ_IMGIO_DITHER_H

#include "imgio/image.h"

/*
 * Turn an image of 16 bits into one of 8, and hand the rounding error of each colour sample on to its neighbours
 * (Floyd and Steinberg 1976, rows in alternating directions). The result depends on the pixels alone; samples that
 * stand for whole grey levels stay what they are, and alpha is rounded. Images of 8 bits are left as they are.
 * Returns 0, or -1 if there is no memory, and the image is as it was.
 */
int image_dither(struct image *image);

#endif
