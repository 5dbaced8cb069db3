/* Pixels in the caller's layout */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/pixels.h"
#include "base/hash.h"
#include "ddz.h"
#include "guard.h"
#include "runner.h"
#include "streams.h"

enum { W = 13, H = 9, COUNT = W * H, GAP = 5 };

static const ddz_pixel_format formats[] = {DDZ_PIXELS_GREY8, DDZ_PIXELS_GREY_ALPHA8, DDZ_PIXELS_RGB8,
                                           DDZ_PIXELS_RGBA8, DDZ_PIXELS_GREY16,      DDZ_PIXELS_GREY_ALPHA16,
                                           DDZ_PIXELS_RGB16, DDZ_PIXELS_RGBA16};
enum { FORMATS = sizeof formats / sizeof *formats };

static int channels_of(ddz_pixel_format format)
{
    return (int)format % 16;
}

static bool is_deep(ddz_pixel_format format)
{
    return format >= DDZ_PIXELS_GREY16;
}

/* Pixels of a format with room for their gaps, and 0xEE everywhere else */
struct canvas {
    ddz_pixel_format format;
    size_t stride, size;
    uint8_t *data;
};

static struct canvas canvas_new(ddz_pixel_format format, size_t gap)
{
    size_t row = (size_t)W * (size_t)channels_of(format) * (is_deep(format) ? 2 : 1);
    struct canvas c = {format, row + gap, (row + gap) * (H - 1) + row, NULL};
    c.data = guard_alloc(c.size);
    memset(c.data, 0xEE, c.size);
    return c;
}

static void canvas_free(struct canvas *c)
{
    guard_free(c->data, c->size);
}

static unsigned get(const struct canvas *c, size_t x, size_t y, int channel)
{
    size_t at = x * (size_t)channels_of(c->format) + (size_t)channel;
    uint16_t deep;
    if (!is_deep(c->format))
        return c->data[y * c->stride + at];
    memcpy(&deep, c->data + y * c->stride + 2 * at, sizeof deep);
    return deep;
}

static void put(const struct canvas *c, size_t x, size_t y, int channel, unsigned value)
{
    size_t at = x * (size_t)channels_of(c->format) + (size_t)channel;
    uint16_t deep = (uint16_t)value;
    if (is_deep(c->format))
        memcpy(c->data + y * c->stride + 2 * at, &deep, sizeof deep);
    else
        c->data[y * c->stride + at] = (uint8_t)value;
}

static ddz_encoder *encode_canvas(const struct canvas *c)
{
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 40);
    ddz_encoder *e = encoder_new(&es);
    ck_assert_int_eq(ddz_encoder_encode(e, W, H, c->format, c->data, c->stride, c->size), DDZ_OK);
    return e;
}

/* The same picture in every layout gives the same stream; colours are equal, so that grey says all. */
START_TEST(layouts_in)
{
    struct buffer first = {0};
    for (int i = 0; i < FORMATS; i++)
        for (size_t gap = 0; gap <= GAP; gap += GAP) {
            struct canvas c = canvas_new(formats[i], gap);
            int n = channels_of(c.format);
            for (size_t k = 0; k < COUNT; k++)
                for (int channel = 0; channel < n; channel++) {
                    bool alpha = n % 2 == 0 && channel == n - 1;
                    unsigned value = alpha ? 255 : (unsigned)hash_pair(1, k) % 256;
                    put(&c, k % W, k / W, channel, is_deep(c.format) ? 257 * value : value);
                }
            ddz_encoder *e = encode_canvas(&c);
            struct buffer stream = stream_of(e);
            if (!first.data)
                first = copy_of(stream.data, stream.size);
            ck_assert_uint_eq(stream.size, first.size);
            ck_assert_mem_eq(stream.data, first.data, first.size);
            ddz_encoder_free(e);
            free(stream.data);
            canvas_free(&c);
        }
    free(first.data);
}
END_TEST

