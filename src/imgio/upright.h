/* Pictures that their Exif block says to turn. */
#ifndef DDZ_IMGIO_UPRIGHT_H
#define DDZ_IMGIO_UPRIGHT_H

#include "imgio/image.h"

/*
 * Turn the pixels of an image as its Exif block says, and the orientation in the block, and in XMP, to 1, so that nothing
 * turns them again. Returns 0, or -1 if there is no memory, and the image is as it was.
 */
int image_turn_upright(struct image *image);

#endif
