/*
 * Streams that were made once decode to the same bytes for ever.
 *
 * "check_golden golden DIRECTORY" writes those that golden_streams() reads, "check_golden corpus DIRECTORY"
 * the inputs of the fuzz targets: for when the format changes.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"
#include "toy_model.h"

static const struct {
    const char *name;
    uint32_t width, height;
    double quality;
    int calls_per_octave, updates;
    bool layers; /* alpha, an ICC profile, an orientation */
    bool grey;
    int exact;        /* DDZ_PARAM_EXACT */
    bool drawn;       /* of few colours, which the exact layer's coder of graphics suits */
    uint32_t letters; /* so many columns have them, which make an exact layer of some blocks */
} golden[] = {{"small", 37, 26, 60, 0, 0, false, false, 0, false, 0},
              {"tall", 3, 150, 100, 16, 1, false, false, 0, false, 0},
              {"large", 150, 90, 5, 0, 0, false, false, 0, false, 0},
              {"updates", 45, 31, 80, 2, 8, false, false, 0, false, 0},
              {"layers", 43, 29, 50, 0, 0, true, false, 0, false, 0},
              {"views", 100, 70, 20, 0, 0, false, false, 0, false, 0},
              {"grey", 70, 41, 30, 4, 4, false, true, 0, false, 0},
              {"exact", 37, 26, 40, 0, 0, false, false, 2, false, 0},
              {"drawn", 32, 21, 40, 0, 0, false, false, 1, true, 0},
              /* "drawn" as it is made now: with a short preview */
              {"short", 32, 21, 40, 0, 0, false, false, 1, true, 0},
              {"blocks", 70, 50, 40, 0, 0, false, false, -1, false, 32}};
enum { GOLDEN = sizeof golden / sizeof *golden };

static const char *directory;

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    FILE *f = fopen(path, mode);
    ck_assert_msg(f != NULL, "cannot open %s", path);
    return f;
}

static struct buffer read_file(const char *name, const char *suffix)
{
    FILE *f = open_file(name, suffix, "rb");
    struct buffer b = {alloc(1 << 20), 0};
    b.size = fread(b.data, 1, (1 << 20) - 1, f);
    fclose(f);
    return b;
}

static void write_file(const char *name, const char *suffix, const struct buffer *b)
{
    FILE *f = open_file(name, suffix, "wb");
    ck_assert_uint_eq(fwrite(b->data, 1, b->size, f), b->size);
    ck_assert_int_eq(fclose(f), 0);
}

static uint32_t crc_of(const ddz_model *m, const struct buffer *stream, size_t size, ddz_recon recon,
                       size_t rgb_size)
{
    ddz_decoder *d;
    uint8_t *rgb = alloc(rgb_size);
    ck_assert_int_eq(ddz_decoder_new(m, NULL, &d), DDZ_OK);
    ck_assert_int_eq(feed(d, stream->data, size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, recon, rgb), DDZ_OK);
    uint32_t crc = (uint32_t)crc32(0, rgb, (uInt)rgb_size);
    ddz_decoder_free(d);
    free(rgb);
    return crc;
}

/* The list's line: name and CRC-32 of the decoded pixels, of the whole stream and of mean and sample of
 * two prefixes. Returns its length. */
static size_t golden_line(const ddz_model *m, const struct buffer *stream, int i, char *line)
{
    size_t n = (size_t)3 * golden[i].width * golden[i].height, half = stream->size / 2;
    int length = sprintf(line, "%s %08X", golden[i].name, crc_of(m, stream, stream->size, DDZ_RECON_MEAN, n));
    for (int k = 0; k < 4; k++)
        length +=
            sprintf(line + length, " %08X", crc_of(m, stream, k < 2 ? half : 25, (ddz_recon)(k % 2), n));
    return (size_t)(length + sprintf(line + length, "\n"));
}