/* What is decoded in each layout is one picture, and nothing is written outside of its rows. */
START_TEST(layouts_out)
{
    struct canvas in = canvas_new(DDZ_PIXELS_RGBA8, 0), deep = canvas_new(DDZ_PIXELS_RGB16, 0);
    for (size_t i = 0; i < in.size; i++)
        in.data[i] = (uint8_t)hash_pair(2, i);
    ddz_encoder *e = encode_canvas(&in);
    struct buffer stream = stream_of(e);
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, deep.format, deep.data, 0, deep.size), DDZ_OK);
    for (int i = 0; i < 2 * FORMATS; i++) {
        struct canvas c = canvas_new(formats[i / 2], GAP * (size_t)(i % 2)), sent = canvas_new(c.format, 0);
        int n = channels_of(c.format);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, c.format, c.data, c.stride, c.size), DDZ_OK);
        ck_assert_int_eq(ddz_encoder_picture(e, c.format, sent.data, 0, sent.size), DDZ_OK);
        for (size_t k = 0; k < COUNT; k++) {
            double grey[3];
            for (int channel = 0; channel < 3; channel++)
                grey[channel] = get(&deep, k % W, k / W, channel) / 257.0;
            double luminance = (54 * grey[0] + 183 * grey[1] + 19 * grey[2]) / 256;
            for (int channel = 0; channel < n; channel++) {
                double value = get(&c, k % W, k / W, channel) / (is_deep(c.format) ? 257.0 : 1.0);
                ck_assert_uint_eq(get(&sent, k % W, k / W, channel), get(&c, k % W, k / W, channel));
                if (n % 2 == 0 && channel == n - 1)
                    ck_assert_double_eq(value, in.data[4 * k + 3]);
                else
                    ck_assert_double_le(fabs(value - (n < 3 ? luminance : grey[channel])),
                                        is_deep(c.format) ? 0.005 : 0.505);
            }
        }
        for (size_t y = 0; y + 1 < H; y++)
            for (size_t g = 0; g < c.stride - sent.stride; g++)
                ck_assert_uint_eq(c.data[y * c.stride + sent.stride + g], 0xEE);
        canvas_free(&c);
        canvas_free(&sent);
    }
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    canvas_free(&in);
    canvas_free(&deep);
}
END_TEST

/* All samples of 16 bits: 65535 is 255 grey levels of 256 units each, and back again. */
START_TEST(deep_samples)
{
    enum { VALUES = 1 << 16 };
    struct layout layout;
    uint16_t *in = alloc(VALUES * sizeof *in), *out = alloc(3 * VALUES * sizeof *out);
    int16_t *x = alloc(3 * VALUES * sizeof *x);
    int32_t row[3 * 256];
    for (int i = 0; i < VALUES; i++)
        in[i] = (uint16_t)i;
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_GREY16, 256, 256, 0, VALUES * sizeof *in), DDZ_OK);
    ddz_pixels_read(&layout, in, x);
    for (int i = 0; i < VALUES; i++) {
        double expected = i * 65280.0 / 65535 - 32640;
        ck_assert_double_le(fabs(x[3 * i] - expected), 0.5);
        ck_assert(x[3 * i + 1] == x[3 * i] && x[3 * i + 2] == x[3 * i]);
    }
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_RGB16, 256, 256, 0, 3 * VALUES * sizeof *out),
                     DDZ_OK);
    for (uint32_t y = 0; y < 256; y++) {
        for (int i = 0; i < 3 * 256; i++)
            row[i] = x[3 * 256 * y + i];
        ddz_pixels_write_row(&layout, y, row, NULL, out);
    }
    for (int i = 0; i < 3 * VALUES; i++)
        ck_assert_double_le(fabs(out[i] - (x[i] + 32640) * 65535.0 / 65280), 0.5);
    free(in);
    free(out);
    free(x);
}
END_TEST

