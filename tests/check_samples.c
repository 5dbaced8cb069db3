/* Samples: of nothing, of the beginning of a stream, and watched as they are made. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"

START_TEST(samples_depend_on_the_seed)
{
    struct buffer stream = small_stream();
    uint8_t rgb[4][SMALL_BYTES];
    const uint32_t seeds[] = {1, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        struct decoder_settings ds = decoder_settings();
        ds.seed = seeds[i];
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, 20), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb[i]), DDZ_OK);
        ddz_decoder_free(d);
    }
    ck_assert_mem_eq(rgb[0], rgb[1], SMALL_BYTES);
    ck_assert_mem_ne(rgb[0], rgb[2], SMALL_BYTES);
    ck_assert_mem_ne(rgb[2], rgb[3], SMALL_BYTES);
    free(stream.data);
}
END_TEST

/* A decoder for a picture from nothing */
static ddz_decoder *decoder_begun(const struct decoder_settings *s, uint32_t width, uint32_t height)
{
    ddz_decoder *d = decoder_new(s);
    ck_assert_int_eq(ddz_decoder_begin(d, width, height), DDZ_OK);
    return d;
}

START_TEST(begin_is_a_header_alone)
{
    uint32_t w = sizes[_i][0], h = sizes[_i][1];
    struct buffer rgb = picture(w, h), got = copy_of(rgb.data, rgb.size);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    struct buffer stream = encode(&rgb, w, h, &es);
    size_t header = layout_of(&stream).preview;
    struct decoder_settings ds = decoder_settings();
    ds.sample_steps = 1;
    ddz_decoder *begun = decoder_begun(&ds, w, h), *fed = decoder_new(&ds);
    ck_assert_int_eq(feed(fed, stream.data, header), DDZ_OK);
    ddz_info a, b;
    ck_assert_int_eq(ddz_decoder_info(begun, &a, sizeof a), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(fed, &b, sizeof b), DDZ_OK);
    ck_assert(a.width == w && a.height == h && a.bits == b.bits && a.model_id == b.model_id);
    for (int recon = 0; recon < 2; recon++) {
        ck_assert_int_eq(decode_rgb(begun, (ddz_recon)recon, rgb.data), DDZ_OK);
        ck_assert_int_eq(decode_rgb(fed, (ddz_recon)recon, got.data), DDZ_OK);
        ck_assert_mem_eq(rgb.data, got.data, rgb.size);
    }
    /* and the stream may follow */
    ck_assert_int_eq(feed(begun, stream.data + header, stream.size - header), DDZ_OK);
    ck_assert_int_eq(decode_rgb(begun, DDZ_RECON_MEAN, got.data), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(begun, &a, sizeof a), DDZ_OK);
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
    struct decoder_settings ds = decoder_settings();
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
    ck_assert_int_eq(ddz_decoder_begin(d, 101, 1), DDZ_ERR_PIXEL_LIMIT);
    ddz_decoder_free(d);
    d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, 1), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_begin(d, 10, 10), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    ck_assert_int_eq(decoder_make(NULL, &ds, &d), DDZ_OK);
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
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set(NULL, DDZ_PARAM_SEED, 1), DDZ_ERR_ARGUMENT);
    size_t fed = 0;
    for (size_t size = 20; size < stream.size; size += stream.size / 3) {
        ck_assert_int_eq(feed(d, stream.data + fed, size - fed), DDZ_OK);
        fed = size;
        for (uint32_t seed = 0; seed < 3; seed++) {
            ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SEED, UINT32_MAX - seed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
            ds.seed = UINT32_MAX - seed;
            ddz_decoder *fresh = decoder_new(&ds);
            ck_assert_int_eq(feed(fresh, stream.data, size), DDZ_OK);
            ck_assert_int_eq(decode_rgb(fresh, DDZ_RECON_SAMPLE, expected), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ddz_decoder_free(fresh);
        }
    }
    ck_assert_int_eq(feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK); /* the digest agrees */
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* A stream that goes to the lowest noise leaves nothing to draw; one that does not, does. */
START_TEST(sample_of_a_whole_stream)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    for (int quality = 50; quality <= 100; quality += 50) {
        struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
        struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &es);
        uint8_t mean[SMALL_BYTES], sample[SMALL_BYTES];
        struct decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, mean), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, sample), DDZ_OK);
        ck_assert_int_eq(memcmp(mean, sample, sizeof mean) == 0, quality == 100);
        ddz_decoder_free(d);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* A complete stream that ends within a step: its pictures are those of new decoders, in any order. */
