/* WebP files, read with libwebp: RGB of 8 bits, with alpha if the file has it. ICC profile, Exif block (and the resolution in
 * it) and XMP packet are kept; the picture is turned upright as Exif says. Frames of an animation behind the first one, chunks
 * of other kinds, and what stands behind the picture, are listed in the image's left_out. */
#ifndef DDZ_IMGIO_WEBP_H
#define DDZ_IMGIO_WEBP_H

#include "imgio/image.h"

int webp_is(const uint8_t *data, size_t size);

/* A reader of formats.h. Files that are cut or damaged are errors. */
int webp_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages);

#endif
