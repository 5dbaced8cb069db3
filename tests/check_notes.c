/* What stands beside the pixels of a PNG file: chunks and texts that are read, written again, or listed as left out */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "imgio/png.h"
#include "imgio/raw_profile.h"
#include "inputs.h"
#include "png_files.h"
#include "runner.h"

enum { LIMIT = 1 << 20, AFTER_IHDR = 33, IEND = 12 };

static const uint8_t srgb[4] = {1, 13, 0, 1}, pq[4] = {9, 16, 0, 1};
/* gamma 1/2.2, and the primaries of Adobe RGB */
static const uint8_t gamma36[36] = {0, 0, 0xB1, 0x8F, 0, 0, 0x7A, 0x26, 0, 0, 0x80, 0x84,
                                    0, 0, 0xFA, 0,    0, 0, 0x80, 0xE8, 0, 0, 0x52, 0x08,
                                    0, 1, 0x15, 0x58, 0, 0, 0x3A, 0x98, 0, 0, 0x17, 0x70};
static const uint8_t resolution[9] = {0, 0, 0x2E, 0x23, 0, 0, 0x17, 0x12, 1};
static const char packet[] = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\xC3\xA9</x:xmpmeta>";

/* A file whose chunks stand between the head of another one and what follows it */
struct builder {
    struct file file;
    struct file base;
};

static struct builder begin_file(int type)
{
    struct source s = source_make(type, 8, 0, 0, 6, 5);
    struct builder b = {.base = source_write(&s, &(struct metadata){0})};
    free(s.samples);
    append(&b.file, b.base.data, AFTER_IHDR);
    return b;
}

static void add_pixels(struct builder *b)
{
    append(&b->file, b->base.data + AFTER_IHDR, b->base.size - AFTER_IHDR - IEND);
}

static struct file end_file(struct builder *b)
{
    append_chunk(&b->file, "IEND", srgb, 0);
    free(b->base.data);
    return b->file;
}

/* A file with one chunk, or two, before its pixels */
static struct file file_with(const char *name, const void *data, size_t size, const char *name2,
                             const void *data2, size_t size2)
{
    struct builder b = begin_file(PNG_COLOR_TYPE_RGB);
    append_chunk(&b.file, name, data, (uint32_t)size);
    if (name2)
        append_chunk(&b.file, name2, data2, (uint32_t)size2);
    add_pixels(&b);
    return end_file(&b);
}

/* Frees the file. */
static struct image read_image(struct file file, const char *warning, const char *left_out)
{
    struct image image;
    struct image_messages messages;
    ck_assert_msg(png_read(file.data, file.size, LIMIT, &image, &messages) == 0, "%s", messages.error);
    if (strcmp(warning, "") == 0)
        ck_assert_str_eq(messages.warning, "");
    else
        ck_assert_msg(strstr(messages.warning, warning) != NULL, "'%s'", messages.warning);
    ck_assert_str_eq(image.left_out, left_out);
    free(file.data);
    return image;
}

static struct file write_image(const struct image *image, struct image_messages *messages)
{
    struct file f = {0};
    FILE *stream = tmpfile();
    const struct image_view view = image_view(image);
    ck_assert_msg(png_write(stream, &view, messages) == 0, "%s", messages->error);
    f.size = (size_t)ftell(stream);
    f.data = malloc(f.size);
    rewind(stream);
    ck_assert_uint_eq(fread(f.data, 1, f.size, stream), f.size);
    fclose(stream);
    return f;
}

/* The content of a file's only chunk of this name: its size, -1 if there is none. */
static int find_chunk(const struct file *f, const char *name, const uint8_t **content)
{
    int found = -1;
    for (size_t at = 8; at + 12 <= f->size;) {
        uint32_t size = (uint32_t)f->data[at + 2] << 8 | f->data[at + 3];
        if (memcmp(f->data + at + 4, name, 4) == 0) {
            ck_assert_int_eq(found, -1);
            found = (int)size;
            *content = f->data + at + 8;
        }
        at += 12 + size;
    }
    return found;
}

static void expect_chunk(const struct file *f, const char *name, const void *content, size_t size)
{
    const uint8_t *found = NULL;
    ck_assert_int_eq(find_chunk(f, name, &found), (int)size);
    ck_assert_mem_eq(found, content, size);
}

static void expect_none(const struct file *f, const char *name)
{
    const uint8_t *found;
    ck_assert_int_eq(find_chunk(f, name, &found), -1);
}

