/* What the encoder aims at, what it saves, and its figures against closed forms. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "ddz.h"
#include "encode/state.h"
#include "runner.h"
#include "streams.h"

START_TEST(target_in_bytes)
{
    /* every size up to where the preview and the settings have ended, then a few */
    const int every = 257, larger[] = {600, 1111, 2000};
    struct buffer rgb = picture(40, 30);
    uint8_t *sent = alloc(rgb.size), *got = alloc(rgb.size);
    struct decoder_settings ds = decoder_settings();
    for (int i = 6; i <= every + (int)(sizeof larger / sizeof *larger); i++) {
        int target = i <= every ? i : larger[i - every - 1];
        struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, target);
        ddz_encoder *e = encoder_new(&es);
        ck_assert_int_eq(encode_rgb(e, rgb.data, 40, 30), DDZ_OK);
        ck_assert_int_eq(sent_rgb(e, sent, rgb.size), DDZ_OK);
        struct buffer stream = stream_of(e);
        ck_assert_int_eq((int)stream.size, target);
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
        ck_assert_msg(memcmp(got, sent, rgb.size) == 0, "encoder's picture differs at %d bytes", target);
        ddz_encoder_free(e);
        free(stream.data);
    }
    /* more than the chain can take: all of it, and the file is complete */
    struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1e9);
    struct buffer stream = encode(&rgb, 40, 30, &es);
    ddz_decoder *d = decoder_new(&ds);
    ddz_info info;
    ck_assert_uint_lt(stream.size, 50000);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
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
    struct decoder_settings ds = decoder_settings();
    size_t last = 0;
    for (int target = 20; target <= 40; target += 5) {
        struct encoder_settings es = encoder_settings(DDZ_TARGET_PSNR, target + 0.25);
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

/* Reached before the first step, within the preview, or at a coarse scale: whole streams all the same. */
START_TEST(low_psnr)
{
    for (int i = 0; i < SIZES; i++)
        for (double target = 0.5; target < 20; target += 3) {
            struct encoder_settings s = encoder_settings(DDZ_TARGET_PSNR, target);
            check_round_trip(sizes[i][0], sizes[i][1], &s);
        }
}
END_TEST

START_TEST(target_in_quality)
{
    struct buffer rgb = picture(64, 64);
    uint8_t *got = alloc(rgb.size);
    struct decoder_settings ds = decoder_settings();
    double last_psnr = 0;
    size_t last_size = 0;
    for (int quality = 0; quality <= 100; quality += 25) {
        struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
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
    struct decoder_settings ds = decoder_settings();
    for (int steering = 0; steering <= 4; steering++) {
        struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 1500);
        es.steering = 1000 * steering;
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
        struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 40);
        es.ideal = 1;
        es.steering = 1000 * i;
        ddz_encoder *e = encoder_new(&es);
        uint8_t *shown = alloc(rgb.size);
        ck_assert_int_eq(encode_rgb(e, rgb.data, 96, 64), DDZ_OK);
        ck_assert_int_eq(sent_rgb(e, shown, rgb.size), DDZ_OK);
        reached[i] = psnr(shown, rgb.data, rgb.size);
        struct told_step *steps;
        size_t count = sent_steps(e, &steps);
        for (size_t k = 0; k < count; k++)
            bits[i] += steps[k].kl_bits;
        free(steps);
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

/* A picture of one scale: the estimate behind the preview is better for a search that keeps many chains. */
START_TEST(preview_keeps_many_chains)
{
    enum { OPENING = 3 }; /* steps of the preview */
    double gain = 0;
    for (uint32_t height = 2; height <= 8; height++) {
        struct buffer rgb = picture(8, height);
        double first[2];
        for (int i = 0; i < 2; i++) {
            struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 62);
            es.effort = i ? 5 : 1;
            es.step_psnr = 1;
            ddz_encoder *e = encoder_new(&es);
            struct told_step *steps;
            ck_assert_int_eq(encode_rgb(e, rgb.data, 8, height), DDZ_OK);
            ck_assert_uint_ge(sent_steps(e, &steps), OPENING + 1);
            first[i] = steps[OPENING].psnr;
            free(steps);
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
        struct encoder_settings s = encoder_settings(DDZ_TARGET_SIGMA, ends[i][0]);
        struct buffer stream = encode(&rgb, 20, 10, &s);
        struct decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        ddz_info info;
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
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
        struct encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, bytes[k / 2]);
        s.ideal = k % 2;
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_research_encoder_estimate(e, estimate, rgb.size), DDZ_ERR_STATE);
        ck_assert_int_eq(encode_rgb(e, rgb.data, 40, 30), DDZ_OK);
        ck_assert_int_eq(ddz_research_encoder_estimate(e, NULL, rgb.size), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_research_encoder_estimate(NULL, estimate, rgb.size), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_research_encoder_estimate(e, estimate, rgb.size - 1), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_research_encoder_estimate(e, estimate, rgb.size), DDZ_OK);
        ck_assert_int_eq(sent_rgb(e, shown, rgb.size), DDZ_OK);
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

static ddz_encoder *encode_tiny(const struct buffer *rgb, struct encoder_settings s, int32_t *estimate)
{
    s.calls_per_octave = 2;
    s.steering = 0;
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(encode_rgb(e, rgb->data, 8, 8), DDZ_OK);
    ddz_chain_next_estimate(e->chain);
    for (size_t i = 0; i < TINY_SAMPLES; i++)
        estimate[i] = ddz_chain_estimate(e->chain)[i] + CENTRE;
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
    size_t none;
    ck_assert_uint_eq(rgb.size, TINY_SAMPLES);
    struct encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, 5); /* the header */
    ddz_encoder *e = encode_tiny(&rgb, s, before);
    ck_assert_int_eq(ddz_encoder_step_count(e, &none), DDZ_OK);
    ck_assert_uint_eq(none, 0);
    ddz_encoder_free(e);
    int compared = 0;
    for (int level = 48; level <= 224; level += 16) {
        s = encoder_settings(DDZ_TARGET_SIGMA, 89.25 * exp2(-level / 32.0));
        s.ideal = 1;
        e = encode_tiny(&rgb, s, estimate);
        struct told_step *steps;
        size_t n = sent_steps(e, &steps);
        size_t i = level == 48 ? 0 : n - 1;
        double from = steps[i].step.sigma_from, to = steps[i].step.sigma_to;
        ck_assert_int_eq(isinf(from), i == 0);
        double expected = closed_form(&rgb, before, from, to);
        ck_assert_double_eq_tol(steps[i].kl_bits / expected, 1, 2e-3);
        ck_assert(level == 48 || fabs(from / to - sqrt(2)) < 1e-4);
        free(steps);
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
        struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 50);
        s.ideal = 1;
        s.seed = i < 2 ? 1 : 2;
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(encode_rgb(e, rgb.data, 40, 30), DDZ_OK);
        const uint8_t *data;
        struct told_step *steps;
        ck_assert_int_eq(ddz_encoder_stream(e, &data, &bytes[i]), DDZ_OK);
        ck_assert_ptr_null(data);
        double kl = 0;
        size_t n = sent_steps(e, &steps);
        for (size_t k = 0; k < n; k++)
            kl += steps[k].kl_bits;
        free(steps);
        ck_assert_uint_eq(bytes[i], (size_t)ceil(kl / 8));
        got[i] = alloc(rgb.size);
        ck_assert_int_eq(sent_rgb(e, got[i], rgb.size), DDZ_OK);
        ck_assert_double_gt(psnr(got[i], rgb.data, rgb.size), 25);
        ddz_encoder_free(e);
    }
    ck_assert_mem_eq(got[0], got[1], rgb.size);
    ck_assert_uint_eq(bytes[0], bytes[1]);
    ck_assert_mem_ne(got[0], got[2], rgb.size);
    /* the trellis takes more bits than the KLs, but not many times as many */
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 50);
    struct buffer stream = encode(&rgb, 40, 30, &s);
    ck_assert_uint_gt(stream.size, bytes[0]);
    ck_assert_uint_lt(stream.size, 2 * bytes[0]);
    free(stream.data);
    for (int i = 0; i < 3; i++)
        free(got[i]);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *target = tcase_create("targets");
    tcase_add_test(target, target_in_bytes);
    tcase_add_test(target, target_in_psnr);
    tcase_add_test(target, low_psnr);
    tcase_add_test(target, target_in_quality);
    tcase_add_test(target, target_beyond_the_guess);
    tcase_add_test(target, target_in_sigma);
    TCase *saving = tcase_create("savings");
    tcase_add_test(saving, steering_saves_bits);
    tcase_add_test(saving, preview_keeps_many_chains);
    TCase *figure = tcase_create("figures");
    tcase_add_test(figure, estimates);
    tcase_add_test(figure, divergences);
    tcase_add_test(figure, ideal_channel);
    TCase *all[] = {target, saving, figure};
    return run_cases("targets", 300, all, sizeof all / sizeof *all);
}
