/*
 * The codec as a whole, through the public interface but for one look at a chain, with a small model of
 * random weights: its estimates are poor, but what encoder and decoder owe each other does not depend on
 * that.
 *
 * "check_codec golden DIRECTORY" writes the streams that golden_streams() reads, "check_codec corpus
 * DIRECTORY" the inputs of the fuzz targets: for when the format changes.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "codec/encoder.h"
#include "ddz.h"
#include "toy_model.h"

/* ---- Helpers ----------------------------------------------------------------------------- */

struct buffer {
    uint8_t *data;
    size_t size;
};

static void *alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(p);
    return p;
}

static struct buffer copy_of(const uint8_t *data, size_t size)
{
    struct buffer b = {alloc(size), size};
    memcpy(b.data, data, size);
    return b;
}

/* The toy model, loaded once; each test runs in a process of its own. */
static const ddz_model *model(void)
{
    static ddz_model *loaded;
    if (!loaded) {
        const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
        size_t size;
        uint8_t *file = toy_model_shaped(1, &shape, &size);
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &loaded), DDZ_OK);
        free(file);
    }
    return loaded;
}

/* A picture with smooth parts, edges and some noise. */
static struct buffer picture(uint32_t width, uint32_t height)
{
    struct buffer b = {alloc((size_t)3 * width * height), (size_t)3 * width * height};
    for (size_t i = 0; i < b.size; i++) {
        double x = (double)(i / 3 % width), y = (double)(i / 3 / width);
        double v = 120 + 60 * sin(x / 9 + (double)(i % 3)) + 40 * cos(y / 7);
        double radius = hypot(x - width / 2.0, y - height / 3.0);
        v += radius < (width + height) / 8.0 ? 50 : 0;
        v += (double)(hash_pair(5, i) % 17) - 8;
        b.data[i] = (uint8_t)fmax(0, fmin(255, v));
    }
    return b;
}

static double psnr(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow(a[i] - (double)b[i], 2);
    return 10 * log10(255.0 * 255 * (double)n / fmax(sum, 1e-9));
}

static ddz_encoder_settings encoder_settings(ddz_target target, double value)
{
    ddz_encoder_settings s;
    ddz_encoder_defaults(&s);
    s.target = target;
    s.target_value = value;
    s.effort = 2;       /* few searches for the first steps, */
    s.trellis_bits = 8; /* and fast ones */
    s.threads = 1;
    return s;
}

static ddz_decoder_settings decoder_settings(void)
{
    ddz_decoder_settings s;
    ddz_decoder_defaults(&s);
    s.threads = 1;
    return s;
}

static ddz_encoder *encoder_new(const ddz_encoder_settings *s)
{
    ddz_encoder *e = NULL;
    ck_assert_int_eq(ddz_encoder_new(model(), s, &e), DDZ_OK);
    return e;
}

static ddz_decoder *decoder_new(const ddz_decoder_settings *s)
{
    ddz_decoder *d = NULL;
    ck_assert_int_eq(ddz_decoder_new(model(), s, &d), DDZ_OK);
    return d;
}

/* Stream of an encoder that has just encoded */
static struct buffer stream_of(const ddz_encoder *e)
{
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_OK);
    return copy_of(data, size);
}

static struct buffer encode(const struct buffer *rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *s)
{
    ddz_encoder *e = encoder_new(s);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb->data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    return stream;
}

/* A stream of a 24 x 17 picture, from which many tests start: two calls an octave, four steps to a call */
enum { SMALL_W = 24, SMALL_H = 17, SMALL_BYTES = 3 * SMALL_W * SMALL_H };

static struct buffer small_stream_of(int updates)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    s.updates = updates;
    struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &s);
    free(rgb.data);
    return stream;
}

static struct buffer small_stream(void)
{
    return small_stream_of(4);
}

/* Picture of the first `size` bytes of a stream, in one piece; returns the picture's status. */
static ddz_status decode_prefix(const ddz_decoder_settings *s, const uint8_t *data, size_t size, uint8_t *rgb)
{
    ddz_decoder *d = decoder_new(s);
    ddz_status fed = ddz_decoder_feed(d, data, size);
    ddz_status status = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
    ddz_decoder_free(d);
    return fed != DDZ_OK ? fed : status;
}

/* Where a complete stream's conveyed bits stand */
struct layout {
    size_t opening, opening_end, frame, frame_end;
};

static struct layout layout_of(const struct buffer *stream)
{
    /* the frame's magic begins where layer 0 ends, and no earlier in these streams */
    struct layout l = {.opening = stream->data[1] >> 7 ? 5 : 3};
    for (l.frame = l.opening; get_le32(stream->data + l.frame) != 0xFD2FB528u; l.frame++)
        ck_assert_uint_lt(l.frame + 8, stream->size);
    l.opening_end = l.frame;
    l.frame_end = stream->size - 4;
    return l;
}

/* ---- Round trip -------------------------------------------------------------------------- */

static const uint32_t sizes[][2] = {{1, 1},   {1, 9},   {7, 5},   {8, 8},    {9, 9},
                                    {40, 30}, {64, 64}, {65, 33}, {100, 70}, {300, 5}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_reports(const ddz_encoder *e, ddz_decoder *d, size_t stream_size)
{
    const ddz_step *sent, *found;
    size_t count, n = ddz_encoder_steps(e, &sent);
    ck_assert_int_eq(ddz_decoder_steps(d, &found, &count), DDZ_OK);
    ck_assert_uint_eq(count, n);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(found[i].scale, sent[i].scale);
        ck_assert_int_eq(found[i].lift, sent[i].lift);
        ck_assert_uint_eq(found[i].bits, sent[i].bits);
        ck_assert_uint_eq(found[i].samples, sent[i].samples);
        ck_assert_double_eq(found[i].sigma_to, sent[i].sigma_to);
        ck_assert(i == 0 || found[i].offset_bits >= found[i - 1].offset_bits + found[i - 1].bits);
        ck_assert_uint_ge(found[i].bits, 1);
        ck_assert_double_ge(sent[i].kl_bits, 0);
        total += found[i].bits;
    }
    ck_assert_uint_lt(total, 8 * stream_size);
    ck_assert_uint_gt(total + 8 * 64, 8 * stream_size); /* what is not bits is framing */
}

static void check_round_trip_of(struct buffer rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *es)
{
    uint8_t *sent = alloc(rgb.size), *got = alloc(rgb.size);
    ddz_encoder *e = encoder_new(es);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, w, h), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_picture(e, sent), DDZ_OK);
    struct buffer stream = stream_of(e);

    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_info info;
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert_uint_eq(info.width, w);
    ck_assert_uint_eq(info.height, h);
    ck_assert_int_eq(info.complete, 1);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_int_eq(info.model_id_bits, 32);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()));
    ck_assert_uint_eq(info.bits, 8 * (uint64_t)stream.size);
    check_reports(e, d, stream.size);
    /* sampling does not disturb what has been decoded */
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, got), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    free(sent);
    free(got);
}

static void check_round_trip(uint32_t w, uint32_t h, const ddz_encoder_settings *es)
{
    struct buffer rgb = picture(w, h);
    check_round_trip_of(rgb, w, h, es);
    free(rgb.data);
}

START_TEST(round_trip)
{
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 30);
    check_round_trip(sizes[_i][0], sizes[_i][1], &s);
}
END_TEST

START_TEST(round_trip_of_settings)
{
    for (int effort = 1; effort <= 6; effort++) {
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 15.0 * effort);
        s.effort = effort;
        s.trellis_bits = 0;
        check_round_trip(13, 11, &s);
    }
    for (int bits = 8; bits <= 16; bits++)
        for (int n = 2; n <= 32; n *= 2) {
            ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 40);
            s.trellis_bits = bits;
            s.calls_per_octave = n;
            s.updates = 1 << bits % 4;
            if (bits < 12 || n == 4)
                check_round_trip(9, 5, &s);
        }
    /* all as the defaults have it, threads as many as there are */
    ddz_encoder_settings s;
    ddz_encoder_defaults(&s);
    check_round_trip(33, 20, &s);
}
END_TEST

/* Black, white, the primaries in a chequer, noise */
START_TEST(round_trip_of_extremes)
{
    enum { W = 21, H = 12 };
    uint8_t data[3 * W * H];
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 100);
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < sizeof data; i++) {
            size_t cell = i / 3 % W + i / 3 / W;
            data[i] = kind < 2    ? (uint8_t)(-kind)
                      : kind == 2 ? (uint8_t) - (i % 3 == cell % 3)
                                  : (uint8_t)hash_pair(1, i);
        }
        check_round_trip_of((struct buffer){data, sizeof data}, W, H, &s);
    }
}
END_TEST

