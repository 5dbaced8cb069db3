/* The orientation that an Exif block (CIPA DC-008, a TIFF file) gives a picture. */
#ifndef DDZ_IMGIO_EXIF_H
#define DDZ_IMGIO_EXIF_H

#include "imgio/image.h"

/* The orientation, 1 to 8, as it stands in a block from its byte order mark on: 1, upright, if it has none or another
 * value. */
int exif_orientation(const uint8_t *exif, size_t size);

/*
 * Turn the pixels of an image as its Exif block says, and the orientation in the block, and in XMP, to 1, so that nothing
 * turns them again. Returns 0, or -1 if there is no memory, and the image is as it was.
 */
int image_turn_upright(struct image *image);

#endif
