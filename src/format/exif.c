#include "format/exif.h"

#include <string.h>

#include "base/bytes.h"

enum {
    NAME_SIZE = 6, /* of "Exif" and two zeros, which only JPEG has before a block */
    HEAD_SIZE = 8,
    ENTRY_SIZE = 12,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    ORIENTATIONS = 8
};

static uint32_t get(const uint8_t *p, int bytes, bool big)
{
    if (bytes == 2)
        return big ? get_be16(p) : get_le16(p);
    return big ? get_be32(p) : get_le32(p);
}

size_t ddz_exif_find_orientation(const uint8_t *exif, size_t size, bool *big)
{
    if (size < HEAD_SIZE)
        return 0;
    const size_t name = memcmp(exif, "Exif\0", NAME_SIZE) == 0 ? NAME_SIZE : 0;
    const uint8_t *mark = exif + name;
    if (size < name + HEAD_SIZE || (memcmp(mark, "II*\0", 4) != 0 && memcmp(mark, "MM\0*", 4) != 0))
        return 0;
    *big = mark[0] == 'M';
    const uint32_t directory = get(mark + 4, 4, *big); /* counts from the mark */
    if (directory < HEAD_SIZE || directory > size - name - 2)
        return 0;
    size_t at = name + directory;
    uint32_t entries = get(exif + at, 2, *big);
    at += 2;
    for (uint32_t i = 0; i < entries && size - at >= ENTRY_SIZE; i++, at += ENTRY_SIZE)
        if (get(exif + at, 2, *big) == TAG_ORIENTATION && get(exif + at + 2, 2, *big) == TYPE_SHORT &&
            get(exif + at + 4, 4, *big) == 1)
            return at + 8;
    return 0;
}

int ddz_exif_orientation(const uint8_t *exif, size_t size)
{
    bool big = false;
    size_t at = ddz_exif_find_orientation(exif, size, &big);
    uint32_t value = at ? get(exif + at, 2, big) : EXIF_UPRIGHT;
    return value >= 1 && value <= ORIENTATIONS ? (int)value : EXIF_UPRIGHT;
}
