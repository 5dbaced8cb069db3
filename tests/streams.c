#include "streams.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "guard.h"
#include "ledger.h"
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

static bool has_ink(uint32_t x, uint32_t y)
{
    uint64_t letter = hash_pair(9, x / 6 + 100 * (y / 8)) % 40;
    return y % 8 < 7 && hash_pair(letter, y % 8 * 8 + x % 6) % 2;
}

struct buffer mixed_picture(uint32_t width, uint32_t height, uint32_t drawn)
{
    struct buffer b = picture(width, height);
    for (uint32_t i = 0; i < b.size; i++)
        if (i / 3 % width < drawn)
            b.data[i] = has_ink(i / 3 % width, i / 3 / width) ? (uint8_t)(20 + 30 * (i % 3)) : 240;
    return b;
}

double psnr(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow(a[i] - (double)b[i], 2);
    return 10 * log10(255.0 * 255 * (double)n / fmax(sum, 1e-9));
}

struct encoder_settings encoder_settings(ddz_target target, double value)
{
    return (struct encoder_settings){.target = target,
                                     .target_value = value,
                                     .threads = 1,
                                     .features = -1,
                                     .max_pixels = 1 << 26,
                                     .effort = 2,       /* few searches for the first steps, */
                                     .trellis_bits = 8, /* and fast ones */
                                     .steering = 1000,
                                     .seed = 1};
}

struct decoder_settings decoder_settings(void)
{
    return (struct decoder_settings){.threads = 1,
                                     .features = -1,
                                     .max_pixels = 1 << 26,
                                     .max_bits = INT64_MAX,
                                     .seed = 1,
                                     .sample_steps = 8};
}

struct value {
    int parameter;
    int64_t value;
};

ddz_status encoder_make(const ddz_model *m, const struct encoder_settings *s, ddz_encoder **e)
{
    const struct value values[] = {{DDZ_PARAM_THREADS, s->threads},
                                   {DDZ_PARAM_CPU_FEATURES, s->features},
                                   {DDZ_PARAM_MAX_PIXELS, s->max_pixels},
                                   {DDZ_PARAM_EFFORT, s->effort},
                                   {DDZ_PARAM_TRELLIS_BITS, s->trellis_bits},
                                   {DDZ_PARAM_STEERING, s->steering},
                                   {DDZ_PARAM_EXACT, s->exact},
                                   {DDZ_RESEARCH_CALLS_PER_OCTAVE, s->calls_per_octave},
                                   {DDZ_RESEARCH_UPDATES, s->updates},
                                   {DDZ_RESEARCH_IDEAL_CHANNEL, s->ideal},
                                   {DDZ_RESEARCH_IDEAL_SEED, s->seed},
                                   {DDZ_RESEARCH_STEP_PSNR, s->step_psnr}};
    *e = NULL;
    ddz_status status = ddz_encoder_new(m, &s->allocator, e);
    for (size_t i = 0; status == DDZ_OK && i < sizeof values / sizeof *values; i++)
        status = ddz_encoder_set(*e, values[i].parameter, values[i].value);
    if (status == DDZ_OK)
        status = ddz_encoder_set_target(*e, s->target, s->target_value);
    if (status == DDZ_OK)
        status = ddz_encoder_set_progress(*e, s->progress, s->progress_cookie);
    if (status != DDZ_OK) {
        ddz_encoder_free(*e);
        *e = NULL;
    }
    return status;
}

ddz_status decoder_make(const ddz_model *m, const struct decoder_settings *s, ddz_decoder **d)
{
    const struct value values[] = {{DDZ_PARAM_THREADS, s->threads},
                                   {DDZ_PARAM_CPU_FEATURES, s->features},
                                   {DDZ_PARAM_MAX_PIXELS, s->max_pixels},
                                   {DDZ_PARAM_MAX_BITS, s->max_bits},
                                   {DDZ_PARAM_SEED, s->seed},
                                   {DDZ_PARAM_SAMPLE_STEPS, s->sample_steps},
                                   {DDZ_PARAM_SCALE, s->scale}};
    *d = NULL;
    ddz_status status = ddz_decoder_new(m, &s->allocator, d);
    for (size_t i = 0; status == DDZ_OK && i < sizeof values / sizeof *values; i++)
        status = ddz_decoder_set(*d, values[i].parameter, values[i].value);
    if (status == DDZ_OK)
        status = ddz_decoder_set_progress(*d, s->progress, s->progress_cookie);
    if (status == DDZ_OK)
        status = ddz_decoder_set_observer(*d, s->observer, s->observer_cookie, DDZ_PIXELS_RGB8);
    if (status != DDZ_OK) {
        ddz_decoder_free(*d);
        *d = NULL;
    }
    return status;
}

