/* Reading PNG: files of every kind, damaged files, against pixels computed from the samples */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "imgio/png.h"
#include "inputs.h"
#include "png_files.h"
#include "runner.h"

enum { LIMIT = 1 << 20 };

/* v / (2^depth - 1) * (2^to - 1), rounded */
static uint16_t scaled(uint32_t v, int depth, int to)
{
    uint32_t most = ((uint32_t)1 << depth) - 1, target = ((uint32_t)1 << to) - 1;
    return (uint16_t)((2 * (uint64_t)v * target + most) / (2 * (uint64_t)most));
}

/* Samples of a pixel in `depth` bits: grey or R, G, B, then alpha */
static void expected_pixel(const struct source *s, size_t i, int depth, uint16_t sample[4])
{
    const uint16_t *p = s->samples + i * s->channels, opaque = (uint16_t)(((uint32_t)1 << depth) - 1);
    int colour = s->channels >= 3, colours = colour ? 3 : 1;
    if (s->type == PNG_COLOR_TYPE_PALETTE) {
        png_color c = s->palette[p[0]];
        sample[0] = c.red, sample[1] = c.green, sample[2] = c.blue;
        sample[3] = s->transparent && p[0] < s->alphas ? s->palette_alpha[p[0]] : opaque;
        return;
    }
    for (int c = 0; c < colours; c++)
        sample[c] = scaled(p[c], s->depth, depth);
    sample[colours] = opaque;
    if (s->type & PNG_COLOR_MASK_ALPHA)
        sample[colours] = scaled(p[s->channels - 1], s->depth, depth);
    if (s->transparent && colour && p[0] == s->key.red && p[1] == s->key.green && p[2] == s->key.blue)
        sample[colours] = 0;
    if (s->transparent && !colour && p[0] == s->key.gray)
        sample[colours] = 0;
}

static uint16_t sample_of(const struct image *image, size_t at)
{
    return image->depth == 8 ? ((const uint8_t *)image->pixels)[at] : ((const uint16_t *)image->pixels)[at];
}

static void check_pixels(const struct source *s, const struct image *image)
{
    int has_alpha = s->transparent || (s->type & PNG_COLOR_MASK_ALPHA);
    ck_assert_uint_eq(image->width, s->width);
    ck_assert_uint_eq(image->height, s->height);
    ck_assert_int_eq(image->channels, (s->type & PNG_COLOR_MASK_COLOR ? 3 : 1) + has_alpha);
    ck_assert_int_eq(image->depth, s->depth == 16 ? 16 : 8);
    for (size_t i = 0; i < (size_t)s->width * s->height; i++) {
        uint16_t sample[4];
        expected_pixel(s, i, image->depth, sample);
        for (int c = 0; c < image->channels; c++)
            if (sample_of(image, i * image->channels + c) != sample[c])
                ck_abort_msg("type %d depth %d interlaced %d tRNS %d: pixel %zu", s->type, s->depth,
                             s->interlaced, s->transparent, i);
    }
}

static int read_bytes(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
                      struct image_messages *messages)
{
    uint8_t *copy = guard_copy(data, size);
    int result = png_read(copy, size, max_pixels, image, messages);
    guard_free(copy, size);
    return result;
}

static void must_read(const struct file *f, struct image *image)
{
    struct image_messages messages;
    if (read_bytes(f->data, f->size, LIMIT, image, &messages) != 0)
        ck_abort_msg("%s", messages.error);
    ck_assert_str_eq(messages.warning, "");
}

/* Reading must fail with one line, and leave the image alone. */
static void must_fail(const uint8_t *data, size_t size, uint64_t max_pixels, const char *with)
{
    struct image_messages messages;
    const char *error = messages.error;
    struct image image = {.width = 4321};
    ck_assert_int_eq(read_bytes(data, size, max_pixels, &image, &messages), -1);
    ck_assert_uint_eq(image.width, 4321);
    ck_assert_ptr_null(image.pixels);
    ck_assert_int_gt((int)strlen(error), 0);
    ck_assert_ptr_null(strchr(error, '\n'));
    if (with)
        ck_assert_msg(strstr(error, with) != NULL, "'%s' is not in '%s'", with, error);
}

