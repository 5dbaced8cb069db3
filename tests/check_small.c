/* Pictures at a smaller scale: what they are averages of, and how many bytes they need */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "diffusion/schedule.h"
#include "guard.h"
#include "inputs.h"
#include "runner.h"
#include "streams.h"

enum { LARGEST = 16 };

static const uint32_t small_sizes[][2] = {{1, 1},   {9, 1},    {24, 17},  {61, 40},
                                          {64, 96}, {133, 70}, {600, 11}, {1152, 32}};
/* Sides of pictures that are made with fewer calls, and the noise in them, in grey levels: they are not off by as much, even
 * with random weights. */
enum { THUMBNAIL = 256, THUMBNAIL_NOISE = 22 };
enum { SMALL_SIZES = sizeof small_sizes / sizeof *small_sizes };

static uint32_t half_of(uint32_t side)
{
    return (side + 1) / 2;
}

static uint32_t side_at(uint32_t side, int scale)
{
    for (; scale > 0; scale--)
        side = half_of(side);
    return side;
}

/* The toy model with calls as close as those of real ones, of which thumbnails save some */
static const ddz_model *fine_model(void)
{
    static struct ddz_model fine;
    fine = *model();
    for (int label = 1; label < 5; label++) {
        fine.plan_steps[label] = 4;
        for (int i = 0; i < 4; i++)
            fine.plan[label][i] = (struct plan_step){8 * (i + 1), 0};
    }
    return &fine;
}

static ddz_encoder *fine_encoder(const struct encoder_settings *es)
{
    ddz_encoder *e;
    ck_assert_int_eq(encoder_make(fine_model(), es, &e), DDZ_OK);
    return e;
}

static ddz_decoder *fine_decoder(const struct decoder_settings *ds)
{
    ddz_decoder *d;
    ck_assert_int_eq(decoder_make(fine_model(), ds, &d), DDZ_OK);
    return d;
}

static struct buffer stream_at(uint32_t w, uint32_t h, double quality)
{
    struct buffer rgb = picture(w, h);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
    es.updates = 4;
    ddz_encoder *e = fine_encoder(&es);
    ck_assert_int_eq(encode_rgb(e, rgb.data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    free(rgb.data);
    return stream;
}

static ddz_decoder *decoder_at(int scale)
{
    struct decoder_settings ds = decoder_settings();
    ds.scale = scale;
    return fine_decoder(&ds);
}

/* The picture of all that a decoder was fed, in 16 bits, in room that ends at a guard page */
struct deep {
    uint32_t w, h;
    int channels;
    uint16_t *values;
};

static size_t deep_size(const struct deep *p)
{
    return sizeof *p->values * p->w * p->h * (size_t)p->channels;
}

static struct deep deep_of(ddz_decoder *d, ddz_pixel_format format, ddz_recon recon)
{
    ddz_info info = info_of(d);
    struct deep p = {info.picture_width, info.picture_height, format == DDZ_PIXELS_RGBA16 ? 4 : 3, NULL};
    p.values = (uint16_t *)(void *)guard_alloc(deep_size(&p));
    ddz_status status = ddz_decoder_picture(d, recon, format, p.values, 0, deep_size(&p));
    ck_assert_msg(status == DDZ_OK, "%s", ddz_strerror(status));
    return p;
}

static void deep_free(struct deep *p)
{
    guard_free((uint8_t *)p->values, deep_size(p));
}

static struct deep decode_at(const uint8_t *data, size_t size, int scale)
{
    ddz_decoder *d = decoder_at(scale);
    ck_assert_int_eq(feed(d, data, size), DDZ_OK);
    struct deep p = deep_of(d, DDZ_PIXELS_RGB16, DDZ_RECON_MEAN);
    ddz_decoder_free(d);
    return p;
}

static void check_same(const struct deep *a, const struct deep *b)
{
    ck_assert_uint_eq(a->w, b->w);
    ck_assert_uint_eq(a->h, b->h);
    ck_assert_mem_eq(a->values, b->values, deep_size(a));
}

static size_t bytes_for(const struct buffer *stream, int scale)
{
    size_t bytes = 0;
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream->data, stream->size, scale, &bytes), DDZ_OK);
    ck_assert_uint_le(bytes, stream->size);
    return bytes;
}

