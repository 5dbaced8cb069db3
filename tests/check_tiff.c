/* Reading TIFF: files made here with libtiff, against the samples that they were made of */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "imgio/formats.h"
#include "imgio/tiff.h"
#include "inputs.h"
#include "runner.h"
#include "tiffs.h"

enum { LIMIT = 1 << 16 };

/* ---- Reading ---------------------------------------------------------------------------------- */

static int read_bytes(const uint8_t *data, size_t size, struct image *image, struct image_messages *messages)
{
    uint8_t *copy = guard_copy(data, size);
    int result = tiff_read(copy, size, LIMIT, image, messages);
    guard_free(copy, size);
    ck_assert(result == 0 || (messages->error[0] && !strchr(messages->error, '\n')));
    return result;
}

static struct image image_of(const struct tiff_spec *s)
{
    const struct tiff_file *file = tiff_make(s);
    struct image image;
    struct image_messages messages;
    ck_assert_msg(read_bytes(file->data, file->size, &image, &messages) == 0, "%s", messages.error);
    ck_assert_str_eq(messages.warning, "");
    return image;
}

static int at(const struct image *image, int x, int y, int c)
{
    const size_t i = ((size_t)y * image->width + (size_t)x) * (size_t)image->channels + (size_t)c;
    return image->depth == 8 ? ((const uint8_t *)image->pixels)[i] : ((const uint16_t *)image->pixels)[i];
}

static const uint16_t compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                        COMPRESSION_PACKBITS};

static void check_kind(const struct tiff_spec *s)
{
    struct image image = image_of(s);
    const int most = s->bits > 8 ? 65535 : 255;
    ck_assert(image.width == WIDTH && image.height == HEIGHT);
    ck_assert_int_eq(image.channels, s->colours + s->extra);
    ck_assert_int_eq(image.depth, s->bits > 8 ? 16 : 8);
    ck_assert(!image.icc && !image.exif && !image.xmp && !image.notes.has_resolution);
    ck_assert_str_eq(image.left_out, "");
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < image.channels; c++) {
                const int64_t scaled = (int64_t)2 * tiff_value(s, x, y, c) * most + tiff_high(s);
                ck_assert_int_eq(at(&image, x, y, c), scaled / (2 * tiff_high(s)));
            }
    image_free(&image);
}

START_TEST(every_kind)
{
    static const int bits[] = {1, 2, 4, 8, 12, 16};
    for (size_t b = 0; b < sizeof bits / sizeof *bits; b++)
        for (int i = 0; i < 128; i++)
            check_kind(&(const struct tiff_spec){.bits = bits[b],
                                                 .colours = i & 1 ? 3 : 1,
                                                 .extra = i >> 1 & 1,
                                                 .extra_kind = EXTRASAMPLE_UNASSALPHA,
                                                 .tiled = i >> 2 & 1,
                                                 .separate = i >> 3 & 1,
                                                 .big = i >> 4 & 1,
                                                 .compression = compressions[i >> 5]});
}
END_TEST

START_TEST(fax)
{
    static const uint16_t kinds[] = {COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4};
    for (int i = 0; i < 3; i++) {
        struct tiff_spec s = {
            .bits = 1, .colours = 1, .kind = PHOTOMETRIC_MINISBLACK, .compression = kinds[i]};
        check_kind(&s);
    }
}
END_TEST

static void set_white_is_zero(TIFF *tiff)
{
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
}

START_TEST(white_is_zero)
{
    static const int bits[] = {1, 4, 8, 16};
    for (int i = 0; i < 4; i++) {
        const struct tiff_spec s = {.bits = bits[i], .more = set_white_is_zero};
        struct image image = image_of(&s);
        const int most = bits[i] > 8 ? 65535 : 255;
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                ck_assert_int_eq(at(&image, x, y, 0),
                                 most - tiff_sample(&s, x, y, 0) * (most / tiff_high(&s)));
        image_free(&image);
    }
}
END_TEST

/* ---- Palettes --------------------------------------------------------------------------------- */

static int
    palette_kind; /* 0: colours of 8 bits as they are to be written, 1: as old programs did, 2: of 16 bits */

