/* The header and the settings of a stream */
#include <check.h>
#include <string.h>

#include "assertions.h"
#include "base/bytes.h"
#include "format/header.h"
#include "format/limits.h"
#include "format/settings.h"
#include "guard.h"
#include "inputs.h"
#include "runner.h"

/* Bytes of a header, by a table of the sizes that have a shape among the sides tried. */
static size_t expected_size(uint32_t width, uint32_t height)
{
    static const uint32_t shaped[][2] = {{768, 512},   {512, 768},   {4032, 3024}, {3024, 4032},
                                         {1920, 1080}, {1080, 1920}, {1920, 1200}, {16, 16},
                                         {256, 256},   {512, 512},   {768, 768},   {8192, 8192},
                                         {1200, 1200}, {3024, 3024}, {1920, 1920}, {4032, 4032}};
    for (size_t i = 0; i < sizeof shaped / sizeof *shaped; i++)
        if (width == shaped[i][0] && height == shaped[i][1])
            return 3;
    return width <= 16384 && height <= 16384 && !(width == 16384 && height == 16384) ? 5 : 9;
}

START_TEST(header_sizes)
{
    static const uint32_t sides[] = {1,    2,    15,   16,    17,    255,   256,   257,
                                     511,  512,  768,  1080,  1200,  1920,  3024,  4032,
                                     8191, 8192, 8208, 16383, 16384, 16385, 32768, 65535};
    enum { N = sizeof sides / sizeof *sides };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            uint8_t bytes[HEADER_MAX_SIZE];
            struct header h = {.width = sides[i], .height = sides[j], .model_low = (uint8_t)draw(8)}, back;
            h.layered = draw(2);
            h.short_preview = draw(2);
            if (h.layered) {
                h.orientation = (uint8_t)(1 + draw(8));
                h.grey = draw(2);
                h.colours = (uint8_t)draw(8);
            }
            size_t size = ddz_header_write(&h, bytes);
            must_equal(size, expected_size(h.width, h.height) + h.layered);
            for (size_t cut = 0; cut < size; cut++) {
                uint8_t *exact = guard_copy(bytes, cut);
                must_equal(ddz_header_read(exact, cut, &back), DDZ_ERR_TRUNCATED);
                guard_free(exact, cut);
            }
            must_equal(ddz_header_read(bytes, size, &back), DDZ_OK);
            must_equal(back.width, h.width);
            must_equal(back.height, h.height);
            must_equal(back.model_low, h.model_low);
            must_equal(back.layered, h.layered);
            must_equal(back.short_preview, h.short_preview);
            must_equal(back.orientation, h.orientation);
            must_equal(back.grey, h.grey);
            must_equal(back.colours, h.colours);
            must_equal(back.size, size);
            for (int bit = 0; bit < 8; bit++) {
                bytes[0] ^= (uint8_t)(1 << bit);
                for (size_t cut = 1; cut <= size; cut++)
                    must_equal(ddz_header_read(bytes, cut, &back), DDZ_ERR_FORMAT);
                bytes[0] ^= (uint8_t)(1 << bit);
            }
        }
}
END_TEST

START_TEST(header_bytes_and_refusals)
{
    uint8_t bytes[HEADER_MAX_SIZE];
    static const struct {
        struct header header;
        size_t size;
        uint8_t bytes[HEADER_MAX_SIZE];
    } cases[] = {
        /* shape 1, 48 units: 0 001 000101111 100 */
        {{.width = 768, .height = 512, .model_low = 4}, 3, {0xDD, 0x11, 0x7C}},
        /* 1 00000000100110 00000000011010 111: 39 and 27 */
        {{.width = 39, .height = 27, .model_low = 7}, 5, {0xDD, 0x80, 0x4C, 0x00, 0xD7}},
        {{.width = 16385, .height = 100, .model_low = 2},
         9,
         {0xDD, 0xFF, 0xFF, 0xFF, 0xFA, 0x40, 0x00, 0x00, 0x63}},
        /* and 110 1 0 010 */
        {{.width = 768,
          .height = 512,
          .model_low = 4,
          .layered = true,
          .orientation = 7,
          .grey = true,
          .colours = 2},
         4,
         {0xDE, 0x11, 0x7C, 0xD2}},
        {{.width = 768, .height = 512, .model_low = 4, .short_preview = true}, 3, {0xDB, 0x11, 0x7C}},
        {{.width = 768,
          .height = 512,
          .model_low = 4,
          .short_preview = true,
          .layered = true,
          .orientation = 7},
         4,
         {0xD7, 0x11, 0x7C, 0xC0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(ddz_header_write(&cases[i].header, bytes), cases[i].size);
        ck_assert_mem_eq(bytes, cases[i].bytes, cases[i].size);
    }
    for (uint32_t side = 0; side <= 65536; side += 65536) {
        ck_assert_uint_eq(ddz_header_write(&(struct header){.width = side, .height = 5}, bytes), 0);
        ck_assert_uint_eq(ddz_header_write(&(struct header){.width = 5, .height = side}, bytes), 0);
    }
    static const uint8_t corrupt[][HEADER_MAX_SIZE] = {
        {0xDD, 0x11, 0x74},                                     /* 3:2 of 752 */
        {0xDD, 0x85, 0xFE, 0x0F, 0xF8},                         /* 768 x 512 in the form for any sides */
        {0xDD, 0xFF, 0xFF, 0xFF, 0xF8, 0x3F, 0xFF, 0x00, 0x63}, /* 16384 x 100 in the longest */
        {0xDD, 0xFF, 0xFF, 0xFF, 0xF8, 0xFF, 0xFF, 0x00, 0x63}, /* 65536 wide */
    };
    struct header h = {.width = 111};
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++)
        ck_assert_int_eq(ddz_header_read(corrupt[i], HEADER_MAX_SIZE, &h), DDZ_ERR_CORRUPT);
    static const uint8_t unknown[HEADER_MAX_SIZE] = {0xDE, 0x11, 0x7C, 0x08};
    ck_assert_int_eq(ddz_header_read(unknown, 4, &h), DDZ_ERR_FEATURE);
    ck_assert_uint_eq(h.width, 111);
}
END_TEST

/* Whatever is accepted is what ddz_header_write makes. */
START_TEST(header_is_canonical)
{
    int accepted = 0;
    static const uint8_t first[] = {0xDE, 0xDD, 0xDD, 0xD7, 0xDB, 0xDB};
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[HEADER_MAX_SIZE] = {first[i % 6]}, again[HEADER_MAX_SIZE];
        for (int k = 1; k < HEADER_MAX_SIZE; k++)
            bytes[k] = (i & 1) && k < 5 ? 0xFF : (uint8_t)(draw(256) & (draw(2) ? 255 : 31));
        struct header h;
        ddz_status status = ddz_header_read(bytes, sizeof bytes, &h);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_CORRUPT || (i % 3 == 0 && status == DDZ_ERR_FEATURE));
        if (status != DDZ_OK)
            continue;
        accepted++;
        must_equal(ddz_header_write(&h, again), h.size);
        ck_assert_mem_eq(bytes, again, h.size);
    }
    ck_assert_int_gt(accepted, 100000);
}
END_TEST

