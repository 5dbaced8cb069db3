/* The rows above a pixel and its own, as whole colours. */
#ifndef DDZ_EXACT_ROWS_H
#define DDZ_EXACT_ROWS_H

#include "base/arena.h"

enum {
    ROWS_KEPT = 9,  /* the row at hand and 8 above */
    ROWS_MARGIN = 8 /* pixels at either side that repeat the picture's edge */
};

/* Channels of a colour: 16 bits each, the first one lowest. */
static inline uint32_t colour_channel(uint64_t colour, int channel)
{
    return (uint32_t)(colour >> 16 * channel) & 0xFFFF;
}

/* A pixel's place: row[i][x] is its column in the row i above it, from x - 8 to x + 8; of its own row only what is to
 * the left is known. */
struct neighbours {
    const uint64_t *row[ROWS_KEPT];
    uint32_t x, y;
};

#endif
