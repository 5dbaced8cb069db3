/*
 * A feature map: rows of pixels, channels last, in a border of zeros one pixel wide. The pixel after the last one
 * of a row is the border on its right and, of the next row, on its left.
 */
#ifndef DDZ_NN_CONV_MAP_H
#define DDZ_NN_CONV_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
    int16_t *data;   /* pixel (0, 0) */
    ptrdiff_t width; /* pixels of a row, border not counted */
    ptrdiff_t step;  /* values from a pixel to the next, at least its channels */
    ptrdiff_t row;   /* values from a row to the next */
};

static inline int16_t *map_pixel(const struct map *map, ptrdiff_t y, ptrdiff_t x)
{
    return map->data + y * map->row + x * map->step;
}

/* The map from row `y` on */
static inline struct map map_from(struct map map, ptrdiff_t y)
{
    map.data += y * map.row;
    return map;
}

#endif
