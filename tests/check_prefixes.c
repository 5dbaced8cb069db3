/* A stream ends wherever it is cut, and may come in pieces. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"

START_TEST(every_byte_is_a_place_to_stop)
{
    struct buffer stream = small_stream_of(_i);
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    uint8_t rgb[SMALL_BYTES], fresh[SMALL_BYTES];
    size_t count, last_count = 0;
    ddz_info info;
    for (size_t i = 0; i < stream.size; i++) {
        ck_assert_int_eq(feed(d, stream.data + i, 1), DDZ_OK);
        ddz_status status = decode_rgb(d, DDZ_RECON_MEAN, rgb);
        if (i + 1 < layout_of(&stream).preview) {
            ck_assert_int_eq(status, DDZ_ERR_TRUNCATED);
            ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_ERR_TRUNCATED);
            continue;
        }
        ck_assert_int_eq(status, DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
        ck_assert_int_eq(info.complete, i + 1 == stream.size);
        ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_OK);
        ck_assert_uint_ge(count, last_count);
        last_count = count;
        /* work that was kept gives what a new decoder gives */
        ck_assert_int_eq(decode_prefix(&ds, stream.data, i + 1, fresh), DDZ_OK);
        ck_assert_mem_eq(rgb, fresh, sizeof rgb);
        if (i % 16 == 0)
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
    }
    ck_assert_int_eq(info.digest_agrees, 1);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* Bytes of a stream that make whole the step that ends where `next` begins: framing is not counted there. */
static size_t bytes_before(const ddz_step *next, const struct stream_layout *l)
{
    size_t bytes = (size_t)(next->offset_bits + 7) / 8;
    return bytes < l->frame ? bytes : bytes + 9;
}

/* A stream with pictures taken after some of three numbers of bytes gives what it gives at once. */
static void check_interrupted(const struct buffer *stream, const size_t *stop, int taken, ddz_recon recon,
                              const uint8_t *whole)
{
    uint8_t rgb[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ddz_decoder *d = decoder_new(&ds);
    ddz_info info;
    size_t fed = 0;
    for (int i = 0; i < 3; i++)
        if ((taken >> i & 1) && stop[i] <= stream->size) {
            ck_assert_int_eq(feed(d, stream->data + fed, stop[i] - fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, recon, rgb), DDZ_OK);
            fed = stop[i];
        }
    ck_assert_int_eq(feed(d, stream->data + fed, stream->size - fed), DDZ_OK);
    ddz_status status = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    ck_assert_msg(status == DDZ_OK, "%s with pictures %d of those at %zu, %zu, %zu bytes",
                  ddz_strerror(status), taken, stop[0], stop[1], stop[2]);
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
    ck_assert_int_eq(info.digest_agrees, 1);
    ck_assert_mem_eq(rgb, whole, sizeof rgb);
    ddz_decoder_free(d);
}

/* Right behind each step, a byte further and in the midst of the next: what a picture asks of the network
 * there must not reach the updates that follow. */
START_TEST(pictures_between_updates)
{
    struct buffer stream = small_stream_of(_i);
    struct stream_layout l = layout_of(&stream);
    struct decoder_settings ds = decoder_settings();
    uint8_t whole[SMALL_BYTES];
    ddz_decoder *d = decoder_new(&ds);
    struct told_step *steps;
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, whole), DDZ_OK);
    size_t count = found_steps(d, &steps);
    for (size_t i = 1; i < count; i++) {
        size_t begin = bytes_before(&steps[i].step, &l);
        const size_t stop[] = {begin, begin + 1, begin + 1 + (size_t)steps[i].step.bits / 16};
        for (int taken = 1; taken < 8; taken++)
            check_interrupted(&stream, stop, taken, DDZ_RECON_MEAN, whole);
        check_interrupted(&stream, stop, 5, DDZ_RECON_SAMPLE, whole);
    }
    free(steps);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* As many steps in fewer calls: the same noise levels, other estimates and so other bits. */
START_TEST(updates_are_steps)
{
    struct buffer rgb = picture(SMALL_W, SMALL_H);
    static const int settings[][2] = {{16, 1}, {8, 2}, {4, 4}, {2, 8}};
    struct told_step *steps[4];
    ddz_encoder *e[4];
    size_t count[4];
    for (int i = 0; i < 4; i++) {
        /* level 128: 8 calls of half an octave */
        struct encoder_settings s = encoder_settings(DDZ_TARGET_SIGMA, 89.25 / 16);
        s.calls_per_octave = settings[i][0];
        s.updates = settings[i][1];
        e[i] = encoder_new(&s);
        ck_assert_int_eq(encode_rgb(e[i], rgb.data, SMALL_W, SMALL_H), DDZ_OK);
        count[i] = sent_steps(e[i], &steps[i]);
        struct buffer stream = stream_of(e[i]);
        struct decoder_settings ds = decoder_settings();
        ddz_decoder *d = decoder_new(&ds);
        ddz_info info;
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
        ck_assert_int_eq(info.calls_per_octave, settings[i][0]);
        ck_assert_int_eq(info.updates, settings[i][1]);
        ddz_decoder_free(d);
        free(stream.data);
        for (int k = 0; k < i; k++) {
            int others = 0;
            ck_assert_uint_eq(count[i], count[k]);
            for (size_t j = 0; j < count[i]; j++) {
                const ddz_step *a = &steps[i][j].step, *b = &steps[k][j].step;
                ck_assert(a->scale == b->scale && a->sigma_to == b->sigma_to);
                others += steps[i][j].kl_bits != steps[k][j].kl_bits;
            }
            ck_assert_int_gt(others, 50);
        }
    }
    for (int i = 0; i < 4; i++) {
        ddz_encoder_free(e[i]);
        free(steps[i]);
    }
    free(rgb.data);
}
END_TEST

