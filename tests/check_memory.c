/* Memory: what is announced, limits, and allocations that fail, each in turn */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ddz.h"
#include "ledger.h"
#include "runner.h"
#include "streams.h"

/* The decoder's chain has come to steps at this scale that end with updates. */
static bool comes_to(ddz_decoder *d, int scale)
{
    ddz_step step;
    size_t count = 0;
    ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(ddz_decoder_step(d, i, &step, sizeof step), DDZ_OK);
        if (step.scale == scale && !step.lift && !step.missing)
            return true;
    }
    return false;
}

/* What is announced is what it takes, to two in a hundred; `stream` is how much more that may be for the stream. */
static void check_announced(size_t most, uint64_t announced, size_t stream, const char *what)
{
    ck_assert_msg(most <= announced + stream && announced <= most + most / 50, "%s: %zu of %zu bytes", what,
                  most, (size_t)announced);
}

static void check_encoder(struct encoder_settings s, const struct buffer *rgb, uint32_t w, uint32_t h,
                          struct buffer *stream)
{
    struct ledger l = {0};
    uint64_t announced;
    s.allocator = ledger_allocator(&l);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_memory(e, w, h, &announced), DDZ_OK);
    ck_assert_int_eq(l.calls, 1);
    ck_assert_int_eq(encode_rgb(e, rgb->data, w, h), DDZ_OK);
    *stream = stream_of(e);
    check_announced(l.most, announced, 4 * stream->size, "encoder");
    ddz_encoder_free(e);
    ck_assert_uint_eq(l.used, 0);
}

/* Two thirds of the stream first: most memory is taken where a step has arrived in part. */
static void check_decoder(struct decoder_settings s, const struct buffer *stream, uint32_t w, uint32_t h)
{
    struct ledger l = {0};
    uint64_t announced, part = stream->size * 2 / 3;
    uint8_t *rgb = alloc((size_t)3 * w * h);
    s.allocator = ledger_allocator(&l);
    ddz_decoder *d = decoder_new(&s);
    ck_assert_int_eq(ddz_decoder_memory(d, w, h, &announced), DDZ_OK);
    ck_assert_int_eq(l.calls, 1);
    /* noise fades by an octave a scale, and what is shown has an octave less than where its chain may end */
    int finest = s.scale > 1 ? (int)s.scale - 1 : 0;
    uint64_t kept = (uint64_t)12 * (((w - 1) >> finest) + 1) * (((h - 1) >> finest) + 1);
    ck_assert_int_eq(feed(d, stream->data, part), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
    ck_assert_int_eq(feed(d, stream->data + part, stream->size - part), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    /* steps that wait are kept, too, if there are any; if not, some of it a coarser scale has taken */
    uint64_t waiting = comes_to(d, finest) ? 0 : kept;
    check_announced(l.most + waiting, announced, 3 * stream->size + waiting, "decoder");
    ddz_decoder_free(d);
    ck_assert_uint_eq(l.used, 0);
    /* all of it at once: y is not kept beside itself */
    l = (struct ledger){0};
    d = decoder_new(&s);
    ck_assert_int_eq(feed(d, stream->data, stream->size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    check_announced(l.most + waiting, announced - kept, 3 * stream->size + waiting,
                    "decoder of a whole stream");
    ck_assert_uint_lt(l.used, l.most); /* the network is gone */
    ddz_decoder_free(d);
    free(rgb);
}

START_TEST(memory_is_announced)
{
    static const uint32_t sides[][2] = {{1, 1}, {24, 17}, {300, 200}, {500, 3}};
    static const ddz_target targets[] = {DDZ_TARGET_QUALITY, DDZ_TARGET_BYTES, DDZ_TARGET_PSNR};
    static const double values[] = {30, 700, 20};
    static const int efforts[] = {1, 3, 1};
    for (int k = 0; k < 3; k++) {
        uint32_t w = sides[_i][0], h = sides[_i][1];
        struct buffer rgb = picture(w, h), stream;
        struct encoder_settings s = encoder_settings(targets[k], values[k]);
        s.effort = efforts[k];
        s.threads = 1 + k;
        check_encoder(s, &rgb, w, h, &stream);
        struct decoder_settings d = decoder_settings();
        d.threads = 1 + k;
        check_decoder(d, &stream, w, h);
        d.scale = 2 + k;
        check_decoder(d, &stream, w, h);
        free(stream.data);
        free(rgb.data);
    }
}
END_TEST

/* An exact layer: what is announced is for any samples. */
START_TEST(memory_of_exact_is_announced)
{
    static const uint32_t sides[][2] = {{1, 1}, {300, 200}};
    static const ddz_target targets[] = {DDZ_TARGET_QUALITY, DDZ_TARGET_PSNR};
    struct buffer rgb = picture(sides[_i][0], sides[_i][1]);
    for (int k = 0; k < 2; k++) {
        struct ledger l = {0};
        struct encoder_settings s = encoder_settings(targets[k], 22);
        uint64_t announced;
        s.exact = 1;
        s.allocator = ledger_allocator(&l);
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_memory(e, sides[_i][0], sides[_i][1], &announced), DDZ_OK);
        ck_assert_int_eq(encode_rgb(e, rgb.data, sides[_i][0], sides[_i][1]), DDZ_OK);
        struct buffer stream = stream_of(e);
        ck_assert_uint_le(l.most, announced + 4 * stream.size);
        ddz_encoder_free(e);
        ck_assert_uint_eq(l.used, 0);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* At any limit the work succeeds within it, or says that it is the limit, and can be done without it. */
START_TEST(memory_limits)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H), stream = small_stream();
    struct ledger l = {0};
    struct encoder_settings es = encoder_settings(DDZ_TARGET_PSNR, 25);
    struct decoder_settings ds = decoder_settings();
    uint64_t announced[2];
    es.allocator = ds.allocator = ledger_allocator(&l);
    ddz_encoder *e = encoder_new(&es);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_encoder_memory(e, SMALL_W, SMALL_H, &announced[0]), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_memory(d, SMALL_W, SMALL_H, &announced[1]), DDZ_OK);
    ddz_decoder_free(d);
    announced[0] += 4 * SMALL_BYTES; /* no stream is larger than the picture */
    announced[1] += 3 * stream.size;
    int refused = 0;
    for (uint64_t part = 1; part <= 24; part++) {
        l.most = l.used;
        size_t before = l.used;
        uint64_t limit = announced[0] * part / 24;
        ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_MEMORY_LIMIT, (int64_t)limit), DDZ_OK);
        ddz_status status = encode_rgb(e, rgb.data, SMALL_W, SMALL_H);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY_LIMIT);
        ck_assert_uint_le(l.most - before, limit + sizeof(size_t));
        ck_assert(status == DDZ_OK || part < 24);
        refused += status != DDZ_OK;

        limit = announced[1] * part / 24;
        ck_assert_int_eq(decoder_make(model(), &ds, &d), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_MEMORY_LIMIT, (int64_t)limit), DDZ_OK);
        status = feed(d, stream.data, stream.size);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY_LIMIT);
        status = decode_rgb(d, DDZ_RECON_MEAN, rgb.data);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY_LIMIT);
        ck_assert(status == DDZ_OK || part < 24);
        refused += status != DDZ_OK;
        ddz_decoder_free(d);
        free(rgb.data);
        rgb = picture(SMALL_W, SMALL_H);
    }
    ck_assert_int_gt(refused, 5);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_MEMORY_LIMIT, 0), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, SMALL_W, SMALL_H), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_memory(e, 0, 1, &announced[0]), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_memory(e, 1, 65536, &announced[0]), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_memory(e, 1, 1, NULL), DDZ_ERR_ARGUMENT);
    ddz_encoder_free(e);
    ck_assert_int_eq(decoder_make(NULL, &ds, &d), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_memory(d, 1, 1, &announced[0]), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    ck_assert_uint_eq(l.used, 0);
    free(rgb.data);
    free(stream.data);
}
END_TEST

