/* What --info says of colour spaces, profiles and resolutions */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "inputs.h"
#include "runner.h"
#include "tools/layer_words.h"

static void check_words(ddz_extra kind, const void *data, size_t size, const char *expected)
{
    char words[LAYER_WORDS] = "before";
    uint8_t *copy = guard_copy(data, size);
    layer_words(kind, copy, size, words);
    ck_assert_str_eq(words, expected);
    guard_free(copy, size);
}

START_TEST(code_points)
{
    static const struct {
        uint8_t points[4];
        const char *words;
    } cases[] = {{{1, 13, 0, 1}, "sRGB"},
                 {{12, 13, 0, 1}, "Display P3"},
                 {{9, 14, 0, 1}, "BT.2020"},
                 {{9, 16, 0, 1}, "BT.2100 PQ"},
                 {{9, 18, 0, 0}, "BT.2100 HLG, narrow range"},
                 {{5, 6, 0, 1}, "primaries 5 and transfer function 6 of ITU-T H.273"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_words(DDZ_EXTRA_CICP, cases[i].points, 4, cases[i].words);
    check_words(DDZ_EXTRA_CICP, cases[0].points, 3, "");
}
END_TEST

static void put_numbers(uint8_t *to, const uint32_t *numbers, int count)
{
    for (int i = 0; i < 4 * count; i++)
        to[i] = (uint8_t)(numbers[i / 4] >> (24 - 8 * (i % 4)));
}

START_TEST(gammas)
{
    static const struct {
        uint32_t numbers[9];
        const char *words;
    } cases[] = {
        {{45470, 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000}, "Adobe RGB (1998)"},
        {{100000, 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000}, "1, primaries of Adobe RGB (1998)"},
        {{45455, 31270, 32901, 64000, 33000, 30000, 59999, 15000, 6000}, "2.2, primaries of sRGB"},
        {{0, 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000}, "primaries of Display P3"},
        {{55556, 31270, 32900, 64000, 33000, 30000, 60000, 15000, 9000}, "1.8, primaries of its own"},
        {{50000, 0xFFFFFFFF, 0, 0, 0, 0, 0, 0, 0x80000000}, "2, primaries of its own"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t data[36];
        put_numbers(data, cases[i].numbers, 9);
        check_words(DDZ_EXTRA_CHROMATICITIES, data, 36, cases[i].words);
    }
    check_words(DDZ_EXTRA_CHROMATICITIES, "\0\0\xB1\x8F", 4, "2.2");
}
END_TEST

START_TEST(resolutions)
{
    check_words(DDZ_EXTRA_RESOLUTION, "\0\0\x2E\x23\0\0\x24\xE9\1", 9, "300 x 240 pixels an inch");
    check_words(DDZ_EXTRA_RESOLUTION, "\0\0\x26\x73\0\0\x2E\x23\1", 9, "250 x 300 pixels an inch");
    check_words(DDZ_EXTRA_RESOLUTION, "\0\0\0\2\0\0\0\1\0", 9, "pixels of the shape 1:2");
    check_words(DDZ_EXTRA_RESOLUTION, "\0\0\0\2\0\0\0\1", 8, "");
    check_words(DDZ_EXTRA_EXIF, "anything", 8, "");
    check_words(DDZ_EXTRA_ALPHA, NULL, 0, "");
}
END_TEST

/* A profile with a tag of another kind and a description of `size` bytes; returns its length */
enum { TAGS = 128 + 4 + 2 * 12, MOST = TAGS + 100 };
static size_t make_profile(uint8_t profile[MOST], const void *description, size_t size)
{
    const uint32_t head[] = {2, 0x63707274, TAGS, 4, 0x64657363, TAGS, (uint32_t)size};
    memset(profile, 0, TAGS);
    put_numbers(profile + 128, head, 7);
    memcpy(profile + TAGS, description, size);
    return TAGS + size;
}

START_TEST(descriptions)
{
    static const uint8_t old[] = "desc\0\0\0\0\0\0\0\10P3\1lamp\0and more",
                         young[] = "mluc\0\0\0\0\0\0\0\1\0\0\0\14enUS\0\0\0\10\0\0\0\34\0G\0r\x20\x21\0y";
    const struct {
        const uint8_t *text;
        size_t size;
        const char *words;
    } cases[] = {{old, sizeof old - 1, "P3?lamp"}, {young, sizeof young - 1, "Gr?y"}};
    uint8_t profile[MOST];
    char words[LAYER_WORDS];
    for (int i = 0; i < 2; i++) {
        size_t size = make_profile(profile, cases[i].text, cases[i].size);
        check_words(DDZ_EXTRA_ICC, profile, size, cases[i].words);
        for (size_t cut = 0; cut < size; cut++) {
            uint8_t *copy = guard_copy(profile, cut);
            layer_words(DDZ_EXTRA_ICC, copy, cut, words);
            guard_free(copy, cut);
        }
        for (int round = 0; round < 5000;
             round++) { /* nothing beyond it is read, and what is said is ASCII */
            uint8_t *copy = guard_copy(profile, size);
            for (uint32_t n = 1 + draw(5); n > 0; n--)
                copy[128 + draw((uint32_t)size - 128)] = (uint8_t)draw(256);
            layer_words(DDZ_EXTRA_ICC, copy, size, words);
            for (const char *c = words; *c; c++)
                ck_assert(*c >= ' ' && *c <= '~');
            guard_free(copy, size);
        }
    }
}
END_TEST

int main(void)
{
    return RUN("layer_words", 10, CASE("words", code_points, gammas, resolutions, descriptions));
}
