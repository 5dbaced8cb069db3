/* Streams with an exact layer that arrive in pieces: each row of it is decoded once, whatever is asked for meanwhile. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "decode/state.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"
#include "streams.h"

enum { W = 19, H = 17, PIXEL_MOST = 8, STRIDE = PIXEL_MOST * W, SIZE = STRIDE * H };

/* Which coder has the layer; with the residual coder, deep alpha is coded apart. */
enum { RESIDUAL, RESIDUAL_ALPHA, NEAR, GRAPHICS, GRAPHICS_ALPHA, RAW, KINDS };

static uint16_t sample_of(int kind, uint32_t x, uint32_t y, uint32_t c)
{
    if (kind == RAW)
        return (uint16_t)draw(65536);
    if (kind == GRAPHICS || kind == GRAPHICS_ALPHA)
        return (uint16_t)((x / 2 * (y / 3) + c) % 5 * 13107);
    return (uint16_t)(20000 + 400 * (x + 2 * y) + 3000 * c + draw(3000));
}

static bool has_alpha(int kind)
{
    return kind == RESIDUAL_ALPHA || kind == GRAPHICS_ALPHA;
}

static struct buffer make_stream(int kind)
{
    static const int coders[KINDS] = {EXACT_RESIDUAL, EXACT_RESIDUAL, EXACT_RESIDUAL,
                                      EXACT_GRAPHICS, EXACT_GRAPHICS, EXACT_RAW};
    ddz_pixel_format format = has_alpha(kind) ? DDZ_PIXELS_RGBA16 : DDZ_PIXELS_RGB16;
    size_t channels = has_alpha(kind) ? 4 : 3;
    uint16_t pixels[4 * W * H];
    for (uint32_t i = 0; i < channels * W * H; i++)
        pixels[i] =
            sample_of(kind, i / (uint32_t)channels % W, i / (uint32_t)channels / W, i % (uint32_t)channels);
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 10);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, coders[kind] == EXACT_RESIDUAL ? 2 : 1), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_MAX_ERROR, kind == NEAR ? 2 : 0), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_encode(e, W, H, format, pixels, 0, sizeof pixels), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    struct exact_head head;
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_exact_head_read(d->reader.layers.exact.data, d->reader.layers.exact.size, &head),
                     DDZ_OK);
    ck_assert_int_eq(head.coder, coders[kind]);
    ddz_decoder_free(d);
    return stream;
}

static ddz_status picture_of(ddz_decoder *d, int call, uint8_t pixels[SIZE])
{
    static const ddz_pixel_format formats[] = {DDZ_PIXELS_RGBA16, DDZ_PIXELS_RGB8, DDZ_PIXELS_GREY8,
                                               DDZ_PIXELS_RGB16};
    memset(pixels, 1, SIZE);
    return ddz_decoder_picture(d, DDZ_RECON_MEAN, formats[call % 4], pixels, STRIDE, SIZE);
}

/* The picture is what a decoder finds that is fed all of these bytes at once. */
static void check_picture(const struct decoder_settings *s, int call, const uint8_t pixels[SIZE],
                          const struct buffer *stream, size_t size)
{
    uint8_t expected[SIZE];
    struct decoder_settings alone = *s;
    alone.progress = NULL;
    ddz_decoder *d = decoder_new(&alone);
    ck_assert_int_eq(feed(d, stream->data, size), DDZ_OK);
    ck_assert_int_eq(picture_of(d, call, expected), DDZ_OK);
    ck_assert_mem_eq(pixels, expected, SIZE);
    ddz_decoder_free(d);
}

/* Progress is told once for a row, and at a call's beginning and end. */
struct count {
    int told, stop_at; /* 0: nowhere */
};

static int count_progress(void *cookie, double share)
{
    struct count *count = cookie;
    ck_assert(share >= 0 && share <= 1);
    count->told++;
    return count->told == count->stop_at;
}

