/* Side layers that the header names: the orientation of an Exif block, and what comes close to an ICC profile */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "ddz.h"
#include "runner.h"
#include "streams.h"

enum { W = 40, H = 30 };

static ddz_decoder *decoder_of(const uint8_t *data, size_t size)
{
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    ck_assert_int_eq(feed(d, data, size), DDZ_OK);
    return d;
}

static const uint8_t *layer_of(const ddz_decoder *d, ddz_extra kind, size_t *size)
{
    const uint8_t *data;
    ck_assert_int_eq(ddz_decoder_extra(d, kind, &data, size), DDZ_OK);
    return data;
}

static bool has(const ddz_decoder *d, ddz_extra kind)
{
    size_t size;
    return layer_of(d, kind, &size) != NULL;
}

/* The orientation is that of the Exif block, in either byte order, unless it is given. */
START_TEST(orientation_of_exif)
{
    static const uint8_t little[26] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 8};
    static const uint8_t big[26] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 3};
    static const uint8_t upright[26] = {'M',  'M',  0, 42, 0, 0, 0, 8, 0, 1,
                                        0x01, 0x12, 0, 3,  0, 0, 0, 1, 0, 1};
    static const struct {
        const uint8_t *exif;
        size_t size;
        uint8_t given, expected;
    } cases[] = {{little, 26, 0, 8}, {big, 26, 0, 3}, {upright, 26, 0, 0}, {big, 26, 5, 5},
                 {big, 19, 0, 0},    {big, 8, 0, 0},  {big, 26, 1, 0},     {big + 1, 25, 0, 0}};
    struct buffer rgb = picture(W, H);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 0);
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_EXIF, cases[i].exif, cases[i].size), DDZ_OK);
        if (cases[i].given)
            ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ORIENTATION, &cases[i].given, 1), DDZ_OK);
        ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
        struct buffer stream = stream_of(e);
        size_t size;
        ddz_decoder *d = decoder_of(stream.data, 6);
        const uint8_t *found = layer_of(d, DDZ_EXTRA_ORIENTATION, &size);
        ck_assert_int_eq(found ? *found : 0, cases[i].expected);
        ddz_decoder_free(d);
        ddz_encoder_free(e);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* An ICC profile of sRGB, Display P3 ... as far as its primaries are asked for */
static size_t make_profile(uint8_t *profile, const int32_t xyz[3][3])
{
    static const char names[3][5] = {"rXYZ", "gXYZ", "bXYZ"};
    memset(profile, 0, 400);
    profile[131] = 3;
    for (int c = 0; c < 3; c++) {
        uint8_t *tag = profile + 132 + 12 * c, *value = profile + 200 + 20 * c;
        memcpy(tag, names[c], 4);
        tag[7] = (uint8_t)(200 + 20 * c);
        tag[11] = 20;
        memcpy(value, "XYZ ", 4);
        for (int k = 0; k < 3; k++) {
            value[8 + 4 * k] = (uint8_t)(xyz[c][k] >> 24);
            value[9 + 4 * k] = (uint8_t)(xyz[c][k] >> 16);
            value[10 + 4 * k] = (uint8_t)(xyz[c][k] >> 8);
            value[11 + 4 * k] = (uint8_t)xyz[c][k];
        }
    }
    return 260;
}

/* Where a profile has no room or has not arrived, what comes close to it is known; then the profile alone counts. */
START_TEST(colours_stand_in)
{
    /* Display P3's primaries as its published profile has them */
    static const int32_t p3[3][3] = {{33759, 15807, -69}, {19130, 45369, 2744}, {10303, 4359, 51395}};
    static const uint8_t expected[4] = {12, 13, 0, 1};
    uint8_t profile[400];
    size_t profile_size = make_profile(profile, p3), size;
    struct buffer rgb = picture(W, H);
    for (int few = 0; few < 2; few++) {
        struct encoder_settings s =
            encoder_settings(few ? DDZ_TARGET_BYTES : DDZ_TARGET_QUALITY, few ? 150 : 0);
        ddz_encoder *e = encoder_new(&s);
        ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, profile, profile_size), DDZ_OK);
        ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
        struct buffer stream = stream_of(e);
        ddz_decoder *d = decoder_of(stream.data, 30);
        const uint8_t *code = layer_of(d, DDZ_EXTRA_CICP, &size);
        ck_assert(size == 4 && memcmp(code, expected, 4) == 0);
        ck_assert_int_eq(feed(d, stream.data + 30, stream.size - 30), DDZ_OK);
        ck_assert_int_eq(has(d, DDZ_EXTRA_ICC), !few);
        ck_assert_int_eq(has(d, DDZ_EXTRA_CICP), few);
        ddz_decoder_free(d);
        ddz_encoder_free(e);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* A stream of Display P3, as its header says, with these bytes as records at its end */
