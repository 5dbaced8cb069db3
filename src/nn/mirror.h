/*
 * A picture mirrored in place: the network knows mirrored pictures as well, and errs on them in another way.
 */
#ifndef DDZ_NN_MIRROR_H
#define DDZ_NN_MIRROR_H

#include <stdint.h>

enum { MIRROR_ACROSS = 1, MIRROR_DOWN = 2 };

/* picture[height][width][3], by any sum of the above */
void ddz_mirror(int16_t *picture, uint32_t width, uint32_t height, int how);

#endif
