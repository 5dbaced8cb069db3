/* Progress, and work that its listener ends */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"

struct listener {
    int calls;
    double last;
};

static int listen(void *cookie, double share)
{
    struct listener *l = cookie;
    ck_assert(l->calls++ > 0 || share == 0);
    ck_assert_double_ge(share, l->last);
    ck_assert_double_le(share, 1);
    l->last = share;
    return 0;
}

/* From 0 to 1, whatever the target: also where the chain is walked more than once. */
START_TEST(progress_of_encoding)
{
    const struct {
        ddz_target target;
        double value;
    } targets[] = {
        {DDZ_TARGET_QUALITY, 30}, {DDZ_TARGET_BYTES, 1500}, {DDZ_TARGET_PSNR, 33}, {DDZ_TARGET_BYTES, 9}};
    struct buffer rgb = picture(96, 64);
    for (size_t i = 0; i < 8; i++) {
        struct listener l = {0};
        struct encoder_settings es = encoder_settings(targets[i / 2].target, targets[i / 2].value);
        es.progress = listen;
        es.progress_cookie = &l;
        es.steering = i % 2 ? 4000 : 1000; /* spends much less than the first guess of the end allows for */
        struct buffer stream = encode(&rgb, 96, 64, &es);
        ck_assert_double_eq(l.last, 1);
        ck_assert_int_gt(l.calls, 20);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

START_TEST(progress_of_decoding)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES];
    for (size_t size = 5; size <= stream.size; size += size < 40 ? 1 : 53)
        for (int recon = 0; recon < 2; recon++) {
            struct listener l = {0};
            struct decoder_settings ds = decoder_settings();
            ds.progress = listen;
            ds.progress_cookie = &l;
            ddz_decoder *d = decoder_new(&ds);
            for (size_t fed = 0; fed < size; fed = fed ? size : size / 2 + 1) {
                size_t until = fed ? size : size / 2 + 1;
                ck_assert_int_eq(feed(d, stream.data + fed, until - fed), DDZ_OK);
                l = (struct listener){0};
                ddz_status status = decode_rgb(d, (ddz_recon)recon, rgb);
                ck_assert(status == DDZ_OK || status == DDZ_ERR_TRUNCATED);
                if (status == DDZ_OK)
                    ck_assert_double_eq(l.last, 1);
            }
            ddz_decoder_free(d);
        }
    free(stream.data);
}
END_TEST

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
        ck_assert_int_eq(feed(whole, stream.data, part), DDZ_OK);
        ck_assert_int_eq(decode_rgb(whole, (ddz_recon)recon, expected), DDZ_OK);
        ddz_decoder_free(whole);
        int cancelled = 0;
        for (int n = 0; n <= cancelled; n++) {
            struct stop stop = {.left = n};
            ds.progress = stop_progress;
            ds.progress_cookie = &stop;
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(feed(d, stream.data, part), DDZ_OK);
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

static int stop_observing(void *cookie, double sigma, const void *pixels)
{
    struct stop *s = cookie;
    (void)sigma, (void)pixels;
    return s->left-- <= 0;
}

/* Stop the picture of a stream that is there in full, which may be between two calls of the network: other pictures are
 * as if it had not been. Returns whether it was stopped. */
static bool stop_picture(const struct buffer *stream, const uint8_t *expected, int n, bool observes)
{
    struct stop stop = {.left = n};
    uint8_t rgb[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    if (!observes) {
        ds.progress = stop_progress;
        ds.progress_cookie = &stop;
    }
    ddz_decoder *d = decoder_new(&ds);
    if (observes)
        ck_assert_int_eq(ddz_decoder_set_observer(d, stop_observing, &stop, DDZ_PIXELS_RGB8), DDZ_OK);
    ck_assert_int_eq(feed(d, stream->data, stream->size), DDZ_OK);
    ddz_status status = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    stop = (struct stop){.left = 1000};
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
    stop = (struct stop){.left = 1000};
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ddz_decoder_free(d);
    return status == DDZ_ERR_CANCELLED;
}

START_TEST(cancelled_between_calls)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 300 + 20 * _i);
    struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &es);
    struct decoder_settings ds = decoder_settings();
    uint8_t expected[SMALL_BYTES];
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    for (int observes = 0; observes < 2; observes++) {
        int n = 0;
        while (stop_picture(&stream, expected, n, observes))
            n++;
        ck_assert_int_gt(n, 5);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *cancelled = CASE("cancelled", cancelled_encoder, cancelled_decoder);
    tcase_add_loop_test(cancelled, cancelled_between_calls, 0, 4);
    return RUN("progress", 300, CASE("progress", progress_of_encoding, progress_of_decoding), cancelled);
}
