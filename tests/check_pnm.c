/* PNM and PAM: headers and samples of every kind, what is written is read again, and damage */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/formats.h"
#include "imgio/pnm.h"
#include "inputs.h"
#include "runner.h"

enum { LIMIT = 1 << 20 };

/* Reads a file of exactly these bytes, by its content. */
static int read_bytes(const void *data, size_t size, struct image *image, struct image_messages *messages)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const struct picture_format *format = picture_format_of(copy, size);
    *messages = (struct image_messages){.error = "of no format"};
    int result = format ? format->read(copy, size, LIMIT, image, messages) : -1;
    free(copy);
    return result;
}

static uint16_t sample_of(const struct image *image, size_t at)
{
    return image->depth == 8 ? ((const uint8_t *)image->pixels)[at] : ((const uint16_t *)image->pixels)[at];
}

static const struct {
    const char *file;
    size_t size; /* 0: that of the string */
    int width, height, channels, depth;
    int samples[12];
} good[] = {
    {"P1\n# a comment\n3 2\n1 0 1\n0 1 0\n", 0, 3, 2, 1, 8, {0, 255, 0, 255, 0, 255}},
    {"P1 3 2 101010", 0, 3, 2, 1, 8, {0, 255, 0, 255, 0, 255}},
    {"P2\n2 2 255\n0 1\n254 255", 0, 2, 2, 1, 8, {0, 1, 254, 255}},
    {"P2 3 1 3 0 1 3", 0, 3, 1, 1, 8, {0, 85, 255}},
    {"P2 3 1 1000 0 500 1000", 0, 3, 1, 1, 16, {0, 32768, 65535}},
    {"P3 1 2 255 1 2 3 4 5 6\n", 0, 1, 2, 3, 8, {1, 2, 3, 4, 5, 6}},
    {"P4\n10 2\n\xA0\x40\x5F\x80", 12, 10, 2, 1, 8, {0, 255, 0, 255, 255, 255, 255, 255, 255, 0, 255, 0}},
    {"P5 2 1 255\n\x07\xFE", 0, 2, 1, 1, 8, {7, 254}},
    {"P5 2 1 65535\n\x01\x02\xFF\xFE", 0, 2, 1, 1, 16, {258, 65534}},
    {"P5 1 1 511\n\x01\xFF", 0, 1, 1, 1, 16, {65535}},
    {"P6 1 1 255\nabc", 0, 1, 1, 3, 8, {97, 98, 99}},
    {"P6#x\n1#y\n1 255\nabc", 0, 1, 1, 3, 8, {97, 98, 99}},
    {"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\nabcd",
     0,
     1,
     2,
     2,
     8,
     {97, 98, 99, 100}},
    {"P7\n# c\nTUPLTYPE RGB_ALPHA\nMAXVAL 255\nDEPTH 4\nHEIGHT 1\nWIDTH 1\nENDHDR\nabcd",
     0,
     1,
     1,
     4,
     8,
     {97, 98, 99, 100}},
    {"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\x00\x01",
     69,
     2,
     1,
     1,
     8,
     {0, 255}},
    {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 65535\nENDHDR\nabcdef",
     0,
     1,
     1,
     3,
     16,
     {0x6162, 0x6364, 0x6566}},
};

START_TEST(every_kind)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct image image;
        struct image_messages messages;
        size_t size = good[i].size ? good[i].size : strlen(good[i].file);
        ck_assert_msg(read_bytes(good[i].file, size, &image, &messages) == 0, "%zu: %s", i, messages.error);
        ck_assert_str_eq(messages.warning, "");
        ck_assert_uint_eq(image.width, (uint32_t)good[i].width);
        ck_assert_uint_eq(image.height, (uint32_t)good[i].height);
        ck_assert_int_eq(image.channels, good[i].channels);
        ck_assert_int_eq(image.depth, good[i].depth);
        int count = good[i].width * good[i].height * good[i].channels;
        for (int j = 0; j < count && j < 12; j++)
            ck_assert_int_eq(sample_of(&image, (size_t)j), good[i].samples[j]);
        image_free(&image);
    }
}
END_TEST

START_TEST(bad_files)
{
    static const char *const bad[] = {
        "P",
        "P1",
        "P8 1 1 1",
        "P5",
        "P5 1",
        "P5 1 1",
        "P5 1 1 255",
        "P5 1 1 255\n",
        "P5 2 2 255\nabc",
        "P5 0 1 255\n",
        "P5 1 0 255\na",
        "P5 1 1 0\na",
        "P5 1 1 65536\nab",
        "P5 1 1 9\na",
        "P5 -1 1 255\na",
        "P5 65536 1 255\na",
        "P5 99999999999999999999 1 255\na",
        "P6 1 1 255\nab",
        "P2 1 1 255 256",
        "P2 1 1 255 x",
        "P2 2 1 255 1",
        "P1 2 1 12",
        "P1 2 1 1",
        "P4 9 1\na",
        "P5 1024 1025 255\na",
        "P7\n",
        "P7\nWIDTH 1\n",
        "P7\nENDHDR\n",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\nabcde",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 0\nMAXVAL 255\nENDHDR\nabcde",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\nabcd",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\nabcd",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nENDHDR\na",
        "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nNOTHING 1\nENDHDR\na"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct image image = {.width = 4321};
        struct image_messages messages;
        ck_assert_msg(read_bytes(bad[i], strlen(bad[i]), &image, &messages) == -1, "%s", bad[i]);
        ck_assert_uint_eq(image.width, 4321);
        ck_assert_int_gt((int)strlen(messages.error), 0);
        ck_assert_ptr_null(strchr(messages.error, '\n'));
    }
}
END_TEST