ddz_encoder *encoder_new(const struct encoder_settings *s)
{
    ddz_encoder *e;
    ck_assert_int_eq(encoder_make(model(), s, &e), DDZ_OK);
    return e;
}

ddz_decoder *decoder_new(const struct decoder_settings *s)
{
    ddz_decoder *d;
    ck_assert_int_eq(decoder_make(model(), s, &d), DDZ_OK);
    return d;
}

ddz_status encode_rgb(ddz_encoder *e, const uint8_t *rgb, uint32_t w, uint32_t h)
{
    const size_t size = (size_t)3 * w * h;
    uint8_t *input = guard_copy(rgb, size);
    ddz_status status = ddz_encoder_encode(e, w, h, DDZ_PIXELS_RGB8, input, 0, size);
    guard_free(input, size);
    return status;
}

ddz_status sent_rgb(ddz_encoder *e, uint8_t *rgb, size_t size)
{
    uint8_t *output = guard_alloc(size);
    ddz_status status = ddz_encoder_picture(e, DDZ_PIXELS_RGB8, output, 0, size);
    if (status == DDZ_OK)
        memcpy(rgb, output, size);
    guard_free(output, size);
    return status;
}

ddz_status decode_rgb(ddz_decoder *d, ddz_recon recon, uint8_t *rgb)
{
    ddz_info info;
    /* 0 until there is a header: then nothing may be written */
    const size_t size =
        ddz_decoder_info(d, &info, sizeof info) == DDZ_OK ? (size_t)3 * info.width * info.height : 0;
    uint8_t *output = guard_alloc(size);
    ddz_status status = ddz_decoder_picture(d, recon, DDZ_PIXELS_RGB8, output, 0, size);
    if (status == DDZ_OK || status == DDZ_ERR_DIGEST || status == DDZ_ERR_CORRUPT ||
        status == DDZ_ERR_FEATURE)
        memcpy(rgb, output, size);
    guard_free(output, size);
    return status;
}

ddz_info info_of(const ddz_decoder *d)
{
    ddz_info info;
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
    return info;
}

size_t sent_steps(const ddz_encoder *e, struct told_step **steps)
{
    size_t count;
    ck_assert_int_eq(ddz_encoder_step_count(e, &count), DDZ_OK);
    *steps = alloc(count * sizeof **steps);
    for (size_t i = 0; i < count; i++) {
        struct told_step *s = &(*steps)[i];
        ddz_research_step research;
        ck_assert_int_eq(ddz_encoder_step(e, i, &s->step, sizeof s->step), DDZ_OK);
        ck_assert_int_eq(ddz_research_encoder_step(e, i, &research, sizeof research), DDZ_OK);
        s->kl_bits = research.kl_bits;
        s->psnr = research.psnr;
    }
    return count;
}

size_t found_steps(ddz_decoder *d, struct told_step **steps)
{
    size_t count;
    ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_OK);
    *steps = alloc(count * sizeof **steps);
    for (size_t i = 0; i < count; i++) {
        (*steps)[i] = (struct told_step){.kl_bits = 0};
        ck_assert_int_eq(ddz_decoder_step(d, i, &(*steps)[i].step, sizeof(ddz_step)), DDZ_OK);
    }
    return count;
}

struct buffer stream_of(const ddz_encoder *e)
{
    const uint8_t *data;
    size_t size;
    ck_assert_int_eq(ddz_encoder_stream(e, &data, &size), DDZ_OK);
    return copy_of(data, size);
}

struct buffer encode(const struct buffer *rgb, uint32_t w, uint32_t h, const struct encoder_settings *s)
{
    ddz_encoder *e = encoder_new(s);
    ck_assert_int_eq(encode_rgb(e, rgb->data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    return stream;
}

struct buffer small_stream_of(int updates)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 20);
    s.updates = updates;
    struct buffer stream = encode(&rgb, SMALL_W, SMALL_H, &s);
    free(rgb.data);
    return stream;
}

struct buffer small_stream(void)
{
    return small_stream_of(4);
}