/* CRC-32 of the alpha of a whole stream and of two prefixes */
static void alpha_line(const ddz_model *m, const struct buffer *stream, int i, char *line)
{
    const size_t cuts[3] = {stream->size, 250, 400};
    line += sprintf(line, "%s", golden[i].name);
    for (int k = 0; k < 3; k++) {
        ddz_decoder *d;
        const uint8_t *alpha;
        size_t size;
        ck_assert_int_eq(ddz_decoder_new(m, NULL, &d), DDZ_OK);
        ck_assert_int_eq(feed(d, stream->data, cuts[k]), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_extra(d, DDZ_EXTRA_ALPHA, &alpha, &size), DDZ_OK);
        ck_assert_uint_eq(size, golden[i].width * golden[i].height);
        line += sprintf(line, " %08X", (unsigned)crc32(0, alpha, (uInt)size));
        ddz_decoder_free(d);
    }
    sprintf(line, "\n");
}

/* Streams that were made once decode to the same bytes for ever. */
START_TEST(golden_streams)
{
    struct buffer file = read_file("model", ".ddm"), list = read_file("CRC32", "");
    ddz_model *m;
    ck_assert_int_eq(ddz_model_load(file.data, file.size, NULL, &m), DDZ_OK);
    char *at = (char *)list.data;
    at[list.size] = 0;
    for (int i = 0; i < GOLDEN; i++) {
        struct buffer stream = read_file(golden[i].name, ".ddz");
        char line[200];
        size_t length = golden_line(m, &stream, i, line);
        ck_assert_msg(strncmp(at, line, length) == 0, "decoded: %sexpected: %s", line, at);
        at += length;
        if (golden[i].layers) {
            struct buffer alpha = read_file("ALPHA32", "");
            alpha.data[alpha.size] = 0;
            alpha_line(m, &stream, i, line);
            ck_assert_str_eq((const char *)alpha.data, line);
            free(alpha.data);
        }
        free(stream.data);
    }
    ck_assert_int_eq(*at, 0);
    ddz_model_free(m);
    free(file.data);
    free(list.data);
}
END_TEST

/* Alpha with a soft edge, a slope and noise; some bytes as a profile; turned left */
static void attach_layers(ddz_encoder *e, uint32_t w, uint32_t h)
{
    static const uint8_t turned = 8;
    struct buffer alpha = {alloc((size_t)w * h), (size_t)w * h}, rgb = picture(w, h);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            int64_t inside =
                150 - ((int64_t)x - 20) * ((int64_t)x - 20) - ((int64_t)y - 14) * ((int64_t)y - 14);
            int64_t edge = inside < 0 ? 0 : inside < 51 ? 5 * inside : 255;
            alpha.data[y * w + x] = x > 33 ? rgb.data[3 * (y * w + x)] : (uint8_t)(edge ? edge : 4 * (x / 3));
        }
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, alpha.data, alpha.size), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, rgb.data, 100), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ORIENTATION, &turned, 1), DDZ_OK);
    free(alpha.data);
    free(rgb.data);
}

START_TEST(make_golden)
{
    const struct toy_shape shape = {
        .levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 1}, .networks = 2};
    struct buffer file, list = {alloc(4096), 0};
    ddz_model *m;
    file.data = toy_model_shaped(20, &shape, &file.size);
    write_file("model", ".ddm", &file);
    ck_assert_int_eq(ddz_model_load(file.data, file.size, NULL, &m), DDZ_OK);
    for (int i = 0; i < GOLDEN; i++) {
        struct buffer rgb = mixed_picture(golden[i].width, golden[i].height, golden[i].letters);
        for (size_t k = 0; golden[i].grey && k < rgb.size; k++)
            rgb.data[k] = rgb.data[k / 3 * 3];
        for (size_t k = 0; golden[i].drawn && k < rgb.size; k++)
            rgb.data[k] &= 0xC0;
        struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, golden[i].quality);
        s.calls_per_octave = golden[i].calls_per_octave;
        s.updates = golden[i].updates;
        s.trellis_bits = 10;
        ddz_encoder *e;
        ck_assert_int_eq(encoder_make(m, &s, &e), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, golden[i].exact), DDZ_OK);
        if (golden[i].layers)
            attach_layers(e, golden[i].width, golden[i].height);
        ck_assert_int_eq(encode_rgb(e, rgb.data, golden[i].width, golden[i].height), DDZ_OK);
        struct buffer stream = stream_of(e);
        write_file(golden[i].name, ".ddz", &stream);
        if (golden[i].layers) {
            char line[100];
            alpha_line(m, &stream, i, line);
            struct buffer alpha = {(uint8_t *)line, strlen(line)};
            write_file("ALPHA32", "", &alpha);
        }
        list.size += golden_line(m, &stream, i, (char *)list.data + list.size);
        ddz_encoder_free(e);
        free(stream.data);
        free(rgb.data);
    }
    write_file("CRC32", "", &list);
    ddz_model_free(m);
    free(file.data);
    free(list.data);
}
END_TEST

