/* Images in memory: sizes, limits, long_lists, and 16 bits turned into 8 with and without dithering */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/dither.h"
#include "imgio/image.h"
#include "inputs.h"
#include "runner.h"

START_TEST(sizes)
{
    ck_assert_uint_eq(image_size(3, 5, 1, 8), 15);
    ck_assert_uint_eq(image_size(3, 5, 4, 16), 120);
    ck_assert_uint_eq(image_size(65535, 65535, 4, 16), (size_t)65535 * 65535 * 8);
    ck_assert_uint_eq(image_size(UINT32_MAX, UINT32_MAX, 4, 16), SIZE_MAX);
    struct image image;
    ck_assert_int_eq(image_alloc(&image, UINT32_MAX, UINT32_MAX, 4, 16), -1);
    ck_assert_ptr_null(image.pixels);
}
END_TEST

START_TEST(limits)
{
    struct image_messages m = {.error = ""};
    ck_assert_int_eq(image_check_size(1, 1, 1, "X", &m), 0);
    ck_assert_int_eq(image_check_size(65535, 65535, UINT64_MAX, "X", &m), 0);
    ck_assert_int_eq(image_check_size(12, 11, 132, "X", &m), 0);
    ck_assert_str_eq(m.error, "");
    ck_assert_int_eq(image_check_size(12, 11, 131, "X", &m), -1);
    ck_assert_str_eq(m.error, "X: 12 x 11 pixels are more than the limit of 131");
    ck_assert_int_eq(image_check_size(0, 1, 9, "X", &m), -1);
    ck_assert_int_eq(image_check_size(1, 0, 9, "X", &m), -1);
    ck_assert_int_eq(image_check_size(65536, 1, UINT64_MAX, "X", &m), -1);
    ck_assert_int_eq(image_check_size(1, UINT64_MAX, UINT64_MAX, "X", &m), -1);
}
END_TEST

static struct image deep_image(uint32_t width, uint32_t height, int channels, uint16_t value)
{
    struct image image;
    ck_assert_int_eq(image_alloc(&image, width, height, channels, 16), 0);
    for (size_t i = 0; i < (size_t)width * height * (size_t)channels; i++)
        ((uint16_t *)image.pixels)[i] = value;
    return image;
}

/* What stands for a whole grey level stays it, whatever stands beside it is a whole level, too. */
START_TEST(levels_are_kept)
{
    for (int channels = 1; channels <= 4; channels++) {
        struct image image = deep_image(37, 21, channels, 0);
        size_t count = (size_t)37 * 21 * (size_t)channels;
        uint8_t *levels = malloc(count);
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)image.pixels)[i] = (uint16_t)(257 * (levels[i] = (uint8_t)draw(256)));
        ck_assert_int_eq(image_dither(&image), 0);
        ck_assert_int_eq(image.depth, 8);
        ck_assert_int_eq(image.channels, channels);
        ck_assert_mem_eq(image.pixels, levels, count);
        ck_assert_int_eq(image_dither(&image), 0); /* 8 bits are left alone */
        ck_assert_mem_eq(image.pixels, levels, count);
        free(levels);
        image_free(&image);
    }
}
END_TEST

/* The mean of an even area is its value to a small part of a level, and only the two nearest levels occur; alpha is
 * rounded. */
START_TEST(means_are_kept)
{
    enum { SIDE = 64, MARGIN = 8 };
    for (uint32_t value = 1; value < 65535; value += 331) {
        struct image image = deep_image(SIDE, SIDE, 4, (uint16_t)value);
        double mean = 0;
        ck_assert_int_eq(image_dither(&image), 0);
        const uint8_t *p = image.pixels;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++, p += 4) {
                ck_assert(p[0] == value / 257 || p[0] == value / 257 + 1);
                ck_assert_uint_eq(p[3], (value + 128) / 257);
                if (x >= MARGIN && x < SIDE - MARGIN && y >= MARGIN && y < SIDE - MARGIN)
                    mean += p[0] / (double)((SIDE - 2 * MARGIN) * (SIDE - 2 * MARGIN));
            }
        ck_assert_double_eq_tol(mean, value / 257.0, 0.03);
        image_free(&image);
    }
}
END_TEST

/* A slow ramp has no bands: each column's mean follows the ramp closer than rounding does. */
START_TEST(ramps_have_no_bands)
{
    enum { WIDTH = 512, HEIGHT = 128 };
    struct image image = deep_image(WIDTH, HEIGHT, 1, 0);
    uint16_t *in = image.pixels;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            in[y * WIDTH + x] = (uint16_t)(20000 + 3 * x);
    ck_assert_int_eq(image_dither(&image), 0);
    const uint8_t *out = image.pixels;
    for (int x = 16; x + 16 < WIDTH; x++) {
        double mean = 0;
        for (int y = 0; y < HEIGHT; y++)
            for (int dx = -8; dx <= 8; dx++)
                mean += out[y * WIDTH + x + dx] / (17.0 * HEIGHT);
        ck_assert_double_eq_tol(mean, (20000 + 3 * x) / 257.0, 0.06);
    }
    image_free(&image);
}
END_TEST

/* Errors stay within their channel: a channel comes out as if it were alone. */
START_TEST(channels_are_apart)
{
    enum { WIDTH = 19, HEIGHT = 13 };
    struct image rgb = deep_image(WIDTH, HEIGHT, 3, 0), one[3];
    for (int c = 0; c < 3; c++)
        one[c] = deep_image(WIDTH, HEIGHT, 1, 0);
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        for (int c = 0; c < 3; c++)
            ((uint16_t *)rgb.pixels)[3 * i + c] = ((uint16_t *)one[c].pixels)[i] = (uint16_t)draw(65536);
    ck_assert_int_eq(image_dither(&rgb), 0);
    for (int c = 0; c < 3; c++) {
        ck_assert_int_eq(image_dither(&one[c]), 0);
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            ck_assert_uint_eq(((uint8_t *)rgb.pixels)[3 * i + c], ((uint8_t *)one[c].pixels)[i]);
        image_free(&one[c]);
    }
    image_free(&rgb);
}
END_TEST

/* What is left out is listed, each thing once, as far as there is room. */
START_TEST(long_lists)
{
    struct image image = {0};
    size_t length = 0;
    for (int i = 0; i < 200; i++) {
        image_leave_out(&image, "word %d", i);
        image_leave_out(&image, "word %d", i);
        ck_assert_uint_lt(strlen(image.left_out), sizeof image.left_out);
        ck_assert_uint_ge(strlen(image.left_out), length);
        length = strlen(image.left_out);
    }
    ck_assert_ptr_nonnull(strstr(image.left_out, "word 0, word 1, word 2, "));
    ck_assert_str_eq(image.left_out + length - strlen(", and more"), ", and more");
    struct image part = {.left_out = "words"};
    image_leave_out(&part, "word");
    ck_assert_str_eq(part.left_out, "words, word");
}
END_TEST

int main(void)
{
    return RUN("image", 60,
               CASE("image", sizes, limits, long_lists, levels_are_kept, means_are_kept, ramps_have_no_bands,
                    channels_are_apart));
}
