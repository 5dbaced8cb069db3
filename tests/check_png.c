/* imgio/png: files of every kind, made here with libpng, against pixels computed from the samples */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/hash.h"
#include "imgio/png.h"
#include "runner.h"

enum { LIMIT = 1 << 20 };

static uint64_t draws;

static void setup(void)
{
    draws = 0;
}

static uint32_t draw(uint32_t below)
{
    return (uint32_t)((hash_pair(11, draws++) >> 32) * below >> 32);
}

/* ---- Making files ------------------------------------------------------------------------ */

struct file {
    uint8_t *data;
    size_t size, capacity;
};

static void append(struct file *f, const void *data, size_t size)
{
    if (f->size + size > f->capacity) {
        f->capacity = 2 * (f->size + size);
        f->data = realloc(f->data, f->capacity);
        ck_assert_ptr_nonnull(f->data);
    }
    memcpy(f->data + f->size, data, size);
    f->size += size;
}

static void to_file(png_structp png, png_bytep data, size_t size)
{
    append(png_get_io_ptr(png), data, size);
}

static void no_flush(png_structp png)
{
    (void)png;
}

/* A picture before it is a file: samples of `depth` bits, `channels` a pixel. */
struct source {
    uint32_t width, height;
    int type, depth, interlaced, channels;
    int transparent; /* has a tRNS chunk */
    uint16_t *samples;
    png_color palette[256];
    uint8_t palette_alpha[256];
    int colours, alphas;
    png_color_16 key;
};

static int channels_of(int type)
{
    int colour = (type & PNG_COLOR_MASK_COLOR) && !(type & PNG_COLOR_MASK_PALETTE);
    return (colour ? 3 : 1) + ((type & PNG_COLOR_MASK_ALPHA) != 0);
}

static struct source source_make(int type, int depth, int interlaced, int transparent, uint32_t width,
                                 uint32_t height)
{
    struct source s = {.width = width, .height = height, .type = type, .depth = depth};
    s.interlaced = interlaced;
    s.transparent = transparent;
    s.channels = channels_of(type);
    s.colours = depth < 8 ? 1 << depth : 200;
    s.alphas = (s.colours + 1) / 2;
    for (int i = 0; i < 256; i++) {
        s.palette[i] = (png_color){(png_byte)draw(256), (png_byte)draw(256), (png_byte)draw(256)};
        s.palette_alpha[i] = (uint8_t)draw(256);
    }
    size_t count = (size_t)width * height * s.channels;
    uint32_t values = type == PNG_COLOR_TYPE_PALETTE ? (uint32_t)s.colours : (uint32_t)1 << depth;
    s.samples = malloc(count * sizeof *s.samples);
    for (size_t i = 0; i < count; i++)
        s.samples[i] = (uint16_t)draw(values);
    /* the colour key is one that occurs, and a neighbour of it differs in the last bit only */
    uint16_t *first = s.samples;
    if (count >= 2 * (size_t)s.channels)
        for (int c = 0; c < s.channels; c++)
            first[s.channels + c] = first[c] ^ (c == 0);
    s.key.gray = first[0];
    if (s.channels >= 3)
        s.key.red = first[0], s.key.green = first[1], s.key.blue = first[2];
    return s;
}

static void pack_row(const struct source *s, uint32_t y, uint8_t *row)
{
    size_t n = (size_t)s->width * s->channels;
    const uint16_t *samples = s->samples + y * n;
    memset(row, 0, (n * s->depth + 7) / 8);
    for (size_t i = 0; i < n; i++) {
        if (s->depth == 16) {
            row[2 * i] = (uint8_t)(samples[i] >> 8);
            row[2 * i + 1] = (uint8_t)samples[i];
        } else {
            size_t bit = i * s->depth;
            row[bit / 8] |= (uint8_t)(samples[i] << (8 - s->depth - bit % 8));
        }
    }
}

struct metadata {
    const uint8_t *icc, *exif;
    uint32_t icc_size, exif_size;
    int gamma;
};

