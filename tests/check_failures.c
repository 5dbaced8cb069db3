/* Interruptions, no memory, bad input, bad arguments: a status, and nothing left behind. */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "ddz.h"
#include "runner.h"
#include "streams.h"
#include "toy_model.h"

struct stop {
    int left, calls; /* to allow, made */
    double told;
};

static int stop_progress(void *cookie, double share)
{
    struct stop *s = cookie;
    ck_assert(share >= s->told && share <= 1);
    ck_assert(s->calls++ > 0 || share == 0);
    s->told = share;
    return s->left-- <= 0;
}

START_TEST(cancelled_encoder)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H), expected = small_stream();
    int cancelled = 0;
    for (int n = 0;; n++) {
        struct stop stop = {.left = n};
        struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
        s.progress = stop_progress;
        s.progress_cookie = &stop;
        ddz_encoder *e = encoder_new(&s);
        const uint8_t *data;
        size_t size;
        ddz_status status = encode_rgb(e, rgb.data, SMALL_W, SMALL_H);
        if (status == DDZ_ERR_CANCELLED) {
            cancelled++;
            ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
            stop = (struct stop){.left = 1000};
            status = encode_rgb(e, rgb.data, SMALL_W, SMALL_H);
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
        struct decoder_settings ds = decoder_settings();
        ddz_decoder *whole = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(whole, stream.data, part), DDZ_OK);
        ck_assert_int_eq(decode_rgb(whole, (ddz_recon)recon, expected), DDZ_OK);
        ddz_decoder_free(whole);
        int cancelled = 0;
        for (int n = 0; n <= cancelled; n++) {
            struct stop stop = {.left = n};
            ds.progress = stop_progress;
            ds.progress_cookie = &stop;
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data, part), DDZ_OK);
            ddz_status status = decode_rgb(d, (ddz_recon)recon, rgb);
            if (status == DDZ_ERR_CANCELLED) {
                cancelled++;
                stop = (struct stop){.left = 1000};
                status = decode_rgb(d, (ddz_recon)recon, rgb);
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
    struct encoder_settings s = encoder_settings(DDZ_TARGET_PSNR, 22);
    s.allocator = scarce_allocator(scarce);
    ddz_encoder *e = NULL;
    ddz_status status = encoder_make(model(), &s, &e);
    if (status == DDZ_OK)
        status = ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb->data, 30);
    if (status == DDZ_OK)
        status = encode_rgb(e, rgb->data, 12, 9);
    if (status != DDZ_OK && e) { /* what is left must be usable */
        uint8_t got[3 * 12 * 9];
        const uint8_t *data;
        size_t size;
        ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
        ck_assert_int_eq(sent_rgb(e, got), DDZ_ERR_STATE);
        scarce->fail = -1;
        scarce->lasting = 0;
        ck_assert_int_eq(encode_rgb(e, rgb->data, 12, 9), DDZ_OK);
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

static int look_away(void *cookie, double sigma, const void *rgb)
{
    (void)cookie;
    (void)sigma;
    (void)rgb;
    return 0;
}

/* A stream with extras, in two pieces, and both reconstructions */
static ddz_status decode_scarcely(struct scarce *scarce, const struct buffer *stream)
{
    struct decoder_settings s = decoder_settings();
    s.allocator = scarce_allocator(scarce);
    s.observer = look_away; /* what it is shown takes memory, too */
    uint8_t rgb[3 * 12 * 9];
    ddz_decoder *d = NULL;
    ddz_status status = decoder_make(model(), &s, &d);
    if (status != DDZ_OK)
        return status;
    ddz_status results[5];
    results[0] = ddz_decoder_feed(d, stream->data, stream->size / 2);
    results[1] = decode_rgb(d, DDZ_RECON_SAMPLE, rgb);
    results[2] = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    results[3] = ddz_decoder_feed(d, stream->data + stream->size / 2, stream->size - stream->size / 2);
    results[4] = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    for (int i = 0; i < 5; i++) {
        ck_assert(results[i] == DDZ_OK || results[i] == DDZ_ERR_MEMORY);
        status = status == DDZ_OK ? results[i] : status;
    }
    /* bytes that were lost are lost; a picture that failed can be had later */
    if (results[0] == DDZ_OK && results[3] == DDZ_OK) {
        scarce->fail = -1;
        scarce->lasting = 0;
        ddz_info info;
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
        ck_assert_int_eq(info.digest_agrees, 1);
    }
    ddz_decoder_free(d);
    return status;
}

START_TEST(decoder_without_memory)
{
    struct buffer rgb = picture(12, 9);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, rgb.data, 30), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, 12, 9), DDZ_OK);
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
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 5);
    struct buffer stream = encode(&rgb, 10, 11, &es);
    for (int64_t max = 109; max <= 110; max++) {
        es.max_pixels = max;
        ddz_encoder *e = encoder_new(&es);
        ddz_status expected = max < 110 ? DDZ_ERR_PIXEL_LIMIT : DDZ_OK;
        ck_assert_int_eq(encode_rgb(e, rgb.data, 10, 11), expected);
        ddz_encoder_free(e);
        struct decoder_settings ds = decoder_settings();
        ds.max_pixels = max;
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), expected);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, 1), expected);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), expected);
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
    const int64_t most[] = {1, 1 << 26, 1 << 28};
    for (int i = 0; i < 3; i++) {
        struct scarce s = {.fail = -1};
        struct decoder_settings ds = decoder_settings();
        ds.max_pixels = most[i];
        ds.allocator = scarce_allocator(&s);
        ddz_decoder *d = decoder_new(&ds);
        uint8_t rgb[3];
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_feed(d, head, sizeof head), DDZ_ERR_PIXEL_LIMIT);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_PIXEL_LIMIT);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_ERR_PIXEL_LIMIT);
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
    struct stream_layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], *big = alloc(3 << 16);
    const uint8_t flips[] = {0x01, 0x80, 0x10, 0xFF};
    struct decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), DDZ_OK);
    for (size_t i = 0; i < stream.size; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            stream.data[i] ^= flips[k];
            ddz_status status = decode_prefix(&ds, stream.data, stream.size, i >= 1 && i < 5 ? big : rgb);
            /* the last byte of the preview and of the frame may hold bits that nobody reads */
            bool conveyed =
                (i >= l.preview && i + 1 < l.preview_end) || (i >= l.frame + 16 && i + 1 < l.frame_end);
            bool digest = i > l.frame_end;
            if (digest)
                ck_assert_int_eq(status, DDZ_ERR_DIGEST);
            else if (conveyed)
                ck_assert_msg(status == DDZ_ERR_CORRUPT || status == DDZ_ERR_DIGEST, "byte %zu ^ %d: %s", i,
                              flips[k], ddz_strerror(status));
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
    struct decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    for (uint64_t trial = 0; trial < 300; trial++) {
        size_t at = 6 + hash_pair(trial, 0) % (stream.size - 6), gap = hash_pair(trial, 1) % 20;
        size_t from = hash_pair(trial, 2) % (stream.size - 20);
        memcpy(mangled.data, stream.data, at);
        memcpy(mangled.data + at, stream.data + from, gap);
        memcpy(mangled.data + at + gap, stream.data + at, stream.size - at);
        mangled.size = stream.size + gap;
        ddz_status longer = decode_prefix(&ds, mangled.data, mangled.size, rgb);
        ck_assert(gap == 0 || longer == DDZ_ERR_CORRUPT || longer == DDZ_ERR_DIGEST ||
                  longer == DDZ_ERR_FEATURE || longer == DDZ_ERR_WRONG_MODEL || longer == DDZ_OK);
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

/* They are ignored, and counted. */
START_TEST(trailing_bytes)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_uint_eq(info_of(d).trailing_bytes, 0);
    ck_assert_int_eq(ddz_decoder_feed(d, (const uint8_t *)"x", 1), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_uint_eq(info_of(d).trailing_bytes, 1 + stream.size);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    ck_assert(info_of(d).complete && info_of(d).digest_agrees);
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
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_WRONG_MODEL);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
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
    size_t count;
    ck_assert_int_eq(ddz_decoder_new(NULL, NULL, &d), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
    ck_assert_uint_eq(info.width, SMALL_W);
    ck_assert_uint_eq(info.height, SMALL_H);
    ck_assert_int_eq(info.model_id_bits, 3);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()) & 7);
    ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_ERR_STATE);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