/* The longest side there is */
START_TEST(round_trip_of_a_line)
{
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, 150);
    struct buffer rgb = picture(65535, 1);
    struct buffer stream = encode(&rgb, 65535, 1, &s);
    ck_assert_uint_eq(stream.size, 150);
    ddz_decoder_settings ds = decoder_settings();
    ddz_info info;
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb.data), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert(info.width == 65535 && info.height == 1 && info.scales == 13 && info.digest_agrees);
    ddz_decoder_free(d);
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* An encoder makes the same stream again, whatever it did between. */
START_TEST(encoder_is_used_again)
{
    struct buffer a = picture(20, 30), b = picture(9, 9);
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    ddz_encoder *e = encoder_new(&s);
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
    struct buffer streams[3];
    for (int i = 0; i < 3; i++) {
        const struct buffer *rgb = i == 1 ? &b : &a;
        ck_assert_int_eq(ddz_encoder_encode(e, rgb->data, i == 1 ? 9 : 20, i == 1 ? 9 : 30), DDZ_OK);
        streams[i] = stream_of(e);
    }
    ck_assert_uint_eq(streams[0].size, streams[2].size);
    ck_assert_mem_eq(streams[0].data, streams[2].data, streams[0].size);
    ck_assert_uint_lt(streams[1].size, streams[0].size);
    for (int i = 0; i < 3; i++)
        free(streams[i].data);
    ddz_encoder_free(e);
    free(a.data);
    free(b.data);
}
END_TEST

START_TEST(threads_and_kernels)
{
    struct buffer rgb = picture(100, 70);
    struct buffer first = {0};
    uint8_t *first_rgb = alloc(rgb.size), *got = alloc(rgb.size);
    const ddz_isa isas[] = {DDZ_ISA_PORTABLE, DDZ_ISA_AVX2, DDZ_ISA_AVX512, DDZ_ISA_BEST};
    for (int threads = 0; threads <= 3; threads++)
        for (size_t i = 0; i < 4; i++) {
            ddz_encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1500);
            es.threads = threads;
            es.isa = isas[i];
            if (threads == 3 && i > 0)
                continue;
            struct buffer stream = encode(&rgb, 100, 70, &es);
            ddz_decoder_settings ds = decoder_settings();
            ds.threads = threads;
            ds.isa = isas[i];
            if (!first.data) {
                first = stream;
                ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, first_rgb), DDZ_OK);
                continue;
            }
            ck_assert_uint_eq(stream.size, first.size);
            ck_assert_mem_eq(stream.data, first.data, stream.size);
            ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
            ck_assert_mem_eq(got, first_rgb, rgb.size);
            free(stream.data);
        }
    free(first.data);
    free(first_rgb);
    free(got);
    free(rgb.data);
}
END_TEST

/* ---- Prefixes and pieces ----------------------------------------------------------------- */

START_TEST(every_byte_is_a_place_to_stop)
{
    struct buffer stream = small_stream_of(_i);
    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    uint8_t rgb[SMALL_BYTES], fresh[SMALL_BYTES];
    const ddz_step *steps;
    size_t count, last_count = 0;
    ddz_info info;
    for (size_t i = 0; i < stream.size; i++) {
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data + i, 1), DDZ_OK);
        ddz_status status = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
        if (i + 1 < layout_of(&stream).opening) {
            ck_assert_int_eq(status, DDZ_ERR_TRUNCATED);
            ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_ERR_TRUNCATED);
            continue;
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_int_eq(info.complete, i + 1 == stream.size);
        ck_assert_int_eq(ddz_decoder_steps(d, &steps, &count), DDZ_OK);
        ck_assert_uint_ge(count, last_count);
        last_count = count;
        /* work that was kept gives what a new decoder gives */
        ck_assert_int_eq(decode_prefix(&ds, stream.data, i + 1, fresh), DDZ_OK);
        ck_assert_mem_eq(rgb, fresh, sizeof rgb);
        if (i % 16 == 0)
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
    }
    ck_assert_int_eq(info.digest_agrees, 1);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* Bytes of a stream that make whole the step that ends where `next` begins: framing is not counted there. */
static size_t bytes_before(const ddz_step *next, const struct layout *l)
{
    size_t bytes = (size_t)(next->offset_bits + 7) / 8;
    return bytes < l->frame ? bytes : bytes + 9;
}

/* A stream with pictures taken after some of three numbers of bytes gives what it gives at once. */
static void check_interrupted(const struct buffer *stream, const size_t *stop, int taken, ddz_recon recon,
                              const uint8_t *whole)
{
    uint8_t rgb[SMALL_BYTES];
    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ddz_info info;
    size_t fed = 0;
    for (int i = 0; i < 3; i++)
        if ((taken >> i & 1) && stop[i] <= stream->size) {
            ck_assert_int_eq(ddz_decoder_feed(d, stream->data + fed, stop[i] - fed), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_picture(d, recon, rgb), DDZ_OK);
            fed = stop[i];
        }
    ck_assert_int_eq(ddz_decoder_feed(d, stream->data + fed, stream->size - fed), DDZ_OK);
    ddz_status status = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
    ck_assert_msg(status == DDZ_OK, "%s with pictures %d of those at %zu, %zu, %zu bytes",
                  ddz_strerror(status), taken, stop[0], stop[1], stop[2]);
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_mem_eq(rgb, whole, sizeof rgb);
    ddz_decoder_free(d);
}

/* Right behind each step, a byte further and in the midst of the next: what a picture asks of the network
 * there must not reach the updates that follow. */
START_TEST(pictures_between_updates)
{
    struct buffer stream = small_stream_of(_i);
    struct layout l = layout_of(&stream);
    ddz_decoder_settings ds = decoder_settings();
    uint8_t whole[SMALL_BYTES];
    ddz_decoder *d = decoder_new(&ds);
    const ddz_step *steps;
    size_t count;
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, whole), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_steps(d, &steps, &count), DDZ_OK);
    for (size_t i = 1; i < count; i++) {
        size_t begin = bytes_before(&steps[i], &l);
        const size_t stop[] = {begin, begin + 1, begin + 1 + (size_t)steps[i].bits / 16};
        for (int taken = 1; taken < 8; taken++)
            check_interrupted(&stream, stop, taken, DDZ_RECON_MEAN, whole);
        check_interrupted(&stream, stop, 5, DDZ_RECON_SAMPLE, whole);
    }
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* As many steps in fewer calls: the same noise levels, other estimates and so other bits. */
START_TEST(updates_are_steps)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    static const int settings[][2] = {{16, 1}, {8, 2}, {4, 4}, {2, 8}};
    const ddz_step *steps[4];
    ddz_encoder *e[4];
    size_t count[4];
    for (int i = 0; i < 4; i++) {
        /* level 128: 8 calls of half an octave */
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_SIGMA, 89.25 / 16);
        s.calls_per_octave = settings[i][0];
        s.updates = settings[i][1];
        e[i] = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_encode(e[i], rgb.data, SMALL_W, SMALL_H), DDZ_OK);
        count[i] = ddz_encoder_steps(e[i], &steps[i]);
        struct buffer stream = stream_of(e[i]);
        ddz_decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_int_eq(info.calls_per_octave, settings[i][0]);
        ck_assert_int_eq(info.updates, settings[i][1]);
        ddz_decoder_free(d);
        free(stream.data);
        for (int k = 0; k < i; k++) {
            int others = 0;
            ck_assert_uint_eq(count[i], count[k]);
            for (size_t j = 0; j < count[i]; j++) {
                ck_assert(steps[i][j].scale == steps[k][j].scale &&
                          steps[i][j].sigma_to == steps[k][j].sigma_to);
                others += steps[i][j].kl_bits != steps[k][j].kl_bits;
            }
            ck_assert_int_gt(others, 50);
        }
    }
    for (int i = 0; i < 4; i++)
        ddz_encoder_free(e[i]);
    free(rgb.data);
}
END_TEST

/* max_bits gives what the bits alone give: same picture, whatever stands behind them. */
START_TEST(every_bit_is_a_place_to_stop)
{
    struct buffer stream = small_stream();
    struct layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], other[SMALL_BYTES], last[SMALL_BYTES] = {0};
    int changes = 0;
    for (uint64_t bits = 0; bits <= 8 * stream.size; bits += bits < 8 * (l.frame + 20) ? 1 : 97) {
        ddz_decoder_settings ds = decoder_settings();
        ds.max_bits = bits;
        ddz_status expected = bits < 8 * l.opening ? DDZ_ERR_TRUNCATED : DDZ_OK;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), expected);
        /* junk behind the last bit, and no byte more */
        size_t bytes = (size_t)((bits + 7) / 8);
        struct buffer junk = copy_of(stream.data, bytes);
        if (bits % 8)
            junk.data[bytes - 1] ^= (uint8_t)(0xFF >> bits % 8);
        ck_assert_int_eq(decode_prefix(&ds, junk.data, junk.size, other), expected);
        free(junk.data);
        if (expected != DDZ_OK)
            continue;
        ck_assert_mem_eq(rgb, other, sizeof rgb);
        if (bits % 8 == 0) {
            ds.max_bits = UINT64_MAX;
            ck_assert_int_eq(decode_prefix(&ds, stream.data, bytes, other), DDZ_OK);
            ck_assert_mem_eq(rgb, other, sizeof rgb);
        }
        bool framing = bits > 8 * l.frame && bits <= 8 * (l.frame + 15);
        if (framing)
            ck_assert_mem_eq(rgb, last, sizeof rgb);
        changes += memcmp(rgb, last, sizeof rgb) != 0;
        memcpy(last, rgb, sizeof last);
    }
    ck_assert_int_gt(changes, 100); /* nearly each of the first bits shows */
    free(stream.data);
}
END_TEST