/* ---- Corpus of the fuzz targets ---------------------------------------------------------- */

/* The first n bytes and others behind them */
static void write_variant(const char *name, const struct buffer *b, size_t n, const char *tail,
                          size_t tail_size)
{
    struct buffer variant = {alloc(n + tail_size), n + tail_size};
    memcpy(variant.data, b->data, n);
    memcpy(variant.data + n, tail, tail_size);
    write_file(name, "", &variant);
    free(variant.data);
}

/* A picture's stream with extras, by the model of fuzz_decode.c; exact: DDZ_PARAM_EXACT */
static struct buffer fuzz_stream(const ddz_model *m, uint32_t w, uint32_t h, ddz_target target, double value,
                                 int exact)
{
    struct buffer rgb = picture(w, h);
    struct encoder_settings s = encoder_settings(target, value);
    ddz_encoder *e;
    ck_assert_int_eq(encoder_make(m, &s, &e), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, exact), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, rgb.data, (size_t)w * h), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb.data, rgb.size < 7 ? rgb.size : 7), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    free(rgb.data);
    return stream;
}

/* Exact layers by both coders, a part of one, and one of some blocks */
static void write_exact_streams(const ddz_model *m)
{
    struct buffer exact = fuzz_stream(m, 40, 32, DDZ_TARGET_QUALITY, 50, 2);
    struct buffer drawn = fuzz_stream(m, 32, 18, DDZ_TARGET_QUALITY, 0, 1);
    struct buffer rgb = mixed_picture(48, 34, 32);
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e;
    s.exact = -1;
    ck_assert_int_eq(encoder_make(m, &s, &e), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, 48, 34), DDZ_OK);
    struct buffer blocks = stream_of(e);
    write_file("decode/blocks", "", &blocks);
    ddz_encoder_free(e);
    free(blocks.data);
    free(rgb.data);
    write_file("decode/exact", "", &exact);
    write_variant("decode/exact-part", &exact, exact.size - 60, "", 0);
    write_file("decode/drawn", "", &drawn);
    free(exact.data);
    free(drawn.data);
}

