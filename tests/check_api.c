/* The public contract: what grows, pixels in any layout, statuses, progress. */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/pixels.h"
#include "base/hash.h"
#include "ddz.h"
#include "runner.h"
#include "streams.h"
#include "toy_model.h"

/* ---- Growth ------------------------------------------------------------------------------ */

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
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
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

/* ---- Streams and models that are not known yet ------------------------------------------- */

START_TEST(probe)
{
    struct buffer stream = small_stream();
    ddz_info info;
    for (size_t size = 0; size < 12; size++) {
        ck_assert_int_eq(ddz_probe(stream.data, size, &info, sizeof info),
                         size < 5 ? DDZ_ERR_TRUNCATED : DDZ_OK);
        if (size < 5)
            continue;
        ck_assert(info.width == SMALL_W && info.height == SMALL_H && info.model_id_bits == 3);
        ck_assert(ddz_model_matches(model(), info.model_id, info.model_id_bits));
        ck_assert(!ddz_model_matches(model(), info.model_id ^ 4, info.model_id_bits));
    }
    ck_assert_int_eq(ddz_probe((const uint8_t *)"\x89PNG", 4, &info, sizeof info), DDZ_ERR_FORMAT);
    ck_assert_int_eq(ddz_probe(NULL, 0, &info, sizeof info), DDZ_ERR_TRUNCATED);
    ck_assert_int_eq(ddz_probe(NULL, 1, &info, sizeof info), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_probe(stream.data, 5, NULL, 0), DDZ_ERR_ARGUMENT);
    uint32_t id = ddz_model_id(model());
    for (int bits = 0; bits <= 32; bits++) {
        ck_assert(ddz_model_matches(model(), id, bits));
        ck_assert_int_eq(ddz_model_matches(model(), id ^ 0x80000000, bits), bits < 32);
        ck_assert_int_eq(ddz_model_matches(model(), ~id, bits), bits == 0);
    }
    free(stream.data);
}
END_TEST

/* A decoder that gets its model after it has been fed makes the picture of one that had it before; limits in
 * bits that are no multiple of 8 are kept. */
START_TEST(model_of_a_fed_decoder)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    for (int64_t max_bits = 300; max_bits <= 8 * (int64_t)stream.size; max_bits += 997) {
        struct decoder_settings ds = decoder_settings();
        ds.max_bits = max_bits;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
        for (size_t fed = 0; fed <= stream.size; fed += fed < 50 ? 1 : 301) {
            ddz_decoder *d;
            size_t count;
            ck_assert_int_eq(decoder_make(NULL, &ds, &d), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data, fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_STATE);
            ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_ERR_STATE);
            ck_assert_int_eq(ddz_decoder_set_model(d, model()), DDZ_OK);
            if (fed % 2 && fed >= 5)
                ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ddz_decoder_free(d);
        }
    }
    free(stream.data);
}
END_TEST

/* The wrong model first: refused, or found out later, and then the right one makes the picture. */
START_TEST(another_model)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    bool low_bits_agree[2] = {false, false};
    for (uint64_t seed = 2; !low_bits_agree[0] || !low_bits_agree[1]; seed++) {
        const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
        size_t size;
        uint8_t *file = toy_model_shaped(seed, &shape, &size);
        ddz_model *other;
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &other), DDZ_OK);
        free(file);
        bool agree = ddz_model_matches(other, ddz_model_id(model()), 3);
        for (size_t fed = 4; fed <= stream.size && !low_bits_agree[agree]; fed += fed < 80 ? 3 : 500) {
            ddz_decoder *d;
            ck_assert_int_eq(decoder_make(other, &ds, &d), DDZ_OK);
            ddz_status status = ddz_decoder_feed(d, stream.data, fed);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_WRONG_MODEL || status == DDZ_ERR_CORRUPT);
            ck_assert(agree || fed < 5 || status == DDZ_ERR_WRONG_MODEL);
            if (status == DDZ_OK && fed >= 5)
                ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_set_model(d, model()), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ck_assert_int_eq(info_of(d).digest_agrees, 1);
            ck_assert_int_eq(ddz_decoder_set_model(d, other), DDZ_ERR_STATE);
            ddz_decoder_free(d);
        }
        low_bits_agree[agree] = true;
        ddz_model_free(other);
    }
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set_model(d, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_set_model(NULL, model()), DDZ_ERR_ARGUMENT);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* A record of a kind that does not exist yet: skipped, or refused with its own status and the picture all the
 * same. */
