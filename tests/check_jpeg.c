/* Reading JPEG: files made here with libjpeg, against the pixels that they were made of */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "format/exif.h"
#include "imgio/formats.h"
#include "imgio/jpeg.h"
#include "inputs.h"
#include "runner.h"

enum { LIMIT = 1 << 20, WIDTH = 40, HEIGHT = 24, PROFILE = 100000, EXIF = 26 };

/* An Exif block with orientation 6 alone */
static const uint8_t exif[EXIF] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6};

struct file {
    unsigned char *data; /* to be released with free() */
    unsigned long size;
};

struct kind {
    J_COLOR_SPACE colours;
    int channels, progressive, extras;
};

/* Smooth enough that JPEG changes it by a few levels only */
static uint8_t pixel(int x, int y, int c)
{
    return (uint8_t)(30 + 4 * x + 2 * y * (c + 1) - 20 * c);
}

static struct file make_file(struct kind kind)
{
    struct file file = {NULL, 0};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &file.data, &file.size);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = kind.channels;
    jpeg.in_color_space = kind.colours;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    if (kind.progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (kind.extras) {
        uint8_t marker[6 + EXIF] = "Exif\0", *profile = random_bytes(PROFILE);
        memcpy(marker + 6, exif, EXIF);
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, marker, sizeof marker);
        memset(profile, 'p', 100);
        jpeg_write_icc_profile(&jpeg, profile, PROFILE);
        free(profile);
    }
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t row[4 * WIDTH];
        JSAMPROW rows = row;
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < kind.channels; c++)
                row[kind.channels * x + c] = pixel(x, y, c);
        jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return file;
}

static int read_bytes(const uint8_t *data, size_t size, struct image *image, struct image_messages *messages)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    int result = jpeg_read(copy, size, LIMIT, image, messages);
    free(copy);
    return result;
}

static void check_pixel(const struct image *image, uint32_t at_x, uint32_t at_y, int x, int y)
{
    const uint8_t *p =
        (const uint8_t *)image->pixels + (at_y * image->width + at_x) * (size_t)image->channels;
    for (int c = 0; c < image->channels; c++)
        ck_assert_int_le(abs(p[c] - pixel(x, y, c)), 4);
}

START_TEST(every_kind)
{
    static const struct kind kinds[] = {
        {JCS_GRAYSCALE, 1, 0, 0}, {JCS_GRAYSCALE, 1, 1, 0}, {JCS_RGB, 3, 0, 0}, {JCS_RGB, 3, 1, 0}};
    for (int i = 0; i < 4; i++) {
        struct file file = make_file(kinds[i]);
        struct image image;
        struct image_messages messages;
        ck_assert_msg(read_bytes(file.data, file.size, &image, &messages) == 0, "%s", messages.error);
        ck_assert_str_eq(messages.warning, "");
        ck_assert_uint_eq(image.width, WIDTH);
        ck_assert_uint_eq(image.height, HEIGHT);
        ck_assert_int_eq(image.channels, kinds[i].channels);
        ck_assert_int_eq(image.depth, 8);
        ck_assert(!image.icc && !image.exif);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                check_pixel(&image, (uint32_t)x, (uint32_t)y, x, y);
        image_free(&image);
        free(file.data);
    }
}
END_TEST

/* A profile in several markers is put together; the picture is turned, and its orientation is neutral afterwards. */
START_TEST(extras)
{
    struct file file = make_file((struct kind){JCS_RGB, 3, 0, 1});
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(read_bytes(file.data, file.size, &image, &messages), 0);
    ck_assert_uint_eq(image.icc_size, PROFILE);
    ck_assert_int_eq(image.icc[99], 'p');
    ck_assert_uint_eq(image.exif_size, EXIF);
    ck_assert_int_eq(ddz_exif_orientation(exif, EXIF), 6);
    ck_assert_int_eq(ddz_exif_orientation(image.exif, image.exif_size), 1);
    ck_assert_uint_eq(image.width, HEIGHT);
    ck_assert_uint_eq(image.height, WIDTH);
    for (int y = 0; y < HEIGHT; y++) /* the stored first row is at the right */
        for (int x = 0; x < WIDTH; x++)
            check_pixel(&image, (uint32_t)(HEIGHT - 1 - y), (uint32_t)x, x, y);
    image_free(&image);
    free(file.data);
}
END_TEST

/* The file with markers of other kinds behind its first two bytes and density set in its JFIF header */
static struct file with_markers(struct file base, const uint8_t *markers, size_t size, uint8_t unit,
                                int across, int down)
{
    struct file file = {malloc(base.size + size), base.size + size};
    memcpy(file.data, base.data, 2);
    memcpy(file.data + 2, markers, size);
    memcpy(file.data + 2 + size, base.data + 2, base.size - 2);
    uint8_t *density = file.data + 2 + size + 11; /* behind the marker, its length, "JFIF" and a version */
    density[0] = unit;
    density[1] = (uint8_t)(across >> 8);
    density[2] = (uint8_t)across;
    density[3] = (uint8_t)(down >> 8);
    density[4] = (uint8_t)down;
    free(base.data);
    return file;
}

