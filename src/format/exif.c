#include "format/exif.h"

#include <string.h>

#include "base/bytes.h"

enum {
    NAME_SIZE = 6, /* of "Exif" and two zeros, which only JPEG has before a block */
    HEAD_SIZE = 8,
    ENTRY_SIZE = 12,
    TAG_ORIENTATION = 0x0112,
    TAG_ACROSS = 0x011A,
    TAG_DOWN = 0x011B,
    TAG_UNIT = 0x0128,
    TYPE_SHORT = 3,
    TYPE_RATIONAL = 5,
    RATIONAL_SIZE = 8,
    UNIT_INCH = 2,
    UNIT_CENTIMETRE = 3,
    NOT_KNOWN = 2835, /* pixels a metre, 72 an inch: what Exif says where there is none */
    ORIENTATIONS = 8
};

static uint32_t get(const uint8_t *p, int bytes, bool big)
{
    if (bytes == 2)
        return big ? get_be16(p) : get_le16(p);
    return big ? get_be32(p) : get_le32(p);
}

/* Where the block's byte order mark stands, from which it counts; SIZE_MAX if there is none. *big is what it says. */
static size_t find_mark(const uint8_t *exif, size_t size, bool *big)
{
    if (size < HEAD_SIZE)
        return SIZE_MAX;
    const size_t name = memcmp(exif, "Exif\0", NAME_SIZE) == 0 ? NAME_SIZE : 0;
    const uint8_t *mark = exif + name;
    if (size < name + HEAD_SIZE || (memcmp(mark, "II*\0", 4) != 0 && memcmp(mark, "MM\0*", 4) != 0))
        return SIZE_MAX;
    *big = mark[0] == 'M';
    return name;
}

/* Where the value of the first entry with such a tag, such a type and a count of 1 stands, or, if it takes more than four
 * bytes, where the number stands that says where; 0 if there is none */
static size_t find_entry(const uint8_t *exif, size_t size, uint32_t tag, uint32_t type, bool *big)
{
    const size_t mark = find_mark(exif, size, big);
    if (mark == SIZE_MAX)
        return 0;
    const uint32_t directory = get(exif + mark + 4, 4, *big);
    if (directory < HEAD_SIZE || directory > size - mark - 2)
        return 0;
    size_t at = mark + directory;
    uint32_t entries = get(exif + at, 2, *big);
    at += 2;
    for (uint32_t i = 0; i < entries && size - at >= ENTRY_SIZE; i++, at += ENTRY_SIZE)
        if (get(exif + at, 2, *big) == tag && get(exif + at + 2, 2, *big) == type &&
            get(exif + at + 4, 4, *big) == 1)
            return at + 8;
    return 0;
}

size_t ddz_exif_find_orientation(const uint8_t *exif, size_t size, bool *big)
{
    return find_entry(exif, size, TAG_ORIENTATION, TYPE_SHORT, big);
}

/* A quotient as pixels a metre, rounded; 0 if there is none, or one that is out of range */
static uint32_t pixels_a_metre(const uint8_t *exif, size_t size, uint32_t tag, uint32_t unit)
{
    bool big = false;
    const size_t at = find_entry(exif, size, tag, TYPE_RATIONAL, &big);
    const size_t mark = find_mark(exif, size, &big);
    if (at == 0)
        return 0;
    const uint32_t where = get(exif + at, 4, big);
    if (size - mark < RATIONAL_SIZE || where > size - mark - RATIONAL_SIZE)
        return 0;
    const uint64_t numerator = get(exif + mark + where, 4, big),
                   denominator = get(exif + mark + where + 4, 4, big);
    if (denominator == 0)
        return 0;
    /* a centimetre is 0.01 m, an inch 0.0254 m */
    const uint64_t times = unit == UNIT_CENTIMETRE ? 100 : 10000, parts = unit == UNIT_CENTIMETRE ? 1 : 254;
    const uint64_t metre = (2 * numerator * times / (denominator * parts) + 1) / 2;
    return metre <= INT32_MAX ? (uint32_t)metre : 0;
}

bool ddz_exif_resolution(const uint8_t *exif, size_t size, uint32_t *across, uint32_t *down)
{
    bool big = false;
    const size_t at = find_entry(exif, size, TAG_UNIT, TYPE_SHORT, &big);
    const uint32_t unit = at ? get(exif + at, 2, big) : UNIT_INCH;
    if (unit != UNIT_INCH && unit != UNIT_CENTIMETRE)
        return false;
    *across = pixels_a_metre(exif, size, TAG_ACROSS, unit);
    *down = pixels_a_metre(exif, size, TAG_DOWN, unit);
    const bool unknown = *across == NOT_KNOWN && *down == NOT_KNOWN;
    return *across && *down && !unknown;
}

int ddz_exif_orientation(const uint8_t *exif, size_t size)
{
    bool big = false;
    size_t at = ddz_exif_find_orientation(exif, size, &big);
    uint32_t value = at ? get(exif + at, 2, big) : EXIF_UPRIGHT;
    return value >= 1 && value <= ORIENTATIONS ? (int)value : EXIF_UPRIGHT;
}
