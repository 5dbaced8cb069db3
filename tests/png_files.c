#include "png_files.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "inputs.h"

void append(struct file *f, const void *data, size_t size)
{
    if (f->size + size > f->capacity) {
        f->capacity = 2 * (f->size + size);
        f->data = realloc(f->data, f->capacity);
        ck_assert_ptr_nonnull(f->data);
    }
    memcpy(f->data + f->size, data, size);
    f->size += size;
}

static void to_file(png_structp png, png_bytep data, size_t size)
{
    append(png_get_io_ptr(png), data, size);
}

static void no_flush(png_structp png)
{
    (void)png;
}

void append_chunk(struct file *f, const char *name, const uint8_t *data, uint32_t size)
{
    uLong crc = crc32(crc32(0, (const Bytef *)name, 4), data, size);
    uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t check[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    append(f, length, 4);
    append(f, name, 4);
    append(f, data, size);
    append(f, check, 4);
}

static int channels_of(int type)
{
    int colour = (type & PNG_COLOR_MASK_COLOR) && !(type & PNG_COLOR_MASK_PALETTE);
    return (colour ? 3 : 1) + ((type & PNG_COLOR_MASK_ALPHA) != 0);
}

struct source source_make(int type, int depth, int interlaced, int transparent, uint32_t width,
                          uint32_t height)
{
    struct source s = {.width = width, .height = height, .type = type, .depth = depth};
    s.interlaced = interlaced;
    s.transparent = transparent;
    s.channels = channels_of(type);
    s.colours = depth < 8 ? 1 << depth : 200;
    s.alphas = (s.colours + 1) / 2;
    for (int i = 0; i < 256; i++) {
        s.palette[i] = (png_color){(png_byte)draw(256), (png_byte)draw(256), (png_byte)draw(256)};
        s.palette_alpha[i] = (uint8_t)draw(256);
    }
    size_t count = (size_t)width * height * s.channels;
    uint32_t values = type == PNG_COLOR_TYPE_PALETTE ? (uint32_t)s.colours : (uint32_t)1 << depth;
    s.samples = malloc(count * sizeof *s.samples);
    for (size_t i = 0; i < count; i++)
        s.samples[i] = (uint16_t)draw(values);
    /* the colour key is one that occurs, and a neighbour of it differs in the last bit only */
    uint16_t *first = s.samples;
    if (count >= 2 * (size_t)s.channels)
        for (int c = 0; c < s.channels; c++)
            first[s.channels + c] = first[c] ^ (c == 0);
    s.key.gray = first[0];
    if (s.channels >= 3)
        s.key.red = first[0], s.key.green = first[1], s.key.blue = first[2];
    return s;
}

static void pack_row(const struct source *s, uint32_t y, uint8_t *row)
{
    size_t n = (size_t)s->width * s->channels;
    const uint16_t *samples = s->samples + y * n;
    memset(row, 0, (n * s->depth + 7) / 8);
    for (size_t i = 0; i < n; i++) {
        if (s->depth == 16) {
            row[2 * i] = (uint8_t)(samples[i] >> 8);
            row[2 * i + 1] = (uint8_t)samples[i];
        } else {
            size_t bit = i * s->depth;
            row[bit / 8] |= (uint8_t)(samples[i] << (8 - s->depth - bit % 8));
        }
    }
}

struct file source_write(const struct source *s, const struct metadata *m)
{
    struct file file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    size_t row_size = (size_t)s->width * s->channels * 2;
    uint8_t *pixels = malloc(row_size * s->height);
    png_bytep *rows = malloc(s->height * sizeof *rows);
    png_set_write_fn(png, &file, to_file, no_flush);
    png_set_IHDR(png, info, s->width, s->height, s->depth, s->type,
                 s->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (s->type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, s->palette, s->colours);
    if (s->transparent)
        png_set_tRNS(png, info, s->palette_alpha, s->type == PNG_COLOR_TYPE_PALETTE ? s->alphas : 1, &s->key);
    if (m->gamma)
        png_set_gAMA(png, info, 0.9);
    if (m->icc)
        png_set_iCCP(png, info, "test", 0, m->icc, m->icc_size);
    if (m->exif)
        png_set_eXIf_1(png, info, m->exif_size, (png_bytep)m->exif);
    png_write_info(png, info);
    for (uint32_t y = 0; y < s->height; y++) {
        rows[y] = pixels + y * row_size;
        pack_row(s, y, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    free(pixels);
    return file;
}

void make_profile(uint8_t icc[PROFILE], const char *space)
{
    memset(icc, 0, PROFILE);
    icc[2] = PROFILE >> 8;
    icc[3] = PROFILE & 255;
    icc[8] = 2;
    memcpy(icc + 12, "mntr", 4);
    memcpy(icc + 16, space, 4);
    memcpy(icc + 20, "XYZ ", 4);
    memcpy(icc + 36, "acsp", 4);
    memcpy(icc + 68, "\x00\x00\xF6\xD6\x00\x01\x00\x00\x00\x00\xD3\x2D", 12);
    icc[131] = 1;
    memcpy(icc + 132, "desc\x00\x00\x00\x90\x00\x00\x01\x00", 12);
    memcpy(icc + 144, "desc", 4);
    for (int i = 152; i < PROFILE; i++)
        icc[i] = (uint8_t)draw(256);
}

const uint8_t exif[EXIF] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 7};
