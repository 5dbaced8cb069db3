#include "exact/blocks.h"

#include <string.h>

enum { BLOCK_LIMIT = 255 };

static uint32_t blocks_along(uint32_t side)
{
    return (side >> BLOCK_BITS) + (side % BLOCK_SIDE > 0);
}

uint64_t ddz_blocks_memory(uint32_t width, uint32_t height)
{
    return (uint64_t)blocks_along(width) * blocks_along(height);
}

ddz_status ddz_blocks_init(struct blocks *b, const struct mem *mem, uint32_t width, uint32_t height)
{
    *b = (struct blocks){.columns = blocks_along(width), .rows = blocks_along(height)};
    b->in = ddz_mem_alloc(mem, b->columns, b->rows);
    return b->in ? DDZ_OK : DDZ_ERR_MEMORY;
}

void ddz_blocks_free(struct blocks *b, const struct mem *mem)
{
    ddz_mem_free(mem, b->in);
    *b = (struct blocks){0};
}

uint32_t ddz_blocks_end(const struct blocks *b, uint32_t x, uint32_t y, uint32_t width)
{
    const uint8_t *row = b->in + (size_t)(y >> BLOCK_BITS) * b->columns;
    uint32_t first = x >> BLOCK_BITS, i = first + 1;
    while (i < b->columns && row[i] == row[first])
        i++;
    return i < b->columns ? i << BLOCK_BITS : width;
}

/* Are the neighbours above and on the left in? Those beyond the picture are not. */
static int context_of(const struct blocks *b, uint32_t column, uint32_t row)
{
    const uint8_t *here = b->in + (size_t)row * b->columns + column;
    int left = column > 0 ? here[-1] : 0;
    if (row == 0)
        return left;
    const uint8_t *above = here - b->columns;
    return left | above[0] << 1 | (column > 0 ? above[-1] : 0) << 2 |
           (column + 1 < b->columns ? above[1] : 0) << 3;
}

void ddz_block_coder_init(struct block_coder *k)
{
    for (int i = 0; i < BLOCK_CONTEXTS; i++)
        k->counters[i] = counter_fresh;
    k->at = 0;
}

bool ddz_blocks_code(struct blocks *b, struct block_coder *k, const struct mixing_tables *tables,
                     struct bit_coder *c)
{
    for (; k->at < (size_t)b->columns * b->rows; k->at++) {
        uint32_t column = (uint32_t)(k->at % b->columns), row = (uint32_t)(k->at / b->columns);
        counter *context = &k->counters[context_of(b, column, row)];
        int in = ddz_code(c, b->in[k->at], ddz_counter_p(*context));
        if (ddz_code_ended(c))
            return false;
        ddz_counter_learn(tables, context, in, BLOCK_LIMIT);
        b->in[k->at] = (uint8_t)in;
    }
    return true;
}

void ddz_blocks_fill(const struct blocks *b, uint32_t width, uint32_t height, int channels, uint16_t *samples)
{
    const size_t pixel = (size_t)channels, row = width * pixel;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0, end; x < width; x = end) {
            uint16_t *s = samples + y * row + x * pixel;
            end = ddz_blocks_end(b, x, y, width);
            if (blocks_have(b, x, y))
                continue;
            const uint16_t *from = x > 0 ? s - pixel : y > 0 ? s - row : NULL;
            for (size_t i = 0; i < pixel; i++)
                s[i] = from ? from[i] : 0;
            for (size_t i = pixel; i < (end - x) * pixel; i++)
                s[i] = s[i - pixel];
        }
}