static uint16_t palette_entry(int c, int i)
{
    const int eight = (i * 11 + c * 70 + 3) & 255;
    return (uint16_t)(palette_kind == 0 ? eight * 257 : palette_kind == 1 ? eight : eight * 257 ^ 1);
}

static void set_palette(TIFF *tiff)
{
    static uint16_t entries[3][256];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            entries[c][i] = palette_entry(c, i);
    TIFFSetField(tiff, TIFFTAG_COLORMAP, entries[0], entries[1], entries[2]);
}

START_TEST(palettes)
{
    static const int bits[] = {1, 4, 8};
    for (int i = 0; i < 3 * 3 * 2; i++) {
        palette_kind = i % 3;
        const struct tiff_spec s = {.bits = bits[i / 3 % 3],
                                    .extra = i / 9,
                                    .extra_kind = EXTRASAMPLE_UNASSALPHA,
                                    .kind = PHOTOMETRIC_PALETTE,
                                    .more = set_palette};
        struct image image = image_of(&s);
        ck_assert_int_eq(image.channels, 3 + s.extra);
        ck_assert_int_eq(image.depth, palette_kind == 2 ? 16 : 8);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                for (int c = 0; c < image.channels; c++) {
                    const int most = image.depth == 8 ? 255 : 65535;
                    const int entry = c < 3 ? palette_entry(c, tiff_sample(&s, x, y, 0)) : 0;
                    ck_assert_int_eq(at(&image, x, y, c),
                                     c == 3 ? tiff_sample(&s, x, y, 1) * (most / tiff_high(&s))
                                            : entry >> (palette_kind == 0 ? 8 : 0));
                }
        image_free(&image);
    }
}
END_TEST

/* ---- Alpha and other channels ----------------------------------------------------------------- */

static int multiplied(const struct tiff_spec *s, int x, int y, int c)
{
    const int alpha = x == 0 ? 0 : tiff_sample(s, x, y, 3);
    return c == 3 ? alpha : (int)((int64_t)tiff_sample(s, x, y, c) * alpha / tiff_high(s));
}

/* Multiplied with alpha once more, the colours are the file's. */
START_TEST(associated_alpha)
{
    for (int bits = 8; bits <= 16; bits += 8) {
        const struct tiff_spec s = {.bits = bits,
                                    .colours = 3,
                                    .extra = 1,
                                    .extra_kind = EXTRASAMPLE_ASSOCALPHA,
                                    .value = multiplied};
        struct image image = image_of(&s);
        ck_assert_int_eq(image.channels, 4);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                for (int c = 0; c < 4; c++) {
                    const int64_t times = c == 3 ? tiff_high(&s) : at(&image, x, y, 3);
                    const int64_t again =
                        (2 * times * at(&image, x, y, c) + tiff_high(&s)) / (2 * tiff_high(&s));
                    ck_assert_int_eq(again, multiplied(&s, x, y, c));
                }
        image_free(&image);
    }
}
END_TEST

START_TEST(other_channels)
{
    const struct tiff_spec s = {.bits = 8, .colours = 3, .extra = 2, .extra_kind = EXTRASAMPLE_UNSPECIFIED};
    struct image image = image_of(&s);
    ck_assert_int_eq(image.channels, 3);
    ck_assert_str_eq(image.left_out, "channels that are no alpha");
    ck_assert_int_eq(at(&image, 7, 5, 2), tiff_sample(&s, 7, 5, 2));
    image_free(&image);
}
END_TEST

/* ---- What comes with it ----------------------------------------------------------------------- */

static int orientation;

static void set_orientation(TIFF *tiff)
{
    static const char packet[] = "<a tiff:Orientation=\"6\"/>";
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, orientation);
    TIFFSetField(tiff, TIFFTAG_XMLPACKET, (uint32_t)sizeof packet - 1, packet);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 100.0);
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 200.0);
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
}