ddz_status feed(ddz_decoder *d, const uint8_t *data, size_t size)
{
    uint8_t *input = guard_copy(data, size);
    ddz_status status = ddz_decoder_feed(d, input, size);
    guard_free(input, size);
    return status;
}

ddz_status decode_prefix(const struct decoder_settings *s, const uint8_t *data, size_t size, uint8_t *rgb)
{
    ddz_decoder *d = decoder_new(s);
    ddz_status fed = feed(d, data, size);
    ddz_status status = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    ddz_decoder_free(d);
    return fed != DDZ_OK ? fed : status;
}

struct stream_layout layout_of(const struct buffer *stream)
{
    /* the frame's magic begins where the preview ends, and no earlier in these streams */
    struct stream_layout l = {.preview = stream->data[1] >> 7 ? 5 : 3};
    for (l.frame = l.preview; get_le32(stream->data + l.frame) != 0xFD2FB528u; l.frame++)
        ck_assert_uint_lt(l.frame + 8, stream->size);
    l.preview_end = l.frame;
    l.frame_end = stream->size - 5; /* the end of the records, the digest */
    return l;
}

static void check_reports(const ddz_encoder *e, ddz_decoder *d, size_t stream_size)
{
    struct told_step *sent, *found;
    size_t n = sent_steps(e, &sent);
    ck_assert_uint_eq(found_steps(d, &found), n);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        const ddz_step *f = &found[i].step, *s = &sent[i].step;
        ck_assert_int_eq(f->scale, s->scale);
        ck_assert_int_eq(f->lift, s->lift);
        ck_assert_uint_eq(f->bits, s->bits);
        ck_assert_uint_eq(f->samples, s->samples);
        ck_assert_uint_eq(f->missing, s->missing);
        ck_assert(f->missing == 0 || i == n - 1);
        ck_assert_double_eq(f->sigma_to, s->sigma_to);
        ck_assert(i == 0 || f->offset_bits >= found[i - 1].step.offset_bits + found[i - 1].step.bits);
        ck_assert_uint_ge(f->bits, 1);
        ck_assert_double_ge(sent[i].kl_bits, 0);
        total += f->bits;
    }
    ck_assert_uint_lt(total, 8 * stream_size);
    ck_assert_uint_gt(total + 8 * 64, 8 * stream_size); /* what is not bits is framing */
    free(sent);
    free(found);
}

void check_round_trip_of(struct buffer rgb, uint32_t w, uint32_t h, const struct encoder_settings *es)
{
    uint8_t *sent = alloc(rgb.size), *got = alloc(rgb.size);
    ddz_encoder *e = encoder_new(es);
    ck_assert_int_eq(encode_rgb(e, rgb.data, w, h), DDZ_OK);
    ck_assert_int_eq(sent_rgb(e, sent, rgb.size), DDZ_OK);
    struct buffer stream = stream_of(e);

    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_info info;
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
    ck_assert_uint_eq(info.width, w);
    ck_assert_uint_eq(info.height, h);
    ck_assert_int_eq(info.complete, 1);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_int_eq(info.model_id_bits, 32);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()));
    ck_assert_uint_eq(info.bits, 8 * (uint64_t)stream.size);
    check_reports(e, d, stream.size);
    /* sampling does not disturb what has been decoded */
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, got), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_mem_eq(got, sent, rgb.size);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    free(sent);
    free(got);
}

void check_round_trip(uint32_t w, uint32_t h, const struct encoder_settings *es)
{
    struct buffer rgb = picture(w, h);
    check_round_trip_of(rgb, w, h, es);
    free(rgb.data);
}

struct buffer check_automatic_memory(const struct buffer *rgb, uint32_t w, uint32_t h, double quality)
{
    struct ledger l = {0};
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, quality);
    uint64_t announced;
    s.exact = -1;
    s.effort = 1;
    s.allocator = ledger_allocator(&l);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_memory(e, w, h, &announced), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb->data, w, h), DDZ_OK);
    struct buffer stream = stream_of(e);
    ck_assert_uint_le(l.most, announced + 4 * stream.size);
    int calls = l.calls;
    l.once = true;
    for (int fail = 1; fail < calls; fail += 1 + fail / 8) {
        l.fails_at = l.calls + fail;
        ddz_status status = encode_rgb(e, rgb->data, w, h);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
    }
    ddz_encoder_free(e);
    ck_assert_uint_eq(l.used, 0);
    return stream;
}
