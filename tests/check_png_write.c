/* Writing PNG: what is written is read again */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/png.h"
#include "inputs.h"
#include "png_files.h"
#include "runner.h"

enum { LIMIT = 1 << 20 };

static struct image random_image(uint32_t width, uint32_t height, int channels, int depth, int which)
{
    struct image image;
    ck_assert_int_eq(image_alloc(&image, width, height, channels, depth), 0);
    uint8_t *bytes = image.pixels;
    for (size_t i = 0; i < image_size(width, height, channels, depth); i++)
        bytes[i] = (uint8_t)draw(256);
    if (which & 1) {
        image.icc = malloc(image.icc_size = PROFILE);
        make_profile(image.icc, channels < 3 ? "GRAY" : "RGB ");
    }
    if (which & 2) {
        image.exif = malloc(image.exif_size = EXIF);
        memcpy(image.exif, exif, EXIF);
    }
    return image;
}

/* The file of an image, which is released with free() */
static struct file written(const struct image *image)
{
    struct image_messages messages;
    struct file f = {0};
    FILE *stream = tmpfile();
    const struct image_view view = image_view(image);
    ck_assert_msg(png_write(stream, &view, &messages) == 0, "%s", messages.error);
    f.size = (size_t)ftell(stream);
    f.data = malloc(f.size);
    rewind(stream);
    ck_assert_uint_eq(fread(f.data, 1, f.size, stream), f.size);
    fclose(stream);
    return f;
}

static void write_and_read(uint32_t width, uint32_t height, int channels, int depth, int which)
{
    struct image image = random_image(width, height, channels, depth, which), back;
    struct image_messages messages;
    struct file f = written(&image);
    ck_assert_int_eq(png_read(f.data, f.size, LIMIT, &back, &messages), 0);
    ck_assert_uint_eq(back.width, width);
    ck_assert_uint_eq(back.height, height);
    ck_assert_int_eq(back.channels, channels);
    ck_assert_int_eq(back.depth, depth);
    ck_assert_mem_eq(back.pixels, image.pixels, image_size(width, height, channels, depth));
    ck_assert_uint_eq(back.icc_size, image.icc_size);
    if (back.icc)
        ck_assert_mem_eq(back.icc, image.icc, image.icc_size);
    ck_assert_uint_eq(back.exif_size, image.exif_size);
    if (back.exif)
        ck_assert_mem_eq(back.exif, image.exif, image.exif_size);
    free(f.data);
    image_free(&image);
    image_free(&back);
}

START_TEST(writing_and_reading)
{
    static const uint32_t sides[][2] = {{1, 1}, {3, 2}, {1, 40}, {101, 67}};
    for (int size = 0; size < 4; size++)
        for (int channels = 1; channels <= 4; channels++)
            for (int which = 0; which < 4; which++) {
                write_and_read(sides[size][0], sides[size][1], channels, 8, which);
                write_and_read(sides[size][0], sides[size][1], channels, 16, which);
            }
}
END_TEST

START_TEST(chunks_are_written_once)
{
    struct image image = random_image(5, 5, 4, 8, 3);
    struct file f = written(&image);
    const uint8_t *bytes = f.data;
    size_t size = f.size;
    int profiles = 0, exifs = 0, names = 0;
    for (size_t at = 8; at + 12 <= size; names++) {
        profiles += memcmp(bytes + at + 4, "iCCP", 4) == 0;
        exifs += memcmp(bytes + at + 4, "eXIf", 4) == 0;
        at += 12 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    ck_assert_int_eq(profiles, 1);
    ck_assert_int_eq(exifs, 1);
    ck_assert_int_eq(names, 5); /* and IHDR, IDAT, IEND */
    free(f.data);
    image_free(&image);
}
END_TEST

/* Side data from elsewhere may be anything: the picture is written all the same. */
START_TEST(writing_with_bad_side_data)
{
    for (int round = 0; round < 200; round++) {
        struct image image = random_image(6, 5, 4, 8, 3), back;
        struct image_messages messages;
        image.icc_size = 1 + draw(PROFILE);
        image.icc[draw((uint32_t)image.icc_size)] ^= (uint8_t)(1 + draw(255));
        image.exif_size = 1 + draw(EXIF);
        image.exif[0] = (uint8_t)draw(256);
        struct file f = written(&image);
        ck_assert_msg(png_read(f.data, f.size, LIMIT, &back, &messages) == 0, "%s", messages.error);
        ck_assert_mem_eq(back.pixels, image.pixels, 120);
        free(f.data);
        image_free(&image);
        image_free(&back);
    }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    struct image_messages messages;
    struct image image = random_image(200, 200, 4, 8, 3);
    struct image_view view = image_view(&image);
    for (uint32_t side = 2; side <= 200; side += 198) { /* 2: all of it waits in the buffer */
        FILE *full = fopen("/dev/full", "wb");
        if (!full)
            break;
        view.width = view.height = side;
        ck_assert_int_eq(png_write(full, &view, &messages), -1);
        ck_assert_ptr_nonnull(strstr(messages.error, strerror(ENOSPC)));
        fclose(full);
    }
    FILE *read_only = fopen("/dev/null", "rb");
    ck_assert_ptr_nonnull(read_only);
    ck_assert_int_eq(png_write(read_only, &view, &messages), -1);
    ck_assert_ptr_nonnull(strstr(messages.error, strerror(EBADF)));
    fclose(read_only);
    view.width = 0;
    FILE *f = tmpfile();
    ck_assert_int_eq(png_write(f, &view, &messages), -1);
    fclose(f);
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