/* Random changes of good files: no read outside of them, and one line if they are refused. */
START_TEST(damage)
{
    int read = 0, refused = 0;
    for (int round = 0; round < 20000; round++) {
        size_t i = draw(sizeof good / sizeof *good),
               size = good[i].size ? good[i].size : strlen(good[i].file);
        uint8_t *copy = malloc(size);
        memcpy(copy, good[i].file, size);
        for (uint32_t n = 1 + draw(3); n > 0; n--)
            copy[draw((uint32_t)size)] = draw(2) ? (uint8_t)draw(256) : (uint8_t)('0' + draw(10));
        struct image image;
        struct image_messages messages;
        if (read_bytes(copy, size - draw(2), &image, &messages) == 0) {
            image_free(&image);
            read++;
        } else {
            ck_assert_int_gt((int)strlen(messages.error), 0);
            refused++;
        }
        free(copy);
    }
    ck_assert_int_gt(read, 1000);
    ck_assert_int_gt(refused, 1000);
}
END_TEST

START_TEST(more_than_one_picture)
{
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(read_bytes("P5 1 1 255\nabc", 14, &image, &messages), 0);
    ck_assert_ptr_nonnull(strstr(messages.warning, "ignored"));
    image_free(&image);
    ck_assert_int_eq(read_bytes("P5 1 1 255\na\n", 13, &image, &messages), 0);
    ck_assert_str_eq(messages.warning, "");
    image_free(&image);
}
END_TEST

static void write_and_read(int channels, int depth, int is_pam)
{
    struct image image, back;
    struct image_messages messages;
    ck_assert_int_eq(image_alloc(&image, 17, 9, channels, depth), 0);
    size_t size = image_size(17, 9, channels, depth);
    uint8_t *bytes = random_bytes(size), file[8192];
    memcpy(image.pixels, bytes, size);
    struct image_view view = image_view(&image);
    FILE *stream = tmpfile();
    ck_assert_int_eq((is_pam ? pam_write : pnm_write)(stream, &view, &messages), 0);
    ck_assert_int_eq(messages.warning[0] != 0, !is_pam && channels % 2 == 0);
    rewind(stream);
    size_t length = fread(file, 1, sizeof file, stream);
    fclose(stream);
    ck_assert_int_eq(read_bytes(file, length, &back, &messages), 0);
    int kept = is_pam ? channels : channels < 3 ? 1 : 3;
    ck_assert_int_eq(back.channels, kept);
    ck_assert_int_eq(back.depth, depth);
    for (size_t i = 0; i < (size_t)17 * 9; i++)
        for (int c = 0; c < kept; c++)
            ck_assert_uint_eq(sample_of(&back, i * (size_t)kept + (size_t)c),
                              sample_of(&image, i * (size_t)channels + (size_t)c));
    view.icc = bytes;
    view.icc_size = 9;
    stream = tmpfile();
    ck_assert_int_eq((is_pam ? pam_write : pnm_write)(stream, &view, &messages), 0);
    ck_assert_ptr_nonnull(strstr(messages.warning, "profile"));
    fclose(stream);
    free(bytes);
    image_free(&image);
    image_free(&back);
}

START_TEST(writing_and_reading)
{
    for (int channels = 1; channels <= 4; channels++)
        for (int depth = 8; depth <= 16; depth += 8) {
            write_and_read(channels, depth, 0);
            write_and_read(channels, depth, 1);
        }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(image_alloc(&image, 2, 2, 3, 8), 0);
    memset(image.pixels, 0, 12);
    const struct image_view view = image_view(&image);
    FILE *read_only = fopen("/dev/null", "rb");
    ck_assert_int_eq(pnm_write(read_only, &view, &messages), -1);
    ck_assert_ptr_nonnull(strstr(messages.error, strerror(EBADF)));
    ck_assert_int_eq(pam_write(read_only, &view, &messages), -1);
    fclose(read_only);
    image_free(&image);
}
END_TEST

START_TEST(losses_are_named)
{
    static uint8_t pixels[4], layer[2];
    struct image_view view = {.width = 1, .height = 1, .channels = 4, .depth = 8, .pixels = pixels};
    struct image_messages m;
    FILE *stream = tmpfile();
    view.xmp = view.exif = view.icc = layer;
    view.xmp_size = view.exif_size = view.icc_size = 2;
    view.notes.has_cicp = view.notes.has_resolution = 1;
    ck_assert_int_eq(pnm_write(stream, &view, &m), 0);
    ck_assert_str_eq(m.warning,
                     "PNM cannot hold alpha, ICC profile, colour space, Exif, XMP, resolution: left out");
    view.icc = NULL;
    image_set_srgb(&view.notes); /* which PNM files are taken for */
    ck_assert_int_eq(pam_write(stream, &view, &m), 0);
    ck_assert_str_eq(m.warning, "PAM cannot hold Exif, XMP, resolution: left out");
    view.notes.gamma_size = 4;
    view.exif = view.xmp = NULL;
    view.notes.has_resolution = 0;
    ck_assert_int_eq(pam_write(stream, &view, &m), 0);
    ck_assert_str_eq(m.warning, "PAM cannot hold colour space: left out");
    view.notes.gamma_size = 0;
    ck_assert_int_eq(pam_write(stream, &view, &m), 0);
    ck_assert_str_eq(m.warning, "");
    fclose(stream);
}
END_TEST

int main(void)
{
    return RUN("pnm", 20,
               CASE("pnm", every_kind, bad_files, damage, more_than_one_picture, writing_and_reading,
                    losses_are_named, writing_fails_cleanly));
}
