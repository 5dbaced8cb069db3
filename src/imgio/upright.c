#include "imgio/upright.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/exif.h"

static void set_upright(uint8_t *exif, size_t size)
{
    bool big = false;
    size_t at = ddz_exif_find_orientation(exif, size, &big);
    if (at) {
        exif[at + big] = EXIF_UPRIGHT;
        exif[at + !big] = 0;
    }
}

/* The pixel of the stored picture that stands at (x, y) of the upright one. Orientations 5 to 8 exchange rows and
 * columns; what else they do is to mirror them. */
static size_t source_of(const struct image *stored, int orientation, uint32_t x, uint32_t y)
{
    const bool transposed = orientation >= 5;
    const bool mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool flipped = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    uint32_t column = transposed ? y : x, row = transposed ? x : y;
    if (mirrored)
        column = stored->width - 1 - column;
    if (flipped)
        row = stored->height - 1 - row;
    return (size_t)row * stored->width + column;
}

/* XMP may say the orientation again: tiff:Orientation="6", or as an element. */
static void set_xmp_upright(uint8_t *xmp, size_t size)
{
    static const char name[] = "tiff:Orientation";
    const size_t length = strlen(name);
    for (size_t at = 0; size >= length + 3 && at <= size - length - 3; at++) {
        const uint8_t *p = xmp + at;
        if (memcmp(p, name, length) != 0)
            continue;
        size_t digit = at + length + (p[length] == '=' ? 2 : 1);
        if ((p[length] == '=' || p[length] == '>') && xmp[digit] >= '1' && xmp[digit] <= '8')
            xmp[digit] = '0' + EXIF_UPRIGHT;
    }
}

/* Pixels across become those down. */
static void exchange_resolution(struct image_notes *notes)
{
    uint8_t across[4];
    memcpy(across, notes->resolution, 4);
    memcpy(notes->resolution, notes->resolution + 4, 4);
    memcpy(notes->resolution + 4, across, 4);
}

int image_turn(struct image *image, int orientation)
{
    struct image turned;
    if (orientation <= EXIF_UPRIGHT || orientation > 8)
        return 0;
    const uint32_t width = orientation >= 5 ? image->height : image->width;
    const uint32_t height = orientation >= 5 ? image->width : image->height;
    if (image_alloc(&turned, width, height, image->channels, image->depth) != 0)
        return -1;
    const size_t pixel = image_size(1, 1, image->channels, image->depth);
    const uint8_t *from = image->pixels;
    uint8_t *to = turned.pixels;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, to += pixel)
            memcpy(to, from + pixel * source_of(image, orientation, x, y), pixel);
    free(image->pixels);
    image->pixels = turned.pixels;
    image->width = width;
    image->height = height;
    if (image->xmp)
        set_xmp_upright(image->xmp, image->xmp_size);
    if (orientation >= 5)
        exchange_resolution(&image->notes);
    return 0;
}

int image_turn_upright(struct image *image)
{
    const int orientation = ddz_exif_orientation(image->exif, image->exif_size);
    if (orientation == EXIF_UPRIGHT)
        return 0;
    if (image_turn(image, orientation) != 0)
        return -1;
    set_upright(image->exif, image->exif_size);
    return 0;
}
