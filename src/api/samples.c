#include "api/samples.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/hash.h"

enum { DEEP_UNIT = 257 /* 8-bit levels in 16 bits */ };

static const uint8_t *row_of(const struct layout *l, const void *pixels, uint32_t y)
{
    return (const uint8_t *)pixels + (size_t)y * l->stride;
}

static uint16_t get(const struct layout *l, const uint8_t *row, size_t at)
{
    uint16_t deep;
    if (!l->deep)
        return row[at];
    memcpy(&deep, row + 2 * at, sizeof deep);
    return deep;
}

/* A level of `depth` bits, in those of the layout */
static void put(const struct layout *l, uint8_t *row, size_t at, uint32_t level, int depth)
{
    uint32_t from = (UINT32_C(1) << depth) - 1, to = l->deep ? 65535 : 255;
    uint16_t value = (uint16_t)(((uint64_t)level * to + from / 2) / from);
    if (l->deep)
        memcpy(row + 2 * at, &value, sizeof value);
    else
        row[at] = (uint8_t)value;
}

struct sample_form ddz_samples_form(const struct layout *l, const void *pixels)
{
    bool grey = true, deep = false, seen = false;
    int colours = l->channels < 3 ? 1 : 3;
    for (uint32_t y = 0; y < l->height; y++) {
        const uint8_t *row = row_of(l, pixels, y);
        for (size_t at = 0; at < (size_t)l->width * (size_t)l->channels; at += (size_t)l->channels) {
            if (colours == 3 && grey)
                grey = get(l, row, at) == get(l, row, at + 1) && get(l, row, at) == get(l, row, at + 2);
            for (size_t c = 0; c < (size_t)l->channels && l->deep && !deep; c++)
                deep = get(l, row, at + c) % DEEP_UNIT;
            seen = seen || (ddz_layout_has_alpha(l) && l->deep && get(l, row, at + (size_t)colours) != 65535);
        }
    }
    return (struct sample_form){grey ? 1 : 3, deep ? 16 : 8, deep && seen};
}

uint64_t ddz_samples_size(const struct layout *layout, const void *pixels)
{
    const struct sample_form form = ddz_samples_form(layout, pixels);
    uint64_t samples = (uint64_t)layout->width * layout->height * (uint64_t)(form.channels + form.alpha);
    return samples * (form.depth > 8 ? 2 : 1);
}

/* ---- Repeats ----------------------------------------------------------------------------- */

enum { TABLE_BITS = 10 };

/* Colours that have been seen; 0 is kept as `zero`. */
struct colour_set {
    uint64_t slot[1 << TABLE_BITS];
    uint32_t count;
    bool zero;
};

static void note_colour(struct colour_set *set, uint64_t colour)
{
    if (set->count > SAMPLE_COLOURS_MOST || (colour == 0 && set->zero))
        return;
    size_t at = hash64(colour) >> (64 - TABLE_BITS);
    while (colour && set->slot[at] && set->slot[at] != colour)
        at = (at + 1) % (1 << TABLE_BITS);
    if (colour && set->slot[at] == colour)
        return;
    set->count++;
    if (colour)
        set->slot[at] = colour;
    else
        set->zero = true;
}

static uint64_t colour_at(const struct layout *l, const uint8_t *row, size_t x)
{
    size_t bytes = (size_t)l->channels * (l->deep ? 2 : 1);
    uint64_t colour = 0;
    memcpy(&colour, row + x * bytes, bytes);
    return colour;
}

struct sample_repeats ddz_samples_repeats(const struct layout *l, const void *pixels)
{
    struct sample_repeats r = {0};
    struct colour_set set = {.count = 0};
    for (uint32_t y = 0; y < l->height; y++) {
        const uint8_t *row = row_of(l, pixels, y), *above = row_of(l, pixels, y ? y - 1 : 0);
        uint64_t left = 0;
        for (size_t x = 0; x < l->width; x++) {
            uint64_t colour = colour_at(l, row, x);
            bool alike = (x && colour == left) || (y && colour == colour_at(l, above, x));
            if (alike)
                r.alike++;
            else
                note_colour(&set, colour);
            left = colour;
        }
    }
    r.colours = set.count;
    return r;
}

/* ---- To and from the caller's layout ----------------------------------------------------- */

void ddz_samples_read(const struct layout *l, const void *pixels, const struct sample_form *form,
                      uint16_t *colours, uint16_t *alpha)
{
    unsigned unit = l->deep && form->depth == 8 ? DEEP_UNIT : 1;
    for (uint32_t y = 0; y < l->height; y++) {
        const uint8_t *row = row_of(l, pixels, y);
        for (size_t x = 0; x < l->width; x++, row += l->channels * (l->deep ? 2 : 1)) {
            for (int c = 0; c < form->channels; c++)
                *colours++ = (uint16_t)(get(l, row, (size_t)c) / unit);
            if (form->alpha)
                *alpha++ = get(l, row, (size_t)l->channels - 1);
        }
    }
}

void ddz_samples_write_row(const struct layout *l, uint32_t y, int channels, int depth, const uint16_t *row,
                           void *pixels)
{
    ddz_samples_write_part(l, y, 0, l->width, channels, depth, row, pixels);
}

void ddz_samples_write_part(const struct layout *l, uint32_t y, uint32_t begin, uint32_t end, int channels,
                            int depth, const uint16_t *row, void *pixels)
{
    uint8_t *out = (uint8_t *)pixels + (size_t)y * l->stride;
    bool grey = channels < 3;
    for (size_t x = begin; x < end; x++, row += channels) {
        size_t at = x * (size_t)l->channels;
        if (l->channels < 3)
            put(l, out, at, grey ? row[0] : (54U * row[0] + 183U * row[1] + 19U * row[2] + 128) / 256, depth);
        else
            for (int c = 0; c < 3; c++)
                put(l, out, at + (size_t)c, row[grey ? 0 : c], depth);
        if (channels % 2 == 0 && ddz_layout_has_alpha(l))
            put(l, out, at + (size_t)l->channels - 1, row[channels - 1], depth);
    }
}

void ddz_samples_write_alpha(const struct layout *l, uint32_t y, int depth, const uint16_t *row, void *pixels)
{
    uint8_t *out = (uint8_t *)pixels + (size_t)y * l->stride;
    if (!ddz_layout_has_alpha(l))
        return;
    for (size_t x = 0; x < l->width; x++)
        put(l, out, (x + 1) * (size_t)l->channels - 1, row[x], depth);
}

uint32_t ddz_samples_check(uint32_t check, const uint16_t *samples, size_t count)
{
    uint8_t bytes[1024];
    while (count > 0) {
        size_t n = count < sizeof bytes / 2 ? count : sizeof bytes / 2;
        for (size_t i = 0; i < n; i++)
            put_le16(bytes + 2 * i, samples[i]);
        check = (uint32_t)crc32_z(check, bytes, 2 * n);
        samples += n;
        count -= n;
    }
    return check;
}