/* They take part in what is coded. */
START_TEST(deep_samples_are_coded)
{
    struct canvas in = canvas_new(DDZ_PIXELS_GREY16, 0), rounded = canvas_new(DDZ_PIXELS_GREY8, 0);
    for (size_t k = 0; k < COUNT; k++) {
        put(&in, k % W, k / W, 0, (unsigned)(30000 + 3 * k));
        put(&rounded, k % W, k / W, 0, (unsigned)((30000 + 3 * k + 128) / 257));
    }
    ddz_encoder *e[2] = {encode_canvas(&in), encode_canvas(&rounded)};
    struct buffer stream[2] = {stream_of(e[0]), stream_of(e[1])};
    ck_assert(stream[0].size != stream[1].size ||
              memcmp(stream[0].data, stream[1].data, stream[0].size) != 0);
    for (int i = 0; i < 2; i++) {
        ddz_encoder_free(e[i]);
        free(stream[i].data);
    }
    canvas_free(&in);
    canvas_free(&rounded);
}
END_TEST

START_TEST(opaque_alpha_is_none)
{
    struct canvas c = canvas_new(DDZ_PIXELS_RGBA8, 0);
    memset(c.data, 255, c.size);
    for (int i = 0; i < 2; i++) {
        put(&c, 3, 4, 3, i ? 254 : 255);
        ddz_encoder *e = encode_canvas(&c);
        struct buffer stream = stream_of(e);
        struct decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        const uint8_t *alpha;
        size_t size;
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_extra(d, DDZ_EXTRA_ALPHA, &alpha, &size), DDZ_OK);
        ck_assert_uint_eq(size, i ? COUNT : 0);
        ddz_decoder_free(d);
        ddz_encoder_free(e);
        free(stream.data);
    }
    canvas_free(&c);
}
END_TEST

START_TEST(buffers_that_do_not_fit)
{
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 5);
    struct decoder_settings ds = decoder_settings();
    struct buffer stream = small_stream();
    ddz_encoder *e = encoder_new(&es);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    uint8_t *data = alloc(8 * 1000);
    memset(data, 7, 8 * 1000);
    for (int i = 0; i < FORMATS; i++) {
        ddz_pixel_format f = formats[i];
        size_t row = (size_t)SMALL_W * (size_t)channels_of(f) * (is_deep(f) ? 2 : 1), whole = row * SMALL_H;
        const size_t bad[][2] = {{0, whole - 1},          {row, whole - 1}, {row - 1, 8000},
                                 {row + 1, whole},        {1, 8000},        {SIZE_MAX, SIZE_MAX},
                                 {SIZE_MAX / 2, SIZE_MAX}};
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            size_t stride = bad[k][0], size = bad[k][1];
            ck_assert_int_eq(ddz_encoder_encode(e, SMALL_W, SMALL_H, f, data, stride, size),
                             DDZ_ERR_ARGUMENT);
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, f, data, stride, size), DDZ_ERR_ARGUMENT);
        }
    }
    for (size_t i = 0; i < 8000; i++)
        ck_assert_uint_eq(data[i], 7);
    const int unknown[] = {0, 5, 16, 21, 32, -1};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ddz_pixel_format f = (ddz_pixel_format)unknown[i];
        ck_assert_int_eq(ddz_encoder_encode(e, SMALL_W, SMALL_H, f, data, 0, 8000), DDZ_ERR_UNSUPPORTED);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, f, data, 0, 8000), DDZ_ERR_UNSUPPORTED);
        ck_assert_int_eq(ddz_decoder_set_observer(d, NULL, NULL, f), DDZ_ERR_UNSUPPORTED);
    }
    free(data);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
}
END_TEST

int main(void)
{
    return RUN("pixels", 300,
               CASE("pixels", layouts_in, layouts_out, deep_samples, deep_samples_are_coded,
                    opaque_alpha_is_none, buffers_that_do_not_fit));
}