static void check_settings(struct settings s)
{
    struct settings back;
    uint8_t bytes[SETTINGS_SIZE], low = ddz_header_model_low(s.model_id);
    int valid = s.trellis_bits >= 8 && s.trellis_bits <= 16 && s.calls_log2 >= 0 && s.calls_log2 <= 5 &&
                s.updates_log2 >= 0 && s.updates_log2 <= 3 && s.views_log2 >= 0 && s.views_log2 <= 2 &&
                s.end_level >= 32 && s.end_level <= 224;
    must_equal(ddz_settings_write(&s, bytes), valid ? 7 : 0);
    if (!valid)
        return;
    must_equal(bytes[0], (s.trellis_bits - 8) * 16 + s.calls_log2 * 2 + s.uniform);
    must_equal(bytes[1], s.end_level);
    must_equal(bytes[2], s.updates_log2 * 64 + 2 - s.views_log2);
    must_equal(get_le32(bytes + 3), s.model_id);
    for (size_t cut = 0; cut < 7; cut++)
        must_equal(ddz_settings_read(bytes, cut, low, &back), DDZ_ERR_TRUNCATED);
    must_equal(ddz_settings_read(bytes, 7, low ^ 1, &back), DDZ_ERR_CORRUPT);
    must_equal(ddz_settings_read(bytes, 7, low, &back), DDZ_OK);
    ck_assert(back.trellis_bits == s.trellis_bits && back.calls_log2 == s.calls_log2);
    ck_assert(back.updates_log2 == s.updates_log2 && back.uniform == s.uniform);
    ck_assert(back.views_log2 == s.views_log2);
    ck_assert(back.end_level == s.end_level && back.model_id == s.model_id);
}

START_TEST(settings_round_trip)
{
    for (int bits = 7; bits <= 17; bits++)
        for (int calls = -1; calls <= 6; calls++)
            for (int32_t level = -1; level <= 256; level += level < 34 || level > 220 ? 1 : 5)
                for (int updates = -1; updates <= 4; updates++)
                    check_settings((struct settings){.trellis_bits = bits,
                                                     .views_log2 = (updates + calls + 3) % 5 - 1,
                                                     .calls_log2 = calls,
                                                     .uniform = level & 1,
                                                     .updates_log2 = updates,
                                                     .end_level = level,
                                                     .model_id = draw(UINT32_MAX)});
}
END_TEST

/* All values of the bytes that say something: which are accepted, which need a newer reader, and that the
 * features that may be ignored are. */
START_TEST(settings_are_canonical)
{
    int accepted = 0;
    for (int first = 0; first < 256; first++)
        for (int third = 0; third < 256; third++) {
            uint8_t level = (uint8_t)draw(256), again[SETTINGS_SIZE];
            uint8_t bytes[SETTINGS_SIZE] = {(uint8_t)first, level, (uint8_t)third, 4, 1, 2, 3};
            struct settings s;
            int valid =
                first >> 4 <= 8 && (first >> 1 & 7) <= 5 && level >= 32 && level <= 224 && (third & 3) != 3;
            ddz_status expected = third & 0x38 ? DDZ_ERR_FEATURE : valid ? DDZ_OK : DDZ_ERR_CORRUPT;
            must_equal(ddz_settings_read(bytes, 7, 4, &s), expected);
            if (expected != DDZ_OK)
                continue;
            accepted++;
            must_equal(s.model_id, 0x03020104);
            must_equal(s.updates_log2, third >> 6);
            must_equal(ddz_settings_write(&s, again), 7);
            must_equal(s.views_log2, 2 - (third & 3));
            bytes[2] &= 0xC3;
            ck_assert_mem_eq(bytes, again, 7);
        }
    ck_assert_int_gt(accepted, 1500);
}
END_TEST

int main(void)
{
    return RUN("header", 60, CASE("header", header_sizes, header_bytes_and_refusals, header_is_canonical),
               CASE("settings", settings_round_trip, settings_are_canonical));
}
