/* Pictures that are no photographs at lossy targets: the picture itself, where it takes no more bytes than the chain */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "inputs.h"
#include "runner.h"
#include "streams.h"

enum { W = 48, H = 40, BYTES = 3 * W * H };

/* What is drawn: frames and lines of few colours; a dither of two; noise; a photograph */
enum { DRAWING, DITHER, NOISE, PHOTOGRAPH, KINDS };

static struct buffer make_picture(int kind)
{
    struct buffer rgb = picture(W, H);
    for (uint32_t i = 0; i < BYTES && kind != PHOTOGRAPH; i++) {
        uint32_t x = i / 3 % W, y = i / 3 / W;
        if (kind == DRAWING)
            rgb.data[i] = x % 9 == 2 || y % 7 == 3 ? (uint8_t)(40 * (i % 3)) : x < y ? 250 : 200;
        else if (kind == DITHER)
            rgb.data[i] = (uint32_t)(rgb.data[(i / 3) * 3]) > 60 + 40 * ((x + 2 * y) % 4) ? 255 : 0;
        else
            rgb.data[i] = (uint8_t)draw(256);
    }
    for (uint32_t i = 0; i < BYTES && kind == DITHER; i++)
        rgb.data[i] = rgb.data[i / 3 * 3];
    return rgb;
}

static struct buffer encode_exact(const struct buffer *rgb, ddz_target target, double value, int exact)
{
    struct encoder_settings s = encoder_settings(target, value);
    s.exact = exact;
    return encode(rgb, W, H, &s);
}

/* PSNR of what a decoder makes of the automatic stream, which is the picture that the encoder shows */
static double reached(const struct buffer *rgb, ddz_target target, double value, size_t *size)
{
    struct encoder_settings es = encoder_settings(target, value);
    struct decoder_settings ds = decoder_settings();
    uint8_t sent[BYTES], got[BYTES];
    es.exact = -1;
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(encode_rgb(e, rgb->data, W, H), DDZ_OK);
    ck_assert_int_eq(sent_rgb(e, sent, sizeof sent), DDZ_OK);
    struct buffer stream = stream_of(e);
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, BYTES);
    *size = stream.size;
    ddz_encoder_free(e);
    free(stream.data);
    return psnr(got, rgb->data, BYTES);
}

static const double exactly = 100; /* dB, and more */

/* Whatever the quality, no file is larger than the lossless one or than its samples; a better quality is one. */
START_TEST(by_quality)
{
    struct buffer rgb = make_picture(_i), lossless = encode_exact(&rgb, DDZ_TARGET_QUALITY, 51, 1);
    const size_t overhead = 75; /* of a stream of samples as they are */
    size_t last_size = 0;
    double last = 0;
    for (int quality = 0; quality <= 100; quality += 20) {
        size_t size;
        double found = reached(&rgb, DDZ_TARGET_QUALITY, quality, &size);
        /* of a photograph a model of random weights knows nothing */
        ck_assert(size <= lossless.size || _i == PHOTOGRAPH);
        ck_assert_uint_lt(size, BYTES + overhead);
        ck_assert_uint_ge(size, last_size);
        ck_assert_double_ge(found, last);
        last = found;
        last_size = size;
    }
    ck_assert(last > exactly || _i == PHOTOGRAPH);
    ck_assert(last_size == lossless.size || _i >= NOISE);
    free(lossless.data);
    free(rgb.data);
}
END_TEST

/* The picture itself if the bytes are enough for it, to the byte; else as many as were asked for */
START_TEST(by_size)
{
    struct buffer rgb = make_picture(_i), lossless = encode_exact(&rgb, DDZ_TARGET_QUALITY, 51, 1);
    for (size_t bytes = lossless.size - 1; bytes <= lossless.size + 1; bytes++) {
        size_t size;
        double found = reached(&rgb, DDZ_TARGET_BYTES, (double)bytes, &size);
        ck_assert_int_eq(found > exactly, bytes >= lossless.size);
        ck_assert_uint_eq(size, bytes < lossless.size ? bytes : lossless.size);
    }
    free(lossless.data);
    free(rgb.data);
}
END_TEST