START_TEST(rows_are_decoded_once)
{
    const int kind = _i % KINDS, scale = _i / KINDS;
    struct buffer stream = make_stream(kind);
    struct count count = {0, 0};
    struct decoder_settings s = decoder_settings();
    s.scale = scale;
    s.progress = count_progress;
    s.progress_cookie = &count;
    ddz_decoder *d = decoder_new(&s);
    uint8_t pixels[SIZE];
    int calls = 0, rows = 0;
    size_t fed = 0;
    while (fed < stream.size) {
        size_t more = 1 + draw(stream.size > 1000 ? 60 : 6);
        more = more < stream.size - fed ? more : stream.size - fed;
        ck_assert_int_eq(feed(d, stream.data + fed, more), DDZ_OK);
        fed += more;
        if (d->reader.part == PART_HEADER)
            continue;
        const bool begun = d->exact.rows > 0 || d->exact.samples;
        count.told = 0;
        ck_assert_int_eq(picture_of(d, calls, pixels), DDZ_OK);
        rows += begun ? count.told - 2 : (int)(d->exact.rows + d->exact.alpha_rows);
        check_picture(&s, calls++, pixels, &stream, fed);
    }
    bool shown = scale == 0 || kind == GRAPHICS || kind == GRAPHICS_ALPHA;
    if (shown && kind != RAW)
        ck_assert_int_eq(rows, kind == RESIDUAL_ALPHA ? 2 * H : H);
    ck_assert(!d->exact.graphics && !d->exact.residual);
    for (int i = 0; i < 4; i++) { /* and then nothing is left to be done */
        count.told = 0;
        ck_assert_int_eq(picture_of(d, i, pixels), DDZ_OK);
        ck_assert(kind == RAW || (count.told == 2 && d->work == 0));
        check_picture(&s, i, pixels, &stream, stream.size);
    }
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* A call that is cancelled at any row, or for which memory is short, loses nothing. */
START_TEST(interrupted)
{
    struct buffer stream = make_stream(_i);
    for (int stop_at = 1; stop_at < 60; stop_at += 4) {
        struct ledger ledger = {.once = true};
        struct count count = {0, stop_at};
        struct decoder_settings s = decoder_settings();
        s.allocator = ledger_allocator(&ledger);
        s.progress = count_progress;
        s.progress_cookie = &count;
        ddz_decoder *d = decoder_new(&s);
        uint8_t pixels[SIZE];
        size_t parts[] = {stream.size - stream.size / 3, stream.size / 3};
        for (size_t fed = 0, i = 0; i < 2; fed += parts[i++]) {
            count.told = 0;
            ck_assert_int_eq(feed(d, stream.data + fed, parts[i]), DDZ_OK);
            ddz_status status = picture_of(d, 0, pixels);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_CANCELLED);
            ledger.fails_at = ledger.calls + stop_at / 4 + 1;
            status = picture_of(d, 1, pixels);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY || status == DDZ_ERR_CANCELLED);
            ledger.fails_at = 0;
            count.told = stop_at; /* is not stopped */
            ck_assert_int_eq(picture_of(d, (int)i, pixels), DDZ_OK);
            s.allocator = (ddz_allocator){0};
            check_picture(&s, (int)i, pixels, &stream, fed + parts[i]);
        }
        ddz_decoder_free(d);
        ck_assert_int_eq(ledger.alive, 0);
    }
    free(stream.data);
}
END_TEST

/* What is announced once the layer begins is what it takes, to two in a hundred and what the stream takes. */
START_TEST(memory)
{
    for (int i = 0; i < 2 * KINDS; i++) {
        const bool cut = i % 2;
        struct buffer stream = make_stream(i / 2);
        struct ledger ledger = {0};
        struct decoder_settings s = decoder_settings();
        s.allocator = ledger_allocator(&ledger);
        ddz_decoder *d = decoder_new(&s);
        uint8_t pixels[SIZE];
        uint64_t announced;
        size_t part = cut ? stream.size - 40 : stream.size;
        ck_assert_int_eq(feed(d, stream.data, part), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_memory(d, W, H, &announced), DDZ_OK);
        ck_assert_int_eq(picture_of(d, 0, pixels), DDZ_OK);
        ck_assert_int_eq(feed(d, stream.data + part, stream.size - part), DDZ_OK);
        ck_assert_int_eq(picture_of(d, 1, pixels), DDZ_OK);
        ck_assert_uint_le(ledger.most, announced + 4 * stream.size);
        ck_assert_uint_le(announced, ledger.most + ledger.most / 10);
        ddz_decoder_free(d);
        ck_assert_int_eq(ledger.alive, 0);
        free(stream.data);
    }
}
END_TEST

int main(void)
{
    TCase *all = CASE("pieces", memory);
    tcase_add_loop_test(all, rows_are_decoded_once, 0, 2 * KINDS);
    tcase_add_loop_test(all, interrupted, 0, KINDS);
    return RUN("exact pieces", 120, all);
}
