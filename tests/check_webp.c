/* Reading WebP: files made here with libwebp's encoder and put together by hand, against the pixels that they were made of */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <webp/encode.h>

#include "format/exif.h"
#include "guard.h"
#include "imgio/formats.h"
#include "imgio/webp.h"
#include "inputs.h"
#include "runner.h"

enum { LIMIT = 1 << 20, WIDTH = 20, HEIGHT = 12, MOST = 4000, EXIF = 26 };

/* Orientation 6 alone */
static const uint8_t exif[EXIF] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6};

struct file {
    uint8_t data[MOST];
    size_t size;
};

static uint8_t sample(int x, int y, int c)
{
    return (uint8_t)(c == 3 ? 5 + 12 * x : 60 + 3 * x + 3 * y * (c + 1) - 20 * c);
}

/* A simple file; lossy if `quality` is above 0 */
static struct file make_file(int channels, float quality)
{
    static uint8_t pixels[HEIGHT][WIDTH][4];
    uint8_t *p = &pixels[0][0][0], *made = NULL;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++)
                *p++ = sample(x, y, c);
    const uint8_t *first = &pixels[0][0][0];
    struct file file;
    if (channels == 4)
        file.size = quality > 0 ? WebPEncodeRGBA(first, WIDTH, HEIGHT, 4 * WIDTH, quality, &made)
                                : WebPEncodeLosslessRGBA(first, WIDTH, HEIGHT, 4 * WIDTH, &made);
    else
        file.size = quality > 0 ? WebPEncodeRGB(first, WIDTH, HEIGHT, 3 * WIDTH, quality, &made)
                                : WebPEncodeLosslessRGB(first, WIDTH, HEIGHT, 3 * WIDTH, &made);
    ck_assert(file.size > 0 && file.size <= MOST);
    memcpy(file.data, made, file.size);
    WebPFree(made);
    return file;
}

/* ---- Containers ------------------------------------------------------------------------------- */