static const struct {
    int type, depth;
} kinds[] = {{PNG_COLOR_TYPE_GRAY, 1},      {PNG_COLOR_TYPE_GRAY, 2},       {PNG_COLOR_TYPE_GRAY, 4},
             {PNG_COLOR_TYPE_GRAY, 8},      {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
             {PNG_COLOR_TYPE_PALETTE, 1},   {PNG_COLOR_TYPE_PALETTE, 2},    {PNG_COLOR_TYPE_PALETTE, 4},
             {PNG_COLOR_TYPE_PALETTE, 8},   {PNG_COLOR_TYPE_RGB, 8},        {PNG_COLOR_TYPE_RGB, 16},
             {PNG_COLOR_TYPE_RGB_ALPHA, 8}, {PNG_COLOR_TYPE_RGB_ALPHA, 16}, {PNG_COLOR_TYPE_GRAY_ALPHA, 16}};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(every_kind)
{
    static const uint32_t sides[][2] = {{1, 1}, {2, 1}, {1, 5}, {7, 3}, {8, 8}, {33, 17}, {70, 40}};
    for (int k = 0; k < KINDS; k++)
        for (int size = 0; size < 7; size++)
            for (int flags = 0; flags < 8; flags++) {
                int transparent = flags >> 1 & 1;
                if (transparent && (kinds[k].type & PNG_COLOR_MASK_ALPHA))
                    continue;
                struct source s = source_make(kinds[k].type, kinds[k].depth, flags & 1, transparent,
                                              sides[size][0], sides[size][1]);
                struct file f = source_write(&s, &(struct metadata){.gamma = flags >> 2});
                struct image image;
                must_read(&f, &image);
                check_pixels(&s, &image);
                ck_assert(!image.icc && !image.exif && image.icc_size == 0 && image.exif_size == 0);
                image_free(&image);
                free(f.data);
                free(s.samples);
            }
}
END_TEST

/* All 65536 values of a 16-bit sample, as they are and rounded to 8 bits */
START_TEST(sixteen_bits_are_kept)
{
    struct source s = source_make(PNG_COLOR_TYPE_GRAY, 16, 0, 0, 256, 256);
    for (int i = 0; i < 65536; i++)
        s.samples[i] = (uint16_t)i;
    struct file f = source_write(&s, &(struct metadata){0});
    struct image image;
    must_read(&f, &image);
    check_pixels(&s, &image);
    ck_assert_int_eq(image_to_rgb8(&image), 0);
    ck_assert_int_eq(image.channels, 3);
    ck_assert_int_eq(image.depth, 8);
    for (size_t i = 0; i < 65536; i++)
        for (size_t c = 0; c < 3; c++)
            ck_assert_uint_eq(sample_of(&image, 3 * i + c), scaled((uint32_t)i, 16, 8));
    image_free(&image);
    free(f.data);
    free(s.samples);
}
END_TEST

START_TEST(metadata_is_kept)
{
    uint8_t icc[PROFILE];
    for (int k = 0; k < KINDS; k++) {
        int is_grey = !(kinds[k].type & PNG_COLOR_MASK_COLOR);
        make_profile(icc, is_grey ? "GRAY" : "RGB ");
        struct source s = source_make(kinds[k].type, kinds[k].depth, 0, 0, 20, 10);
        struct file f = source_write(&s, &(struct metadata){icc, exif, sizeof icc, EXIF, 0});
        struct image image;
        must_read(&f, &image);
        check_pixels(&s, &image);
        ck_assert_uint_eq(image.exif_size, EXIF);
        ck_assert_mem_eq(image.exif, exif, EXIF);
        ck_assert_uint_eq(image.icc_size, sizeof icc);
        ck_assert_mem_eq(image.icc, icc, sizeof icc);
        image_free(&image);
        free(f.data);
        free(s.samples);
    }
}
END_TEST

START_TEST(exif_after_the_pixels)
{
    struct source s = source_make(PNG_COLOR_TYPE_RGB, 8, 0, 0, 9, 9);
    struct file f = source_write(&s, &(struct metadata){0});
    f.size -= 12; /* IEND */
    append_chunk(&f, "eXIf", exif, EXIF);
    append_chunk(&f, "IEND", exif, 0);
    struct image image;
    must_read(&f, &image);
    check_pixels(&s, &image);
    ck_assert_uint_eq(image.exif_size, EXIF);
    image_free(&image);
    free(f.data);
    free(s.samples);
}
END_TEST

/* A file with every chunk that is read, small enough to try each byte. */
static struct file small_file(int kind, int interlaced)
{
    uint8_t icc[PROFILE];
    make_profile(icc, kinds[kind].type & PNG_COLOR_MASK_COLOR ? "RGB " : "GRAY");
    struct source s = source_make(kinds[kind].type, kinds[kind].depth, interlaced, 0, 5, 4);
    struct file f = source_write(&s, &(struct metadata){icc, exif, sizeof icc, EXIF, 1});
    free(s.samples);
    return f;
}

static void append_image_files(struct file files[4])
{
    files[0] = small_file(10, 0);
    files[1] = small_file(13, 1);
    files[2] = small_file(9, 0);
    files[3] = small_file(0, 1);
}

START_TEST(truncated_files)
{
    struct file files[4];
    append_image_files(files);
    for (int i = 0; i < 4; i++) {
        for (size_t cut = 0; cut < files[i].size; cut++)
            must_fail(files[i].data, cut, LIMIT, cut < 8 ? NULL : "truncated");
        free(files[i].data);
    }
}
END_TEST

/* The image of a damaged file is that of the undamaged one, but for what stands beside its pixels. */
static void check_survivor(const struct image *image, const struct image *whole)
{
    ck_assert_uint_eq(image->width, whole->width);
    ck_assert_uint_eq(image->height, whole->height);
    ck_assert_int_eq(image->channels, whole->channels);
    ck_assert_int_eq(image->depth, whole->depth);
    ck_assert_mem_eq(image->pixels, whole->pixels,
                     image_size(whole->width, whole->height, whole->channels, whole->depth));
    ck_assert(!image->icc ||
              (image->icc_size == whole->icc_size && memcmp(image->icc, whole->icc, whole->icc_size) == 0));
    ck_assert(!image->exif || (image->exif_size == whole->exif_size &&
                               memcmp(image->exif, whole->exif, whole->exif_size) == 0));
}

/* Checksums catch every flipped bit: the file is refused, or a chunk is left out that the pixels do not need, with
 * a warning; libpng itself prints nothing. Returns whether it was read. */
static int read_flipped(const struct file *f, size_t at, const struct image *whole)
{
    struct image image = {0};
    struct image_messages messages;
    if (read_bytes(f->data, f->size, LIMIT, &image, &messages) != 0) {
        ck_assert_int_gt((int)strlen(messages.error), 0);
        ck_assert_ptr_null(strchr(messages.error, '\n'));
        return 0;
    }
    ck_assert_int_ge((int)at, 8);
    ck_assert_int_gt((int)strlen(messages.warning), 0);
    check_survivor(&image, whole);
    image_free(&image);
    return 1;
}

START_TEST(flipped_bits)
{
    struct file files[4];
    append_image_files(files);
    FILE *printed = tmpfile();
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(printed), STDERR_FILENO), 0);
    for (int i = 0; i < 4; i++) {
        struct image whole;
        int survived = 0;
        must_read(&files[i], &whole);
        for (size_t at = 0; at < files[i].size; at++)
            for (int bit = 0; bit < 8; bit++) {
                files[i].data[at] ^= (uint8_t)(1 << bit);
                survived += read_flipped(&files[i], at, &whole);
                files[i].data[at] ^= (uint8_t)(1 << bit);
            }
        ck_assert_int_gt(survived, 8 * (PROFILE / 4 + EXIF));
        image_free(&whole);
        free(files[i].data);
    }
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    fseek(printed, 0, SEEK_END);
    ck_assert_int_eq(ftell(printed), 0);
    fclose(printed);
}
END_TEST