/* Limits that are no multiple of 8, across calls of feed. */
START_TEST(bit_limit_across_feeds)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], other[SMALL_BYTES];
    for (uint64_t bits = 51; bits < 8 * stream.size; bits += 131) {
        ddz_decoder_settings ds = decoder_settings();
        ds.max_bits = bits;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), DDZ_OK);
        ddz_decoder *d = decoder_new(&ds);
        for (size_t i = 0; i < stream.size; i++)
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data + i, 1), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, other), DDZ_OK);
        ck_assert_mem_eq(rgb, other, sizeof rgb);
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_uint_eq(info.bits, bits);
        ck_assert_int_eq(info.complete, 0);
        ddz_decoder_free(d);
    }
    free(stream.data);
}
END_TEST

START_TEST(pieces)
{
    struct buffer rgb = picture(40, 30);
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 20);
    struct buffer stream = encode(&rgb, 40, 30, &es);
    uint8_t *whole = alloc(rgb.size), *got = alloc(rgb.size);
    ddz_decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, whole), DDZ_OK);
    const size_t steps[] = {1, 7, 64, 1000};
    for (size_t k = 0; k < 4; k++)
        for (int between = 0; between < 2; between++) {
            ddz_decoder *d = decoder_new(&ds);
            for (size_t at = 0; at < stream.size; at += steps[k]) {
                size_t n = stream.size - at < steps[k] ? stream.size - at : steps[k];
                struct buffer piece = copy_of(stream.data + at, n);
                ck_assert_int_eq(ddz_decoder_feed(d, piece.data, n), DDZ_OK);
                memset(piece.data, 0xEE, n);
                free(piece.data);
                if (between && at / 7 % 3 == 0 && at > 6)
                    ck_assert_int_eq(ddz_decoder_picture(d, (ddz_recon)(at % 2), got), DDZ_OK);
            }
            ck_assert_int_eq(ddz_decoder_feed(d, NULL, 0), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
            ck_assert_mem_eq(got, whole, rgb.size);
            ddz_decoder_free(d);
        }
    free(stream.data);
    free(whole);
    free(got);
    free(rgb.data);
}
END_TEST

START_TEST(samples_depend_on_the_seed)
{
    struct buffer stream = small_stream();
    uint8_t rgb[4][SMALL_BYTES];
    const uint32_t seeds[] = {1, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        ddz_decoder_settings ds = decoder_settings();
        ds.seed = seeds[i];
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, 20), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb[i]), DDZ_OK);
        ddz_decoder_free(d);
    }
    ck_assert_mem_eq(rgb[0], rgb[1], SMALL_BYTES);
    ck_assert_mem_ne(rgb[0], rgb[2], SMALL_BYTES);
    ck_assert_mem_ne(rgb[2], rgb[3], SMALL_BYTES);
    free(stream.data);
}
END_TEST

/* ---- Samples ----------------------------------------------------------------------------- */

/* A decoder for a picture from nothing */
static ddz_decoder *decoder_begun(const ddz_decoder_settings *s, uint32_t width, uint32_t height)
{
    ddz_decoder *d = decoder_new(s);
    ck_assert_int_eq(ddz_decoder_begin(d, width, height), DDZ_OK);
    return d;
}

START_TEST(begin_is_a_header_alone)
{
    uint32_t w = sizes[_i][0], h = sizes[_i][1];
    struct buffer rgb = picture(w, h), got = copy_of(rgb.data, rgb.size);
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    struct buffer stream = encode(&rgb, w, h, &es);
    size_t header = layout_of(&stream).opening;
    ddz_decoder_settings ds = decoder_settings();
    ds.sample_steps = 1;
    ddz_decoder *begun = decoder_begun(&ds, w, h), *fed = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(fed, stream.data, header), DDZ_OK);
    ddz_info a, b;
    ck_assert_int_eq(ddz_decoder_info(begun, &a), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(fed, &b), DDZ_OK);
    ck_assert(a.width == w && a.height == h && a.bits == b.bits && a.model_id == b.model_id);
    for (int recon = 0; recon < 2; recon++) {
        ck_assert_int_eq(ddz_decoder_picture(begun, (ddz_recon)recon, rgb.data), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(fed, (ddz_recon)recon, got.data), DDZ_OK);
        ck_assert_mem_eq(rgb.data, got.data, rgb.size);
    }
    /* and the stream may follow */
    ck_assert_int_eq(ddz_decoder_feed(begun, stream.data + header, stream.size - header), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(begun, DDZ_RECON_MEAN, got.data), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(begun, &a), DDZ_OK);
    ck_assert_int_eq(a.digest_agrees, 1);
    ddz_decoder_free(begun);
    ddz_decoder_free(fed);
    free(stream.data);
    free(rgb.data);
    free(got.data);
}
END_TEST

START_TEST(begin_refuses)
{
    struct buffer stream = small_stream();
    ddz_decoder_settings ds = decoder_settings();
    ds.max_pixels = 100;
    ck_assert_int_eq(ddz_decoder_begin(NULL, 1, 1), DDZ_ERR_ARGUMENT);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_begin(d, 0, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_begin(d, 1, 0), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_begin(d, 65536, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_begin(d, 1, UINT32_MAX), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_begin(d, 10, 10), DDZ_OK); /* nothing has happened before */
    ck_assert_int_eq(ddz_decoder_begin(d, 10, 10), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_begin(d, 101, 1), DDZ_ERR_LIMIT);
    ddz_decoder_free(d);
    d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, 1), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_begin(d, 10, 10), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    ck_assert_int_eq(ddz_decoder_new(NULL, &ds, &d), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_begin(d, 10, 10), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* Several continuations of the same bits are those that new decoders would draw, and do no harm. */
START_TEST(seeds_of_one_decoder)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set_seed(NULL, 1), DDZ_ERR_ARGUMENT);
    size_t fed = 0;
    for (size_t size = 20; size < stream.size; size += stream.size / 3) {
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data + fed, size - fed), DDZ_OK);
        fed = size;
        for (uint32_t seed = 0; seed < 3; seed++) {
            ck_assert_int_eq(ddz_decoder_set_seed(d, UINT32_MAX - seed), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
            ds.seed = UINT32_MAX - seed;
            ddz_decoder *fresh = decoder_new(&ds);
            ck_assert_int_eq(ddz_decoder_feed(fresh, stream.data, size), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_picture(fresh, DDZ_RECON_SAMPLE, expected), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ddz_decoder_free(fresh);
        }
    }
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_OK); /* the digest agrees */
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* A stream that goes to the quietest noise leaves nothing to draw; one that does not, does. */
START_TEST(sample_of_a_whole_stream)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    for (int quality = 50; quality <= 100; quality += 50) {
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
        struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &es);
        uint8_t mean[SMALL_BYTES], sample[SMALL_BYTES];
        ddz_decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, mean), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, sample), DDZ_OK);
        ck_assert_int_eq(memcmp(mean, sample, sizeof mean) == 0, quality == 100);
        ddz_decoder_free(d);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* An observer that keeps what it was told last, and stops at call number `stop` */
struct watcher {
    int calls, stop;
    double first, last;
    uint8_t rgb[SMALL_BYTES];
};

static int watch(void *cookie, double sigma, const uint8_t *rgb)
{
    struct watcher *w = cookie;
    if (w->calls == 0)
        w->first = sigma;
    else
        ck_assert_double_le(sigma, w->last);
    w->last = sigma;
    memcpy(w->rgb, rgb, sizeof w->rgb);
    return w->calls++ == w->stop;
}

static double sigma_of(int level)
{
    return 0.7 * 127.5 * exp2(-level / 32.0);
}

