/* Pictures as maps of patches: channel 4 c + 2 dy + dx of pixel (y, x) is colour c of the picture's pixel
 * (2 y + dy, 2 x + dx). */
#ifndef DDZ_NN_PATCHES_H
#define DDZ_NN_PATCHES_H

#include <stdint.h>

#include "nn/conv/map.h"

/* `rows` rows of patches from number `first` on, of which `map` is the first. Where the picture ends the map has
 * zeros. */
void ddz_patches_from(const int16_t *picture, uint32_t width, uint32_t height, const struct map *map,
                      ptrdiff_t first, ptrdiff_t rows);
void ddz_patches_to(const struct map *map, ptrdiff_t first, ptrdiff_t rows, int16_t *picture, uint32_t width,
                    uint32_t height);

#endif