/* ---- Colours -------------------------------------------------------------------------------- */

/* Reading, writing and reading again: the notes stay, and the chunk is the one that was there. */
static void check_round_trip(struct file file, const char *name, const void *content, size_t size,
                             const struct image_notes *expected)
{
    struct image_messages messages;
    struct image image = read_image(file, "", "");
    ck_assert_mem_eq(&image.notes, expected, sizeof *expected);
    struct file f = write_image(&image, &messages);
    ck_assert_str_eq(messages.warning, "");
    expect_chunk(&f, name, content, size);
    struct image again = read_image(f, "", "");
    ck_assert_mem_eq(&again.notes, expected, sizeof *expected);
    image_free(&image);
    image_free(&again);
}

START_TEST(colours)
{
    struct image_notes n = {.has_cicp = 1};
    memcpy(n.cicp, pq, 4);
    check_round_trip(file_with("cICP", pq, 4, NULL, NULL, 0), "cICP", pq, 4, &n);
    memcpy(n.cicp, srgb, 4);
    check_round_trip(file_with("sRGB", "\0", 1, NULL, NULL, 0), "sRGB", "\0", 1, &n);
    check_round_trip(file_with("cICP", srgb, 4, NULL, NULL, 0), "sRGB", "\0", 1, &n);
    /* sRGB says all that its companions say */
    check_round_trip(file_with("gAMA", gamma36, 4, "sRGB", "\0", 1), "sRGB", "\0", 1, &n);
    n = (struct image_notes){.gamma_size = 4};
    memcpy(n.gamma, gamma36, 4);
    check_round_trip(file_with("gAMA", gamma36, 4, NULL, NULL, 0), "gAMA", gamma36, 4, &n);
    n.gamma_size = 36;
    memcpy(n.gamma, gamma36, 36);
    check_round_trip(file_with("gAMA", gamma36, 4, "cHRM", gamma36 + 4, 32), "gAMA", gamma36, 4, &n);
    check_round_trip(file_with("gAMA", gamma36, 4, "cHRM", gamma36 + 4, 32), "cHRM", gamma36 + 4, 32, &n);
    memset(n.gamma, 0, 4);
    check_round_trip(file_with("cHRM", gamma36 + 4, 32, NULL, NULL, 0), "cHRM", gamma36 + 4, 32, &n);
    n = (struct image_notes){.has_resolution = 1};
    memcpy(n.resolution, resolution, 9);
    check_round_trip(file_with("pHYs", resolution, 9, NULL, NULL, 0), "pHYs", resolution, 9, &n);
    n.resolution[8] = 0;
    check_round_trip(file_with("pHYs", n.resolution, 9, NULL, NULL, 0), "pHYs", n.resolution, 9, &n);
}
END_TEST

START_TEST(which_colours_hold)
{
    /* cICP stands above the others, which are for readers that do not know it */
    struct image image = read_image(file_with("cICP", pq, 4, "gAMA", gamma36, 4), "", "");
    ck_assert(image.notes.has_cicp && image.notes.gamma_size == 4);
    image_free(&image);
    image = read_image(file_with("cICP", pq, 4, "sRGB", "\0", 1), "", "");
    ck_assert_mem_eq(image.notes.cicp, pq, 4);
    image_free(&image);
    /* What a profile's companions say does not count, and is not written with it */
    uint8_t icc[PROFILE];
    for (int grey = 0; grey <= 1; grey++) {
        make_profile(icc, grey ? "GRAY" : "RGB ");
        struct source s = source_make(grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, 8, 0, 0, 6, 5);
        image = read_image(source_write(&s, &(struct metadata){.icc = icc, .icc_size = PROFILE, .gamma = 1}),
                           "", "");
        ck_assert_uint_eq(image.icc_size, PROFILE);
        ck_assert(!image.notes.has_cicp && !image.notes.gamma_size);
        struct image_messages messages;
        memcpy(image.notes.cicp, pq, 4);
        image.notes.has_cicp = 1;
        image.notes.gamma_size = 36;
        memcpy(image.notes.gamma, gamma36, 36);
        struct file f = write_image(&image, &messages);
        expect_chunk(&f, "cICP", pq, 4);
        expect_none(&f, "gAMA");
        expect_none(&f, "cHRM");
        image_free(&image);
        image = read_image(f, "", "");
        ck_assert_mem_eq(image.icc, icc, PROFILE);
        image_free(&image);
        free(s.samples);
    }
}
END_TEST