START_TEST(observed_sample)
{
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_begun(&ds, SMALL_W, SMALL_H);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, expected), DDZ_OK);
    ddz_decoder_free(d);

    struct watcher w = {.stop = -1};
    ds.observer = watch;
    ds.observer_cookie = &w;
    d = decoder_begun(&ds, SMALL_W, SMALL_H);
    /* from nothing to level -160, and to 32 at a quarter of the size; to 32 at half; to 196 at full size */
    int calls = 1 + 192 / 1 + 1 + 32 / 2 + 1 + 196 / 4 + 1;
    for (int again = 0; again < 2; again++) {
        w = (struct watcher){.stop = -1};
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
        ck_assert_mem_eq(rgb, expected, sizeof rgb);
        ck_assert_mem_eq(rgb, w.rgb, sizeof rgb);
        ck_assert_int_eq(w.calls, calls);
        ck_assert(isinf(w.first));
        ck_assert_double_eq_tol(w.last, sigma_of(196), 0.001);
    }
    for (int stop = 0; stop < calls; stop += stop < 3 ? 1 : 43) {
        w = (struct watcher){.stop = stop};
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb), DDZ_ERR_CANCELLED);
        ck_assert_int_eq(w.calls, stop + 1);
    }
    w = (struct watcher){.stop = -1};
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ddz_decoder_free(d);
}
END_TEST

/* One call a step and one at the end, whether it is decoded at once or in pieces; and stopping anywhere
 * loses nothing. */
START_TEST(observed_decoding)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct watcher w = {.stop = -1};
    ddz_decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    ds.observer = watch;
    ds.observer_cookie = &w;
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    const ddz_step *steps;
    size_t count;
    ck_assert_int_eq(ddz_decoder_steps(d, &steps, &count), DDZ_OK);
    double end = steps[count - 1].sigma_to;
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ck_assert_mem_eq(rgb, w.rgb, sizeof rgb);
    ck_assert(isinf(w.first));
    ck_assert_double_eq(w.last, end);
    ck_assert_int_eq(w.calls, (int)count + 1);
    ddz_decoder_free(d);

    for (int stop = 0; stop <= (int)count; stop++) {
        w = (struct watcher){.stop = stop};
        d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_CANCELLED);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
        ck_assert_mem_eq(rgb, expected, sizeof rgb);
        ddz_decoder_free(d);
    }
    free(stream.data);
}
END_TEST

START_TEST(steps_of_a_sample)
{
    uint8_t rgb[2][SMALL_BYTES];
    static const int good[] = {1, 2, 4, 8, 16, 32}, bad[] = {0, -1, 3, 12, 33, 64};
    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d;
    for (int i = 0; i < 6; i++) {
        ds.sample_steps = bad[i];
        ck_assert_int_eq(ddz_decoder_new(model(), &ds, &d), DDZ_ERR_ARGUMENT);
        ds.sample_steps = good[i];
        d = decoder_begun(&ds, SMALL_W, SMALL_H);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb[i % 2]), DDZ_OK);
        ck_assert(i == 0 || memcmp(rgb[0], rgb[1], SMALL_BYTES) != 0);
        ddz_decoder_free(d);
    }
}
END_TEST

/* ---- Targets ----------------------------------------------------------------------------- */

START_TEST(target_in_bytes)
{
    /* every size up to where layer 0 and the settings have ended, then a few */
    const int every = 257, larger[] = {600, 1111, 2000};
    struct buffer rgb = picture(40, 30);
    uint8_t *sent = alloc(rgb.size), *got = alloc(rgb.size);
    ddz_decoder_settings ds = decoder_settings();
    for (int i = 6; i <= every + (int)(sizeof larger / sizeof *larger); i++) {
        int target = i <= every ? i : larger[i - every - 1];
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, target);
        ddz_encoder *e = encoder_new(&es);
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 40, 30), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_picture(e, sent), DDZ_OK);
        struct buffer stream = stream_of(e);
        ck_assert_int_eq((int)stream.size, target);
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
        ck_assert_msg(memcmp(got, sent, rgb.size) == 0, "encoder's picture differs at %d bytes", target);
        ddz_encoder_free(e);
        free(stream.data);
    }
    /* more than the chain can take: all of it, and the file is complete */
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1e9);
    struct buffer stream = encode(&rgb, 40, 30, &es);
    ddz_decoder *d = decoder_new(&ds);
    ddz_info info;
    ck_assert_uint_lt(stream.size, 50000);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_double_gt(psnr(got, rgb.data, rgb.size), 38);
    ddz_decoder_free(d);
    free(stream.data);
    free(sent);
    free(got);
    free(rgb.data);
}
END_TEST

START_TEST(target_in_psnr)
{
    struct buffer rgb = picture(64, 64);
    uint8_t *got = alloc(rgb.size);
    ddz_decoder_settings ds = decoder_settings();
    size_t last = 0;
    for (int target = 20; target <= 40; target += 5) {
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_PSNR, target + 0.25);
        struct buffer stream = encode(&rgb, 64, 64, &es);
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
        double reached = psnr(got, rgb.data, rgb.size);
        ck_assert_msg(reached >= target + 0.25 && reached < target + 0.35, "%g dB for %d.25", reached,
                      target);
        ck_assert_uint_gt(stream.size, last);
        last = stream.size;
        free(stream.data);
    }
    free(got);
    free(rgb.data);
}
END_TEST

/* Reached before the first step, within layer 0, or at a coarse scale: whole streams all the same. */
START_TEST(low_psnr)
{
    for (int i = 0; i < SIZES; i++)
        for (double target = 0.5; target < 20; target += 3) {
            ddz_encoder_settings s = encoder_settings(DDZ_TARGET_PSNR, target);
            check_round_trip(sizes[i][0], sizes[i][1], &s);
        }
}
END_TEST

START_TEST(target_in_quality)
{
    struct buffer rgb = picture(64, 64);
    uint8_t *got = alloc(rgb.size);
    ddz_decoder_settings ds = decoder_settings();
    double last_psnr = 0;
    size_t last_size = 0;
    for (int quality = 0; quality <= 100; quality += 25) {
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
        struct buffer stream = encode(&rgb, 64, 64, &es);
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
        double reached = psnr(got, rgb.data, rgb.size);
        ck_assert_double_gt(reached, last_psnr);
        ck_assert_uint_gt(stream.size, last_size);
        last_psnr = reached;
        last_size = stream.size;
        free(stream.data);
    }
    ck_assert_double_gt(last_psnr, 40);
    free(got);
    free(rgb.data);
}
END_TEST

/* Strong steering spends much less than the first guess of the end allows for. */
START_TEST(target_beyond_the_guess)
{
    struct buffer rgb = picture(96, 64);
    uint8_t *got = alloc(rgb.size);
    ddz_decoder_settings ds = decoder_settings();
    for (int steering = 0; steering <= 4; steering++) {
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1500);
        es.steering = steering;
        struct buffer stream = encode(&rgb, 96, 64, &es);
        ck_assert_uint_eq(stream.size, 1500);
        free(stream.data);
        es.target = DDZ_TARGET_PSNR;
        es.target_value = 33;
        stream = encode(&rgb, 96, 64, &es);
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
        double reached = psnr(got, rgb.data, rgb.size);
        ck_assert_msg(reached >= 33 && reached < 33.1, "%g dB with steering %d", reached, steering);
        free(stream.data);
    }
    free(got);
    free(rgb.data);
}
END_TEST

/* At one end of the chain: fewer bits for fewer decibels, and a better bargain. */
START_TEST(steering_saves_bits)
{
    struct buffer rgb = picture(96, 64);
    double bits[2] = {0}, reached[2];
    for (int i = 0; i < 2; i++) {
        ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 40);
        es.channel = DDZ_CHANNEL_IDEAL;
        es.steering = i;
        ddz_encoder *e = encoder_new(&es);
        uint8_t *shown = alloc(rgb.size);
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 96, 64), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_picture(e, shown), DDZ_OK);
        reached[i] = psnr(shown, rgb.data, rgb.size);
        const ddz_step *steps;
        size_t count = ddz_encoder_steps(e, &steps);
        for (size_t k = 0; k < count; k++)
            bits[i] += steps[k].kl_bits;
        ddz_encoder_free(e);
        free(shown);
    }
    ck_assert_double_lt(bits[1], 0.95 * bits[0]);
    ck_assert_double_lt(reached[1], reached[0]);
    /* 6 dB cost at least half a bit a sample where the error is noise */
    ck_assert_double_gt((bits[0] - bits[1]) / (double)rgb.size, (reached[0] - reached[1]) / 6.02 * 0.25);
    free(rgb.data);
}
END_TEST