static struct file source_write(const struct source *s, const struct metadata *m)
{
    struct file file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    size_t row_size = (size_t)s->width * s->channels * 2;
    uint8_t *pixels = malloc(row_size * s->height);
    png_bytep *rows = malloc(s->height * sizeof *rows);
    png_set_write_fn(png, &file, to_file, no_flush);
    png_set_IHDR(png, info, s->width, s->height, s->depth, s->type,
                 s->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (s->type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, s->palette, s->colours);
    if (s->transparent)
        png_set_tRNS(png, info, s->palette_alpha, s->type == PNG_COLOR_TYPE_PALETTE ? s->alphas : 1, &s->key);
    if (m->gamma)
        png_set_gAMA(png, info, 0.9);
    if (m->icc)
        png_set_iCCP(png, info, "test", 0, m->icc, m->icc_size);
    if (m->exif)
        png_set_eXIf_1(png, info, m->exif_size, (png_bytep)m->exif);
    png_write_info(png, info);
    for (uint32_t y = 0; y < s->height; y++) {
        rows[y] = pixels + y * row_size;
        pack_row(s, y, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    free(pixels);
    return file;
}

/* ---- What must come out ------------------------------------------------------------------ */

/* v / (2^depth - 1) * 255, rounded */
static uint8_t to_8_bits(uint32_t v, int depth)
{
    uint32_t most = ((uint32_t)1 << depth) - 1;
    return (uint8_t)((2 * v * 255 + most) / (2 * most));
}

static void expected_pixel(const struct source *s, size_t i, uint8_t rgba[4])
{
    const uint16_t *p = s->samples + i * s->channels;
    rgba[3] = 255;
    if (s->type == PNG_COLOR_TYPE_PALETTE) {
        png_color c = s->palette[p[0]];
        rgba[0] = c.red, rgba[1] = c.green, rgba[2] = c.blue;
        if (s->transparent && p[0] < s->alphas)
            rgba[3] = s->palette_alpha[p[0]];
        return;
    }
    int colour = s->channels >= 3;
    for (int c = 0; c < 3; c++)
        rgba[c] = to_8_bits(p[colour ? c : 0], s->depth);
    if (s->type & PNG_COLOR_MASK_ALPHA)
        rgba[3] = to_8_bits(p[s->channels - 1], s->depth);
    if (s->transparent && colour && p[0] == s->key.red && p[1] == s->key.green && p[2] == s->key.blue)
        rgba[3] = 0;
    if (s->transparent && !colour && p[0] == s->key.gray)
        rgba[3] = 0;
}

static void check_pixels(const struct source *s, const struct image *image)
{
    int has_alpha = s->transparent || (s->type & PNG_COLOR_MASK_ALPHA);
    ck_assert_uint_eq(image->width, s->width);
    ck_assert_uint_eq(image->height, s->height);
    ck_assert_int_eq(image->alpha != NULL, has_alpha);
    ck_assert_int_eq(image->reduced_depth, s->depth == 16);
    for (size_t i = 0; i < (size_t)s->width * s->height; i++) {
        uint8_t rgba[4];
        expected_pixel(s, i, rgba);
        if (memcmp(rgba, image->rgb + 3 * i, 3) != 0 || (has_alpha && rgba[3] != image->alpha[i]))
            ck_abort_msg("type %d depth %d interlaced %d tRNS %d: pixel %zu", s->type, s->depth,
                         s->interlaced, s->transparent, i);
    }
}

static int read_bytes(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image, char *error,
                      size_t error_size)
{
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    rewind(f);
    int result = png_read(f, max_pixels, image, error, error_size);
    fclose(f);
    return result;
}

static void must_read(const struct file *f, struct image *image)
{
    char error[200] = "";
    if (read_bytes(f->data, f->size, LIMIT, image, error, sizeof error) != 0)
        ck_abort_msg("%s", error);
}

/* Reading must fail with one line, and leave the image alone. */
static void must_fail(const uint8_t *data, size_t size, uint64_t max_pixels, const char *with)
{
    char error[200] = "";
    struct image image = {.width = 4321};
    ck_assert_int_eq(read_bytes(data, size, max_pixels, &image, error, sizeof error), -1);
    ck_assert_uint_eq(image.width, 4321);
    ck_assert_ptr_null(image.rgb);
    ck_assert_int_gt((int)strlen(error), 0);
    ck_assert_ptr_null(strchr(error, '\n'));
    if (with)
        ck_assert_msg(strstr(error, with) != NULL, "'%s' is not in '%s'", with, error);
}

/* ---- Tests ------------------------------------------------------------------------------- */

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

/* All 65536 values of a 16-bit sample. */
START_TEST(sixteen_bits_are_rounded)
{
    struct source s = source_make(PNG_COLOR_TYPE_GRAY, 16, 0, 0, 256, 256);
    for (int i = 0; i < 65536; i++)
        s.samples[i] = (uint16_t)i;
    struct file f = source_write(&s, &(struct metadata){0});
    struct image image;
    must_read(&f, &image);
    check_pixels(&s, &image);
    image_free(&image);
    free(f.data);
    free(s.samples);
}
END_TEST

/* A profile that libpng takes: header, one tag, and noise in it, as chunks of less than 132 bytes
 * compressed are refused. */
enum { PROFILE = 400 };

static void make_profile(uint8_t icc[PROFILE], const char *space)
{
    memset(icc, 0, PROFILE);
    icc[2] = PROFILE >> 8;
    icc[3] = PROFILE & 255;
    icc[8] = 2;
    memcpy(icc + 12, "mntr", 4);
    memcpy(icc + 16, space, 4);
    memcpy(icc + 20, "XYZ ", 4);
    memcpy(icc + 36, "acsp", 4);
    memcpy(icc + 68, "\x00\x00\xF6\xD6\x00\x01\x00\x00\x00\x00\xD3\x2D", 12);
    icc[131] = 1;
    memcpy(icc + 132, "desc\x00\x00\x00\x90\x00\x00\x01\x00", 12);
    memcpy(icc + 144, "desc", 4);
    for (int i = 152; i < PROFILE; i++)
        icc[i] = (uint8_t)draw(256);
}

static const uint8_t exif[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 7};

START_TEST(metadata_is_kept)
{
    uint8_t icc[PROFILE];
    for (int k = 0; k < KINDS; k++) {
        int is_grey = !(kinds[k].type & PNG_COLOR_MASK_COLOR);
        make_profile(icc, is_grey ? "GRAY" : "RGB ");
        struct source s = source_make(kinds[k].type, kinds[k].depth, 0, 0, 20, 10);
        struct file f = source_write(&s, &(struct metadata){icc, exif, sizeof icc, sizeof exif, 0});
        struct image image;
        must_read(&f, &image);
        check_pixels(&s, &image);
        ck_assert_uint_eq(image.exif_size, sizeof exif);
        ck_assert_mem_eq(image.exif, exif, sizeof exif);
        ck_assert_uint_eq(image.icc_size, is_grey ? 0 : sizeof icc);
        ck_assert_int_eq(image.icc == NULL, is_grey);
        if (image.icc)
            ck_assert_mem_eq(image.icc, icc, sizeof icc);
        image_free(&image);
        free(f.data);
        free(s.samples);
    }
}
END_TEST

static void append_chunk(struct file *f, const char *name, const uint8_t *data, uint32_t size)
{
    uLong crc = crc32(crc32(0, (const Bytef *)name, 4), data, size);
    uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t check[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    append(f, length, 4);
    append(f, name, 4);
    append(f, data, size);
    append(f, check, 4);
}

START_TEST(exif_after_the_pixels)
{
    struct source s = source_make(PNG_COLOR_TYPE_RGB, 8, 0, 0, 9, 9);
    struct file f = source_write(&s, &(struct metadata){0});
    f.size -= 12; /* IEND */
    append_chunk(&f, "eXIf", exif, sizeof exif);
    append_chunk(&f, "IEND", exif, 0);
    struct image image;
    must_read(&f, &image);
    check_pixels(&s, &image);
    ck_assert_uint_eq(image.exif_size, sizeof exif);
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
    struct file f = source_write(&s, &(struct metadata){icc, exif, sizeof icc, sizeof exif, 1});
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
            must_fail(files[i].data, cut, LIMIT, cut < 8 ? "not a PNG" : "truncated");
        free(files[i].data);
    }
}
END_TEST

/* Checksums catch every flipped bit; and libpng stays silent about it. */
START_TEST(flipped_bits)
{
    struct file files[4];
    append_image_files(files);
    FILE *printed = tmpfile();
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(printed), STDERR_FILENO), 0);
    for (int i = 0; i < 4; i++) {
        for (size_t at = 0; at < files[i].size; at++)
            for (int bit = 0; bit < 8; bit++) {
                files[i].data[at] ^= (uint8_t)(1 << bit);
                must_fail(files[i].data, files[i].size, LIMIT, at < 8 ? "not a PNG" : NULL);
                files[i].data[at] ^= (uint8_t)(1 << bit);
            }
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
        char error[100] = "";
        struct image image;
        if (read_bytes(bad.data, bad.size, LIMIT, &image, error, sizeof error) == 0) {
            ck_assert(image.rgb && image.width > 0 && image.height > 0);
            image_free(&image);
            read++;
        } else {
            ck_assert_int_gt((int)strlen(error), 0);
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
    char error[100];
    must_fail(f.data, f.size, 131, "12 x 11");
    ck_assert_int_eq(read_bytes(f.data, f.size, 132, &image, error, sizeof error), 0);
    image_free(&image);
    free(f.data);
    free(s.samples);
    must_fail((const uint8_t *)"\xFF\xD8\xFF\xE0 a JPEG file", 17, LIMIT, "not a PNG");
}
END_TEST

START_TEST(short_error_buffers)
{
    for (size_t size = 1; size < 30; size++) {
        char error[40];
        memset(error, '#', sizeof error);
        struct image image;
        ck_assert_int_eq(read_bytes((const uint8_t *)"x", 1, LIMIT, &image, error, size), -1);
        ck_assert_uint_lt(strlen(error), size);
        ck_assert_int_eq(error[size], '#');
    }
}
END_TEST

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
        image.exif = malloc(image.exif_size = sizeof exif);
        memcpy(image.exif, exif, sizeof exif);
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
        image.exif_size = 1 + draw(sizeof exif);
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
    static const TTest *const *const tests[] = {&every_kind,
                                                &sixteen_bits_are_rounded,
                                                &metadata_is_kept,
                                                &exif_after_the_pixels,
                                                &truncated_files,
                                                &flipped_bits,
                                                &damage_with_right_checksums,
                                                &size_limits,
                                                &short_error_buffers,
                                                &writing_and_reading,
                                                &chunks_are_written_once,
                                                &writing_with_bad_side_data,
                                                &writing_fails_cleanly};
    TCase *tcase = tcase_create("png");
    tcase_add_checked_fixture(tcase, setup, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tcase, *tests[i]);
    return run_cases("png", 60, &tcase, 1);
}