static ddz_status encode_scarcely(struct ledger *scarce, const struct buffer *rgb, int exact)
{
    struct encoder_settings s = encoder_settings(DDZ_TARGET_PSNR, 22);
    s.exact = exact;
    s.allocator = ledger_allocator(scarce);
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
        ck_assert_int_eq(sent_rgb(e, got, sizeof got), DDZ_ERR_STATE);
        scarce->fails_at = 0;
        ck_assert_int_eq(encode_rgb(e, rgb->data, 12, 9), DDZ_OK);
    }
    ddz_encoder_free(e);
    return status;
}

START_TEST(encoder_without_memory)
{
    struct buffer rgb = picture(12, 9);
    for (int k = 0; k < 4; k++) {
        ddz_status status = DDZ_ERR_MEMORY;
        int fail = 0;
        for (; status != DDZ_OK && fail < 1000; fail += k < 2 ? 1 : 1 + fail / 8) {
            struct ledger s = {.fails_at = fail + 1, .once = k % 2};
            status = encode_scarcely(&s, &rgb, k / 2);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
            ck_assert_int_eq(s.alive, 0);
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
static ddz_status decode_scarcely(struct ledger *scarce, const struct buffer *stream)
{
    struct decoder_settings s = decoder_settings();
    s.allocator = ledger_allocator(scarce);
    s.observer = look_away; /* what it is shown takes memory, too */
    uint8_t rgb[3 * 12 * 9];
    ddz_decoder *d = NULL;
    ddz_status status = decoder_make(model(), &s, &d);
    if (status != DDZ_OK)
        return status;
    ddz_status results[5];
    results[0] = feed(d, stream->data, stream->size / 2);
    results[1] = decode_rgb(d, DDZ_RECON_SAMPLE, rgb);
    results[2] = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    results[3] = feed(d, stream->data + stream->size / 2, stream->size - stream->size / 2);
    results[4] = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    for (int i = 0; i < 5; i++) {
        ck_assert(results[i] == DDZ_OK || results[i] == DDZ_ERR_MEMORY);
        status = status == DDZ_OK ? results[i] : status;
    }
    /* bytes that were lost are lost; a picture that failed can be had later */
    if (results[0] == DDZ_OK && results[3] == DDZ_OK) {
        scarce->fails_at = 0;
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
            struct ledger s = {.fails_at = fail + 1, .once = !lasting};
            status = decode_scarcely(&s, &stream);
            ck_assert_int_eq(s.alive, 0);
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_gt(fail, 15);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *memory = CASE("memory", memory_limits, encoder_without_memory, decoder_without_memory);
    tcase_add_loop_test(memory, memory_is_announced, 0, 4);
    tcase_add_loop_test(memory, memory_of_exact_is_announced, 0, 2);
    return RUN("memory", 300, memory);
}