static struct buffer stream_with_records(const uint8_t *records, size_t size)
{
    static const uint8_t p3[4] = {12, 13, 0, 1};
    enum { BEHIND = 1 + 8 /* the end of the records, the digest and the layers' check */ };
    struct buffer rgb = picture(W, H);
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 0);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_CICP, p3, sizeof p3), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
    struct buffer plain = stream_of(e), stream = {alloc(plain.size + size), plain.size + size};
    size_t end = plain.size - BEHIND;
    memcpy(stream.data, plain.data, end);
    memcpy(stream.data + end, records, size);
    memcpy(stream.data + end + size, plain.data + end, BEHIND);
    uint32_t check = (uint32_t)crc32(0, stream.data + 5, 1); /* the header's byte of layers */
    ck_assert_uint_eq(get_le32(plain.data + plain.size - 4), check);
    put_le32(stream.data + stream.size - 4, (uint32_t)crc32(check, records, (uInt)size));
    ddz_encoder_free(e);
    free(plain.data);
    free(rgb.data);
    return stream;
}

/* What the header says of colours holds until a record says it better; no record may come twice. */
START_TEST(records_of_colours)
{
#define HLG 0x85, 4, 9, 18, 0, 1
#define GAMMA 0x86, 4, 0, 0, 0xB1, 0x8F
#define NO_CODE_POINTS 0x85, 3, 9, 18, 0
#define PROFILE 0x82, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'I' /* a frame of one byte */
#define EXIF 0x83, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M'
    static const struct {
        const char *what;
        uint8_t bytes[24];
        size_t size;
        ddz_status status;
        uint8_t cicp[4]; /* all zero: none */
        bool gamma, profile;
        uint64_t damaged;
    } cases[] = {
        {"none", {0}, 0, DDZ_OK, {12, 13, 0, 1}, false, false, 0},
        {"other code points", {HLG}, 6, DDZ_OK, {9, 18, 0, 1}, false, false, 0},
        {"code points twice", {HLG, HLG}, 12, DDZ_ERR_CORRUPT, {9, 18, 0, 1}, false, false, 0},
        {"gamma beside them", {GAMMA}, 6, DDZ_OK, {12, 13, 0, 1}, true, false, 0},
        {"gamma twice", {GAMMA, GAMMA}, 12, DDZ_ERR_CORRUPT, {12, 13, 0, 1}, true, false, 0},
        {"no code points", {NO_CODE_POINTS}, 5, DDZ_OK, {12, 13, 0, 1}, false, false, 1 << DDZ_EXTRA_CICP},
        {"a profile", {PROFILE}, 12, DDZ_OK, {0}, false, true, 0},
        {"a profile and gamma", {PROFILE, GAMMA}, 18, DDZ_OK, {0}, true, true, 0},
        {"a profile and code points", {PROFILE, HLG}, 18, DDZ_OK, {9, 18, 0, 1}, false, true, 0},
        {"a profile twice", {PROFILE, PROFILE}, 24, DDZ_ERR_CORRUPT, {0}, false, true, 0},
        {"Exif twice", {EXIF, EXIF}, 24, DDZ_ERR_CORRUPT, {12, 13, 0, 1}, false, false, 0},
    };
    static const uint8_t none[4];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer stream = stream_with_records(cases[i].bytes, cases[i].size);
        struct decoder_settings s = decoder_settings();
        ddz_decoder *d = decoder_new(&s);
        size_t size;
        ck_assert_msg(feed(d, stream.data, stream.size) == cases[i].status, "%s", cases[i].what);
        const uint8_t *cicp = layer_of(d, DDZ_EXTRA_CICP, &size);
        ck_assert_msg(memcmp(cicp ? cicp : none, cases[i].cicp, 4) == 0, "%s", cases[i].what);
        ck_assert_msg(has(d, DDZ_EXTRA_CHROMATICITIES) == cases[i].gamma, "%s", cases[i].what);
        ck_assert_msg(has(d, DDZ_EXTRA_ICC) == cases[i].profile, "%s", cases[i].what);
        ck_assert_msg(info_of(d).damaged_extras == cases[i].damaged, "%s", cases[i].what);
        ddz_decoder_free(d);
        free(stream.data);
    }
#undef HLG
#undef GAMMA
#undef NO_CODE_POINTS
#undef PROFILE
#undef EXIF
}
END_TEST

int main(void)
{
    return RUN("layer_kinds", 120, CASE("header", orientation_of_exif, colours_stand_in, records_of_colours));
}