START_TEST(bad_colours)
{
    struct image image = read_image(file_with("sRGB", "\2", 1, NULL, NULL, 0), "", "rendering intent");
    image_free(&image);
    image = read_image(file_with("cICP", pq, 3, NULL, NULL, 0), "cICP", "");
    ck_assert(!image.notes.has_cicp);
    image_free(&image);
    image = read_image(file_with("gAMA", "\0\0\0\0", 4, NULL, NULL, 0), "gAMA", "");
    ck_assert(!image.notes.gamma_size);
    /* Notes from a stream may be anything: the picture is written all the same. */
    for (int round = 0; round < 300; round++) {
        struct image_messages messages;
        image.notes.has_cicp = draw(2) == 1;
        image.notes.has_resolution = draw(2) == 1;
        image.notes.gamma_size = (uint8_t[]){0, 4, 36}[draw(3)];
        for (int i = 0; i < 36; i++)
            image.notes.gamma[i] = (uint8_t)(i % 4 < (int)draw(4) ? 0 : draw(256));
        for (int i = 0; i < 9; i++)
            image.notes.resolution[i] = (uint8_t)draw(256);
        for (int i = 0; i < 4; i++)
            image.notes.cicp[i] = (uint8_t)draw(256);
        struct file f = write_image(&image, &messages);
        if (image.notes.has_cicp && !image_is_srgb(&image.notes))
            expect_chunk(&f, "cICP", image.notes.cicp, 4);
        struct image back;
        ck_assert_int_eq(png_read(f.data, f.size, LIMIT, &back, &messages), 0);
        image_free(&back);
        free(f.data);
    }
    image_free(&image);
}
END_TEST

/* ---- Texts ---------------------------------------------------------------------------------- */

/* An iTXt chunk's content, compressed or not; returns its size. */
static size_t make_itxt(uint8_t *out, const char *key, const char *text, int compressed)
{
    size_t head = strlen(key) + 1;
    uLongf size = 1000;
    memcpy(out, key, head);
    memcpy(out + head, compressed ? "\1\0\0\0" : "\0\0\0\0", 4);
    if (compressed)
        ck_assert_int_eq(compress(out + head + 4, &size, (const Bytef *)text, strlen(text)), Z_OK);
    else
        memcpy(out + head + 4, text, size = strlen(text));
    return head + 4 + size;
}

static void expect_xmp(const struct image *image)
{
    ck_assert_uint_eq(image->xmp_size, strlen(packet));
    ck_assert_mem_eq(image->xmp, packet, strlen(packet));
}

START_TEST(xmp)
{
    uint8_t itxt[1200];
    for (int compressed = 0; compressed <= 1; compressed++)
        for (int behind = 0; behind <= 1; behind++) {
            size_t size = make_itxt(itxt, "XML:com.adobe.xmp", packet, compressed);
            struct builder b = begin_file(PNG_COLOR_TYPE_GRAY);
            if (behind)
                add_pixels(&b);
            append_chunk(&b.file, "iTXt", itxt, (uint32_t)size);
            if (!behind)
                add_pixels(&b);
            struct image image = read_image(end_file(&b), "", "");
            expect_xmp(&image);
            struct image_messages messages;
            struct file f = write_image(&image, &messages);
            size = make_itxt(itxt, "XML:com.adobe.xmp", packet, 0);
            expect_chunk(&f, "iTXt", itxt, size);
            image_free(&image);
            image = read_image(f, "", "");
            expect_xmp(&image);
            image.xmp[3] = 0;
            f = write_image(&image, &messages);
            ck_assert_ptr_nonnull(strstr(messages.warning, "XMP"));
            expect_none(&f, "iTXt");
            free(f.data);
            image_free(&image);
        }
}
END_TEST

/* A text chunk with a raw profile of these bytes; returns its size. */
static size_t make_raw(char *out, const char *type, const char *head, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[300];
    size_t head_size = strlen(head) + (*head == 'E' ? 2 : *head ? 1 : 0);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, head, strlen(head));
    memcpy(bytes + head_size, data, size);
    size += head_size;
    int n = sprintf(out, "Raw profile type %s%c\n%s\n%8zu", type, 0, type, size);
    for (size_t i = 0; i < size; i++)
        n +=
            sprintf(out + n, "%s%c%c", i % 36 == 0 ? "\n" : "", digits[bytes[i] >> 4], digits[bytes[i] & 15]);
    return (size_t)n + (size_t)sprintf(out + n, "\n");
}

