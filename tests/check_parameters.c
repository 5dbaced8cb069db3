/* Parameters, structures that grow, arguments that are refused */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"

START_TEST(unknown_parameters)
{
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
    struct decoder_settings ds = decoder_settings();
    ddz_encoder *e = encoder_new(&es);
    ddz_decoder *d = decoder_new(&ds);
    const int unknown[] = {-1, 0, 99, 999, 1999, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ck_assert_int_eq(ddz_encoder_set(e, unknown[i], 1), DDZ_ERR_UNSUPPORTED);
        ck_assert_int_eq(ddz_decoder_set(d, unknown[i], 1), DDZ_ERR_UNSUPPORTED);
    }
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_MAX_BITS, 1), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_EFFORT, 1), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_encoder_set_target(e, (ddz_target)4, 1), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_encoder_set(NULL, DDZ_PARAM_EFFORT, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_set_target(NULL, DDZ_TARGET_PSNR, 30), DDZ_ERR_ARGUMENT);
    ddz_encoder_free(e);
    ddz_decoder_free(d);
}
END_TEST

/* A decoder that has been fed keeps what it was fed with. */
START_TEST(parameters_in_time)
{
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_MAX_BITS, 1000), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_feed(d, NULL, 0), DDZ_OK);
    const int late[] = {DDZ_PARAM_MAX_BITS, DDZ_PARAM_THREADS, DDZ_PARAM_CPU_FEATURES, DDZ_PARAM_MAX_PIXELS};
    for (size_t i = 0; i < sizeof late / sizeof *late; i++)
        ck_assert_int_eq(ddz_decoder_set(d, late[i], 1), DDZ_ERR_STATE);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SEED, 5), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SAMPLE_STEPS, 3), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SAMPLE_STEPS, 4), DDZ_OK);
    ddz_decoder_free(d);
}
END_TEST

/* Callers that know less of a structure than the library, and more */
START_TEST(sizes_of_structures)
{
    struct buffer stream = small_stream();
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ddz_info info = info_of(d);
    ddz_step step;
    ck_assert_int_eq(ddz_decoder_step(d, 3, &step, sizeof step), DDZ_OK);
    uint8_t room[sizeof(ddz_info) + sizeof(ddz_step) + 64];
    for (size_t size = 0; size <= sizeof info + 32; size++) {
        memset(room, 0xEE, sizeof room);
        ck_assert_int_eq(ddz_decoder_info(d, (ddz_info *)(void *)room, size), DDZ_OK);
        ck_assert_mem_eq(room, &info, size < sizeof info ? size : sizeof info);
        for (size_t i = sizeof info; i < sizeof room; i++)
            ck_assert_uint_eq(room[i], i < size ? 0 : 0xEE);
        for (size_t i = size; i < sizeof room; i++)
            ck_assert_uint_eq(room[i], 0xEE);
    }
    for (size_t size = 0; size <= sizeof step + 32; size++) {
        memset(room, 0xEE, sizeof room);
        ck_assert_int_eq(ddz_decoder_step(d, 3, (ddz_step *)(void *)room, size), DDZ_OK);
        ck_assert_mem_eq(room, &step, size < sizeof step ? size : sizeof step);
        for (size_t i = size < sizeof step ? size : sizeof step; i < sizeof room; i++)
            ck_assert_uint_eq(room[i], i < size ? 0 : 0xEE);
    }
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

START_TEST(features_have_names)
{
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_SSE2), "sse2");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AVX2), "avx2");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AVXVNNI), "avxvnni");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AVX512), "avx512");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AMX), "amx");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_NEON), "neon");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_DOTPROD), "dotprod");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_I8MM), "i8mm");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_SIMD128), "simd128");
    ck_assert_ptr_null(ddz_cpu_feature_name(0));
    ck_assert_ptr_null(ddz_cpu_feature_name(DDZ_CPU_AVX2 | DDZ_CPU_AVX512));
    ck_assert_ptr_null(ddz_cpu_feature_name((uint64_t)1 << 63));
    for (int bit = 0; bit < 64; bit++) /* all that the machine has can be named */
        ck_assert(!(ddz_cpu_features() >> bit & 1) || ddz_cpu_feature_name((uint64_t)1 << bit));
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
    ck_assert_int_eq(ddz_encoder_encode(e, 0, 1, DDZ_PIXELS_RGB8, rgb, 0, SIZE_MAX), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_encode(e, 1, 65536, DDZ_PIXELS_RGB8, rgb, 0, SIZE_MAX), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_encoder_encode(e, 1, 1, DDZ_PIXELS_RGB8, NULL, 0, SIZE_MAX), DDZ_ERR_ARGUMENT);
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
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, DDZ_PIXELS_RGB8, NULL, 0, SIZE_MAX),
                     DDZ_ERR_ARGUMENT);
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
    return RUN(
        "parameters", 300,
        CASE("growth", unknown_parameters, parameters_in_time, sizes_of_structures, features_have_names),
        CASE("arguments", bad_arguments, texts));
}
