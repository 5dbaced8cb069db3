/*
 * The pixel coder on hostile bytes: a picture's size, and then what it is coded as. What comes out is coded and decoded
 * again, and comes out, too, if the bytes arrive in two parts. Half of the inputs tell blocks first.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exact/graphics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_BYTES = 4, MAX_SIDE = 12, MAX_BLOCKS_SIDE = 60 };

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

/* All bytes give all rows, whatever the first `part` of them gave. */
static void decode(const struct mem *mem, const struct graphics_size *size, const uint8_t *data, size_t bytes,
                   size_t part, uint16_t *samples)
{
    struct graphics *g;
    must(ddz_graphics_decoder_new(mem, size, samples, &g) == DDZ_OK);
    must(ddz_graphics_decode(g, data, part, false, NULL, NULL) == DDZ_OK);
    must(ddz_graphics_decode(g, data, bytes, true, NULL, NULL) == DDZ_OK);
    must(ddz_graphics_rows(g) == size->height);
    ddz_graphics_decoder_free(g);
}

/* Any samples come back. */
static void code_again(const struct mem *mem, const struct graphics_size *size, const uint16_t *samples,
                       size_t count)
{
    uint8_t *coded;
    size_t bytes;
    uint16_t *back = new_samples(count);
    must(ddz_graphics_encode(mem, size, samples, NULL, NULL, &coded, &bytes) == DDZ_OK);
    decode(mem, size, coded, bytes, 0, back);
    must(memcmp(back, samples, count * sizeof *back) == 0);
    ddz_mem_free(mem, coded);
    free(back);
}

/* A picture of some blocks, likewise */
static void decode_blocks(const struct mem *mem, const struct graphics_size *size, struct blocks *blocks,
                          const uint8_t *data, size_t bytes, size_t part, uint16_t *samples)
{
    struct graphics *g;
    must(ddz_blocks_init(blocks, mem, size->width, size->height) == DDZ_OK);
    must(ddz_graphics_decoder_new_blocks(mem, size, blocks, samples, &g) == DDZ_OK);
    must(ddz_graphics_decode(g, data, part, false, NULL, NULL) == DDZ_OK);
    must(ddz_graphics_decode(g, data, bytes, true, NULL, NULL) == DDZ_OK);
    must(ddz_graphics_rows(g) == size->height);
    ddz_graphics_decoder_free(g);
}

/* What comes out has the pixels outside of the blocks as they are defined, and comes back. */
static void try_blocks(const struct mem *mem, const struct graphics_size *size, const uint8_t *data,
                       size_t bytes)
{
    struct blocks all_blocks, blocks;
    size_t count = (size_t)size->width * size->height * (size_t)size->channels, coded_bytes;
    uint16_t *all = new_samples(count), *pieces = new_samples(count);
    uint8_t *coded;
    decode_blocks(mem, size, &all_blocks, data, bytes, 0, all);
    decode_blocks(mem, size, &blocks, data, bytes, bytes / 2, pieces);
    must(memcmp(pieces, all, count * sizeof *all) == 0);
    ddz_blocks_fill(&all_blocks, size->width, size->height, size->channels, pieces);
    must(memcmp(pieces, all, count * sizeof *all) == 0);
    ddz_blocks_free(&blocks, mem);
    must(ddz_graphics_encode_blocks(mem, size, &all_blocks, all, NULL, NULL, &coded, &coded_bytes) == DDZ_OK);
    decode_blocks(mem, size, &blocks, coded, coded_bytes, 0, pieces);
    must(memcmp(pieces, all, count * sizeof *all) == 0);
    must(memcmp(blocks.in, all_blocks.in, (size_t)blocks.columns * blocks.rows) == 0);
    ddz_mem_free(mem, coded);
    ddz_blocks_free(&blocks, mem);
    ddz_blocks_free(&all_blocks, mem);
    free(all);
    free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SIZE_BYTES || size > 1 << 12)
        return 0;
    struct mem mem = ddz_mem_init(NULL);
    struct graphics_size shape = {1 + data[0] % MAX_SIDE, 1 + data[1] % MAX_SIDE, 1 + data[2] % 4,
                                  1 + data[3] % 16};
    const struct graphics_size larger = {1 + data[0] % MAX_BLOCKS_SIDE, 1 + data[1] % MAX_BLOCKS_SIDE,
                                         shape.channels, shape.depth};
    if (data[3] >= 128) {
        try_blocks(&mem, &larger, data + SIZE_BYTES, size - SIZE_BYTES);
        return 0;
    }
    size_t count = (size_t)shape.width * shape.height * (size_t)shape.channels;
    uint16_t *all = new_samples(count), *pieces = new_samples(count);
    data += SIZE_BYTES;
    size -= SIZE_BYTES;
    decode(&mem, &shape, data, size, 0, all);
    decode(&mem, &shape, data, size, size / 2, pieces);
    must(memcmp(pieces, all, count * sizeof *all) == 0);
    code_again(&mem, &shape, all, count);
    free(all);
    free(pieces);
    return 0;
}