/* max_bits gives what the bits alone give: same picture, whatever stands behind them. */
START_TEST(every_bit_is_a_place_to_stop)
{
    struct buffer stream = small_stream();
    struct stream_layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], other[SMALL_BYTES], last[SMALL_BYTES] = {0};
    int changes = 0;
    for (uint64_t bits = 0; bits <= 8 * stream.size; bits += bits < 8 * (l.frame + 20) ? 1 : 97) {
        struct decoder_settings ds = decoder_settings();
        ds.max_bits = bits;
        ddz_status expected = bits < 8 * l.preview ? DDZ_ERR_TRUNCATED : DDZ_OK;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), expected);
        /* junk behind the last bit, and no byte more */
        size_t bytes = (size_t)((bits + 7) / 8);
        struct buffer junk = copy_of(stream.data, bytes);
        if (bits % 8)
            junk.data[bytes - 1] ^= (uint8_t)(0xFF >> bits % 8);
        ck_assert_int_eq(decode_prefix(&ds, junk.data, junk.size, other), expected);
        free(junk.data);
        if (expected != DDZ_OK)
            continue;
        ck_assert_mem_eq(rgb, other, sizeof rgb);
        if (bits % 8 == 0) {
            ds.max_bits = INT64_MAX;
            ck_assert_int_eq(decode_prefix(&ds, stream.data, bytes, other), DDZ_OK);
            ck_assert_mem_eq(rgb, other, sizeof rgb);
        }
        bool framing = bits > 8 * l.frame && bits <= 8 * (l.frame + 16);
        if (framing)
            ck_assert_mem_eq(rgb, last, sizeof rgb);
        changes += memcmp(rgb, last, sizeof rgb) != 0;
        memcpy(last, rgb, sizeof last);
    }
    ck_assert_int_gt(changes, 100); /* nearly each of the first bits shows */
    free(stream.data);
}
END_TEST

/* Limits that are no multiple of 8, across calls of feed. */
START_TEST(bit_limit_across_feeds)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], other[SMALL_BYTES];
    for (uint64_t bits = 51; bits < 8 * stream.size; bits += 131) {
        struct decoder_settings ds = decoder_settings();
        ds.max_bits = bits;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), DDZ_OK);
        ddz_decoder *d = decoder_new(&ds);
        for (size_t i = 0; i < stream.size; i++)
            ck_assert_int_eq(feed(d, stream.data + i, 1), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, other), DDZ_OK);
        ck_assert_mem_eq(rgb, other, sizeof rgb);
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
        ck_assert_uint_eq(info.bits, bits);
        ck_assert_int_eq(info.complete, 0);
        ddz_decoder_free(d);
    }
    free(stream.data);
}
END_TEST

START_TEST(pieces)
{
    struct buffer rgb = picture(40, 30);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 20);
    struct buffer stream = encode(&rgb, 40, 30, &es);
    uint8_t *whole = alloc(rgb.size), *got = alloc(rgb.size);
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, whole), DDZ_OK);
    const size_t steps[] = {1, 7, 64, 1000};
    for (size_t k = 0; k < 4; k++)
        for (int between = 0; between < 2; between++) {
            ddz_decoder *d = decoder_new(&ds);
            for (size_t at = 0; at < stream.size; at += steps[k]) {
                size_t n = stream.size - at < steps[k] ? stream.size - at : steps[k];
                struct buffer piece = copy_of(stream.data + at, n);
                ck_assert_int_eq(feed(d, piece.data, n), DDZ_OK);
                memset(piece.data, 0xEE, n);
                free(piece.data);
                if (between && at / 7 % 3 == 0 && at > 6)
                    ck_assert_int_eq(decode_rgb(d, (ddz_recon)(at % 2), got), DDZ_OK);
            }
            ck_assert_int_eq(ddz_decoder_feed(d, NULL, 0), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
            ck_assert_mem_eq(got, whole, rgb.size);
            ddz_decoder_free(d);
        }
    free(stream.data);
    free(whole);
    free(got);
    free(rgb.data);
}
END_TEST

int main(void)
{
    TCase *prefix = tcase_create("prefixes");
    for (int updates = 1; updates <= 8; updates *= 2) {
        tcase_add_loop_test(prefix, every_byte_is_a_place_to_stop, updates, updates + 1);
        tcase_add_loop_test(prefix, pictures_between_updates, updates, updates + 1);
    }
    tcase_add_test(prefix, updates_are_steps);
    tcase_add_test(prefix, every_bit_is_a_place_to_stop);
    tcase_add_test(prefix, bit_limit_across_feeds);
    tcase_add_test(prefix, pieces);
    TCase *all[] = {prefix};
    return run_cases("prefixes", 300, all, sizeof all / sizeof *all);
}
