#include "format/colours.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { CICP_SIZE = 4, CHROMATICITIES_SIZE = 36 };

/* In the order of their numbers, from 1: sRGB, Display P3, BT.2020, BT.2100 PQ and HLG, Adobe RGB */
static const struct {
    int extra;
    uint8_t content[CHROMATICITIES_SIZE];
} known[] = {
    {DDZ_EXTRA_CICP, {1, 13, 0, 1}},
    {DDZ_EXTRA_CICP, {12, 13, 0, 1}},
    {DDZ_EXTRA_CICP, {9, 14, 0, 1}},
    {DDZ_EXTRA_CICP, {9, 16, 0, 1}},
    {DDZ_EXTRA_CICP, {9, 18, 0, 1}},
    /* gamma 0.45470; white 0.3127, 0.3290; red 0.64, 0.33; green 0.21, 0.71; blue 0.15, 0.06 */
    {DDZ_EXTRA_CHROMATICITIES,
     {0,    0, 0xB1, 0x9E, 0,    0, 0x7A, 0x26, 0,    0, 0x80, 0x84, 0,    0, 0xFA, 0,    0,   0, 0x80,
      0xE8, 0, 0,    0x52, 0x08, 0, 1,    0x15, 0x58, 0, 0,    0x3A, 0x98, 0, 0,    0x17, 0x70}},
};
enum { KNOWN = sizeof known / sizeof *known };

static size_t size_of(int extra)
{
    return extra == DDZ_EXTRA_CICP ? CICP_SIZE : CHROMATICITIES_SIZE;
}

int ddz_colours_extra(int number, const uint8_t **content, size_t *size)
{
    if (number < 1 || number > KNOWN)
        return 0;
    *content = known[number - 1].content;
    *size = size_of(known[number - 1].extra);
    return known[number - 1].extra;
}

int ddz_colours_number(int extra, const uint8_t *content, size_t size)
{
    for (int i = 0; i < KNOWN; i++)
        if (known[i].extra == extra && size == size_of(extra) && memcmp(content, known[i].content, size) == 0)
            return i + 1;
    return 0;
}

/* ---- Profiles ---------------------------------------------------------------------------- */

enum {
    PROFILE_HEAD = 128,
    TAG_SIZE = 12,
    MAX_TAGS = 100,
    XYZ_SIZE = 20,  /* "XYZ ", 4 bytes of zero, three numbers of 16 fractional bits */
    TOLERANCE = 200 /* of these */
};

/* X and Z of the three primaries, adapted to the profile connection space's white (D50), 16 fractional bits */
static const struct {
    int number;
    int32_t x[3], z[3];
} primaries[] = {
    {1, {28579, 25240, 9379}, {911, 6364, 46796}},  /* sRGB */
    {2, {33760, 19130, 10296}, {-69, 2749, 51383}}, /* Display P3 */
    {3, {44132, 10859, 8199}, {-126, 1960, 52232}}, /* BT.2020 */
    {6, {39957, 13454, 9778}, {1278, 3991, 48798}}, /* Adobe RGB */
};

/* The content of a tag, NULL if the profile does not have so many bytes of it. */
static const uint8_t *find_tag(const uint8_t *profile, size_t size, const char *name, size_t needed)
{
    if (size < PROFILE_HEAD + 4)
        return NULL;
    uint32_t count = get_be32(profile + PROFILE_HEAD);
    const uint8_t *tag = profile + PROFILE_HEAD + 4;
    for (uint32_t i = 0; i < count && i < MAX_TAGS; i++, tag += TAG_SIZE) {
        if ((size_t)(tag - profile) + TAG_SIZE > size)
            return NULL;
        uint32_t at = get_be32(tag + 4);
        if (memcmp(tag, name, 4) == 0)
            return at <= size && size - at >= needed ? profile + at : NULL;
    }
    return NULL;
}

static int is_near(const uint8_t *number, int32_t expected)
{
    int64_t apart = (int64_t)(int32_t)get_be32(number) - expected;
    return llabs(apart) <= TOLERANCE;
}

int ddz_colours_of_profile(const uint8_t *profile, size_t size)
{
    static const char *const names[3] = {"rXYZ", "gXYZ", "bXYZ"};
    for (size_t i = 0; i < sizeof primaries / sizeof *primaries; i++) {
        int agreeing = 0;
        for (int c = 0; c < 3; c++) {
            const uint8_t *tag = find_tag(profile, size, names[c], XYZ_SIZE);
            agreeing += tag && is_near(tag + 8, primaries[i].x[c]) && is_near(tag + 16, primaries[i].z[c]);
        }
        if (agreeing == 3)
            return primaries[i].number;
    }
    return 0;
}
