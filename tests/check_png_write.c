/* Writing PNG: what is written is read again */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/png.h"
#include "inputs.h"
#include "png_files.h"
#include "runner.h"

enum { LIMIT = 1 << 20 };

static struct image random_image(uint32_t width, uint32_t height, int which)
{
    struct image image = {.width = width, .height = height};
    size_t n = (size_t)width * height;
    image.rgb = malloc(3 * n);
    for (size_t i = 0; i < 3 * n; i++)
        image.rgb[i] = (uint8_t)draw(256);
    if (which & 1) {
        image.alpha = malloc(n);
        for (size_t i = 0; i < n; i++)
            image.alpha[i] = (uint8_t)draw(256);
    }
    if (which & 2) {
        image.icc = malloc(image.icc_size = PROFILE);
        make_profile(image.icc, "RGB ");
    }
    if (which & 4) {
        image.exif = malloc(image.exif_size = EXIF);
        memcpy(image.exif, exif, EXIF);
    }
    return image;
}

static FILE *written(const struct image *image)
{
    char error[100] = "";
    FILE *f = tmpfile();
    ck_assert_msg(png_write(f, image, error, sizeof error) == 0, "%s", error);
    rewind(f);
    return f;
}

START_TEST(writing_and_reading)
{
    static const uint32_t sides[][2] = {{1, 1}, {3, 2}, {1, 40}, {101, 67}};
    for (int size = 0; size < 4; size++)
        for (int which = 0; which < 8; which++) {
            struct image image = random_image(sides[size][0], sides[size][1], which), back;
            size_t n = (size_t)image.width * image.height;
            char error[100] = "";
            FILE *f = written(&image);
            ck_assert_int_eq(png_read(f, LIMIT, &back, error, sizeof error), 0);
            ck_assert_uint_eq(back.width, image.width);
            ck_assert_uint_eq(back.height, image.height);
            ck_assert_mem_eq(back.rgb, image.rgb, 3 * n);
            ck_assert_int_eq(back.alpha != NULL, which & 1);
            if (back.alpha)
                ck_assert_mem_eq(back.alpha, image.alpha, n);
            ck_assert_uint_eq(back.icc_size, image.icc_size);
            if (back.icc)
                ck_assert_mem_eq(back.icc, image.icc, image.icc_size);
            ck_assert_uint_eq(back.exif_size, image.exif_size);
            if (back.exif)
                ck_assert_mem_eq(back.exif, image.exif, image.exif_size);
            ck_assert_int_eq(back.reduced_depth, 0);
            fclose(f);
            image_free(&image);
            image_free(&back);
        }
}
END_TEST

START_TEST(chunks_are_written_once)
{
    struct image image = random_image(5, 5, 7);
    FILE *f = written(&image);
    uint8_t bytes[4096];
    size_t size = fread(bytes, 1, sizeof bytes, f);
    int profiles = 0, exifs = 0, names = 0;
    for (size_t at = 8; at + 12 <= size; names++) {
        profiles += memcmp(bytes + at + 4, "iCCP", 4) == 0;
        exifs += memcmp(bytes + at + 4, "eXIf", 4) == 0;
        at += 12 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    ck_assert_int_eq(profiles, 1);
    ck_assert_int_eq(exifs, 1);
    ck_assert_int_eq(names, 5); /* and IHDR, IDAT, IEND */
    fclose(f);
    image_free(&image);
}
END_TEST

/* Side data from elsewhere may be anything: the picture is written all the same. */
START_TEST(writing_with_bad_side_data)
{
    for (int round = 0; round < 200; round++) {
        struct image image = random_image(6, 5, 7), back;
        char error[100] = "";
        image.icc_size = 1 + draw(PROFILE);
        image.icc[draw((uint32_t)image.icc_size)] ^= (uint8_t)(1 + draw(255));
        image.exif_size = 1 + draw(EXIF);
        image.exif[0] = (uint8_t)draw(256);
        FILE *f = written(&image);
        ck_assert_msg(png_read(f, LIMIT, &back, error, sizeof error) == 0, "%s", error);
        ck_assert_mem_eq(back.rgb, image.rgb, 90);
        ck_assert_mem_eq(back.alpha, image.alpha, 30);
        fclose(f);
        image_free(&image);
        image_free(&back);
    }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    char error[100] = "";
    struct image image = random_image(200, 200, 7);
    for (uint32_t side = 2; side <= 200; side += 198) { /* 2: all of it waits in the buffer */
        FILE *full = fopen("/dev/full", "wb");
        if (!full)
            break;
        image.width = image.height = side;
        ck_assert_int_eq(png_write(full, &image, error, sizeof error), -1);
        ck_assert_ptr_nonnull(strstr(error, "cannot write"));
        fclose(full);
    }
    FILE *read_only = fopen("/dev/null", "rb");
    ck_assert_ptr_nonnull(read_only);
    error[0] = 0;
    ck_assert_int_eq(png_write(read_only, &image, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot write"));
    fclose(read_only);
    uint32_t width = image.width;
    image.width = 0;
    FILE *f = tmpfile();
    ck_assert_int_eq(png_write(f, &image, error, sizeof error), -1);
    fclose(f);
    image.width = width;
    image_free(&image);
    image_free(&image);
    image_free(NULL);
}
END_TEST

int main(void)
{
    return RUN("png_write", 60,
               CASE("writing", writing_and_reading, chunks_are_written_once, writing_with_bad_side_data,
                    writing_fails_cleanly));
}