START_TEST(unknown_records)
{
    static const uint8_t record[] = {0x05, 4, 'n', 'e', 'w', '!'};
    struct buffer stream = small_stream(),
                  longer = {alloc(stream.size + sizeof record), stream.size + sizeof record};
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    size_t end = stream.size - 5;
    memcpy(longer.data, stream.data, end);
    memcpy(longer.data + end, record, sizeof record);
    memcpy(longer.data + end + sizeof record, stream.data + end, 5);
    for (int skippable = 0; skippable < 2; skippable++) {
        ddz_status status = skippable ? DDZ_OK : DDZ_ERR_FEATURE;
        longer.data[end] = skippable ? 0x85 : 0x05;
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, longer.data, longer.size), status);
        memset(rgb, 0, sizeof rgb);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), status);
        ck_assert_mem_eq(rgb, expected, sizeof rgb);
        ck_assert_uint_eq(info_of(d).skipped_records, 1);
        ck_assert_int_eq(info_of(d).complete, skippable);
        ck_assert_int_eq(info_of(d).digest_agrees, skippable);
        ddz_decoder_free(d);
    }
    free(longer.data);
    free(stream.data);
}
END_TEST

/* Features in the settings: some bits may be ignored, with others nothing behind the preview can be read. */
START_TEST(unknown_features)
{
    struct buffer stream = small_stream();
    struct stream_layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], whole[SMALL_BYTES], preview[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, whole), DDZ_OK);
    ck_assert_int_eq(decode_prefix(&ds, stream.data, l.frame, preview), DDZ_OK);
    for (int bit = 0; bit < 6; bit++) {
        stream.data[l.frame + 9 + 2] ^= (uint8_t)(1 << bit);
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), bit < 3 ? DDZ_OK : DDZ_ERR_FEATURE);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), bit < 3 ? DDZ_OK : DDZ_ERR_FEATURE);
        ck_assert_mem_eq(rgb, bit < 3 ? whole : preview, sizeof rgb);
        ddz_decoder_free(d);
        stream.data[l.frame + 9 + 2] ^= (uint8_t)(1 << bit);
    }
    free(stream.data);
}
END_TEST

/* ---- Processor --------------------------------------------------------------------------- */

START_TEST(features_have_names)
{
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AVX2), "avx2");
    ck_assert_str_eq(ddz_cpu_feature_name(DDZ_CPU_AVX512), "avx512");
    ck_assert_ptr_null(ddz_cpu_feature_name(0));
    ck_assert_ptr_null(ddz_cpu_feature_name(DDZ_CPU_AVX2 | DDZ_CPU_AVX512));
    ck_assert_ptr_null(ddz_cpu_feature_name((uint64_t)1 << 63));
    for (int bit = 0; bit < 64; bit++) /* all that the machine has can be named */
        ck_assert(!(ddz_cpu_features() >> bit & 1) || ddz_cpu_feature_name((uint64_t)1 << bit));
}
END_TEST

/* ---- Pixels ------------------------------------------------------------------------------ */

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
    c.data = alloc(c.size + 16);
    memset(c.data, 0xEE, c.size + 16);
    return c;
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
            free(c.data);
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
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
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
        ck_assert_uint_eq(c.data[c.size], 0xEE);
        free(c.data);
        free(sent.data);
    }
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    free(in.data);
    free(deep.data);
}
END_TEST

/* All samples of 16 bits: 65535 is 255 grey levels of 256 units each, and back again. */
START_TEST(deep_samples)
{
    enum { VALUES = 1 << 16 };
    struct layout layout;
    uint16_t *in = alloc(VALUES * sizeof *in), *out = alloc(3 * VALUES * sizeof *out);
    int32_t *x = alloc(3 * VALUES * sizeof *x);
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
    ddz_pixels_write(&layout, x, NULL, out);
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
    free(in.data);
    free(rounded.data);
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
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_extra(d, DDZ_EXTRA_ALPHA, &alpha, &size), DDZ_OK);
        ck_assert_uint_eq(size, i ? COUNT : 0);
        ddz_decoder_free(d);
        ddz_encoder_free(e);
        free(stream.data);
    }
    free(c.data);
}
END_TEST

START_TEST(buffers_that_do_not_fit)
{
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 5);
    struct decoder_settings ds = decoder_settings();
    struct buffer stream = small_stream();
    ddz_encoder *e = encoder_new(&es);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
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

/* ---- Memory ------------------------------------------------------------------------------ */

/* Bytes in use, and the most there were */
struct ledger {
    size_t used, most;
    int calls;
};

static void *ledger_allocate(void *cookie, size_t size)
{
    struct ledger *l = cookie;
    size_t *block = malloc(size + 16);
    ck_assert_ptr_nonnull(block);
    block[0] = size;
    l->used += size;
    l->most = l->used > l->most ? l->used : l->most;
    l->calls++;
    return (char *)block + 16;
}

