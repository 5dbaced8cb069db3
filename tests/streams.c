#include "streams.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "toy_model.h"

const uint32_t sizes[SIZES][2] = {{1, 1},   {1, 9},   {7, 5},   {8, 8},    {9, 9},
                                  {40, 30}, {64, 64}, {65, 33}, {100, 70}, {300, 5}};

void *alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(p);
    return p;
}

struct buffer copy_of(const uint8_t *data, size_t size)
{
    struct buffer b = {alloc(size), size};
    memcpy(b.data, data, size);
    return b;
}

const ddz_model *model(void)
{
    static ddz_model *loaded;
    if (!loaded) {
        const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
        size_t size;
        uint8_t *file = toy_model_shaped(1, &shape, &size);
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &loaded), DDZ_OK);
        free(file);
    }
    return loaded;
}

struct buffer picture(uint32_t width, uint32_t height)
{
    struct buffer b = {alloc((size_t)3 * width * height), (size_t)3 * width * height};
    for (size_t i = 0; i < b.size; i++) {
        double x = (double)(i / 3 % width), y = (double)(i / 3 / width);
        double v = 120 + 60 * sin(x / 9 + (double)(i % 3)) + 40 * cos(y / 7);
        double radius = hypot(x - width / 2.0, y - height / 3.0);
        v += radius < (width + height) / 8.0 ? 50 : 0;
        v += (double)(hash_pair(5, i) % 17) - 8;
        b.data[i] = (uint8_t)fmax(0, fmin(255, v));
    }
    return b;
}

double psnr(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow(a[i] - (double)b[i], 2);
    return 10 * log10(255.0 * 255 * (double)n / fmax(sum, 1e-9));
}

ddz_encoder_settings encoder_settings(ddz_target target, double value)
{
    ddz_encoder_settings s;
    ddz_encoder_defaults(&s);
    s.target = target;
    s.target_value = value;
    s.effort = 2;       /* few searches for the first steps, */
    s.trellis_bits = 8; /* and fast ones */
    s.threads = 1;
    return s;
}

ddz_decoder_settings decoder_settings(void)
{
    ddz_decoder_settings s;
    ddz_decoder_defaults(&s);
    s.threads = 1;
    return s;
}

ddz_encoder *encoder_new(const ddz_encoder_settings *s)
{
    ddz_encoder *e = NULL;
    ck_assert_int_eq(ddz_encoder_new(model(), s, &e), DDZ_OK);
    return e;
}

ddz_decoder *decoder_new(const ddz_decoder_settings *s)
{
    ddz_decoder *d = NULL;
    ck_assert_int_eq(ddz_decoder_new(model(), s, &d), DDZ_OK);
    return d;
}

struct buffer stream_of(const ddz_encoder *e)
{
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_OK);
    return copy_of(data, size);
}

struct buffer encode(const struct buffer *rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *s)
{
    ddz_encoder *e = encoder_new(s);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb->data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    return stream;
}

struct buffer small_stream_of(int updates)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    ddz_encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    s.updates = updates;
    struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &s);
    free(rgb.data);
    return stream;
}

struct buffer small_stream(void)
{
    return small_stream_of(4);
}

ddz_status decode_prefix(const ddz_decoder_settings *s, const uint8_t *data, size_t size, uint8_t *rgb)
{
    ddz_decoder *d = decoder_new(s);
    ddz_status fed = ddz_decoder_feed(d, data, size);
    ddz_status status = ddz_decoder_picture(d, DDZ_RECON_MEAN, rgb);
    ddz_decoder_free(d);
    return fed != DDZ_OK ? fed : status;
}

struct layout layout_of(const struct buffer *stream)
{
    /* the frame's magic begins where layer 0 ends, and no earlier in these streams */
    struct layout l = {.opening = stream->data[1] >> 7 ? 5 : 3};
    for (l.frame = l.opening; get_le32(stream->data + l.frame) != 0xFD2FB528u; l.frame++)
        ck_assert_uint_lt(l.frame + 8, stream->size);
    l.opening_end = l.frame;
    l.frame_end = stream->size - 4;
    return l;
}

static void check_reports(const ddz_encoder *e, ddz_decoder *d, size_t stream_size)
{
    const ddz_step *sent, *found;
    size_t count, n = ddz_encoder_steps(e, &sent);
    ck_assert_int_eq(ddz_decoder_steps(d, &found, &count), DDZ_OK);
    ck_assert_uint_eq(count, n);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(found[i].scale, sent[i].scale);
        ck_assert_int_eq(found[i].lift, sent[i].lift);
        ck_assert_uint_eq(found[i].bits, sent[i].bits);
        ck_assert_uint_eq(found[i].samples, sent[i].samples);
        ck_assert_double_eq(found[i].sigma_to, sent[i].sigma_to);
        ck_assert(i == 0 || found[i].offset_bits >= found[i - 1].offset_bits + found[i - 1].bits);
        ck_assert_uint_ge(found[i].bits, 1);
        ck_assert_double_ge(sent[i].kl_bits, 0);
        total += found[i].bits;
    }
    ck_assert_uint_lt(total, 8 * stream_size);
    ck_assert_uint_gt(total + 8 * 64, 8 * stream_size); /* what is not bits is framing */
}

void check_round_trip_of(struct buffer rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *es)
{
    uint8_t *sent = alloc(rgb.size), *got = alloc(rgb.size);
    ddz_encoder *e = encoder_new(es);
    ck_assert_int_eq(ddz_encoder_encode(e, rgb.data, w, h), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_picture(e, sent), DDZ_OK);
    struct buffer stream = stream_of(e);

    ddz_decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_info info;
    ck_assert_int_eq(ddz_decoder_info(d, &info), DDZ_OK);
    ck_assert_uint_eq(info.width, w);
    ck_assert_uint_eq(info.height, h);
    ck_assert_int_eq(info.complete, 1);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_int_eq(info.model_id_bits, 32);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()));
    ck_assert_uint_eq(info.bits, 8 * (uint64_t)stream.size);
    check_reports(e, d, stream.size);
    /* sampling does not disturb what has been decoded */
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_SAMPLE, got), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    free(sent);
    free(got);
}

void check_round_trip(uint32_t w, uint32_t h, const ddz_encoder_settings *es)
{
    struct buffer rgb = picture(w, h);
    check_round_trip_of(rgb, w, h, es);
    free(rgb.data);
}
