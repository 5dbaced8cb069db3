#include "imgio/dither.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { GREY_LEVEL = 257 /* 65535 is level 255 */, SIXTEENTHS = 16 };

/* Rows with a margin of a pixel on both sides: samples with the errors that were handed to them, in 1/16 of the
 * unit of 16-bit samples. */
struct rows {
    int32_t *now, *next;
};

static uint8_t nearest_level(int32_t value)
{
    enum { LEVEL = GREY_LEVEL * SIXTEENTHS };
    if (value <= 0)
        return 0;
    int32_t level = (value + LEVEL / 2) / LEVEL;
    return (uint8_t)(level > 255 ? 255 : level);
}

/* One row; samples of a pixel are `channels` apart. Errors go ahead (7 of 16), and below: behind (3), beneath (5)
 * and ahead (1). What the division leaves goes ahead. */
static void dither_row(struct rows rows, uint32_t width, int channels, bool backwards, uint8_t *out)
{
    const ptrdiff_t ahead = backwards ? -channels : channels;
    const bool has_alpha = channels % 2 == 0;
    for (uint32_t i = 0; i < width; i++)
        for (int c = 0; c < channels; c++) {
            ptrdiff_t at = (ptrdiff_t)(backwards ? width - 1 - i : i) * channels + c;
            int32_t *now = rows.now + channels + at, *next = rows.next + channels + at;
            uint8_t level = nearest_level(*now);
            int32_t error = *now - (int32_t)level * GREY_LEVEL * SIXTEENTHS;
            out[at] = level;
            if (has_alpha && c == channels - 1)
                continue;
            int32_t behind = error * 3 / 16, beneath = error * 5 / 16, corner = error / 16;
            next[-ahead] += behind;
            next[0] += beneath;
            next[ahead] += corner;
            now[ahead] += error - behind - beneath - corner;
        }
}

static void load_row(int32_t *row, const uint16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row[i] += samples[i] * SIXTEENTHS;
}

int image_dither(struct image *image)
{
    if (image->depth == 8)
        return 0;
    size_t channels = (size_t)image->channels, count = image->width * channels, room = count + 2 * channels;
    const uint16_t *in = image->pixels;
    uint8_t *out = malloc(count * image->height);
    struct rows rows = {calloc(room, sizeof *rows.now), calloc(room, sizeof *rows.next)};
    if (!out || !rows.now || !rows.next) {
        free(out);
        free(rows.now);
        free(rows.next);
        return -1;
    }
    for (uint32_t y = 0; y < image->height; y++) {
        load_row(rows.now + channels, in + y * count, count);
        dither_row(rows, image->width, image->channels, y % 2 == 1, out + y * count);
        memset(rows.now, 0, room * sizeof *rows.now);
        rows = (struct rows){rows.next, rows.now};
    }
    free(rows.now);
    free(rows.next);
    free(image->pixels);
    image->pixels = out;
    image->depth = 8;
    return 0;
}