static void ledger_release(void *cookie, void *memory)
{
    struct ledger *l = cookie;
    if (!memory)
        return;
    size_t *block = (size_t *)(void *)((char *)memory - 16);
    l->used -= block[0];
    free(block);
}

/* What is announced is enough, and not much more than it takes. */
static void check_announced(const struct ledger *l, uint64_t announced, const char *what)
{
    ck_assert_msg(l->most <= announced, "%s: %zu of %zu bytes", what, l->most, (size_t)announced);
    ck_assert_msg(announced < l->most + l->most / 3 + (2 << 20), "%s: %zu of %zu bytes", what, l->most,
                  (size_t)announced);
}

START_TEST(memory_is_announced)
{
    static const uint32_t sides[][2] = {{1, 1}, {24, 17}, {300, 200}, {500, 3}};
    static const ddz_target targets[] = {DDZ_TARGET_QUALITY, DDZ_TARGET_BYTES, DDZ_TARGET_PSNR};
    static const double values[] = {60, 700, 30};
    for (size_t i = 0; i < 12; i++) {
        uint32_t w = sides[i / 3][0], h = sides[i / 3][1];
        struct buffer rgb = picture(w, h);
        struct ledger l = {0};
        struct encoder_settings es = encoder_settings(targets[i % 3], values[i % 3]);
        struct decoder_settings ds = decoder_settings();
        uint64_t announced;
        es.allocator = ds.allocator = (ddz_allocator){ledger_allocate, ledger_release, &l};
        ddz_encoder *e = encoder_new(&es);
        ck_assert_int_eq(ddz_encoder_memory(e, w, h, &announced), DDZ_OK);
        ck_assert_int_eq(l.calls, 1);
        ck_assert_int_eq(encode_rgb(e, rgb.data, w, h), DDZ_OK);
        check_announced(&l, announced, "encoder");
        struct buffer stream = stream_of(e);
        ddz_encoder_free(e);
        ck_assert_uint_eq(l.used, 0);
        l = (struct ledger){0};
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(ddz_decoder_memory(d, w, h, &announced), DDZ_OK);
        ck_assert_int_eq(l.calls, 1);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size / 2), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb.data), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_feed(d, stream.data + stream.size / 2, stream.size - stream.size / 2),
                         DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb.data), DDZ_OK);
        check_announced(&l, announced + 3 * stream.size, "decoder");
        ddz_decoder_free(d);
        ck_assert_uint_eq(l.used, 0);
        free(stream.data);
        free(rgb.data);
    }
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
    es.allocator = ds.allocator = (ddz_allocator){ledger_allocate, ledger_release, &l};
    ddz_encoder *e = encoder_new(&es);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_encoder_memory(e, SMALL_W, SMALL_H, &announced[0]), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_memory(d, SMALL_W, SMALL_H, &announced[1]), DDZ_OK);
    ddz_decoder_free(d);
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
        status = ddz_decoder_feed(d, stream.data, stream.size);
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

/* ---- Progress ---------------------------------------------------------------------------- */

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
                ck_assert_int_eq(ddz_decoder_feed(d, stream.data + fed, until - fed), DDZ_OK);
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

int main(void)
{
    TCase *growth = tcase_create("growth");
    tcase_add_test(growth, unknown_parameters);
    tcase_add_test(growth, parameters_in_time);
    tcase_add_test(growth, sizes_of_structures);
    TCase *unknown = tcase_create("unknown");
    tcase_add_test(unknown, probe);
    tcase_add_test(unknown, model_of_a_fed_decoder);
    tcase_add_test(unknown, another_model);
    tcase_add_test(unknown, unknown_records);
    tcase_add_test(unknown, unknown_features);
    TCase *cpu = tcase_create("processor");
    tcase_add_test(cpu, features_have_names);
    TCase *pixels = tcase_create("pixels");
    tcase_add_test(pixels, layouts_in);
    tcase_add_test(pixels, layouts_out);
    tcase_add_test(pixels, deep_samples);
    tcase_add_test(pixels, deep_samples_are_coded);
    tcase_add_test(pixels, opaque_alpha_is_none);
    tcase_add_test(pixels, buffers_that_do_not_fit);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, memory_is_announced);
    tcase_add_test(memory, memory_limits);
    TCase *progress = tcase_create("progress");
    tcase_add_test(progress, progress_of_encoding);
    tcase_add_test(progress, progress_of_decoding);
    TCase *all[] = {growth, unknown, cpu, pixels, memory, progress};
    return run_cases("api", 300, all, sizeof all / sizeof *all);
}
