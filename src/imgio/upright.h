/* Pictures that their file says to turn. */
#ifndef DDZ_IMGIO_UPRIGHT_H
#define DDZ_IMGIO_UPRIGHT_H

#include "imgio/image.h"

/*
 * Turn the pixels of an image as its Exif block says, and the orientation in the block, and in XMP, to 1, so that nothing
 * turns them again. Returns 0, or -1 if there is no memory, and the image is as it was.
 */
int image_turn_upright(struct image *image);

/* The same as an orientation of 1 to 8 says, with Exif's meaning; others turn nothing. XMP's orientation becomes 1, and an
 * Exif block is left as it is. */
int image_turn(struct image *image, int orientation);

#endif
