/* JPEG files, read with libjpeg-turbo: grey or RGB of 8 bits. ICC profile, Exif block, XMP packet and JFIF's resolution
 * are kept; the picture is turned upright as Exif says. Markers of other kinds, and what stands behind the picture, are
 * listed in the image's left_out. */
#ifndef DDZ_IMGIO_JPEG_H
#define DDZ_IMGIO_JPEG_H

#include "imgio/image.h"

int jpeg_is(const uint8_t *data, size_t size);

/* A reader of formats.h. Pictures of CMYK colours, and files that are cut or damaged, are errors. */
int jpeg_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages);

#endif