static size_t add_marker(uint8_t *to, int marker, const void *data, size_t size)
{
    to[0] = 0xFF;
    to[1] = (uint8_t)marker;
    to[2] = (uint8_t)((size + 2) >> 8);
    to[3] = (uint8_t)(size + 2);
    memcpy(to + 4, data, size);
    return size + 4;
}

START_TEST(resolutions)
{
    static const struct {
        uint8_t unit;
        int across, down, there;
        uint8_t expected[9];
    } cases[] = {{0, 1, 1, 0, {0}},
                 {0, 2, 1, 1, {0, 0, 0, 2, 0, 0, 0, 1, 0}},
                 {1, 300, 72, 1, {0, 0, 0x2E, 0x23, 0, 0, 0x0B, 0x13, 1}}, /* 11811.02, 2834.65 a metre */
                 {2, 118, 28, 1, {0, 0, 0x2E, 0x18, 0, 0, 0x0A, 0xF0, 1}},
                 {1, 0, 72, 0, {0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int turned = 0; turned <= 1; turned++) {
            uint8_t marker[6 + EXIF] = "Exif\0", head[100];
            memcpy(marker + 6, exif, EXIF);
            size_t size = turned ? add_marker(head, 0xE1, marker, sizeof marker) : 0;
            struct file file = with_markers(make_file((struct kind){JCS_RGB, 3, 0, 0}), head, size,
                                            cases[i].unit, cases[i].across, cases[i].down);
            struct image image;
            struct image_messages messages;
            ck_assert_msg(read_bytes(file.data, file.size, &image, &messages) == 0, "%s", messages.error);
            ck_assert_str_eq(messages.warning, "");
            ck_assert_str_eq(image.left_out, "");
            ck_assert_int_eq(image.notes.has_resolution, cases[i].there);
            if (cases[i].there) {
                ck_assert_mem_eq(image.notes.resolution, cases[i].expected + 4 * turned, 4);
                ck_assert_mem_eq(image.notes.resolution + 4, cases[i].expected + 4 * !turned, 4);
                ck_assert_uint_eq(image.notes.resolution[8], cases[i].expected[8]);
            }
            image_free(&image);
            free(file.data);
        }
}
END_TEST

/* Exif's resolution, 240 x 300 pixels an inch, where JFIF gives none but the shape of pixels */
START_TEST(exif_resolution)
{
    static const uint8_t block[] =
        "Exif\0\0MM\0\52\0\0\0\10\0\2\1\32\0\5\0\0\0\1\0\0\0\46\1\33\0\5\0\0\0\1\0\0\0\56\0\0\0\0"
        "\0\0\0\360\0\0\0\1\0\0\1\54\0\0\0\1";
    static const uint8_t expected[2][9] = {{0, 0, 0x24, 0xE9, 0, 0, 0x2E, 0x23, 1},
                                           {0, 0, 0x2E, 0x23, 0, 0, 0x0B, 0x13, 1}};
    for (int jfif = 0; jfif <= 1; jfif++) {
        uint8_t head[100];
        size_t size = add_marker(head, 0xE1, block, sizeof block - 1);
        struct file file = with_markers(make_file((struct kind){JCS_RGB, 3, 0, 0}), head, size, (uint8_t)jfif,
                                        jfif ? 300 : 1, jfif ? 72 : 1);
        struct image image;
        struct image_messages messages;
        ck_assert_msg(read_bytes(file.data, file.size, &image, &messages) == 0, "%s", messages.error);
        ck_assert(image.notes.has_resolution);
        ck_assert_mem_eq(image.notes.resolution, expected[jfif], 9);
        image_free(&image);
        free(file.data);
    }
}
END_TEST

/* The XMP packet is kept, and says no other orientation than the picture then has; what is not kept is listed. */
START_TEST(other_markers)
{
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/\0<a tiff:Orientation=\"6\"/>"
                              "<tiff:Orientation>6</tiff:Orientation><b tiff:Orientation";
    static const char turned[] = "<a tiff:Orientation=\"1\"/><tiff:Orientation>1</tiff:Orientation>"
                                 "<b tiff:Orientation";
    static const char extension[] = "http://ns.adobe.com/xmp/extension/\0more";
    uint8_t head[600], block[6 + EXIF] = "Exif\0";
    memcpy(block + 6, exif, EXIF);
    for (int upright = 0; upright <= 1; upright++) {
        size_t size = add_marker(head, 0xE1, xmp, sizeof xmp - 1);
        if (!upright)
            size += add_marker(head + size, 0xE1, block, sizeof block);
        size += add_marker(head + size, 0xE1, extension, sizeof extension);
        size += add_marker(head + size, 0xFE, "text", 4);
        size += add_marker(head + size, 0xED, "Photoshop 3.0\0data", 18);
        size += add_marker(head + size, 0xE2, "MPF\0data", 8);
        size += add_marker(head + size, 0xE0, "JFXX\0data", 9);
        size += add_marker(head + size, 0xEB, "JP", 2);
        struct file file = with_markers(make_file((struct kind){JCS_RGB, 3, 0, 0}), head, size, 0, 1, 1);
        file.data = realloc(file.data, file.size += 5);
        memcpy(file.data + file.size - 5, "video", 5);
        struct image image;
        struct image_messages messages;
        ck_assert_msg(read_bytes(file.data, file.size, &image, &messages) == 0, "%s", messages.error);
        ck_assert_str_eq(image.left_out,
                         "extended XMP, comment, Photoshop's data (IPTC), further pictures (MPF), "
                         "thumbnail, data of an application (APP11), 5 bytes behind its end");
        ck_assert_uint_eq(image.xmp_size, sizeof turned - 1);
        ck_assert_mem_eq(image.xmp, upright ? xmp + 29 : turned, sizeof turned - 1);
        image_free(&image);
        free(file.data);
    }
}
END_TEST

/* A profile that would make a colour picture grey is left out, and said to be. */
START_TEST(grey_profile)
{
    for (int colour = 0; colour <= 1; colour++) {
        uint8_t marker[14 + 40] = "ICC_PROFILE\0\1\1", head[100];
        memcpy(marker + 14 + 16, "GRAY", 4);
        size_t size = add_marker(head, 0xE2, marker, sizeof marker);
        struct kind kind = colour ? (struct kind){JCS_RGB, 3, 0, 0} : (struct kind){JCS_GRAYSCALE, 1, 0, 0};
        struct file file = with_markers(make_file(kind), head, size, 0, 1, 1);
        struct image image;
        struct image_messages messages;
        ck_assert_msg(read_bytes(file.data, file.size, &image, &messages) == 0, "%s", messages.error);
        ck_assert_str_eq(image.left_out, colour ? "ICC profile of grey pictures" : "");
        ck_assert_uint_eq(image.icc_size, colour ? 0 : 40);
        image_free(&image);
        free(file.data);
    }
}
END_TEST

START_TEST(cmyk)
{
    struct file file = make_file((struct kind){JCS_CMYK, 4, 0, 0});
    struct image image = {.width = 4321};
    struct image_messages messages;
    ck_assert_int_eq(read_bytes(file.data, file.size, &image, &messages), -1);
    ck_assert_uint_eq(image.width, 4321);
    ck_assert_ptr_nonnull(strstr(messages.error, "CMYK"));
    free(file.data);
}
END_TEST

/* A file that is cut anywhere but in its last marker is an error, and damage does no harm. */
START_TEST(damage)
{
    for (int progressive = 0; progressive <= 1; progressive++) {
        struct file file = make_file((struct kind){JCS_RGB, 3, progressive, 0});
        struct image image;
        struct image_messages messages;
        for (size_t cut = 0; cut + 2 < file.size; cut++) {
            ck_assert_int_eq(read_bytes(file.data, cut, &image, &messages), -1);
            ck_assert_int_gt((int)strlen(messages.error), 0);
            ck_assert_ptr_null(strchr(messages.error, '\n'));
        }
        for (int round = 0; round < 1000; round++) {
            uint8_t *bad = malloc(file.size);
            memcpy(bad, file.data, file.size);
            for (uint32_t n = 1 + draw(3); n > 0; n--)
                bad[draw((uint32_t)file.size)] = (uint8_t)draw(256);
            if (read_bytes(bad, file.size, &image, &messages) == 0)
                image_free(&image);
            free(bad);
        }
        free(file.data);
    }
}
END_TEST

START_TEST(limits)
{
    struct file file = make_file((struct kind){JCS_RGB, 3, 0, 0});
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(jpeg_read(file.data, file.size, WIDTH * HEIGHT - 1, &image, &messages), -1);
    ck_assert_int_eq(messages.too_large, 1);
    ck_assert_int_eq(jpeg_read(file.data, file.size, WIDTH * HEIGHT, &image, &messages), 0);
    ck_assert_str_eq(picture_format_of(file.data, file.size)->name, "JPEG");
    image_free(&image);
    free(file.data);
}
END_TEST

int main(void)
{
    return RUN("jpeg", 60,
               CASE("jpeg", every_kind, extras, resolutions, exif_resolution, other_markers, grey_profile,
                    cmyk, damage, limits));
}