/* A picture of one scale: the estimate behind layer 0 is the better for a search that keeps many chains. */
START_TEST(opening_keeps_many_chains)
{
    enum { OPENING = 3 }; /* steps of layer 0 */
    double gain = 0;
    for (uint32_t height = 2; height <= 8; height++) {
        struct buffer rgb = picture(8, height);
        double first[2];
        for (int i = 0; i < 2; i++) {
            ddz_encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 60);
            es.effort = i ? 5 : 1;
            ddz_encoder *e = encoder_new(&es);
            const ddz_step *steps;
            ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 8, height), DDZ_OK);
            ck_assert_uint_ge(ddz_encoder_steps(e, &steps), OPENING + 1);
            first[i] = steps[OPENING].psnr;
            ddz_encoder_free(e);
        }
        ck_assert_double_ge(first[1], first[0]);
        gain += first[1] - first[0];
        free(rgb.data);
    }
    ck_assert_double_gt(gain, 0.1);
}
END_TEST

START_TEST(target_in_sigma)
{
    static const double ends[][2] = {{0.7, 224}, {1.28, 196}, {2, 175}, {2.03, 175}, {44.6, 32}};
    struct buffer rgb = picture(20, 10);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_SIGMA, ends[i][0]);
        struct buffer stream = encode(&rgb, 20, 10, &s);
        ddz_decoder *d = decoder_new(NULL);
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_double_eq_tol(info.sigma_end, 89.25 * exp2(-ends[i][1] / 32), 1e-5);
        ddz_decoder_free(d);
        if (ends[i][1] == 196) { /* quality 100 by another name */
            s = encoder_settings(DDZ_TARGET_QUALITY, 100);
            struct buffer same = encode(&rgb, 20, 10, &s);
            ck_assert_uint_eq(same.size, stream.size);
            ck_assert_mem_eq(same.data, stream.data, stream.size);
            free(same.data);
        }
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* The picture is the estimate, rounded; also where the chain ends before full size. */
START_TEST(estimates)
{
    static const double bytes[] = {6, 12, 30, 90, 1e6};
    struct buffer rgb = picture(40, 30);
    uint8_t *shown = alloc(rgb.size);
    int32_t *estimate = alloc(rgb.size * sizeof *estimate);
    for (size_t k = 0; k < 2 * sizeof bytes / sizeof *bytes; k++) {
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, bytes[k / 2]);
        s.channel = k % 2 ? DDZ_CHANNEL_IDEAL : DDZ_CHANNEL_TRELLIS;
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_estimate(e, estimate), DDZ_ERR_STATE);
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 40, 30), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_estimate(e, NULL), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_encoder_estimate(NULL, estimate), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_encoder_estimate(e, estimate), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_picture(e, shown), DDZ_OK);
        for (size_t i = 0; i < rgb.size; i++) {
            ck_assert_int_ge(estimate[i], 0);
            ck_assert_int_le(estimate[i], 65280);
            ck_assert_double_eq(shown[i], floor(estimate[i] / 256.0 + 0.5));
        }
        ddz_encoder_free(e);
    }
    free(estimate);
    free(shown);
    free(rgb.data);
}
END_TEST

/* An encoder that has sent the 8 x 8 picture, and the estimate that a next step would begin with */
enum { TINY_SAMPLES = 3 * 8 * 8 };

static ddz_encoder *encode_tiny(const struct buffer *rgb, ddz_encoder_settings s, int32_t *estimate)
{
    s.calls_per_octave = 2;
    s.steering = 0;
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb->data, 8, 8), DDZ_OK);
    chain_next_estimate(&e->chain);
    chain_full_estimate(&e->chain, estimate);
    return e;
}

/* KL in bits of a step between noises in grey levels, from the estimate before it */
static double closed_form(const struct buffer *rgb, const int32_t *estimate, double from, double to)
{
    double squares = 0, ratio = to / from;
    for (size_t i = 0; i < rgb->size; i++)
        squares += pow(rgb->data[i] - estimate[i] / 256.0, 2);
    return (1 - ratio * ratio) / (2 * to * to) * squares / log(2);
}

/* Without a scale above it, the chain of a tiny picture begins at the mean colour, and one that ends
 * earlier is the beginning of one that goes on: its estimate tells the next KL. */
START_TEST(divergences)
{
    struct buffer rgb = picture(8, 8);
    int32_t before[TINY_SAMPLES], estimate[TINY_SAMPLES];
    const ddz_step *steps;
    ck_assert_uint_eq(rgb.size, TINY_SAMPLES);
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, 5); /* the header */
    ddz_encoder *e = encode_tiny(&rgb, s, before);
    ck_assert_uint_eq(ddz_encoder_steps(e, &steps), 0);
    ddz_encoder_free(e);
    int compared = 0;
    for (int level = 48; level <= 224; level += 16) {
        s = encoder_settings(DDZ_TARGET_SIGMA, 89.25 * exp2(-level / 32.0));
        s.channel = DDZ_CHANNEL_IDEAL;
        e = encode_tiny(&rgb, s, estimate);
        size_t n = ddz_encoder_steps(e, &steps);
        size_t i = level == 48 ? 0 : n - 1;
        ck_assert_int_eq(isinf(steps[i].sigma_from), i == 0);
        double expected = closed_form(&rgb, before, steps[i].sigma_from, steps[i].sigma_to);
        ck_assert_double_eq_tol(steps[i].kl_bits / expected, 1, 2e-3);
        ck_assert(level == 48 || fabs(steps[i].sigma_from / steps[i].sigma_to - sqrt(2)) < 1e-4);
        memcpy(before, estimate, sizeof before);
        ddz_encoder_free(e);
        compared++;
    }
    ck_assert_int_eq(compared, 12);
    free(rgb.data);
}
END_TEST

START_TEST(ideal_channel)
{
    struct buffer rgb = picture(40, 30);
    uint8_t *got[3];
    size_t bytes[3];
    for (int i = 0; i < 3; i++) {
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 50);
        s.channel = DDZ_CHANNEL_IDEAL;
        s.seed = i < 2 ? 1 : 2;
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 40, 30), DDZ_OK);
        const uint8_t *data;
        const ddz_step *steps;
        ck_assert_int_eq(ddz_encoder_stream(e, &data, &bytes[i]), DDZ_OK);
        ck_assert_ptr_null(data);
        double kl = 0;
        size_t n = ddz_encoder_steps(e, &steps);
        for (size_t k = 0; k < n; k++)
            kl += steps[k].kl_bits;
        ck_assert_uint_eq(bytes[i], (size_t)ceil(kl / 8));
        got[i] = alloc(rgb.size);
        ck_assert_int_eq(ddz_encoder_picture(e, got[i]), DDZ_OK);
        ck_assert_double_gt(psnr(got[i], rgb.data, rgb.size), 25);
        ddz_encoder_free(e);
    }
    ck_assert_mem_eq(got[0], got[1], rgb.size);
    ck_assert_uint_eq(bytes[0], bytes[1]);
    ck_assert_mem_ne(got[0], got[2], rgb.size);
    /* the trellis takes more bits than the KLs, but not many times as many */
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 50);
    struct buffer stream = encode(&rgb, 40, 30, &s);
    ck_assert_uint_gt(stream.size, bytes[0]);
    ck_assert_uint_lt(stream.size, 2 * bytes[0]);
    free(stream.data);
    for (int i = 0; i < 3; i++)
        free(got[i]);
    free(rgb.data);
}
END_TEST

/* ---- Extras ------------------------------------------------------------------------------ */

static void check_extra(const ddz_decoder *d, ddz_extra kind, const struct buffer *expected)
{
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_decoder_extra(d, kind, &data, &size), DDZ_OK);
    ck_assert_uint_eq(size, expected->size);
    ck_assert_int_eq(data == NULL, expected->size == 0);
    if (size > 0)
        ck_assert_mem_eq(data, expected->data, size);
}

START_TEST(extras)
{
    enum { W = 20, H = 10 };
    struct buffer rgb = picture(W, H), alpha = {alloc(W * H), W * H};
    struct buffer icc = copy_of((const uint8_t *)"a profile", 9), exif = copy_of((const uint8_t *)"MM\0*", 4);
    struct buffer none = {0};
    for (size_t i = 0; i < alpha.size; i++)
        alpha.data[i] = (uint8_t)(i % W * 12);
    uint8_t got[3 * W * H], plain_rgb[3 * W * H];
    ddz_decoder_settings ds = decoder_settings();
    for (int set = 0; set < 8; set++)
        for (int target = 0; target < 2; target++) {
            ddz_encoder_settings es =
                encoder_settings(target ? DDZ_TARGET_BYTES : DDZ_TARGET_QUALITY, target ? 400 : 10);
            ddz_encoder *e = encoder_new(&es);
            const struct buffer *sent[] = {set & 1 ? &alpha : &none, set & 2 ? &icc : &none,
                                           set & 4 ? &exif : &none};
            ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, rgb.data, 50), DDZ_OK);
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)(i + 1), sent[i]->data, sent[i]->size),
                                 DDZ_OK);
            ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, W, H), DDZ_OK);
            struct buffer stream = stream_of(e);
            if (target)
                ck_assert_uint_eq(stream.size, 400);
            ddz_encoder_free(e);
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
            for (int i = 0; i < 3; i++)
                check_extra(d, (ddz_extra)(i + 1), sent[i]);
            if (set == 0 && !target)
                memcpy(plain_rgb, got, sizeof got);
            else if (!target) /* side layers do not touch the picture */
                ck_assert_mem_eq(plain_rgb, got, sizeof got);
            ddz_decoder_free(d);
            free(stream.data);
        }
    free(alpha.data);
    free(icc.data);
    free(exif.data);
    free(rgb.data);
}
END_TEST

