/*
 * The pixel coder on hostile bytes: a picture's size, and then what it is coded as. What comes out is coded and decoded
 * again, and a part of the bytes gives rows that all of them give.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exact/graphics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_BYTES = 4, MAX_SIDE = 12 };

static uint16_t *new_samples(size_t count)
{
    uint16_t *samples = calloc(count, sizeof *samples);
    if (!samples)
        abort();
    return samples;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Any samples come back. */
static void code_again(const struct mem *mem, const struct graphics_size *size, const uint16_t *samples,
                       size_t count)
{
    uint8_t *coded;
    size_t bytes;
    uint32_t rows;
    uint16_t *back = new_samples(count);
    must(ddz_graphics_encode(mem, size, samples, NULL, NULL, &coded, &bytes) == DDZ_OK);
    must(ddz_graphics_decode(mem, size, coded, bytes, true, back, &rows) == DDZ_OK && rows == size->height);
    must(memcmp(back, samples, count * sizeof *back) == 0);
    ddz_mem_free(mem, coded);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SIZE_BYTES || size > 1 << 12)
        return 0;
    struct mem mem = ddz_mem_init(NULL);
    struct graphics_size shape = {1 + data[0] % MAX_SIDE, 1 + data[1] % MAX_SIDE, 1 + data[2] % 4,
                                  1 + data[3] % 16};
    size_t row = (size_t)shape.width * (size_t)shape.channels, count = row * shape.height;
    uint16_t *all = new_samples(count), *part = new_samples(count);
    uint32_t all_rows, part_rows;
    data += SIZE_BYTES;
    size -= SIZE_BYTES;
    must(ddz_graphics_decode(&mem, &shape, data, size, true, all, &all_rows) == DDZ_OK &&
         all_rows == shape.height);
    must(ddz_graphics_decode(&mem, &shape, data, size / 2, false, part, &part_rows) == DDZ_OK);
    must(memcmp(part, all, part_rows * row * sizeof *part) == 0);
    code_again(&mem, &shape, all, count);
    free(all);
    free(part);
    return 0;
}