/* Random damage under right checksums: anything but a crash, and a picture of the header's size. */
START_TEST(damage_with_right_checksums)
{
    struct file files[4];
    append_image_files(files);
    int read = 0, refused = 0;
    for (int round = 0; round < 4000; round++) {
        struct file *f = &files[round % 4], bad = {0};
        append(&bad, f->data, 8);
        for (size_t at = 8; at < f->size;) {
            uint32_t size = (uint32_t)f->data[at + 2] << 8 | f->data[at + 3];
            uint8_t *body = malloc(size + 1);
            memcpy(body, f->data + at + 8, size);
            if (size > 0 && draw(3) == 0)
                body[draw(size)] ^= (uint8_t)(1 << draw(8));
            char name[5] = {0};
            memcpy(name, f->data + at + 4, 4);
            if (draw(20) > 0)
                append_chunk(&bad, name, body, size);
            free(body);
            at += 12 + size;
        }
        struct image_messages messages;
        struct image image;
        if (read_bytes(bad.data, bad.size, LIMIT, &image, &messages) == 0) {
            ck_assert(image.pixels && image.width > 0 && image.height > 0);
            image_free(&image);
            read++;
        } else {
            ck_assert_int_gt((int)strlen(messages.error), 0);
            refused++;
        }
        free(bad.data);
    }
    ck_assert_int_gt(read, 100);
    ck_assert_int_gt(refused, 100);
    for (int i = 0; i < 4; i++)
        free(files[i].data);
}
END_TEST