START_TEST(extras_that_do_not_fit)
{
    struct buffer rgb = picture(5, 5);
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)0, rgb.data, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)4, rgb.data, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, NULL, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, rgb.data, 24), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 5, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, NULL, 0), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 5, 5), DDZ_OK);
    ddz_encoder_free(e);
    free(rgb.data);
}
END_TEST

/* ---- Interruptions ----------------------------------------------------------------------- */

struct stop {
    int left; /* calls to allow */
    double last_done;
};

static int stop_progress(void *cookie, double done, double total)
{
    struct stop *s = cookie;
    ck_assert(done >= 0 && total > 0 && done <= total);
    ck_assert_double_ge(done, s->last_done);
    s->last_done = done;
    return s->left-- <= 0;
}

START_TEST(cancelled_encoder)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H), expected = small_stream();
    int cancelled = 0;
    for (int n = 0;; n++) {
        struct stop stop = {.left = n};
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
        s.progress = stop_progress;
        s.progress_cookie = &stop;
        ddz_encoder *e = encoder_new(&s);
        const uint8_t *data;
        size_t size;
        ddz_status status = ddz_encoder_encode(e, rgb.data, SMALL_W, SMALL_H);
        if (status == DDZ_ERR_CANCELLED) {
            cancelled++;
            ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
            stop = (struct stop){.left = 1000};
            status = ddz_encoder_encode(e, rgb.data, SMALL_W, SMALL_H);
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_OK);
        ck_assert_uint_eq(size, expected.size);
        ck_assert_mem_eq(data, expected.data, size);
        ddz_encoder_free(e);
        if (cancelled == n)
            break;
    }
    ck_assert_int_gt(cancelled, 5);
    free(expected.data);
    free(rgb.data);
}
END_TEST

START_TEST(cancelled_decoder)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    size_t part = stream.size * 2 / 3;
    for (int recon = 0; recon < 2; recon++) {
        ddz_decoder_settings ds = decoder_settings();
        ddz_decoder *whole = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(whole, stream.data, part), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(whole, (ddz_recon)recon, expected), DDZ_OK);
        ddz_decoder_free(whole);
        int cancelled = 0;
        for (int n = 0; n <= cancelled; n++) {
            struct stop stop = {.left = n};
            ds.progress = stop_progress;
            ds.progress_cookie = &stop;
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data, part), DDZ_OK);
            ddz_status status = ddz_decoder_picture(d, (ddz_recon)recon, rgb);
            if (status == DDZ_ERR_CANCELLED) {
                cancelled++;
                stop = (struct stop){.left = 1000};
                status = ddz_decoder_picture(d, (ddz_recon)recon, rgb);
            }
            ck_assert_int_eq(status, DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ddz_decoder_free(d);
        }
        ck_assert_int_gt(cancelled, 5);
    }
    free(stream.data);
}
END_TEST

/* Memory that runs out: allocation number `fail` and, if `lasting`, all after it */
struct scarce {
    int calls, fail, lasting, living;
};

static void *scarce_allocate(void *cookie, size_t size)
{
    struct scarce *s = cookie;
    int n = s->calls++;
    if (n == s->fail || (s->lasting && n > s->fail))
        return NULL;
    void *p = malloc(size);
    s->living += p != NULL;
    return p;
}

static void scarce_release(void *cookie, void *memory)
{
    struct scarce *s = cookie;
    s->living -= memory != NULL;
    free(memory);
}

static ddz_allocator scarce_allocator(struct scarce *s)
{
    return (ddz_allocator){scarce_allocate, scarce_release, s};
}

static ddz_status encode_scarcely(struct scarce *scarce, const struct buffer *rgb)
{
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_PSNR, 22);
    s.allocator = scarce_allocator(scarce);
    ddz_encoder *e = NULL;
    ddz_status status = ddz_encoder_new(model(), &s, &e);
    if (status == DDZ_OK)
        status = ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb->data, 30);
    if (status == DDZ_OK)
        status = ddz_encoder_encode(e, rgb->data, 12, 9);
    if (status != DDZ_OK && e) { /* what is left must be usable */
        uint8_t got[3 * 12 * 9];
        const uint8_t *data;
        size_t size;
        ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
        ck_assert_int_eq(ddz_encoder_picture(e, got), DDZ_ERR_STATE);
        scarce->fail = -1;
        scarce->lasting = 0;
        ck_assert_int_eq(ddz_encoder_encode(e, rgb->data, 12, 9), DDZ_OK);
    }
    ddz_encoder_free(e);
    return status;
}

START_TEST(encoder_without_memory)
{
    struct buffer rgb = picture(12, 9);
    for (int lasting = 0; lasting < 2; lasting++) {
        ddz_status status = DDZ_ERR_MEMORY;
        int fail = 0;
        for (; status != DDZ_OK && fail < 1000; fail++) {
            struct scarce s = {.fail = fail, .lasting = lasting};
            status = encode_scarcely(&s, &rgb);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
            ck_assert_int_eq(s.living, 0);
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_gt(fail, 15);
    }
    free(rgb.data);
}
END_TEST

static int look_away(void *cookie, double sigma, const uint8_t *rgb)
{
    (void)cookie;
    (void)sigma;
    (void)rgb;
    return 0;
}

/* A stream with extras, in two pieces, and both reconstructions */
static ddz_status decode_scarcely(struct scarce *scarce, const struct buffer *stream)
{
    ddz_decoder_settings s = decoder_settings();
    s.allocator = scarce_allocator(scarce);
    s.observer = look_away; /* what it is shown takes memory, too */
    uint8_t rgb[3 * 12 * 9];
    ddz_decoder *d = NULL;
    ddz_status status = ddz_decoder_new(model(), &s, &d);
    if (status != DDZ_OK)
        return status;
    ddz_status results[5];
    results[0] = ddz_decoder_feed(d, stream->data, stream->size / 2);
    results[1] = ddz_decoder_picture(d, DDZ_RECON_SAMPLE, rgb);
    results[2] = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
    results[3] = ddz_decoder_feed(d, stream->data + stream->size / 2, stream->size - stream->size / 2);
    results[4] = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
    for (int i = 0; i < 5; i++) {
        ck_assert(results[i] == DDZ_OK || results[i] == DDZ_ERR_MEMORY);
        status = status == DDZ_OK ? results[i] : status;
    }
    /* bytes that were lost are lost; a picture that failed can be had later */
    if (results[0] == DDZ_OK && results[3] == DDZ_OK) {
        scarce->fail = -1;
        scarce->lasting = 0;
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_int_eq(info.digest_agrees, 1);
    }
    ddz_decoder_free(d);
    return status;
}

START_TEST(decoder_without_memory)
{
    struct buffer rgb = picture(12, 9);
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb.data, 30), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 12, 9), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    for (int lasting = 0; lasting < 2; lasting++) {
        ddz_status status = DDZ_ERR_MEMORY;
        int fail = 0;
        for (; status != DDZ_OK && fail < 1000; fail++) {
            struct scarce s = {.fail = fail, .lasting = lasting};
            status = decode_scarcely(&s, &stream);
            ck_assert_int_eq(s.living, 0);
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_gt(fail, 15);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* ---- Limits and bad input ---------------------------------------------------------------- */

START_TEST(limits)
{
    struct buffer rgb = picture(10, 11);
    uint8_t got[3 * 110];
    ddz_encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 5);
    struct buffer stream = encode(&rgb, 10, 11, &es);
    for (uint64_t max = 109; max <= 110; max++) {
        es.max_pixels = max;
        ddz_encoder *e = encoder_new(&es);
        ddz_status expected = max < 110 ? DDZ_ERR_LIMIT : DDZ_OK;
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, 10, 11), expected);
        ddz_encoder_free(e);
        ddz_decoder_settings ds = decoder_settings();
        ds.max_pixels = max;
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), expected);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, 1), max < 110 ? DDZ_ERR_LIMIT : DDZ_ERR_CORRUPT);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got),
                         max < 110 ? DDZ_ERR_LIMIT : DDZ_ERR_CORRUPT);
        ddz_decoder_free(d);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* Nine bytes that name a huge picture: refused without memory. */
