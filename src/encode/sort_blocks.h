/* Which blocks of a picture are no part of a photograph: text, lines, flat colours. */
#ifndef DDZ_ENCODE_SORT_BLOCKS_H
#define DDZ_ENCODE_SORT_BLOCKS_H

#include "exact/graphics.h"

/* Puts the blocks into *blocks, which is of the picture's size, and has none in it: those that by their pixels can be
 * graphics, together with others like them, and not single ones. samples[height][width][channels], 1 or 3 channels. Returns
 * how many. MEMORY: *count is 0. */
ddz_status ddz_sort_blocks(const struct mem *mem, const struct graphics_size *size, const uint16_t *samples,
                           struct blocks *blocks, size_t *count);

#endif