START_TEST(raw_profiles)
{
    static const char adobe[] = "http://ns.adobe.com/xap/1.0/";
    static const struct {
        const char *type, *head;
        int is_exif;
    } cases[] = {{"exif", "Exif", 1}, {"exif", "", 1},    {"APP1", "Exif", 1},
                 {"xmp", "", 0},      {"APP1", adobe, 0}, {"xmp", adobe, 0}};
    char text[2000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].is_exif ? make_raw(text, cases[i].type, cases[i].head, exif, EXIF)
                                       : make_raw(text, cases[i].type, cases[i].head, packet, strlen(packet));
        struct image image = read_image(file_with("tEXt", text, size, NULL, NULL, 0), "", "");
        if (cases[i].is_exif) {
            ck_assert_uint_eq(image.exif_size, EXIF);
            ck_assert_mem_eq(image.exif, exif, EXIF);
            ck_assert_ptr_null(image.xmp);
        } else {
            expect_xmp(&image);
            ck_assert_ptr_null(image.exif);
        }
        image_free(&image);
    }
    /* A chunk of its own comes first; other profiles are listed. */
    size_t size = make_raw(text, "exif", "Exif", "MM other", 8);
    struct image image =
        read_image(file_with("tEXt", text, size, "eXIf", exif, EXIF), "", "text Raw profile type exif");
    ck_assert_mem_eq(image.exif, exif, EXIF);
    image_free(&image);
    size = make_raw(text, "iptc", "", "data", 4);
    image = read_image(file_with("tEXt", text, size, NULL, NULL, 0), "", "text Raw profile type iptc");
    image_free(&image);
}
END_TEST

static int decodes(const char *text, size_t *length)
{
    uint8_t *data = raw_profile_decode(text, strlen(text), length);
    int well = data != NULL;
    free(data);
    return well;
}

START_TEST(bad_raw_profiles)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "\nexif",
                                      "\nexif\n",
                                      "\nexif\n 0\n",
                                      "\nexif\n 2\n4d4",
                                      "\nexif\n 2\n4d4d4d",
                                      "\nexif\n 2\n4d4g",
                                      "\nexif\n -2\n4d4d",
                                      "\nexif\n 99999999999999999999999\n4d4d",
                                      "\nexif\n x\n4d4d"};
    size_t length;
    ck_assert_int_eq(decodes("\nexif\n  2\n4d\n4D\n", &length), 1);
    ck_assert_uint_eq(length, 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!decodes(bad[i], &length), "%zu", i);
    struct image image =
        read_image(file_with("tEXt", "Raw profile type exif\0\nexif\n 9\nzz", 33, NULL, NULL, 0), "",
                   "text Raw profile type exif");
    ck_assert_ptr_null(image.exif);
    image_free(&image);
}
END_TEST

/* ---- What is left out ----------------------------------------------------------------------- */

START_TEST(others_are_listed)
{
    struct builder b = begin_file(PNG_COLOR_TYPE_RGB);
    append_chunk(&b.file, "acTL", (const uint8_t *)"\0\0\0\3\0\0\0\0", 8);
    append_chunk(&b.file, "fcTL", (const uint8_t *)packet, 26);
    append_chunk(&b.file, "tEXt", (const uint8_t *)"Title\0A", 7);
    append_chunk(&b.file, "tEXt", (const uint8_t *)"Title\0B", 7);
    append_chunk(&b.file, "tEXt", (const uint8_t *)"Odd\033[2J,\0B", 10);
    append_chunk(&b.file, "prVt", (const uint8_t *)"?", 1);
    add_pixels(&b);
    for (int i = 0; i < 2; i++) {
        append_chunk(&b.file, "fcTL", (const uint8_t *)packet, 26);
        append_chunk(&b.file, "fdAT", (const uint8_t *)packet, 26);
    }
    append_chunk(&b.file, "tIME", (const uint8_t *)"\7\320\1\2\3\4\5", 7);
    struct file f = end_file(&b);
    append(&f, "trailing", 8);
    struct image image = read_image(f, "",
                                    "text Title, text Odd?[2J?, chunk prVt, chunk tIME, 2 frames of an "
                                    "animation, 8 bytes behind its end");
    image_free(&image);
}
END_TEST

int main(void)
{
    return RUN("notes", 60, CASE("colours", colours, which_colours_hold, bad_colours),
               CASE("texts", xmp, raw_profiles, bad_raw_profiles), CASE("left out", others_are_listed));
}