START_TEST(huge_header)
{
    const uint8_t head[] = {0xDD, 0xFF, 0xFF, 0xFF, (uint8_t)(0xF8 | (ddz_model_id(model()) & 7)), 0xFF, 0xFE,
                            0xFF, 0xFE, 0,    0};
    const uint64_t most[] = {1, 1 << 26, 1 << 28};
    for (int i = 0; i < 3; i++) {
        struct scarce s = {.fail = -1};
        ddz_decoder_settings ds = decoder_settings();
        ds.max_pixels = most[i];
        ds.allocator = scarce_allocator(&s);
        ddz_decoder *d = decoder_new(&ds);
        uint8_t rgb[3];
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_feed(d, head, sizeof head), DDZ_ERR_LIMIT);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_LIMIT);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_ERR_LIMIT);
        ck_assert_int_eq(s.calls, 1); /* the decoder itself */
        ddz_decoder_free(d);
    }
}
END_TEST

/* Each byte of a stream damaged in several ways: an error or a picture, and no silence about a bit
 * that took part. */
START_TEST(damaged_streams)
{
    struct buffer stream = small_stream();
    struct layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], *big = alloc(3 << 16);
    const uint8_t flips[] = {0x01, 0x80, 0x10, 0xFF};
    ddz_decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), DDZ_OK);
    for (size_t i = 0; i < stream.size; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            stream.data[i] ^= flips[k];
            ddz_status status = decode_prefix(&ds, stream.data, stream.size, i >= 1 && i < 5 ? big : rgb);
            /* the last byte of layer 0 and of the frame may hold bits that nobody reads */
            bool conveyed =
                (i >= l.opening && i + 1 < l.opening_end) || (i >= l.frame + 15 && i + 1 < l.frame_end);
            bool digest = i >= l.frame_end;
            if (conveyed || digest)
                ck_assert_msg(status == DDZ_ERR_CORRUPT, "byte %zu ^ %d: %s", i, flips[k],
                              ddz_strerror(status));
            else if (i < 1)
                ck_assert_int_eq(status, DDZ_ERR_FORMAT);
            else if (i == 4 && flips[k] == 0x01)
                ck_assert_int_eq(status, DDZ_ERR_WRONG_MODEL);
            stream.data[i] ^= flips[k];
        }
    free(big);
    free(stream.data);
}
END_TEST

/* Bytes inserted, lost, or of another stream */
START_TEST(mangled_streams)
{
    struct buffer stream = small_stream(), mangled = {alloc(2 * stream.size), 0};
    uint8_t *rgb = alloc(3 << 16);
    ddz_decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    for (uint64_t trial = 0; trial < 300; trial++) {
        size_t at = 6 + hash_pair(trial, 0) % (stream.size - 6), gap = hash_pair(trial, 1) % 20;
        size_t from = hash_pair(trial, 2) % (stream.size - 20);
        memcpy(mangled.data, stream.data, at);
        memcpy(mangled.data + at, stream.data + from, gap);
        memcpy(mangled.data + at + gap, stream.data + at, stream.size - at);
        mangled.size = stream.size + gap;
        ddz_status longer = decode_prefix(&ds, mangled.data, mangled.size, rgb);
        ck_assert(gap == 0 || longer == DDZ_ERR_CORRUPT || longer == DDZ_ERR_WRONG_MODEL || longer == DDZ_OK);
        size_t lost = at + gap < stream.size ? gap : stream.size - at;
        memcpy(mangled.data + at, stream.data + at + lost, stream.size - at - lost);
        (void)decode_prefix(&ds, mangled.data, stream.size - lost, rgb);
        for (size_t i = at; i < stream.size; i++)
            mangled.data[i] = (uint8_t)hash_pair(trial, i);
        (void)decode_prefix(&ds, mangled.data, stream.size, rgb);
    }
    free(mangled.data);
    free(rgb);
    free(stream.data);
}
END_TEST

START_TEST(trailing_bytes)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    ddz_decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_feed(d, (const uint8_t *)"x", 1), DDZ_ERR_CORRUPT);
    ck_assert_int_eq(ddz_decoder_feed(d, (const uint8_t *)"x", 1), DDZ_ERR_CORRUPT);
    /* the picture is there all the same */
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_CORRUPT);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* The toy model with another provenance, so that the last 8 bits of its identity are the same */
static ddz_model *twin_model(void)
{
    const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
    size_t size, body_size, at = 0;
    uint8_t *file = toy_model_shaped(1, &shape, &size);
    uint8_t *body = toy_body(file, size, &body_size);
    free(file);
    while (memcmp(body + at, "random weights", 14) != 0)
        at++;
    ddz_model *twin = NULL;
    for (unsigned i = 0; !twin && i < 1u << 16; i++) {
        body[at] = (uint8_t)('a' + i % 26);
        body[at + 1] = (uint8_t)('a' + i / 26 % 26);
        body[at + 2] = (uint8_t)('a' + i / 676 % 26);
        uint32_t id = (uint32_t)crc32(0, body, (uInt)body_size);
        if ((uint8_t)id != (uint8_t)ddz_model_id(model()))
            continue;
        file = toy_file(body, body_size, &size);
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &twin), DDZ_OK);
        free(file);
    }
    free(body);
    ck_assert_ptr_nonnull(twin);
    ck_assert_uint_ne(ddz_model_id(twin), ddz_model_id(model()));
    return twin;
}

START_TEST(wrong_model)
{
    size_t size;
    struct buffer stream = small_stream();
    uint8_t *file = toy_model(2, &size), rgb[SMALL_BYTES];
    ddz_model *models[2] = {NULL, twin_model()};
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &models[0]), DDZ_OK);
    ck_assert_uint_ne((uint8_t)ddz_model_id(models[0]), (uint8_t)ddz_model_id(model()));
    for (int i = 0; i < 2; i++) {
        ddz_decoder *d;
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_new(models[i], NULL, &d), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_ERR_WRONG_MODEL);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_WRONG_MODEL);
        ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
        ck_assert_uint_eq(info.width, SMALL_W);
        ddz_decoder_free(d);
        ddz_model_free(models[i]);
    }
    free(file);
    free(stream.data);
}
END_TEST

/* Without a model there is the header, and nothing else. */
START_TEST(no_model)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES];
    ddz_decoder *d;
    ddz_info info;
    const ddz_step *steps;
    size_t count;
    ck_assert_int_eq(ddz_decoder_new(NULL, NULL, &d), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert_uint_eq(info.width, SMALL_W);
    ck_assert_uint_eq(info.height, SMALL_H);
    ck_assert_int_eq(info.model_id_bits, 3);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()) & 7);
    ck_assert_int_eq(ddz_decoder_steps(d, &steps, &count), DDZ_ERR_STATE);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

static void check_refused(const ddz_encoder_settings *s)
{
    ddz_encoder *e;
    ck_assert_int_eq(ddz_encoder_new(model(), s, &e), DDZ_ERR_ARGUMENT);
}

START_TEST(bad_arguments)
{
    ddz_encoder_settings good = encoder_settings(DDZ_TARGET_QUALITY, 50), bad;
#define REFUSED(field, value) (bad = good, bad.field = (value), check_refused(&bad))
    REFUSED(struct_size, good.struct_size - 1);
    REFUSED(target, (ddz_target)4);
    REFUSED(target_value, -1);
    REFUSED(target_value, 100.5);
    REFUSED(target_value, NAN);
    REFUSED(effort, 0);
    REFUSED(effort, 10);
    REFUSED(trellis_bits, 7);
    REFUSED(trellis_bits, 17);
    REFUSED(calls_per_octave, 1);
    REFUSED(calls_per_octave, 3);
    REFUSED(calls_per_octave, 64);
    REFUSED(calls_per_octave, -1);
    REFUSED(updates, -1);
    REFUSED(updates, 3);
    REFUSED(updates, 16);
    REFUSED(threads, -1);
    REFUSED(threads, 257);
    REFUSED(max_pixels, 0);
    REFUSED(max_pixels, (1 << 28) + 1);
    REFUSED(channel, (ddz_channel)2);
    good = encoder_settings(DDZ_TARGET_SIGMA, 2);
    static const double sigmas[] = {0, -2, 0.68, 45.2, 1e-300, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++)
        REFUSED(target_value, sigmas[i]);
#undef REFUSED
    ddz_encoder *e = encoder_new(&good);
    ddz_decoder *d;
    uint8_t rgb[3] = {0};
    ck_assert_int_eq(ddz_encoder_new(NULL, &good, &e), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb, 0, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb, 1, 65536), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_encode(e, NULL, 1, 1), DDZ_ERR_ARGUMENT);
    ddz_encoder_free(e);
    ddz_encoder_free(NULL);
    ddz_decoder_settings ds = decoder_settings();
    ds.threads = 257;
    ck_assert_int_eq(ddz_decoder_new(model(), &ds, &d), DDZ_ERR_ARGUMENT);
    ds = decoder_settings();
    ds.max_pixels = 0;
    ck_assert_int_eq(ddz_decoder_new(model(), &ds, &d), DDZ_ERR_ARGUMENT);
    ds = decoder_settings();
    ds.struct_size++;
    ck_assert_int_eq(ddz_decoder_new(model(), &ds, &d), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_new(model(), NULL, NULL), DDZ_ERR_ARGUMENT);
    d = decoder_new(NULL);
    ck_assert_int_eq(ddz_decoder_feed(d, NULL, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_picture(d, (ddz_recon)2, rgb), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_TRUNCATED);
    ddz_decoder_free(d);
    ddz_decoder_free(NULL);
}
END_TEST