static void check_refused(const struct encoder_settings *s)
{
    ddz_encoder *e;
    ck_assert_int_eq(encoder_make(model(), s, &e), DDZ_ERR_ARGUMENT);
}

START_TEST(bad_arguments)
{
    struct encoder_settings good = encoder_settings(DDZ_TARGET_QUALITY, 50), bad;
#define REFUSED(field, value) (bad = good, bad.field = (value), check_refused(&bad))
    REFUSED(target, (ddz_target)-1);
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
    REFUSED(ideal, 2);
    REFUSED(steering, -1);
    REFUSED(steering, 4001);
    REFUSED(seed, -1);
    REFUSED(seed, (int64_t)1 << 32);
    REFUSED(features, -2);
    good = encoder_settings(DDZ_TARGET_SIGMA, 2);
    static const double sigmas[] = {0, -2, 0.68, 45.2, 1e-300, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++)
        REFUSED(target_value, sigmas[i]);
#undef REFUSED
    ddz_encoder *e = encoder_new(&good);
    ddz_decoder *d;
    uint8_t rgb[3] = {0};
    ck_assert_int_eq(ddz_encoder_new(NULL, NULL, &e), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(encode_rgb(e, rgb, 0, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(encode_rgb(e, rgb, 1, 65536), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(encode_rgb(e, NULL, 1, 1), DDZ_ERR_ARGUMENT);
    ddz_encoder_free(e);
    ddz_encoder_free(NULL);
    struct decoder_settings ds = decoder_settings();
    ds.threads = 257;
    ck_assert_int_eq(decoder_make(model(), &ds, &d), DDZ_ERR_ARGUMENT);
    ds = decoder_settings();
    ds.max_pixels = 0;
    ck_assert_int_eq(decoder_make(model(), &ds, &d), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_new(model(), NULL, NULL), DDZ_ERR_ARGUMENT);
    ds = decoder_settings();
    d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, NULL, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(decode_rgb(d, (ddz_recon)2, rgb), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_TRUNCATED);
    ddz_decoder_free(d);
    ddz_decoder_free(NULL);
}
END_TEST

START_TEST(texts)
{
    ck_assert_str_eq(ddz_version(), "0.1.0");
    for (int i = 0; i <= 15; i++)
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ddz_strerror((ddz_status)i), ddz_strerror((ddz_status)k));
    ck_assert_str_eq(ddz_strerror((ddz_status)16), ddz_strerror((ddz_status)-1));
}
END_TEST

int main(void)
{
    TCase *stop = tcase_create("interruptions");
    tcase_add_test(stop, cancelled_encoder);
    tcase_add_test(stop, cancelled_decoder);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, encoder_without_memory);
    tcase_add_test(memory, decoder_without_memory);
    TCase *bad = tcase_create("bad input");
    tcase_add_test(bad, limits);
    tcase_add_test(bad, huge_header);
    tcase_add_test(bad, damaged_streams);
    tcase_add_test(bad, mangled_streams);
    tcase_add_test(bad, trailing_bytes);
    tcase_add_test(bad, wrong_model);
    tcase_add_test(bad, no_model);
    tcase_add_test(bad, bad_arguments);
    tcase_add_test(bad, texts);
    TCase *all[] = {stop, memory, bad};
    return run_cases("failures", 300, all, sizeof all / sizeof *all);
}
