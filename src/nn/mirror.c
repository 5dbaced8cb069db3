#include "nn/mirror.h"

#include <stddef.h>

static void swap_pixels(int16_t *a, int16_t *b)
{
    for (int c = 0; c < 3; c++) {
        int16_t old = a[c];
        a[c] = b[c];
        b[c] = old;
    }
}

static void reverse(int16_t *first, size_t pixels)
{
    for (size_t i = 0; i < pixels / 2; i++)
        swap_pixels(first + 3 * i, first + 3 * (pixels - 1 - i));
}

void ddz_mirror(int16_t *picture, uint32_t width, uint32_t height, int how)
{
    /* all pixels in reverse mirror both ways, the rows in reverse after that undo one of them */
    if (how & MIRROR_DOWN)
        reverse(picture, (size_t)width * height);
    if (how == MIRROR_ACROSS || how == MIRROR_DOWN)
        for (uint32_t y = 0; y < height; y++)
            reverse(picture + 3 * (size_t)width * y, width);
}