/* The average, `times` times over, of boxes of 2 by 2 of the pixels that there are, as numbers; *sound of each says
 * whether no sample of it is black or white, where a picture has been cut. */
struct averages {
    uint32_t w, h;
    double *values;
    bool *sound;
};

static void average_once(struct averages *a, int channels)
{
    uint32_t w = half_of(a->w), h = half_of(a->h);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (int c = 0; c < channels; c++) {
                double sum = 0;
                bool sound = true;
                for (int k = 0; k < 4; k++) {
                    uint32_t column = 2 * x + (k & 1), row = 2 * y + (k >> 1);
                    column = column < a->w ? column : a->w - 1;
                    row = row < a->h ? row : a->h - 1;
                    size_t at = ((size_t)row * a->w + column) * (size_t)channels + (size_t)c;
                    sum += a->values[at] / 4;
                    sound = sound && a->sound[at];
                }
                size_t to = ((size_t)y * w + x) * (size_t)channels + (size_t)c;
                a->values[to] = sum;
                a->sound[to] = sound;
            }
    a->w = w;
    a->h = h;
}

static struct averages averages_of(const struct deep *p, int times)
{
    size_t n = (size_t)p->w * p->h * (size_t)p->channels;
    struct averages a = {p->w, p->h, alloc(n * sizeof *a.values), alloc(n * sizeof *a.sound)};
    for (size_t i = 0; i < n; i++) {
        a.values[i] = p->values[i];
        a.sound[i] = p->values[i] > 0 && p->values[i] < 65535;
    }
    for (; times > 0; times--)
        average_once(&a, p->channels);
    return a;
}

/* What a decoder for the full size shows of the very bits that the small picture is made of: framing is whole bytes. */
static struct deep whole_picture(const struct buffer *stream, size_t bytes, ddz_decoder *small)
{
    struct told_step *steps;
    size_t count = found_steps(small, &steps);
    uint64_t end = steps[count - 1].step.offset_bits + steps[count - 1].step.bits;
    struct decoder_settings ds = decoder_settings();
    ds.max_bits = (int64_t)(8 * (bytes - 1) + (end - 1) % 8 + 1);
    ddz_decoder *d = fine_decoder(&ds);
    ck_assert_int_eq(feed(d, stream->data, stream->size), DDZ_OK);
    size_t found;
    ck_assert_int_eq(ddz_decoder_step_count(d, &found), DDZ_OK);
    ck_assert_uint_eq(found, count);
    struct deep p = deep_of(d, DDZ_PIXELS_RGB16, DDZ_RECON_MEAN);
    free(steps);
    ddz_decoder_free(d);
    return p;
}

/* But for thumbnails. At scale 1 the chain comes to the full size; at others the picture of a coarser one is interpolated, which keeps averages
 * but at the ends of odd sides. */
START_TEST(small_is_an_average)
{
    uint32_t w = small_sizes[_i][0], h = small_sizes[_i][1];
    struct buffer stream = stream_at(w, h, 30);
    for (int scale = 1; scale <= LARGEST; scale++) {
        ddz_decoder *d = decoder_at(scale);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        struct deep small = deep_of(d, DDZ_PIXELS_RGB16, DDZ_RECON_MEAN);
        ck_assert_uint_eq(small.w, side_at(w, scale));
        ck_assert_uint_eq(small.h, side_at(h, scale));
        struct deep whole = whole_picture(&stream, bytes_for(&stream, scale), d);
        struct averages a = averages_of(&whole, scale);
        int compared = 0;
        double squares = 0;
        bool even = scale == 1 || (w % 64 == 0 && h % 32 == 0);
        bool thumbnail = small.w <= THUMBNAIL && small.h <= THUMBNAIL;
        for (size_t i = 0; i < (size_t)3 * small.w * small.h; i++) {
            bool full_size = scale == 1; /* its samples are those of the estimate, cut or not */
            double error = small.values[i] - a.values[i];
            if (!even || (!full_size && !a.sound[i]))
                continue;
            if (!thumbnail)
                ck_assert_double_le(fabs(error), 6);
            squares += error * error;
            compared++;
        }
        ck_assert(compared > 0 || !even);
        ck_assert_double_le(sqrt(squares / fmax(compared, 1)) / 257, THUMBNAIL_NOISE);
        free(a.values);
        free(a.sound);
        deep_free(&whole);
        deep_free(&small);
        ddz_decoder_free(d);
    }
    free(stream.data);
}
END_TEST

