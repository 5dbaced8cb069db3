#include "tiffs.h"

#include <check.h>
#include <string.h>

static tmsize_t read_memory(thandle_t handle, void *to, tmsize_t count)
{
    struct tiff_file *file = handle;
    const size_t left = file->at < file->size ? file->size - file->at : 0;
    const size_t size = (size_t)count < left ? (size_t)count : left;
    memcpy(to, file->data + file->at, size);
    file->at += size;
    return (tmsize_t)size;
}

static tmsize_t write_memory(thandle_t handle, void *from, tmsize_t count)
{
    struct tiff_file *file = handle;
    ck_assert_uint_le(file->at + (size_t)count, MOST);
    memcpy(file->data + file->at, from, (size_t)count);
    file->at += (size_t)count;
    file->size = file->at > file->size ? file->at : file->size;
    return count;
}

static toff_t seek_memory(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_file *file = handle;
    file->at = (size_t)offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->at : file->size);
    return file->at;
}

static int close_memory(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of_memory(thandle_t handle)
{
    return ((struct tiff_file *)handle)->size;
}

int tiff_high(const struct tiff_spec *s)
{
    return (1 << (s->bits ? s->bits : 8)) - 1;
}

int tiff_sample(const struct tiff_spec *s, int x, int y, int c)
{
    return (x * 2803 + y * 5501 + c * 977 + x * y * 7 + y % 2) & tiff_high(s);
}

int tiff_value(const struct tiff_spec *s, int x, int y, int c)
{
    return s->value ? s->value(s, x, y, c) : tiff_sample(s, x, y, c);
}

/* The rows of a block, from (x0, y0) on, of one sample if `plane` is not negative; what is outside is 0. */
static size_t pack(const struct tiff_spec *s, uint8_t *to, int x0, int y0, int width, int rows, int plane)
{
    const int bits = s->bits ? s->bits : 8, samples = (s->colours ? s->colours : 1) + s->extra;
    const int first = plane < 0 ? 0 : plane, last = plane < 0 ? samples - 1 : plane;
    const size_t row = (size_t)((width * (last - first + 1) * bits + 7) / 8);
    memset(to, 0, row * (size_t)rows);
    for (int y = 0; y < rows; y++) {
        int at = 0;
        for (int x = 0; x < width; x++)
            for (int c = first; c <= last; c++, at += bits) {
                const bool inside = x0 + x < WIDTH && y0 + y < HEIGHT;
                const int v = inside ? tiff_value(s, x0 + x, y0 + y, c) : 0;
                uint16_t word = (uint16_t)v;
                if (bits == 16) /* in the machine's byte order */
                    memcpy(to + row * (size_t)y + at / 8, &word, 2);
                else
                    for (int b = 0; b < bits; b++)
                        if (v >> (bits - 1 - b) & 1)
                            to[row * (size_t)y + (size_t)((at + b) / 8)] |= (uint8_t)(0x80 >> (at + b) % 8);
            }
    }
    return row * (size_t)rows;
}

static void write_blocks(TIFF *tiff, const struct tiff_spec *s)
{
    static uint8_t block[MOST];
    const int samples = (s->colours ? s->colours : 1) + s->extra, rows = s->tiled ? TILE : ROWS;
    const int across = s->tiled ? TILE : WIDTH;
    uint32_t number = 0;
    for (int plane = s->separate ? 0 : -1; plane < (s->separate ? samples : 0); plane++)
        for (int y = 0; y < HEIGHT; y += rows)
            for (int x = 0; x < WIDTH; x += across, number++) {
                const int there = s->tiled || HEIGHT - y > rows ? rows : HEIGHT - y;
                const tmsize_t size = (tmsize_t)pack(s, block, x, y, across, there, plane);
                const tmsize_t written = s->tiled ? TIFFWriteEncodedTile(tiff, number, block, size)
                                                  : TIFFWriteEncodedStrip(tiff, number, block, size);
                ck_assert_int_eq(written, size);
            }
}

static void set_tags(TIFF *tiff, const struct tiff_spec *s)
{
    uint16_t extras[16];
    for (int i = 0; i < s->extra; i++)
        extras[i] = s->extra_kind;
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDTH);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, HEIGHT);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, s->bits ? s->bits : 8);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, (s->colours ? s->colours : 1) + s->extra);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, s->kind ? s->kind : s->colours == 3 ? 2 : 1);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, s->compression ? s->compression : COMPRESSION_NONE);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, s->separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    if (s->extra > 0)
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, s->extra, extras);
    if (s->tiled) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, TILE);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, TILE);
    } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, ROWS);
    }
    if (s->more)
        s->more(tiff);
}

struct tiff_file *tiff_make(const struct tiff_spec *s)
{
    static struct tiff_file file;
    memset(&file, 0, sizeof file);
    TIFF *tiff = TIFFClientOpen("", s->big ? "wb" : "wl", &file, read_memory, write_memory, seek_memory,
                                close_memory, size_of_memory, NULL, NULL);
    ck_assert_ptr_nonnull(tiff);
    for (int page = 0; page <= s->twice; page++) {
        set_tags(tiff, s);
        write_blocks(tiff, s);
        ck_assert_int_eq(TIFFWriteDirectory(tiff), 1);
    }
    TIFFClose(tiff);
    return &file;
}
