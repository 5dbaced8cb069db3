/*
 * The reader of PNG files on hostile files: the input as it is, and with the checksums of its chunks put right, which
 * would otherwise hide all that is behind them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "imgio/png.h"

enum { MAX_PIXELS = 1 << 14, SIGNATURE = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Read all of it: it has to be there, and to be set. */
static void check_sum(const void *data, size_t size)
{
    static volatile uint32_t sum;
    sum = sum + (uint32_t)(data ? crc32(0, data, (uInt)size) : 0);
}

static void read_file(const uint8_t *data, size_t size)
{
    struct image image;
    struct image_messages messages = {.error = ""};
    if (png_read(data, size, MAX_PIXELS, &image, &messages) != 0) {
        if (!messages.error[0] || strchr(messages.error, '\n'))
            abort();
        return;
    }
    if (image.width < 1 || image.height < 1 || (uint64_t)image.width * image.height > MAX_PIXELS)
        abort();
    check_sum(image.pixels, image_size(image.width, image.height, image.channels, image.depth));
    check_sum(image.icc, image.icc_size);
    check_sum(image.exif, image.exif_size);
    check_sum(image.xmp, image.xmp_size);
    check_sum(&image.notes, sizeof image.notes);
    check_sum(image.left_out, strlen(image.left_out));
    if (image_to_rgb8(&image) != 0)
        abort();
    check_sum(image.pixels, image_size(image.width, image.height, 3, 8));
    image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16)
        return 0;
    read_file(data, size);
    uint8_t *mended = malloc(size);
    if (!mended)
        abort();
    memcpy(mended, data, size);
    mend_checksums(mended, size);
    read_file(mended, size);
    free(mended);
    return 0;
}
