#include "tools/layer_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The high byte comes first. */
static uint32_t number_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- Colour spaces ------------------------------------------------------------------------------ */

static void code_points(const uint8_t *data, char words[LAYER_WORDS])
{
    static const struct {
        uint8_t primaries, transfer;
        const char *name;
    } known[] = {{1, 13, "sRGB"},
                 {1, 8, "linear, primaries of sRGB"},
                 {1, 1, "BT.709"},
                 {12, 13, "Display P3"},
                 {11, 17, "DCI-P3"},
                 {9, 14, "BT.2020"},
                 {9, 15, "BT.2020"},
                 {9, 1, "BT.2020"},
                 {9, 16, "BT.2100 PQ"},
                 {9, 18, "BT.2100 HLG"},
                 {12, 16, "Display P3's primaries, PQ"},
                 {9, 8, "linear, primaries of BT.2020"}};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (data[0] == known[i].primaries && data[1] == known[i].transfer)
            name = known[i].name;
    if (name)
        snprintf(words, LAYER_WORDS, "%s%s", name, data[3] ? "" : ", narrow range");
    else
        snprintf(words, LAYER_WORDS, "primaries %d and transfer function %d of ITU-T H.273%s", data[0],
                 data[1], data[3] ? "" : ", narrow range");
}

/* White, red, green and blue, x and y, in 1/100000 */
static const struct {
    uint32_t number[8];
    const char *name;
} chromaticities[] = {{{31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000}, "sRGB"},
                      {{31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000}, "Adobe RGB (1998)"},
                      {{31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000}, "Display P3"},
                      {{31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600}, "BT.2020"}};

static const char *primaries_named(const uint8_t *data)
{
    enum { APART = 100 }; /* how far numbers may be off */
    for (size_t i = 0; i < sizeof chromaticities / sizeof *chromaticities; i++) {
        bool near = true;
        for (int k = 0; k < 8; k++) {
            int64_t apart = (int64_t)number_at(data + 4 * k) - chromaticities[i].number[k];
            near = near && apart <= APART && apart >= -APART;
        }
        if (near)
            return chromaticities[i].name;
    }
    return NULL;
}

/* gAMA, and behind it cHRM */
static void gamma_words(const uint8_t *data, size_t size, char words[LAYER_WORDS])
{
    enum { ADOBE_GAMMA = 45470, FULL_SIZE = 36 };
    char gamma[40] = "";
    const uint32_t value = number_at(data);
    const char *name = size == FULL_SIZE ? primaries_named(data + 4) : NULL;
    if (value)
        snprintf(gamma, sizeof gamma, "%.4g", 100000.0 / value);
    if (name && strncmp(name, "Adobe", 5) == 0 && value >= ADOBE_GAMMA - 50 && value <= ADOBE_GAMMA + 50)
        snprintf(words, LAYER_WORDS, "%s", name);
    else if (name)
        snprintf(words, LAYER_WORDS, "%s%sprimaries of %s", gamma, value ? ", " : "", name);
    else
        snprintf(words, LAYER_WORDS, "%s%s", gamma, size < FULL_SIZE ? "" : ", primaries of its own");
}

/* ---- ICC profiles --------------------------------------------------------------------------------- */

/* Printable characters of `count` ones that are `step` bytes each, the last of which is what matters */
static void copy_text(const uint8_t *text, size_t count, size_t step, char words[LAYER_WORDS])
{
    size_t length = 0;
    for (size_t i = 0; i < count && length < LAYER_WORDS - 1; i++) {
        const uint8_t *c = text + i * step;
        if (c[step - 1] == 0 && c[0] == 0)
            break;
        bool plain = (step == 1 || c[0] == 0) && c[step - 1] >= ' ' && c[step - 1] <= '~';
        words[length++] = plain ? (char)c[step - 1] : '?';
    }
    words[length] = 0;
}

/* The content of a description (ICC.1, desc and mluc) of `size` bytes */
static void description(const uint8_t *tag, size_t size, char words[LAYER_WORDS])
{
    enum { TEXT = 12, RECORD_END = 28 };
    if (size > TEXT && memcmp(tag, "desc", 4) == 0) {
        size_t count = number_at(tag + 8);
        copy_text(tag + TEXT, count < size - TEXT ? count : size - TEXT, 1, words);
    } else if (size >= RECORD_END && memcmp(tag, "mluc", 4) == 0 && number_at(tag + 8) > 0) {
        size_t length = number_at(tag + 20), at = number_at(tag + 24);
        if (at <= size)
            copy_text(tag + at, (length < size - at ? length : size - at) / 2, 2, words);
    }
}

static void profile_words(const uint8_t *profile, size_t size, char words[LAYER_WORDS])
{
    enum { HEAD = 128, ENTRY = 12, MOST_TAGS = 100 };
    if (size < HEAD + 4)
        return;
    const uint32_t tags = number_at(profile + HEAD);
    for (uint32_t i = 0; i < tags && i < MOST_TAGS && HEAD + 4 + (i + 1) * ENTRY <= size; i++) {
        const uint8_t *entry = profile + HEAD + 4 + i * ENTRY;
        const size_t at = number_at(entry + 4), length = number_at(entry + 8);
        if (memcmp(entry, "desc", 4) == 0 && at <= size)
            description(profile + at, length < size - at ? length : size - at, words);
    }
}

/* ---- Others --------------------------------------------------------------------------------------- */

static void resolution_words(const uint8_t *data, char words[LAYER_WORDS])
{
    const double inch = 0.0254; /* metres */
    const uint32_t across = number_at(data), down = number_at(data + 4);
    if (data[8] == 1)
        snprintf(words, LAYER_WORDS, "%.4g x %.4g pixels an inch", across * inch, down * inch);
    else
        snprintf(words, LAYER_WORDS, "pixels of the shape %u:%u", down, across);
}

void layer_words(ddz_extra kind, const uint8_t *data, size_t size, char words[LAYER_WORDS])
{
    words[0] = 0;
    if (kind == DDZ_EXTRA_CICP && size >= 4)
        code_points(data, words);
    else if (kind == DDZ_EXTRA_CHROMATICITIES && size >= 4)
        gamma_words(data, size, words);
    else if (kind == DDZ_EXTRA_ICC)
        profile_words(data, size, words);
    else if (kind == DDZ_EXTRA_RESOLUTION && size >= 9)
        resolution_words(data, words);
}
