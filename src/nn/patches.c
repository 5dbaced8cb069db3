#include "nn/patches.h"

void ddz_patches_from(const int16_t *picture, uint32_t width, uint32_t height, const struct map *map,
                      ptrdiff_t first, ptrdiff_t rows)
{
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < map->width; x++) {
            int16_t *pixel = map_pixel(map, y, x);
            for (int i = 0; i < 4; i++) {
                ptrdiff_t py = 2 * (first + y) + i / 2, px = 2 * x + i % 2;
                int inside = py < (ptrdiff_t)height && px < (ptrdiff_t)width;
                for (int c = 0; c < 3; c++)
                    pixel[4 * c + i] = inside ? picture[(py * (ptrdiff_t)width + px) * 3 + c] : 0;
            }
        }
}

void ddz_patches_to(const struct map *map, ptrdiff_t first, ptrdiff_t rows, int16_t *picture, uint32_t width,
                    uint32_t height)
{
    ptrdiff_t end = 2 * (first + rows) < (ptrdiff_t)height ? 2 * (first + rows) : (ptrdiff_t)height;
    for (ptrdiff_t y = 2 * first; y < end; y++) {
        int16_t *to = picture + y * (ptrdiff_t)width * 3;
        for (ptrdiff_t x = 0; x < (ptrdiff_t)width; x++, to += 3) {
            const int16_t *pixel = map_pixel(map, y / 2 - first, x / 2) + y % 2 * 2 + x % 2;
            for (int c = 0; c < 3; c++)
                to[c] = pixel[4 * c];
        }
    }
}