/* A PSNR that costs more than the picture itself */
START_TEST(by_psnr)
{
    struct buffer rgb = make_picture(_i), lossless = encode_exact(&rgb, DDZ_TARGET_QUALITY, 51, 1);
    for (int target = 10; target <= 90; target += 40) {
        size_t size;
        double found = reached(&rgb, DDZ_TARGET_PSNR, target, &size);
        ck_assert_double_ge(found, target);
        ck_assert_uint_le(size, lossless.size);
        ck_assert(target < 90 || found > exactly);
    }
    free(lossless.data);
    free(rgb.data);
}
END_TEST

/* It is the chain's stream where that is smaller, and always if no exact layer may take its place. */
START_TEST(the_chain)
{
    const double values[] = {30, 700, 25};
    struct buffer photograph = make_picture(PHOTOGRAPH), drawing = make_picture(DRAWING);
    for (int target = DDZ_TARGET_QUALITY; target <= DDZ_TARGET_PSNR; target++) {
        struct buffer chain = encode_exact(&photograph, (ddz_target)target, values[target], 0),
                      same = encode_exact(&photograph, (ddz_target)target, values[target], -1);
        ck_assert_uint_eq(chain.size, same.size);
        ck_assert_mem_eq(chain.data, same.data, same.size);
        free(chain.data);
        free(same.data);
    }
    struct buffer chain = encode_exact(&drawing, DDZ_TARGET_QUALITY, 60, 0),
                  exact = encode_exact(&drawing, DDZ_TARGET_QUALITY, 60, -1);
    ck_assert_uint_gt(chain.size, 2 * exact.size);
    free(chain.data);
    free(exact.data);
    free(photograph.data);
    free(drawing.data);
}
END_TEST

/* Side layers are whole, and alpha too, in a size that has room for all. */
START_TEST(with_layers)
{
    struct buffer rgb = make_picture(DRAWING);
    uint8_t rgba[4 * W * H], got[4 * W * H];
    const uint8_t text[300] = "a packet";
    for (size_t i = 0; i < sizeof rgba; i++)
        rgba[i] = i % 4 < 3 ? rgb.data[i / 4 * 3 + i % 4] : (uint8_t)(i / 4 % W < 9 ? 128 : 255);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_BYTES, 2500);
    struct decoder_settings ds = decoder_settings();
    es.exact = -1;
    ddz_encoder *e = encoder_new(&es);
    ddz_extra_state state;
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_XMP, text, sizeof text), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, W, H, DDZ_PIXELS_RGBA8, rgba, 0, sizeof rgba), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_extra_state(e, DDZ_EXTRA_ALPHA, &state), DDZ_OK);
    ck_assert_int_eq(state, DDZ_EXTRA_EXACT);
    struct buffer stream = stream_of(e);
    ck_assert_uint_lt(stream.size, 2500);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, DDZ_PIXELS_RGBA8, got, 0, sizeof got), DDZ_OK);
    ck_assert_mem_eq(got, rgba, sizeof got);
    ck_assert_int_eq(ddz_encoder_picture(e, DDZ_PIXELS_RGBA8, got, 0, sizeof got), DDZ_OK);
    ck_assert_mem_eq(got, rgba, sizeof got);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* No more memory than is announced; any allocation may fail. */
START_TEST(memory)
{
    struct buffer rgb = make_picture(_i);
    struct buffer stream = check_automatic_memory(&rgb, W, H, 50);
    free(stream.data);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *all = CASE("automatic", the_chain, with_layers);
    tcase_add_loop_test(all, by_quality, 0, KINDS);
    tcase_add_loop_test(all, by_size, 0, DITHER + 1);
    tcase_add_loop_test(all, by_psnr, 0, DITHER + 1);
    tcase_add_loop_test(all, memory, 0, KINDS);
    return RUN("automatic", 60, all);
}
