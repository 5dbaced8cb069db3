/*
 * The reader of PNG files on hostile files: the input as it is, and with the checksums of its chunks put right, which
 * would otherwise hide all that is behind them.
 */
#include <zlib.h>

#include "imgio/png.h"
#include "picture_input.h"

enum { SIGNATURE = 8 };

static uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Each chunk is 4 bytes of length, 4 of name, the content, 4 of checksum. */
static void mend_checksums(uint8_t *data, size_t size)
{
    for (size_t at = SIGNATURE; at + 12 <= size;) {
        uint32_t length = get_be32(data + at);
        if (length > size - at - 12)
            return;
        uint32_t sum = (uint32_t)crc32(0, data + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + (size_t)length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > LARGEST_INPUT)
        return 0;
    read_input(png_read, data, size);
    uint8_t *mended = malloc(size);
    if (!mended)
        abort();
    memcpy(mended, data, size);
    mend_checksums(mended, size);
    read_input(png_read, mended, size);
    free(mended);
    return 0;
}
