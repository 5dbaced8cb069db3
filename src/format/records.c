#include "format/records.h"

int ddz_record_extra(int kind)
{
    switch (kind) {
    case RECORD_ALPHA_PLANE:
        return DDZ_EXTRA_ALPHA;
    case RECORD_ICC:
    case RECORD_EXIF:
    case RECORD_XMP:
    case RECORD_CICP:
    case RECORD_CHROMATICITIES:
    case RECORD_RESOLUTION:
        return kind & ~RECORD_SKIPPABLE;
    default:
        return 0;
    }
}

bool ddz_record_is_frame(int kind)
{
    return kind == RECORD_ALPHA_PLANE || kind == RECORD_ICC || kind == RECORD_EXIF || kind == RECORD_XMP;
}

size_t ddz_record_write_head(uint8_t out[RECORD_HEAD_SIZE], int kind, uint64_t length)
{
    size_t size = 0;
    out[size++] = (uint8_t)kind;
    if (kind == RECORD_END)
        return size;
    for (; length >= 0x80; length >>= 7)
        out[size++] = (uint8_t)(length | 0x80);
    out[size++] = (uint8_t)length;
    return size;
}

ddz_status ddz_record_read_head(const uint8_t *data, size_t size, struct record_head *head)
{
    if (size < 1)
        return DDZ_ERR_TRUNCATED;
    struct record_head found = {.kind = data[0], .size = 1};
    for (int shift = 0; found.kind != RECORD_END; shift += 7) {
        if (found.size > RECORD_LENGTH_BYTES)
            return DDZ_ERR_CORRUPT;
        if (found.size == size)
            return DDZ_ERR_TRUNCATED;
        uint8_t byte = data[found.size++];
        found.length |= (uint64_t)(byte & 0x7F) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 && shift > 0)
            return DDZ_ERR_CORRUPT;
        break;
    }
    *head = found;
    return DDZ_OK;
}
