/*
 * PNG files, and back. Sample values are taken as they are: palettes are looked up, tRNS becomes alpha, samples of fewer
 * than 8 bits are scaled to 8, those of 16 bits are kept. What describes the picture is kept: iCCP, eXIf, XMP in iTXt,
 * cICP, gAMA, cHRM, pHYs; sRGB as cICP's code points of the same, and the other way round. With a profile, gAMA, cHRM and
 * sRGB mean nothing, and are not kept. Exif and XMP may stand in texts called "Raw profile type". Other chunks, other
 * texts and further frames of an animation are listed in the image's left_out.
 */
#ifndef DDZ_IMGIO_PNG_H
#define DDZ_IMGIO_PNG_H

#include <stdio.h>

#include "imgio/image.h"

/* Both return 0, or -1 and an error. Nothing is printed; what libpng warns of is a warning. */

int png_is(const uint8_t *data, size_t size);

/* The image is written on success only; it is freed with image_free. Larger pictures than max_pixels are
 * refused before their memory is allocated. Damage to the picture is an error, damage to what stands beside it
 * (an ancillary chunk with a wrong checksum) a warning, and that chunk is left out. */
int png_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages);

/* A profile that libpng finds invalid is left out, with a warning. */
int png_write(FILE *file, const struct image_view *image, struct image_messages *messages);

#endif