/* The bytes that are said to be enough are, and no fewer; nor do they depend on when pictures are asked for. */
START_TEST(enough_is_enough)
{
    uint32_t w = small_sizes[_i][0], h = small_sizes[_i][1];
    struct buffer stream = stream_at(w, h, 20);
    size_t before = stream.size;
    for (int scale = 1; scale <= LARGEST; scale++) {
        size_t bytes = bytes_for(&stream, scale), fewer = 7;
        ck_assert_uint_le(bytes, before);
        struct deep all = decode_at(stream.data, stream.size, scale),
                    cut = decode_at(stream.data, bytes, scale);
        check_same(&all, &cut);
        ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, bytes, scale, &fewer), DDZ_OK);
        ck_assert_uint_eq(fewer, bytes);
        ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, bytes - 1, scale, &fewer),
                         DDZ_ERR_TRUNCATED);
        ck_assert_uint_eq(fewer, bytes);
        ddz_decoder *d = decoder_at(scale);
        size_t pieces[] = {bytes / 3 < 9 ? 9 : bytes / 3, bytes - 1, bytes, stream.size}, fed = 0;
        for (int i = 0; i < 4; i++) {
            if (pieces[i] < fed || pieces[i] > stream.size)
                continue;
            ck_assert_int_eq(feed(d, stream.data + fed, pieces[i] - fed), DDZ_OK);
            fed = pieces[i];
            struct deep p = deep_of(d, DDZ_PIXELS_RGB16, DDZ_RECON_MEAN);
            if (fed >= bytes)
                check_same(&p, &all);
            deep_free(&p);
        }
        deep_free(&all);
        deep_free(&cut);
        ddz_decoder_free(d);
        before = bytes;
    }
    free(stream.data);
}
END_TEST

/* Alpha is averaged from all that has arrived of it. */
START_TEST(alpha_is_averaged)
{
    enum { W = 75, H = 50 };
    static uint8_t alpha[W * H];
    struct buffer rgb = picture(W, H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            alpha[y * W + x] = (uint8_t)(x < 30 ? 255 : y < 20 ? 0 : draw(256));
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 20);
    ddz_encoder *e = fine_encoder(&es);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, alpha, sizeof alpha), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    free(rgb.data);
    for (int scale = 1; scale <= 8; scale++) {
        ddz_decoder *d = decoder_at(scale);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        struct deep small = deep_of(d, DDZ_PIXELS_RGBA16, DDZ_RECON_MEAN), plane = {W, H, 1, NULL};
        plane.values = alloc(deep_size(&plane));
        for (int i = 0; i < W * H; i++)
            plane.values[i] = (uint16_t)(257 * alpha[i]);
        struct averages a = averages_of(&plane, scale);
        for (size_t i = 0; i < (size_t)small.w * small.h; i++)
            ck_assert_double_le(fabs(small.values[4 * i + 3] - a.values[i]), 257 * 0.52);
        size_t bytes = bytes_for(&stream, scale);
        struct deep all = decode_at(stream.data, stream.size, scale),
                    cut = decode_at(stream.data, bytes, scale);
        check_same(&all, &cut);
        deep_free(&all);
        deep_free(&cut);
        deep_free(&small);
        free(plane.values);
        free(a.values);
        free(a.sound);
        ddz_decoder_free(d);
    }
    free(stream.data);
}
END_TEST

struct watcher {
    ddz_decoder *d;
    int calls;
    double sigma;
    uint8_t last[3 * 64 * 64];
};

static int watch(void *cookie, double sigma, const void *pixels)
{
    struct watcher *w = cookie;
    ddz_info info = info_of(w->d);
    ck_assert_double_le(sigma, w->sigma);
    w->sigma = sigma;
    w->calls++;
    memcpy(w->last, pixels, (size_t)3 * info.picture_width * info.picture_height);
    return 0;
}

