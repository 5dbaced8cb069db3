/*
 * Which blocks of a picture the coder of graphics codes, where it does not code all of it: squares of BLOCK_SIDE pixels
 * from the picture's upper left corner on, cut off at its right and lower edges.
 */
#ifndef DDZ_EXACT_BLOCKS_H
#define DDZ_EXACT_BLOCKS_H

#include "exact/binary.h"
#include "exact/mixing.h"

enum { BLOCK_BITS = 4, BLOCK_SIDE = 1 << BLOCK_BITS, BLOCK_CONTEXTS = 16 };

struct blocks {
    uint32_t columns, rows;
    uint8_t *in; /* [rows][columns]: 1 if the block is coded, else 0; owned */
};

/* No block is in. MEMORY. All zero is valid to free. */
ddz_status ddz_blocks_init(struct blocks *b, const struct mem *mem, uint32_t width, uint32_t height);
void ddz_blocks_free(struct blocks *b, const struct mem *mem);

/* Of pixels: at most a byte each */
uint64_t ddz_blocks_memory(uint32_t width, uint32_t height);

/* Whether the block of the pixel is in */
static inline bool blocks_have(const struct blocks *b, uint32_t x, uint32_t y)
{
    return b->in[(size_t)(y >> BLOCK_BITS) * b->columns + (x >> BLOCK_BITS)];
}

/* From x on, within the picture's width: where the blocks of row y end that are all in, or all not in, as that of x is */
uint32_t ddz_blocks_end(const struct blocks *b, uint32_t x, uint32_t y, uint32_t width);

/* What codes blocks, row by row: its place is in here, so that it goes on where the data ended. */
struct block_coder {
    counter counters[BLOCK_CONTEXTS];
    size_t at;
};

void ddz_block_coder_init(struct block_coder *k);

/* Codes the rest of the blocks; false if not all of them could be told. */
bool ddz_blocks_code(struct blocks *b, struct block_coder *k, const struct mixing_tables *tables,
                     struct bit_coder *c);

/* samples[height][width][channels] of pixels whose blocks are not in become those of the pixel on their left, in the
 * first column of that above, in the corner 0: what the coder of graphics takes them for. */
void ddz_blocks_fill(const struct blocks *b, uint32_t width, uint32_t height, int channels,
                     uint16_t *samples);

#endif