START_TEST(pictures_of_an_ended_stream)
{
    static const ddz_recon order[] = {DDZ_RECON_MEAN,   DDZ_RECON_MEAN, DDZ_RECON_SAMPLE,
                                      DDZ_RECON_SAMPLE, DDZ_RECON_MEAN, DDZ_RECON_SAMPLE};
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    for (int bytes = 40; bytes < 600; bytes += bytes / 2) {
        struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, bytes);
        es.updates = 4;
        struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &es);
        uint8_t expected[2][SMALL_BYTES], got[SMALL_BYTES];
        struct decoder_settings ds = decoder_settings();
        for (int recon = 0; recon < 2; recon++) {
            ddz_decoder *d = decoder_new(&ds);
            feed(d, stream.data, stream.size);
            decode_rgb(d, (ddz_recon)recon, expected[recon]);
            ddz_decoder_free(d);
        }
        ck_assert_mem_ne(expected[0], expected[1], SMALL_BYTES);
        ddz_decoder *d = decoder_new(&ds);
        feed(d, stream.data, stream.size);
        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            decode_rgb(d, order[i], got);
            ck_assert_mem_eq(got, expected[order[i]], SMALL_BYTES);
        }
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

static int watch(void *cookie, double sigma, const void *rgb)
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
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_begun(&ds, SMALL_W, SMALL_H);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, expected), DDZ_OK);
    ddz_decoder_free(d);

    struct watcher w = {.stop = -1};
    ds.observer = watch;
    ds.observer_cookie = &w;
    d = decoder_begun(&ds, SMALL_W, SMALL_H);
    /* from nothing to level -160, and to 32 at a quarter of the size; to 32 at half; to 196 at full size */
    int calls = 1 + 192 / 1 + 1 + 32 / 2 + 1 + 196 / 4 + 1;
    for (int again = 0; again < 2; again++) {
        w = (struct watcher){.stop = -1};
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
        ck_assert_mem_eq(rgb, expected, sizeof rgb);
        ck_assert_mem_eq(rgb, w.rgb, sizeof rgb);
        ck_assert_int_eq(w.calls, calls);
        ck_assert(isinf(w.first));
        ck_assert_double_eq_tol(w.last, sigma_of(196), 0.001);
    }
    for (int stop = 0; stop < calls; stop += stop < 3 ? 1 : 43) {
        w = (struct watcher){.stop = stop};
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_ERR_CANCELLED);
        ck_assert_int_eq(w.calls, stop + 1);
    }
    w = (struct watcher){.stop = -1};
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
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
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    ds.observer = watch;
    ds.observer_cookie = &w;
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    struct told_step *steps;
    size_t count = found_steps(d, &steps);
    double end = steps[count - 1].step.sigma_to;
    free(steps);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ck_assert_mem_eq(rgb, w.rgb, sizeof rgb);
    ck_assert(isinf(w.first));
    ck_assert_double_eq(w.last, end);
    ck_assert_int_eq(w.calls, (int)count + 1);
    ddz_decoder_free(d);

    for (int stop = 0; stop <= (int)count; stop++) {
        w = (struct watcher){.stop = stop};
        d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_CANCELLED);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
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
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d;
    for (int i = 0; i < 6; i++) {
        ds.sample_steps = bad[i];
        ck_assert_int_eq(decoder_make(model(), &ds, &d), DDZ_ERR_ARGUMENT);
        ds.sample_steps = good[i];
        d = decoder_begun(&ds, SMALL_W, SMALL_H);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb[i % 2]), DDZ_OK);
        ck_assert(i == 0 || memcmp(rgb[0], rgb[1], SMALL_BYTES) != 0);
        ddz_decoder_free(d);
    }
}
END_TEST

int main(void)
{
    TCase *sample = tcase_create("samples");
    tcase_add_loop_test(sample, begin_is_a_header_alone, 0, SIZES);
    tcase_add_test(sample, samples_depend_on_the_seed);
    tcase_add_test(sample, begin_refuses);
    tcase_add_test(sample, seeds_of_one_decoder);
    tcase_add_test(sample, sample_of_a_whole_stream);
    tcase_add_test(sample, pictures_of_an_ended_stream);
    tcase_add_test(sample, observed_sample);
    tcase_add_test(sample, observed_decoding);
    tcase_add_test(sample, steps_of_a_sample);
    TCase *all[] = {sample};
    return run_cases("samples", 300, all, sizeof all / sizeof *all);
}