START_TEST(texts)
{
    ck_assert_str_eq(ddz_version(), "0.1.0");
    for (int i = 0; i <= 10; i++)
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ddz_strerror((ddz_status)i), ddz_strerror((ddz_status)k));
    ck_assert_str_eq(ddz_strerror((ddz_status)11), ddz_strerror((ddz_status)-1));
}
END_TEST

/* ---- Golden streams ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t width, height;
    double quality;
    int calls_per_octave, updates;
} golden[] = {{"small", 37, 26, 60, 0, 0},
              {"tall", 3, 150, 100, 16, 1},
              {"large", 150, 90, 5, 0, 0},
              {"updates", 45, 31, 80, 2, 8}};
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
    ck_assert_int_eq(ddz_decoder_feed(d, stream->data, size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, recon, rgb), DDZ_OK);
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
        free(stream.data);
    }
    ck_assert_int_eq(*at, 0);
    ddz_model_free(m);
    free(file.data);
    free(list.data);
}
END_TEST

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
        struct buffer rgb = picture(golden[i].width, golden[i].height);
        ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, golden[i].quality);
        s.calls_per_octave = golden[i].calls_per_octave;
        s.updates = golden[i].updates;
        s.trellis_bits = 10;
        ddz_encoder *e;
        ck_assert_int_eq(ddz_encoder_new(m, &s, &e), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, golden[i].width, golden[i].height), DDZ_OK);
        struct buffer stream = stream_of(e);
        write_file(golden[i].name, ".ddz", &stream);
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

/* ------------------------------------------------------------------------------------------ */

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

/* A picture's stream with extras, by the model of fuzz_decode.c */
static struct buffer fuzz_stream(const ddz_model *m, uint32_t w, uint32_t h, ddz_target target, double value)
{
    struct buffer rgb = picture(w, h);
    ddz_encoder_settings s = encoder_settings(target, value);
    ddz_encoder *e;
    ck_assert_int_eq(ddz_encoder_new(m, &s, &e), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, rgb.data, (size_t)w * h), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb.data, 7), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    free(rgb.data);
    return stream;
}

static void write_streams(const ddz_model *m)
{
    struct buffer small = fuzz_stream(m, 9, 7, DDZ_TARGET_QUALITY, 0);
    struct buffer tiny = fuzz_stream(m, 1, 1, DDZ_TARGET_QUALITY, 10);
    struct buffer cut = fuzz_stream(m, 32, 18, DDZ_TARGET_BYTES, 400);
    size_t frame = layout_of(&small).frame;
    write_file("decode/small", "", &small);
    write_file("decode/tiny", "", &tiny);
    write_file("decode/bytes", "", &cut);
    write_variant("decode/header", &small, 5, "", 0);
    write_variant("decode/header-part", &small, 3, "", 0);
    write_variant("decode/opening-part", &small, frame - 2, "", 0);
    write_variant("decode/settings-part", &small, frame + 12, "", 0);
    write_variant("decode/main-part", &small, frame + 25, "", 0);
    write_variant("decode/no-digest", &small, small.size - 4, "", 0);
    write_variant("decode/trailing", &small, small.size, "x", 1);
    write_variant("decode/empty", &small, 0, "", 0);
    write_variant("decode/version", &small, 0, "\xDE\0\0\0\0\0", 6);
    write_variant("decode/huge", &small, 1, "\xFF\xFF\xFF\xF8\xFF\xFE\xFF\xFE", 8);
    write_variant("decode/not-long", &small, 1, "\xFF\xFF\xFF\xF8\0\x08\0\x06", 8);
    write_variant("decode/not-short", &small, 1, "\x80\x1E\0\x78", 4);
    write_variant("decode/shape", &small, 1, "\x10\0", 2);
    /* frames: a window of 2^31 bytes; a compressed block of nothing; a run of zeros longer than the
     * chain, after settings */
    write_variant("decode/window", &small, frame + 5, "\xA8\1\0\0", 4);
    write_variant("decode/block", &small, frame + 6, "\5\0\0", 3);
    write_variant("decode/run", &small, frame + 6, "\x30\0\0\0\0\0\0\0\0\2\0\x10\0", 13);
    struct buffer side = copy_of(small.data, small.size);
    memset(side.data + frame + 15, 0, 7); /* side information of 31 zeros and more */
    write_file("decode/side", "", &side);
    memset(side.data + frame + 15, 1, 1);
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
    write_models(&file);
    ddz_model_free(m);
    free(file.data);
}
END_TEST

/* ------------------------------------------------------------------------------------------ */

static int run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Run one test that writes files. */
static int run_writer(const char *what)
{
    Suite *suite = suite_create(what);
    TCase *writer = tcase_create(what);
    tcase_set_timeout(writer, 300);
    if (strcmp(what, "golden") == 0)
        tcase_add_test(writer, make_golden);
    else
        tcase_add_test(writer, make_corpus);
    suite_add_tcase(suite, writer);
    return run(suite);
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
    Suite *suite = suite_create("codec");
    TCase *round = tcase_create("round trip"), *prefix = tcase_create("prefixes"),
          *sample = tcase_create("samples"), *target = tcase_create("targets"),
          *extra = tcase_create("extras"), *stop = tcase_create("interruptions"),
          *bad = tcase_create("bad input"), *old = tcase_create("golden");
    tcase_add_loop_test(round, round_trip, 0, SIZES);
    tcase_add_test(round, round_trip_of_settings);
    tcase_add_test(round, round_trip_of_extremes);
    tcase_add_test(round, round_trip_of_a_line);
    tcase_add_test(round, encoder_is_used_again);
    tcase_add_test(round, threads_and_kernels);
    for (int updates = 1; updates <= 8; updates *= 2) {
        tcase_add_loop_test(prefix, every_byte_is_a_place_to_stop, updates, updates + 1);
        tcase_add_loop_test(prefix, pictures_between_updates, updates, updates + 1);
    }
    tcase_add_test(prefix, updates_are_steps);
    tcase_add_test(prefix, every_bit_is_a_place_to_stop);
    tcase_add_test(prefix, bit_limit_across_feeds);
    tcase_add_test(prefix, pieces);
    tcase_add_test(prefix, samples_depend_on_the_seed);
    tcase_add_loop_test(sample, begin_is_a_header_alone, 0, SIZES);
    tcase_add_test(sample, begin_refuses);
    tcase_add_test(sample, seeds_of_one_decoder);
    tcase_add_test(sample, sample_of_a_whole_stream);
    tcase_add_test(sample, observed_sample);
    tcase_add_test(sample, observed_decoding);
    tcase_add_test(sample, steps_of_a_sample);
    tcase_add_test(target, target_in_bytes);
    tcase_add_test(target, target_in_psnr);
    tcase_add_test(target, low_psnr);
    tcase_add_test(target, target_in_quality);
    tcase_add_test(target, target_beyond_the_guess);
    tcase_add_test(target, steering_saves_bits);
    tcase_add_test(target, opening_keeps_many_chains);
    tcase_add_test(target, target_in_sigma);
    tcase_add_test(target, estimates);
    tcase_add_test(target, divergences);
    tcase_add_test(target, ideal_channel);
    tcase_add_test(extra, extras);
    tcase_add_test(extra, extras_that_do_not_fit);
    tcase_add_test(stop, cancelled_encoder);
    tcase_add_test(stop, cancelled_decoder);
    tcase_add_test(stop, encoder_without_memory);
    tcase_add_test(stop, decoder_without_memory);
    tcase_add_test(bad, limits);
    tcase_add_test(bad, huge_header);
    tcase_add_test(bad, damaged_streams);
    tcase_add_test(bad, mangled_streams);
    tcase_add_test(bad, trailing_bytes);
    tcase_add_test(bad, wrong_model);
    tcase_add_test(bad, no_model);
    tcase_add_test(bad, bad_arguments);
    tcase_add_test(bad, texts);
    tcase_add_test(old, golden_streams);
    TCase *all[] = {round, prefix, sample, target, extra, stop, bad, old};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_set_timeout(all[i], 300);
        suite_add_tcase(suite, all[i]);
    }
    return run(suite);
}