/* Where a stored pixel stands is TIFF's definition: the side of row 0, and that of column 0. */
START_TEST(turned)
{
    static const char turned_packet[] = "<a tiff:Orientation=\"1\"/>";
    const struct tiff_spec s = {.bits = 8, .more = set_orientation};
    for (orientation = 1; orientation <= 8; orientation++) {
        const bool across = orientation >= 5;
        const bool row_last = strchr("3467", '0' + orientation),
                   column_last = strchr("2378", '0' + orientation);
        struct image image = image_of(&s);
        ck_assert_int_eq(image.width, across ? HEIGHT : WIDTH);
        ck_assert_int_eq(image.height, across ? WIDTH : HEIGHT);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                const int r = row_last ? HEIGHT - 1 - y : y, c = column_last ? WIDTH - 1 - x : x;
                ck_assert_int_eq(at(&image, across ? r : c, across ? c : r, 0), tiff_sample(&s, x, y, 0));
            }
        ck_assert_uint_eq(image.xmp_size, sizeof turned_packet - 1);
        ck_assert_int_eq(memcmp(image.xmp, turned_packet, image.xmp_size) == 0, orientation > 1);
        ck_assert_int_eq(image.notes.resolution[2] << 8 | image.notes.resolution[3], across ? 20000 : 10000);
        ck_assert_int_eq(image.notes.resolution[6] << 8 | image.notes.resolution[7], across ? 10000 : 20000);
        image_free(&image);
    }
}
END_TEST

static void set_extras(TIFF *tiff)
{
    static const char profile[40] = "A profile";
    TIFFSetField(tiff, TIFFTAG_ICCPROFILE, (uint32_t)sizeof profile, profile);
    TIFFSetField(tiff, TIFFTAG_SOFTWARE, "some program");
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 300.0);
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 300.0);
}

static void set_grey_profile(TIFF *tiff)
{
    static const char profile[40] = "0123456789abcdefGRAY";
    TIFFSetField(tiff, TIFFTAG_ICCPROFILE, (uint32_t)sizeof profile, profile);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 2.0);
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 1.0);
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_NONE);
}

START_TEST(extras)
{
    struct image image = image_of(&(const struct tiff_spec){.colours = 3, .more = set_extras});
    ck_assert_uint_eq(image.icc_size, 40);
    ck_assert_mem_eq(image.icc, "A profile", 10);
    ck_assert_mem_eq(image.notes.resolution, "\0\0\x2E\x23\0\0\x2E\x23\1", 9); /* 11811 a metre */
    ck_assert_str_eq(image.left_out, "tag Software");
    image_free(&image);
    image = image_of(&(const struct tiff_spec){.twice = true});
    ck_assert_str_eq(image.left_out, "further pictures");
    image_free(&image);
    image = image_of(&(const struct tiff_spec){.colours = 3, .more = set_grey_profile});
    ck_assert_ptr_null(image.icc);
    ck_assert_str_eq(image.left_out, "ICC profile of grey pictures");
    ck_assert_mem_eq(image.notes.resolution, "\0\0\x07\xD0\0\0\x03\xE8\0", 9); /* 2000 : 1000 */
    image_free(&image);
}
END_TEST

/* ---- JPEG, what is refused, damage ------------------------------------------------------------ */

static int smooth(const struct tiff_spec *s, int x, int y, int c)
{
    (void)s;
    return 40 + 4 * x + 3 * y + 20 * c;
}

static void set_conversion(TIFF *tiff)
{
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 98);
}

static const struct tiff_spec jpegs[] = {
    {.colours = 1, .value = smooth, .compression = COMPRESSION_JPEG, .tiled = true},
    {.colours = 3, .value = smooth, .compression = COMPRESSION_JPEG, .tiled = true},
    {.colours = 3,
     .value = smooth,
     .compression = COMPRESSION_JPEG,
     .tiled = true,
     .kind = PHOTOMETRIC_YCBCR,
     .more = set_conversion}};

START_TEST(jpeg)
{
    for (int i = 0; i < 3 && TIFFIsCODECConfigured(COMPRESSION_JPEG); i++) {
        struct image image = image_of(&jpegs[i]);
        ck_assert_int_eq(image.channels, jpegs[i].colours);
        for (int y = 0; y < TILE; y++) /* what is outside of the picture shows in a JPEG tile at its edges */
            for (int x = 0; x < TILE; x++)
                for (int c = 0; c < image.channels; c++)
                    ck_assert_int_le(abs(at(&image, x, y, c) - smooth(NULL, x, y, c)), 16);
        image_free(&image);
    }
}
END_TEST

