/* Grey pictures stay grey, whatever part of the stream there is and however it is shown. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"

enum { W = 70, H = 41, N = W * H };

static void make_grey(struct buffer *rgb)
{
    for (size_t i = 0; i < rgb->size; i++)
        rgb->data[i] = rgb->data[i / 3 * 3];
}

static struct encoder_settings settings_with(int updates)
{
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 25);
    es.updates = updates;
    es.steering = updates > 1 ? 1000 : 0;
    return es;
}

/* All three samples of a pixel are the same, in 16 bits. */
static void must_be_grey(ddz_decoder *d, ddz_recon recon)
{
    static uint16_t deep[3 * N];
    static uint8_t plain[N];
    ddz_info info = info_of(d);
    ck_assert_int_eq(info.grey, 1);
    ck_assert_int_eq(ddz_decoder_picture(d, recon, DDZ_PIXELS_RGB16, deep, 0, sizeof deep), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, recon, DDZ_PIXELS_GREY8, plain, 0, sizeof plain), DDZ_OK);
    for (size_t i = 0; i < (size_t)info.picture_width * info.picture_height; i++) {
        ck_assert(deep[3 * i] == deep[3 * i + 1] && deep[3 * i] == deep[3 * i + 2]);
        ck_assert_int_le(abs(deep[3 * i] - 257 * plain[i]), 129);
    }
}

START_TEST(any_part_is_grey)
{
    struct buffer rgb = picture(W, H);
    make_grey(&rgb);
    struct encoder_settings es = settings_with(_i);
    struct buffer stream = encode(&rgb, W, H, &es);
    for (size_t size = 8; size <= stream.size; size += size < 120 ? 7 : stream.size - size < 150 ? 1000 : 140)
        for (int scale = 0; scale < 3; scale++) {
            struct decoder_settings ds = decoder_settings();
            ds.scale = scale;
            ds.sample_steps = 1;
            ddz_decoder *d = decoder_new(&ds);
            ck_assert_int_eq(feed(d, stream.data, size), DDZ_OK);
            must_be_grey(d, DDZ_RECON_MEAN);
            if (size % 3 == 0)
                must_be_grey(d, DDZ_RECON_SAMPLE);
            ddz_decoder_free(d);
        }
    free(stream.data);
    free(rgb.data);
}
END_TEST

START_TEST(grey_round_trip)
{
    static const uint32_t few[][2] = {{1, 1}, {9, 2}, {45, 31}, {100, 66}};
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        struct buffer rgb = picture(few[i][0], few[i][1]);
        struct encoder_settings es = settings_with(1 + 3 * (int)(i % 2));
        make_grey(&rgb);
        check_round_trip_of(rgb, few[i][0], few[i][1], &es);
        free(rgb.data);
    }
}
END_TEST

static ddz_info info_of_stream(const struct buffer *stream)
{
    ddz_info info;
    ck_assert_int_eq(ddz_probe(stream->data, stream->size, &info, sizeof info), DDZ_OK);
    return info;
}

/* One layout or another, it is what the pixels are that counts; colour that nobody sees does not. */
START_TEST(what_is_grey)
{
    struct buffer rgb = picture(W, H), one = {alloc(N), N}, both = {alloc(4 * N), 4 * N};
    struct encoder_settings es = settings_with(4);
    make_grey(&rgb);
    for (size_t i = 0; i < N; i++) {
        one.data[i] = rgb.data[3 * i];
        memcpy(both.data + 4 * i, rgb.data + 3 * i, 3);
        both.data[4 * i + 3] = 255;
    }
    ddz_encoder *e = encoder_new(&es);
    struct buffer stream = encode(&rgb, W, H, &es);
    ck_assert_int_eq(ddz_encoder_encode(e, W, H, DDZ_PIXELS_GREY8, one.data, 0, N), DDZ_OK);
    struct buffer again = stream_of(e);
    ck_assert_uint_eq(again.size, stream.size);
    ck_assert_mem_eq(again.data, stream.data, stream.size);
    ck_assert_int_eq(info_of_stream(&stream).grey, 1);
    ck_assert_int_eq(info_of_stream(&stream).orientation, 1);
    free(again.data);

    both.data[4 * 100 + 1] ^= 64; /* a green that is seen, and then is not */
    for (int seen = 1; seen >= 0; seen--) {
        both.data[4 * 100 + 3] = seen ? 1 : 0;
        ck_assert_int_eq(ddz_encoder_encode(e, W, H, DDZ_PIXELS_RGBA8, both.data, 0, 4 * N), DDZ_OK);
        again = stream_of(e);
        ck_assert_int_eq(info_of_stream(&again).grey, !seen);
        free(again.data);
    }
    rgb.data[3 * N - 1] ^= 1;
    again = encode(&rgb, W, H, &es);
    ck_assert_int_eq(info_of_stream(&again).grey, 0);
    free(again.data);
    ddz_encoder_free(e);
    free(stream.data);
    free(rgb.data);
    free(one.data);
    free(both.data);
}
END_TEST

int main(void)
{
    TCase *parts = tcase_create("parts");
    tcase_add_loop_test(parts, any_part_is_grey, 1, 3);
    return RUN("grey", 60, parts, CASE("grey", grey_round_trip, what_is_grey));
}