static void put(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void add_chunk(struct file *file, const char *name, const void *data, size_t size)
{
    ck_assert_uint_le(file->size + size + 9, MOST);
    memcpy(file->data + file->size, name, 4);
    put(file->data + file->size + 4, (uint32_t)size, 4);
    memcpy(file->data + file->size + 8, data, size);
    file->size += 8 + size;
    if (size % 2)
        file->data[file->size++] = 0;
    put(file->data + 4, (uint32_t)file->size - 8, 4);
}

enum { ANIMATION = 2, XMP = 4, EXIF_THERE = 8, ALPHA = 16, ICC = 32 };

static struct file begin_container(uint32_t flags, uint32_t width, uint32_t height)
{
    struct file file = {.data = "RIFF....WEBP", .size = 12};
    uint8_t head[10] = {0};
    put(head, flags, 4);
    put(head + 4, width - 1, 3);
    put(head + 7, height - 1, 3);
    add_chunk(&file, "VP8X", head, sizeof head);
    return file;
}

/* The chunk of the picture of a simple file */
static void add_picture(struct file *file, const struct file *simple)
{
    char name[5] = "";
    memcpy(name, simple->data + 12, 4);
    add_chunk(file, name, simple->data + 20, simple->data[16] | (size_t)simple->data[17] << 8);
}

static void add_frame(struct file *file, const struct file *simple, uint32_t x, uint32_t y)
{
    static uint8_t frame[MOST];
    put(frame, x / 2, 3);
    put(frame + 3, y / 2, 3);
    put(frame + 6, WIDTH - 1, 3);
    put(frame + 9, HEIGHT - 1, 3);
    put(frame + 12, 100, 3);
    frame[15] = 0;
    memcpy(frame + 16, simple->data + 12, simple->size - 12);
    add_chunk(file, "ANMF", frame, 16 + simple->size - 12);
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static int read_bytes(const uint8_t *data, size_t size, struct image *image, struct image_messages *messages)
{
    uint8_t *copy = guard_copy(data, size);
    int result = webp_read(copy, size, LIMIT, image, messages);
    guard_free(copy, size);
    return result;
}

static struct image image_of(const struct file *file)
{
    struct image image;
    struct image_messages messages;
    ck_assert_msg(read_bytes(file->data, file->size, &image, &messages) == 0, "%s", messages.error);
    ck_assert_str_eq(messages.warning, "");
    ck_assert_int_eq(image.depth, 8);
    return image;
}

static const uint8_t *at(const struct image *image, int x, int y)
{
    return (const uint8_t *)image->pixels + ((size_t)y * image->width + (size_t)x) * (size_t)image->channels;
}

static void check_pixel(const uint8_t *p, int channels, int x, int y, int apart)
{
    for (int c = 0; c < channels; c++)
        ck_assert_int_le(abs(p[c] - sample(x, y, c)), c == 3 ? 0 : apart);
}

START_TEST(every_kind)
{
    for (int channels = 3; channels <= 4; channels++)
        for (int lossy = 0; lossy <= 1; lossy++) {
            struct file file = make_file(channels, lossy ? 100 : 0);
            struct image image = image_of(&file);
            ck_assert(image.width == WIDTH && image.height == HEIGHT);
            ck_assert_int_eq(image.channels, channels);
            ck_assert(!image.icc && !image.exif && !image.xmp && !image.notes.has_resolution);
            ck_assert_str_eq(image.left_out, "");
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                    check_pixel(at(&image, x, y), channels, x, y, lossy ? 40 : 0);
            image_free(&image);
        }
}
END_TEST

/* The picture is turned, and its orientation is neutral afterwards; what is not kept is listed. */
START_TEST(extras)
{
    static const char packet[] = "<a tiff:Orientation=\"6\"/>", turned[] = "<a tiff:Orientation=\"1\"/>";
    for (int named = 0; named <= 1; named++) { /* with what JPEG has before a block */
        struct file simple = make_file(3, 0), file = begin_container(ICC | EXIF_THERE | XMP, WIDTH, HEIGHT);
        uint8_t block[6 + EXIF] = "Exif\0", profile[31] = "some profile";
        memcpy(block + 6, exif, EXIF);
        add_chunk(&file, "ICCP", profile, sizeof profile);
        add_picture(&file, &simple);
        add_chunk(&file, "EXIF", named ? block : block + 6, EXIF + (named ? 6 : 0));
        add_chunk(&file, "XMP ", packet, sizeof packet - 1);
        add_chunk(&file, "odd,", "abc", 3);
        memcpy(file.data + file.size, "behind", 6);
        file.size += 6;
        struct image image = image_of(&file);
        ck_assert(image.width == HEIGHT && image.height == WIDTH && image.channels == 3);
        ck_assert_uint_eq(image.icc_size, sizeof profile);
        ck_assert_mem_eq(image.icc, profile, sizeof profile);
        ck_assert_uint_eq(image.exif_size, EXIF);
        ck_assert_int_eq(ddz_exif_orientation(image.exif, EXIF), 1);
        ck_assert_uint_eq(image.xmp_size, sizeof turned - 1);
        ck_assert_mem_eq(image.xmp, turned, sizeof turned - 1);
        ck_assert_str_eq(image.left_out, "chunk odd?, 6 bytes behind its end");
        for (int y = 0; y < HEIGHT; y++) /* the stored first row is at the right */
            for (int x = 0; x < WIDTH; x++)
                check_pixel(at(&image, HEIGHT - 1 - y, x), 3, x, y, 0);
        image_free(&image);
    }
}
END_TEST

START_TEST(grey_profile)
{
    struct file simple = make_file(3, 0), file = begin_container(ICC, WIDTH, HEIGHT);
    uint8_t profile[40] = {0};
    memcpy(profile + 16, "GRAY", 4);
    add_chunk(&file, "ICCP", profile, sizeof profile);
    add_picture(&file, &simple);
    struct image image = image_of(&file);
    ck_assert_ptr_null(image.icc);
    ck_assert_str_eq(image.left_out, "ICC profile of grey pictures");
    image_free(&image);
}
END_TEST

/* The first frame, in its place on what is transparent */
START_TEST(animation)
{
    const uint8_t loop[6] = {0};
    struct file simple = make_file(3, 0), file = begin_container(ANIMATION, WIDTH + 6, HEIGHT + 4);
    add_chunk(&file, "ANIM", loop, sizeof loop);
    add_frame(&file, &simple, 4, 2);
    add_frame(&file, &simple, 0, 0);
    add_frame(&file, &simple, 6, 4);
    struct image image = image_of(&file);
    ck_assert(image.width == WIDTH + 6 && image.height == HEIGHT + 4 && image.channels == 4);
    ck_assert_str_eq(image.left_out, "2 frames of an animation");
    for (int y = 0; y < HEIGHT + 4; y++)
        for (int x = 0; x < WIDTH + 6; x++) {
            bool inside = x >= 4 && x < WIDTH + 4 && y >= 2 && y < HEIGHT + 2;
            ck_assert_int_eq(at(&image, x, y)[3], inside ? 255 : 0);
            if (inside)
                check_pixel(at(&image, x, y), 3, x - 4, y - 2, 0);
        }
    image_free(&image);
}
END_TEST

/* A file that is cut anywhere is an error, and damage does no harm. */
START_TEST(damage)
{
    for (int kind = 0; kind < 4; kind++) {
        struct file file = make_file(3 + kind % 2, kind < 2 ? 0 : 50);
        struct image image;
        struct image_messages messages;
        for (size_t cut = 0; cut < file.size; cut++) {
            int result = read_bytes(file.data, cut, &image, &messages);
            ck_assert_msg(result == -1 || cut + 1 == file.size, "%zu of %zu bytes", cut,
                          file.size); /* padding */
            if (result == 0)
                image_free(&image);
            else
                ck_assert(messages.error[0] && !strchr(messages.error, '\n'));
        }
        for (int round = 0; round < 1000; round++) {
            struct file bad = file;
            for (uint32_t n = 1 + draw(3); n > 0; n--)
                bad.data[draw((uint32_t)bad.size)] = (uint8_t)draw(256);
            if (read_bytes(bad.data, bad.size, &image, &messages) == 0)
                image_free(&image);
            else
                ck_assert(messages.error[0] && !strchr(messages.error, '\n'));
        }
    }
}
END_TEST

START_TEST(limits)
{
    struct file file = make_file(3, 0);
    struct image image;
    struct image_messages messages;
    ck_assert_int_eq(webp_read(file.data, file.size, WIDTH * HEIGHT - 1, &image, &messages), -1);
    ck_assert_int_eq(messages.too_large, 1);
    ck_assert_int_eq(webp_read(file.data, file.size, WIDTH * HEIGHT, &image, &messages), 0);
    ck_assert_str_eq(picture_format_of(file.data, file.size)->name, "WebP");
    image_free(&image);
}
END_TEST

int main(void)
{
    return RUN("webp", 60, CASE("webp", every_kind, extras, grey_profile, animation, damage, limits));
}
