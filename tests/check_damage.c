/* Streams that are too large, damaged, longer than they should be, or newer than the decoder */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ddz.h"
#include "ledger.h"
#include "runner.h"
#include "streams.h"

START_TEST(limits)
{
    struct buffer rgb = picture(10, 11);
    uint8_t got[3 * 110];
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 5);
    struct buffer stream = encode(&rgb, 10, 11, &es);
    for (int64_t max = 109; max <= 110; max++) {
        es.max_pixels = max;
        ddz_encoder *e = encoder_new(&es);
        ddz_status expected = max < 110 ? DDZ_ERR_PIXEL_LIMIT : DDZ_OK;
        ck_assert_int_eq(encode_rgb(e, rgb.data, 10, 11), expected);
        ddz_encoder_free(e);
        struct decoder_settings ds = decoder_settings();
        ds.max_pixels = max;
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, stream.size), expected);
        ck_assert_int_eq(feed(d, stream.data, 1), expected);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), expected);
        ddz_decoder_free(d);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* Nine bytes that name a huge picture: refused without memory. */
START_TEST(huge_header)
{
    const uint8_t head[] = {0xDD, 0xFF, 0xFF, 0xFF, (uint8_t)(0xF8 | (ddz_model_id(model()) & 7)), 0xFF, 0xFE,
                            0xFF, 0xFE, 0,    0};
    const int64_t most[] = {1, 1 << 26, 1 << 28};
    for (int i = 0; i < 3; i++) {
        struct ledger l = {0};
        struct decoder_settings ds = decoder_settings();
        ds.max_pixels = most[i];
        ds.allocator = ledger_allocator(&l);
        ddz_decoder *d = decoder_new(&ds);
        uint8_t rgb[3];
        ddz_info info;
        ck_assert_int_eq(feed(d, head, sizeof head), DDZ_ERR_PIXEL_LIMIT);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_PIXEL_LIMIT);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_ERR_PIXEL_LIMIT);
        ck_assert_int_eq(l.calls, 1); /* the decoder itself */
        ddz_decoder_free(d);
    }
}
END_TEST

/* Each byte of a stream damaged in several ways: an error or a picture, and no silence about a bit
 * that took part. */
START_TEST(damaged_streams)
{
    struct buffer stream = small_stream();
    struct stream_layout l = layout_of(&stream);
    uint8_t rgb[SMALL_BYTES], *big = alloc(3 << 16);
    const uint8_t flips[] = {0x01, 0x80, 0x10, 0xFF};
    struct decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, rgb), DDZ_OK);
    for (size_t i = 0; i < stream.size; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            stream.data[i] ^= flips[k];
            ddz_status status = decode_prefix(&ds, stream.data, stream.size, i >= 1 && i < 5 ? big : rgb);
            /* the last byte of the preview and of the frame may hold bits that nobody reads */
            bool conveyed =
                (i >= l.preview && i + 1 < l.preview_end) || (i >= l.frame + 16 && i + 1 < l.frame_end);
            bool digest = i > l.frame_end;
            if (digest)
                ck_assert_int_eq(status, DDZ_ERR_DIGEST);
            else if (conveyed)
                ck_assert_msg(status == DDZ_ERR_CORRUPT || status == DDZ_ERR_DIGEST, "byte %zu ^ %d: %s", i,
                              flips[k], ddz_strerror(status));
            else if (i < 1)
                ck_assert_int_eq(status, DDZ_ERR_FORMAT);
            else if (i == 4 && flips[k] == 0x01)
                ck_assert_int_eq(status, DDZ_ERR_WRONG_MODEL);
            stream.data[i] ^= flips[k];
        }
    free(big);
    free(stream.data);
}
END_TEST

/* Bytes inserted, lost, or of another stream */
START_TEST(mangled_streams)
{
    struct buffer stream = small_stream(), mangled = {alloc(2 * stream.size), 0};
    uint8_t *rgb = alloc(3 << 16);
    struct decoder_settings ds = decoder_settings();
    ds.max_pixels = 1 << 16;
    for (uint64_t trial = 0; trial < 300; trial++) {
        size_t at = 6 + hash_pair(trial, 0) % (stream.size - 6), gap = hash_pair(trial, 1) % 20;
        size_t from = hash_pair(trial, 2) % (stream.size - 20);
        memcpy(mangled.data, stream.data, at);
        memcpy(mangled.data + at, stream.data + from, gap);
        memcpy(mangled.data + at + gap, stream.data + at, stream.size - at);
        mangled.size = stream.size + gap;
        ddz_status longer = decode_prefix(&ds, mangled.data, mangled.size, rgb);
        ck_assert(gap == 0 || longer == DDZ_ERR_CORRUPT || longer == DDZ_ERR_DIGEST ||
                  longer == DDZ_ERR_FEATURE || longer == DDZ_ERR_WRONG_MODEL || longer == DDZ_OK);
        size_t lost = at + gap < stream.size ? gap : stream.size - at;
        memcpy(mangled.data + at, stream.data + at + lost, stream.size - at - lost);
        (void)decode_prefix(&ds, mangled.data, stream.size - lost, rgb);
        for (size_t i = at; i < stream.size; i++)
            mangled.data[i] = (uint8_t)hash_pair(trial, i);
        (void)decode_prefix(&ds, mangled.data, stream.size, rgb);
    }
    free(mangled.data);
    free(rgb);
    free(stream.data);
}
END_TEST

/* They are ignored, and counted. */
START_TEST(trailing_bytes)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_uint_eq(info_of(d).trailing_bytes, 0);
    ck_assert_int_eq(feed(d, (const uint8_t *)"x", 1), DDZ_OK);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_uint_eq(info_of(d).trailing_bytes, 1 + stream.size);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
    ck_assert(info_of(d).complete && info_of(d).digest_agrees);
    ck_assert_mem_eq(rgb, expected, sizeof rgb);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* A record of a kind that does not exist yet: skipped, or refused with its own status and the picture all the
 * same. */
START_TEST(unknown_records)
{
    static const uint8_t record[] = {0x45, 4, 'n', 'e', 'w', '!'};
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
        longer.data[end] = skippable ? 0xC5 : 0x45;
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, longer.data, longer.size), status);
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
    for (int bit = 2; bit < 6; bit++) {
        stream.data[l.frame + 9 + 2] ^= (uint8_t)(1 << bit);
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, stream.size), bit < 3 ? DDZ_OK : DDZ_ERR_FEATURE);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), bit < 3 ? DDZ_OK : DDZ_ERR_FEATURE);
        ck_assert_mem_eq(rgb, bit < 3 ? whole : preview, sizeof rgb);
        ddz_decoder_free(d);
        stream.data[l.frame + 9 + 2] ^= (uint8_t)(1 << bit);
    }
    free(stream.data);
}
END_TEST

int main(void)
{
    return RUN("damage", 300,
               CASE("damage", limits, huge_header, damaged_streams, mangled_streams, trailing_bytes),
               CASE("unknown", unknown_records, unknown_features));
}
