/* Reading JPEG: files made here with libjpeg, against the pixels that they were made of */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "imgio/exif.h"
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
    ck_assert_int_eq(exif_orientation(exif, EXIF), 6);
    ck_assert_int_eq(exif_orientation(image.exif, image.exif_size), 1);
    ck_assert_uint_eq(image.width, HEIGHT);
    ck_assert_uint_eq(image.height, WIDTH);
    for (int y = 0; y < HEIGHT; y++) /* the stored first row is at the right */
        for (int x = 0; x < WIDTH; x++)
            check_pixel(&image, (uint32_t)(HEIGHT - 1 - y), (uint32_t)x, x, y);
    image_free(&image);
    free(file.data);
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
    return RUN("jpeg", 60, CASE("jpeg", every_kind, extras, cmyk, damage, limits));
}