/* Small samples, of a beginning and of nothing; and observers see small pictures. */
START_TEST(samples_are_small)
{
    struct buffer stream = stream_at(61, 40, 20);
    for (int scale = 0; scale <= 7; scale += 1 + scale / 4) {
        uint8_t got[3 * 64 * 64], again[3 * 64 * 64];
        struct watcher w = {.sigma = HUGE_VAL};
        struct decoder_settings ds = decoder_settings();
        ds.scale = scale;
        ds.sample_steps = 1;
        ds.observer = watch;
        ds.observer_cookie = &w;
        w.d = fine_decoder(&ds);
        ck_assert_int_eq(feed(w.d, stream.data, 40), DDZ_OK);
        ddz_info info = info_of(w.d);
        size_t size = (size_t)3 * info.picture_width * info.picture_height;
        for (int i = 0; i < 2; i++) {
            w.sigma = HUGE_VAL;
            ck_assert_int_eq(
                ddz_decoder_picture(w.d, DDZ_RECON_SAMPLE, DDZ_PIXELS_RGB8, i ? again : got, 0, size),
                DDZ_OK);
            ck_assert_mem_eq(w.last, i ? again : got, size);
        }
        ck_assert_int_gt(w.calls, 2);
        ck_assert_mem_eq(got, again, size);
        ck_assert_int_eq(ddz_decoder_picture(w.d, DDZ_RECON_MEAN, DDZ_PIXELS_RGB8, got, 0, size - 1),
                         DDZ_ERR_ARGUMENT);
        ddz_decoder_free(w.d);
        w = (struct watcher){.sigma = HUGE_VAL, .d = fine_decoder(&ds)};
        ck_assert_int_eq(ddz_decoder_begin(w.d, 61, 40), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(w.d, DDZ_RECON_SAMPLE, DDZ_PIXELS_RGB8, got, 0, size), DDZ_OK);
        ddz_decoder_free(w.d);
    }
    free(stream.data);
}
END_TEST

/* At the two finest scales calls are half an octave apart, unless bits are fixed or a lift follows; nothing else changes. */
START_TEST(calls_of_thumbnails)
{
    static struct schedule s, t;
    struct pyramid p = ddz_pyramid_of(4000, 3000);
    ddz_schedule_build(&s, fine_model(), &p, (struct walk){LEVEL_MIN_END, 2, false, 2});
    for (int shown = 4; shown <= 16; shown++) {
        int saved = 0, level = 0, finest = ddz_schedule_finest(&p, shown);
        t = s;
        t.steps = ddz_schedule_enough(&s, &p, shown);
        ddz_schedule_save_calls(&t, &p, shown);
        for (int i = 0; i + 1 < t.steps; i++) {
            const struct step *step = &t.step[i], *next = step + 1;
            level = i == 0 || !t.step[i - 1].update ? step->level_from : level;
            bool may = step->scale <= finest + 1 && !step->fixed && !step->lift && !next->lift;
            ck_assert_int_eq(step->update, s.step[i].update || (may && next->level_from - level < 16));
            saved += step->update - s.step[i].update;
        }
        ck_assert_int_eq(saved, shown <= 6 ? 4 : shown == 7 ? 2 : 0);
    }
}
END_TEST

START_TEST(wrong_scales)
{
    struct buffer stream = small_stream();
    ddz_decoder *d = decoder_at(0);
    size_t bytes = 7;
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SCALE, 17), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SCALE, -1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(feed(d, stream.data, 1), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SCALE, 1), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    ck_assert_int_eq(ddz_scale_bytes(NULL, NULL, stream.data, stream.size, 1, &bytes), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, NULL, 1, 1, &bytes), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, stream.size, 0, &bytes),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, stream.size, 17, &bytes),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, stream.size, 1, NULL),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, 1, 1, &bytes), DDZ_ERR_TRUNCATED);
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, (const uint8_t *)"no stream", 9, 1, &bytes),
                     DDZ_ERR_FORMAT);
    stream.data[4] ^= 1; /* the model's identity */
    ck_assert_int_eq(ddz_scale_bytes(fine_model(), NULL, stream.data, stream.size, 1, &bytes),
                     DDZ_ERR_WRONG_MODEL);
    ck_assert_uint_eq(bytes, 7);
    free(stream.data);
}
END_TEST

int main(void)
{
    TCase *each = tcase_create("sizes");
    tcase_add_loop_test(each, small_is_an_average, 0, SMALL_SIZES);
    tcase_add_loop_test(each, enough_is_enough, 0, SMALL_SIZES);
    return RUN("small", 60, each,
               CASE("others", alpha_is_averaged, samples_are_small, calls_of_thumbnails, wrong_scales));
}