static struct file header_only(uint32_t width, uint32_t height)
{
    struct file f = {0};
    uint8_t ihdr[13] = {(uint8_t)(width >> 24), (uint8_t)(width >> 16),  (uint8_t)(width >> 8),
                        (uint8_t)width,         (uint8_t)(height >> 24), (uint8_t)(height >> 16),
                        (uint8_t)(height >> 8), (uint8_t)height,         8,
                        PNG_COLOR_TYPE_RGB};
    append(&f, "\x89PNG\r\n\x1A\n", 8);
    append_chunk(&f, "IHDR", ihdr, 13);
    append_chunk(&f, "IDAT", ihdr, 13);
    append_chunk(&f, "IEND", ihdr, 0);
    return f;
}

START_TEST(size_limits)
{
    static const uint32_t sides[][2] = {{60000, 60000}, {65535, 65535}, {1025, 1024}};
    for (int i = 0; i < 3; i++) {
        struct file f = header_only(sides[i][0], sides[i][1]);
        must_fail(f.data, f.size, LIMIT, "limit");
        free(f.data);
    }
    static const uint32_t impossible[][2] = {{0, 5},     {5, 0},          {65536, 1},
                                             {1, 65536}, {0x7FFFFFFF, 1}, {0xFFFFFFFF, 2}};
    for (int i = 0; i < 6; i++) {
        struct file f = header_only(impossible[i][0], impossible[i][1]);
        must_fail(f.data, f.size, UINT64_MAX, i < 5 ? "IHDR" : "range");
        free(f.data);
    }
    struct source s = source_make(PNG_COLOR_TYPE_RGB, 8, 0, 0, 12, 11);
    struct file f = source_write(&s, &(struct metadata){0});
    struct image image;
    struct image_messages messages;
    must_fail(f.data, f.size, 131, "12 x 11");
    ck_assert_int_eq(read_bytes(f.data, f.size, 132, &image, &messages), 0);
    image_free(&image);
    free(f.data);
    free(s.samples);
    must_fail((const uint8_t *)"\xFF\xD8\xFF\xE0 a JPEG file", 17, LIMIT, NULL);
}
END_TEST

/* A file is told by its first 8 bytes. */
START_TEST(signatures)
{
    struct file f = header_only(5, 5);
    for (size_t size = 0; size <= f.size; size++)
        ck_assert_int_eq(png_is(f.data, size) != 0, size >= 8);
    for (size_t at = 0; at < 8; at++) {
        f.data[at] ^= 1;
        ck_assert_int_eq(png_is(f.data, f.size), 0);
        f.data[at] ^= 1;
    }
    free(f.data);
}
END_TEST

/* Messages are cut to their room, and of warnings the first one is kept. */
START_TEST(long_messages)
{
    struct image_messages messages = {.warning = ""};
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    image_error(&messages, "%s", text);
    ck_assert_uint_eq(strlen(messages.error), sizeof messages.error - 1);
    ck_assert_str_eq(messages.warning, "");
    image_warning(&messages, "%s", text);
    image_warning(&messages, "another");
    ck_assert_uint_eq(strlen(messages.warning), sizeof messages.warning - 1);
    ck_assert_int_eq(messages.warning[0], 'x');
}
END_TEST

int main(void)
{
    return RUN("png_read", 60,
               CASE("contents", every_kind, sixteen_bits_are_kept, metadata_is_kept, exif_after_the_pixels),
               CASE("damage", truncated_files, flipped_bits, damage_with_right_checksums, size_limits,
                    signatures, long_messages));
}
