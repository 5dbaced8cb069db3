#include "format/exif.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum {
    HEAD_SIZE = 8,
    ENTRY_SIZE = 12,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    UPRIGHT = 1,
    ORIENTATIONS = 8
};

static uint32_t get(const uint8_t *p, int bytes, bool big)
{
    if (bytes == 2)
        return big ? get_be16(p) : get_le16(p);
    return big ? get_be32(p) : get_le32(p);
}

int ddz_exif_orientation(const uint8_t *exif, size_t size)
{
    if (size >= 6 && memcmp(exif, "Exif\0", 6) == 0) {
        exif += 6;
        size -= 6;
    }
    if (size < HEAD_SIZE || (memcmp(exif, "II*\0", 4) != 0 && memcmp(exif, "MM\0*", 4) != 0))
        return UPRIGHT;
    bool big = exif[0] == 'M';
    uint32_t at = get(exif + 4, 4, big);
    if (at > size || size - at < 2)
        return UPRIGHT;
    uint32_t entries = get(exif + at, 2, big);
    size_t room = (size - at - 2) / ENTRY_SIZE;
    const uint8_t *entry = exif + at + 2;
    for (uint32_t i = 0; i < entries && i < room; i++, entry += ENTRY_SIZE) {
        if (get(entry, 2, big) != TAG_ORIENTATION || get(entry + 2, 2, big) != TYPE_SHORT)
            continue;
        uint32_t value = get(entry + 8, 2, big);
        return value >= 1 && value <= ORIENTATIONS ? (int)value : UPRIGHT;
    }
    return UPRIGHT;
}
