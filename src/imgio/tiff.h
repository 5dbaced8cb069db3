/* TIFF files, read with libtiff: grey, palettes and RGB of 1 to 16 bits, with alpha if the file has it, in strips or tiles. What
 * has more than 8 bits becomes a picture of 16. Associated alpha is divided out of the colours. ICC profile, XMP packet and
 * resolution are kept, and the picture is turned upright. Further pictures, channels that are no alpha, and other tags are
 * listed in the image's left_out. */
#ifndef DDZ_IMGIO_TIFF_H
#define DDZ_IMGIO_TIFF_H

#include "imgio/image.h"

int tiff_is(const uint8_t *data, size_t size);

/* A reader of formats.h. Files that are cut or damaged are errors, and so are CMYK, YCbCr outside of JPEG, samples that are
 * no whole numbers or have more than 16 bits, and rare compressions. */
int tiff_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages);

#endif