static void write_streams(const ddz_model *m)
{
    struct buffer small = fuzz_stream(m, 9, 7, DDZ_TARGET_QUALITY, 0, 0);
    struct buffer tiny = fuzz_stream(m, 1, 1, DDZ_TARGET_QUALITY, 10, 0);
    struct buffer cut = fuzz_stream(m, 32, 18, DDZ_TARGET_BYTES, 400, 0);
    size_t frame = layout_of(&small).frame;
    write_file("decode/small", "", &small);
    write_file("decode/tiny", "", &tiny);
    write_file("decode/bytes", "", &cut);
    write_variant("decode/header", &small, 6, "", 0);
    write_variant("decode/header-part", &small, 3, "", 0);
    write_variant("decode/preview-part", &small, frame - 2, "", 0);
    write_variant("decode/settings-part", &small, frame + 12, "", 0);
    write_variant("decode/main-part", &small, frame + 25, "", 0);
    write_variant("decode/no-digest", &small, small.size - 4, "", 0);
    write_variant("decode/trailing", &small, small.size, "x", 1);
    /* records in place of the digest and what stands before it */
    write_variant("decode/record", &small, small.size - 9, "\xC4\3new\0\0\0\0\0", 10);
    write_variant("decode/record-twice", &small, small.size - 9, "\x83\1x\x83\1x", 6);
    write_variant("decode/feature", &small, small.size - 9, "\x44\3new", 5);
    write_variant("decode/length", &small, small.size - 9, "\xC4\xFF\xFF\xFF\xFF\xFF\x7Fx", 8);
    write_variant("decode/empty", &small, 0, "", 0);
    write_variant("decode/version", &small, 0, "\xDF\0\0\0\0\0", 6);
    write_variant("decode/huge", &small, 0, "\xDD\xFF\xFF\xFF\xF8\xFF\xFE\xFF\xFE", 9);
    write_variant("decode/not-long", &small, 0, "\xDD\xFF\xFF\xFF\xF8\0\x08\0\x06", 9);
    write_variant("decode/not-short", &small, 0, "\xDD\x80\x1E\0\x78", 5);
    write_variant("decode/shape", &small, 0, "\xDD\x10\0", 3);
    write_variant("decode/layers", &small, 5, "\x08", 1);
    /* frames: a window of 2^31 bytes; a compressed block of nothing; a run of zeros longer than the
     * chain, after settings */
    write_variant("decode/window", &small, frame + 5, "\xA8\1\0\0", 4);
    write_variant("decode/block", &small, frame + 6, "\5\0\0", 3);
    write_variant("decode/run", &small, frame + 6, "\x38\0\0\0\x20\0\0\0\0\0\2\0\x10\0", 14);
    struct buffer side = copy_of(small.data, small.size);
    memset(side.data + frame + 16, 0, 7); /* side information of 31 zeros and more */
    write_file("decode/side", "", &side);
    memset(side.data + frame + 16, 1, 1);
    write_file("decode/side-small", "", &side);
    free(side.data);
    free(small.data);
    free(tiny.data);
    free(cut.data);
}

static void write_models(const struct buffer *file)
{
    struct buffer body;
    body.data = toy_body(file->data, file->size, &body.size);
    write_file("model/file", "", file);
    write_file("model/body", "", &body);
    write_variant("model/header", file, 24, "", 0);
    write_variant("model/half", file, file->size / 2, "", 0);
    write_variant("model/half-body", &body, body.size / 2 & ~(size_t)7, "", 0);
    write_variant("model/version", file, 8, "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    write_variant("model/size", file, 16, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    write_variant("model/trailing", file, file->size, "x", 1);
    free(body.data);
}

START_TEST(make_corpus)
{
    const struct toy_shape shape = {
        .levels = 1, .embedding = 2, .channels = {16}, .blocks = {0}, .networks = 2};
    struct buffer file;
    ddz_model *m;
    file.data = toy_model_shaped(1, &shape, &file.size);
    ck_assert_int_eq(ddz_model_load(file.data, file.size, NULL, &m), DDZ_OK);
    write_streams(m);
    write_exact_streams(m);
    write_models(&file);
    ddz_model_free(m);
    free(file.data);
}
END_TEST

/* One "test" that writes files */
static int run_writer(const char *what)
{
    TCase *writer = tcase_create(what);
    tcase_add_test(writer, strcmp(what, "golden") == 0 ? make_golden : make_corpus);
    return run_cases(what, 300, &writer, 1);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        directory = argv[2];
        return run_writer(argv[1]);
    }
    static char golden_directory[4096];
    const char *top = getenv("top_srcdir");
    snprintf(golden_directory, sizeof golden_directory, "%s/tests/golden", top ? top : ".");
    directory = golden_directory;
    TCase *old = tcase_create("golden");
    tcase_add_test(old, golden_streams);
    return run_cases("golden", 300, &old, 1);
}
