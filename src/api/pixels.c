#include "api/pixels.h"

#include <string.h>

#include "base/fixed.h"
#include "base/mem.h"
#include "base/units.h"

enum { DEEP = 16, OPAQUE = 255 };

ddz_status ddz_layout_make(struct layout *layout, ddz_pixel_format format, uint32_t width, uint32_t height,
                           size_t stride, size_t size)
{
    int channels = (int)format & ~DEEP;
    if (channels < 1 || channels > 4)
        return DDZ_ERR_UNSUPPORTED;
    bool deep = (int)format & DEEP;
    size_t row = ddz_size_mul(width, (size_t)(channels * (deep ? 2 : 1)));
    if (stride == 0)
        stride = row;
    size_t whole = ddz_size_add(ddz_size_mul(stride, (size_t)height - 1), row);
    if (stride < row || whole > size || whole == SIZE_MAX)
        return DDZ_ERR_ARGUMENT;
    *layout = (struct layout){width, height, channels, deep, stride};
    return DDZ_OK;
}

bool ddz_layout_has_alpha(const struct layout *layout)
{
    return layout->channels % 2 == 0;
}

/* Sample `channel` of pixel number `i` of a row, in 1/256 of a grey level */
static int32_t get_sample(const struct layout *l, const uint8_t *row, size_t i, int channel)
{
    size_t at = i * (size_t)l->channels + (size_t)channel;
    uint16_t deep;
    if (!l->deep)
        return GREY_LEVEL * row[at];
    memcpy(&deep, row + 2 * at, sizeof deep);
    return (deep * 256 + 128) / 257; /* 65535 is 255 grey levels */
}

static void put_sample(const struct layout *l, uint8_t *row, size_t i, int channel, int32_t value)
{
    size_t at = i * (size_t)l->channels + (size_t)channel;
    if (l->deep) {
        uint16_t deep = (uint16_t)rshift_round(value * 257, 8);
        memcpy(row + 2 * at, &deep, sizeof deep);
    } else {
        row[at] = (uint8_t)rshift_round(value, 8);
    }
}

void ddz_pixels_read(const struct layout *l, const void *pixels, int16_t *x)
{
    bool grey = l->channels < 3;
    const uint8_t *row = pixels;
    for (uint32_t y = 0; y < l->height; y++, row += l->stride)
        for (size_t i = 0; i < l->width; i++, x += 3)
            for (int c = 0; c < 3; c++)
                x[c] = (int16_t)(get_sample(l, row, i, grey ? 0 : c) - CENTRE);
}

bool ddz_pixels_read_alpha(const struct layout *l, const void *pixels, uint8_t *alpha)
{
    bool any = false;
    const uint8_t *row = pixels;
    for (uint32_t y = 0; y < l->height; y++, row += l->stride)
        for (size_t i = 0; i < l->width; i++) {
            uint8_t a = (uint8_t)rshift_round(get_sample(l, row, i, l->channels - 1), 8);
            any = any || a != OPAQUE;
            *alpha++ = a;
        }
    return any;
}

/* Alpha: 8-bit, or with 8 bits more once it has been averaged */
struct plane {
    const uint8_t *plain;
    const uint16_t *fine; /* if `plain` is NULL */
};

static uint32_t plane_at(struct plane p, size_t i)
{
    return p.plain ? 256 * (uint32_t)p.plain[i] : p.fine[i];
}

/* The average may take the place of what it is made from. */
static void halve(struct plane p, uint32_t width, uint32_t height, uint16_t *average)
{
    for (uint32_t y = 0; y < height; y += 2)
        for (uint32_t x = 0; x < width; x += 2) {
            size_t at = (size_t)y * width + x, right = x + 1 < width, below = y + 1 < height ? width : 0;
            uint32_t sum = plane_at(p, at) + plane_at(p, at + right) + plane_at(p, at + below) +
                           plane_at(p, at + below + right);
            *average++ = (uint16_t)((sum + 2) / 4);
        }
}

const uint8_t *ddz_pixels_reduce_alpha(const uint8_t *alpha, uint32_t width, uint32_t height, int scale,
                                       uint16_t *room)
{
    struct plane p = {alpha, room};
    uint8_t *bytes = (uint8_t *)room;
    for (; scale > 0; scale--) {
        halve(p, width, height, room);
        p.plain = NULL;
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    for (size_t i = 0; i < (size_t)width * height; i++)
        bytes[i] = (uint8_t)((room[i] + 128) / 256);
    return bytes;
}

static int32_t luminance(const int32_t grey[3])
{
    return (int32_t)rshift_round(54 * grey[0] + 183 * grey[1] + 19 * grey[2], 8);
}

void ddz_pixels_write_row(const struct layout *l, uint32_t y, const int32_t *x, const uint8_t *alpha,
                          void *pixels)
{
    uint8_t *row = (uint8_t *)pixels + y * l->stride;
    for (size_t i = 0; i < l->width; i++, x += 3) {
        int32_t grey[3];
        for (int c = 0; c < 3; c++)
            grey[c] = (int32_t)clamp64((int64_t)x[c] + CENTRE, 0, MAX_SAMPLE);
        if (l->channels < 3)
            put_sample(l, row, i, 0, luminance(grey));
        else
            for (int c = 0; c < 3; c++)
                put_sample(l, row, i, c, grey[c]);
        if (ddz_layout_has_alpha(l))
            put_sample(l, row, i, l->channels - 1,
                       GREY_LEVEL * (alpha ? alpha[(size_t)y * l->width + i] : OPAQUE));
    }
}
