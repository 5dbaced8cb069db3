/* The decoder finds the encoder's picture, of every shape and with all settings; extras as well. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ddz.h"
#include "runner.h"
#include "streams.h"

START_TEST(round_trip)
{
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 30);
    check_round_trip(sizes[_i][0], sizes[_i][1], &s);
}
END_TEST

START_TEST(round_trip_of_settings)
{
    for (int effort = 1; effort <= 6; effort++) {
        struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 15.0 * effort);
        s.effort = effort;
        s.trellis_bits = 0;
        check_round_trip(13, 11, &s);
    }
    for (int bits = 8; bits <= 16; bits++)
        for (int n = 2; n <= 32; n *= 2) {
            struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 40);
            s.trellis_bits = bits;
            s.calls_per_octave = n;
            s.updates = 1 << bits % 4;
            if (bits < 12 || n == 4)
                check_round_trip(9, 5, &s);
        }
    /* all as the defaults have it, threads as many as there are */
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 60);
    s.effort = 5;
    s.trellis_bits = s.threads = 0;
    check_round_trip(33, 20, &s);
}
END_TEST

/* Black, white, the primaries in a chequer, noise */
START_TEST(round_trip_of_extremes)
{
    enum { W = 21, H = 12 };
    uint8_t data[3 * W * H];
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 100);
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
    struct encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, 150);
    struct buffer rgb = picture(65535, 1);
    struct buffer stream = encode(&rgb, 65535, 1, &s);
    ck_assert_uint_eq(stream.size, 150);
    struct decoder_settings ds = decoder_settings();
    ddz_info info;
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb.data), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
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
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    ddz_encoder *e = encoder_new(&s);
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_ERR_STATE);
    struct buffer streams[3];
    for (int i = 0; i < 3; i++) {
        const struct buffer *rgb = i == 1 ? &b : &a;
        ck_assert_int_eq(encode_rgb(e, rgb->data, i == 1 ? 9 : 20, i == 1 ? 9 : 30), DDZ_OK);
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
    const int64_t features[] = {0, DDZ_CPU_SSE2, DDZ_CPU_AVX2, DDZ_CPU_AVX512, DDZ_CPU_AMX, -1};
    for (int threads = 0; threads <= 3; threads++)
        for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
            struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1500);
            es.threads = threads;
            es.features = features[i];
            if (threads == 3 && i > 0)
                continue;
            struct buffer stream = encode(&rgb, 100, 70, &es);
            struct decoder_settings ds = decoder_settings();
            ds.threads = threads;
            ds.features = features[i];
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
        alpha.data[i] = (uint8_t)(1 + i % W * 12); /* all is visible: else colours would change */
    uint8_t got[3 * W * H], plain_rgb[3 * W * H];
    struct decoder_settings ds = decoder_settings();
    for (int set = 0; set < 8; set++)
        for (int target = 0; target < 2; target++) {
            struct encoder_settings es =
                encoder_settings(target ? DDZ_TARGET_BYTES : DDZ_TARGET_QUALITY, target ? 400 : 10);
            ddz_encoder *e = encoder_new(&es);
            const struct buffer *sent[] = {set & 1 ? &alpha : &none, set & 2 ? &icc : &none,
                                           set & 4 ? &exif : &none};
            ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, rgb.data, 50), DDZ_OK);
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)(i + 1), sent[i]->data, sent[i]->size),
                                 DDZ_OK);
            ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
            struct buffer stream = stream_of(e);
            if (target)
                ck_assert_uint_eq(stream.size, 400);
            ddz_encoder_free(e);
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
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
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)0, rgb.data, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, (ddz_extra)9, rgb.data, 5), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, NULL, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, rgb.data, 24), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, 5, 5), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, NULL, 0), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, 5, 5), DDZ_OK);
    ddz_encoder_free(e);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *round = tcase_create("round trip");
    tcase_add_loop_test(round, round_trip, 0, SIZES);
    tcase_add_test(round, round_trip_of_settings);
    tcase_add_test(round, round_trip_of_extremes);
    tcase_add_test(round, round_trip_of_a_line);
    tcase_add_test(round, encoder_is_used_again);
    tcase_add_test(round, threads_and_kernels);
    TCase *extra = tcase_create("extras");
    tcase_add_test(extra, extras);
    tcase_add_test(extra, extras_that_do_not_fit);
    TCase *all[] = {round, extra};
    return run_cases("round trip", 300, all, sizeof all / sizeof *all);
}