static void set_float(TIFF *tiff)
{
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_INT);
}

static void set_thumbnail(TIFF *tiff)
{
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
}

START_TEST(refused)
{
    static const struct {
        struct tiff_spec spec;
        const char *why;
    } cases[] = {{{.colours = 4, .kind = PHOTOMETRIC_SEPARATED}, "CMYK"},
                 {{.colours = 3, .kind = PHOTOMETRIC_CIELAB}, "colours of kind 8"},
                 {{.bits = 24}, "24 bits"},
                 {{.bits = 16, .more = set_float}, "whole numbers"},
                 {{.more = set_thumbnail}, "thumbnail"},
                 {{.colours = 3, .extra = 14}, "number of samples"},
                 {{.colours = 3, .compression = COMPRESSION_LZMA}, "compression of kind 34925"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image image;
        struct image_messages messages;
        if (cases[i].spec.compression && !TIFFIsCODECConfigured(cases[i].spec.compression))
            continue;
        const struct tiff_file *file = tiff_make(&cases[i].spec);
        ck_assert_int_eq(read_bytes(file->data, file->size, &image, &messages), -1);
        ck_assert_msg(strstr(messages.error, cases[i].why), "%s", messages.error);
        ck_assert_int_eq(messages.too_large, 0);
    }
}
END_TEST

/* A file that is cut anywhere is an error: its list of tags stands at the end. Damage does no harm. */
START_TEST(damage)
{
    for (int kind = 0; kind < 8; kind++) {
        const struct tiff_spec s = {.colours = 3, .tiled = kind & 1, .compression = compressions[kind / 2]};
        const struct tiff_file *file =
            tiff_make(kind < 7 || !TIFFIsCODECConfigured(COMPRESSION_JPEG) ? &s : &jpegs[2]);
        struct image image;
        struct image_messages messages;
        for (size_t cut = 0; cut < file->size; cut++)
            ck_assert_int_eq(read_bytes(file->data, cut, &image, &messages), -1);
        for (int round = 0; round < 1000; round++) {
            static struct tiff_file bad;
            memcpy(&bad, file, sizeof bad);
            const uint32_t from = round % 2 ? (uint32_t)bad.size - 200 : 0; /* in the tags, or anywhere */
            for (uint32_t n = 1 + draw(3); n > 0; n--)
                bad.data[from + draw((uint32_t)bad.size - from)] = (uint8_t)draw(256);
            if (read_bytes(bad.data, bad.size, &image, &messages) == 0)
                image_free(&image);
        }
    }
}
END_TEST

START_TEST(limits)
{
    struct tiff_file *file = tiff_make(&(const struct tiff_spec){.tiled = true});
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(tiff_read(file->data, file->size, WIDTH * HEIGHT - 1, &image, &messages), -1);
    ck_assert_int_eq(messages.too_large, 1);
    ck_assert_int_eq(tiff_read(file->data, file->size, WIDTH * HEIGHT, &image, &messages), 0);
    ck_assert_str_eq(picture_format_of(file->data, file->size)->name, "TIFF");
    image_free(&image);
    for (size_t k = 0; k + 12 <= file->size; k++) /* TileWidth and TileLength become 512 */
        if ((file->data[k] == 0x42 || file->data[k] == 0x43) &&
            memcmp(file->data + k + 3, "\0\1\0\0\0\x10", 6) == 0)
            file->data[k + 8] = 0, file->data[k + 9] = 2;
    ck_assert_int_eq(tiff_read(file->data, file->size, LIMIT, &image, &messages), -1);
    ck_assert_int_eq(messages.too_large, 1);
}
END_TEST

int main(void)
{
    return RUN("tiff", 60,
               CASE("tiff", every_kind, fax, white_is_zero, palettes, associated_alpha, other_channels,
                    turned, extras, jpeg, refused, damage, limits));
}
