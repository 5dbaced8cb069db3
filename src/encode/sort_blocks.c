#include "encode/sort_blocks.h"

#include <stdlib.h>
#include <string.h>

/*
 * What is drawn has few colours, most pixels repeat a neighbour, and where they do not, they are far from it. Where colours
 * come again also among these, blocks are drawn for sure; others, and flat ones, can belong to a photograph as well: they
 * go with what is drawn beside them. Of hardly any photograph 2 % of the blocks are taken for drawn. What repeats in many
 * colours, as the lower ends of a line's letters do, is calm: it is drawn if hardly anything beside it is not.
 */
enum { PHOTO = 0, EITHER = 1, DRAWN = 2, SEEN = 4, CALM = 8 };

enum {
    JUMP = 48,          /* in 1/256 of white */
    LEAST_TOGETHER = 4, /* drawn blocks */
    LONGEST_GAP = 8
};

/* Shares of a block's pixels */
static const double least_alike = 0.4, flat_alike = 0.9, least_jumps = 0.03, most_colours = 0.35;

/* So many colours, and as many as this share of the pixels that are not alike: of what can be drawn, and of what is */
static const double few_colours = 8, most_different = 0.8, surely_different = 0.7;

static const double least_drawn = 0.04; /* share of the blocks that are together */

struct sorting {
    const struct graphics_size *size;
    const uint16_t *samples;
    struct blocks *blocks;
    uint8_t *kind;   /* of each block */
    uint32_t *queue; /* of blocks that are together */
};

/* ---- One block --------------------------------------------------------------------------- */

static uint64_t colour_at(const struct sorting *s, uint32_t x, uint32_t y)
{
    const size_t channels = (size_t)s->size->channels;
    const uint16_t *sample = s->samples + ((size_t)y * s->size->width + x) * channels;
    return channels == 1 ? *sample : sample[0] | (uint64_t)sample[1] << 16 | (uint64_t)sample[2] << 32;
}

static bool is_jump(const struct sorting *s, uint64_t a, uint64_t b)
{
    const int64_t jump = (int64_t)JUMP << s->size->depth >> 8;
    bool far = false;
    for (int shift = 0; shift < 48; shift += 16)
        far = far || llabs((long long)(a >> shift & 0xFFFF) - (long long)(b >> shift & 0xFFFF)) >= jump;
    return far;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int count_colours(uint64_t *colours, int n)
{
    int count = 1;
    qsort(colours, (size_t)n, sizeof *colours, compare);
    for (int i = 1; i < n; i++)
        count += colours[i] != colours[i - 1];
    return count;
}

static uint8_t kind_of(const struct sorting *s, uint32_t column, uint32_t row)
{
    uint64_t colours[BLOCK_SIDE * BLOCK_SIDE];
    uint32_t left = column << BLOCK_BITS, top = row << BLOCK_BITS;
    int n = 0, alike = 0, jumps = 0;
    for (uint32_t y = top; y < top + BLOCK_SIDE && y < s->size->height; y++)
        for (uint32_t x = left; x < left + BLOCK_SIDE && x < s->size->width; x++) {
            uint64_t colour = colour_at(s, x, y), before = x > 0 ? colour_at(s, x - 1, y) : colour;
            uint64_t above = y > 0 ? colour_at(s, x, y - 1) : colour;
            alike += (x > 0 && colour == before) || (y > 0 && colour == above);
            jumps += is_jump(s, colour, before) || is_jump(s, colour, above);
            colours[n++] = colour;
        }
    if (alike < least_alike * n)
        return PHOTO;
    int different = jumps >= least_jumps * n ? count_colours(colours, n) : n;
    double share = (different - few_colours) / (n - alike + 1e-9);
    if (different <= most_colours * n && share <= most_different)
        return share <= surely_different ? DRAWN : EITHER;
    return alike >= flat_alike * n ? EITHER : CALM;
}

/* ---- Those that are together ------------------------------------------------------------- */

/* The blocks that are together with the first one, in the queue */
static size_t gather(const struct sorting *s, uint32_t first, size_t *drawn)
{
    const uint32_t columns = s->blocks->columns;
    size_t count = 0;
    s->queue[count++] = first;
    s->kind[first] |= SEEN;
    *drawn = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t x = s->queue[i] % columns, y = s->queue[i] / columns;
        *drawn += (s->kind[s->queue[i]] & DRAWN) != 0;
        for (uint32_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < s->blocks->rows; v++)
            for (uint32_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < columns; u++)
                if (s->kind[v * columns + u] == EITHER || s->kind[v * columns + u] == DRAWN) {
                    s->kind[v * columns + u] |= SEEN;
                    s->queue[count++] = v * columns + u;
                }
    }
    return count;
}

static void take_together(const struct sorting *s)
{
    const uint32_t all = s->blocks->columns * s->blocks->rows;
    for (uint32_t i = 0; i < all; i++) {
        size_t drawn, count = s->kind[i] == DRAWN ? gather(s, i, &drawn) : 0;
        if (count > 0 && drawn >= LEAST_TOGETHER && (double)drawn >= least_drawn * (double)count)
            for (size_t k = 0; k < count; k++)
                s->blocks->in[s->queue[k]] = 1;
    }
}

/* How many of the blocks on the four sides are in */
static int beside(const struct blocks *b, uint32_t x, uint32_t y)
{
    const uint8_t *at = b->in + (size_t)y * b->columns + x;
    return (x > 0 && at[-1]) + (x + 1 < b->columns && at[1]) + (y > 0 && *(at - b->columns)) +
           (y + 1 < b->rows && at[b->columns]);
}

/* A gap of one block, or of several that close one after the other */
static bool fill_gaps(const struct sorting *s)
{
    bool filled = false;
    for (uint32_t y = 0; y < s->blocks->rows; y++)
        for (uint32_t x = 0; x < s->blocks->columns; x++) {
            size_t i = (size_t)y * s->blocks->columns + x;
            if (s->kind[i] == CALM && !s->blocks->in[i] && beside(s->blocks, x, y) >= 3)
                s->blocks->in[i] = filled = true;
        }
    return filled;
}

/* Blocks that stick out are not worth what they cost. */
static size_t drop_single(struct blocks *b)
{
    size_t count = 0;
    for (uint32_t y = 0; y < b->rows; y++)
        for (uint32_t x = 0; x < b->columns; x++) {
            uint8_t *in = b->in + (size_t)y * b->columns + x;
            *in = *in && beside(b, x, y) >= 2;
            count += *in;
        }
    return count;
}

ddz_status ddz_sort_blocks(const struct mem *mem, const struct graphics_size *size, const uint16_t *samples,
                           struct blocks *blocks, size_t *count)
{
    size_t all = (size_t)blocks->columns * blocks->rows;
    struct sorting s = {size, samples, blocks, ddz_mem_alloc(mem, all, 1),
                        ddz_mem_alloc(mem, all, sizeof *s.queue)};
    bool ok = s.kind && s.queue;
    *count = 0;
    for (uint32_t i = 0; ok && i < all; i++)
        s.kind[i] = kind_of(&s, i % blocks->columns, i / blocks->columns);
    if (ok) {
        take_together(&s);
        for (int i = 0; i < LONGEST_GAP && fill_gaps(&s); i++)
            ;
        *count = drop_single(blocks);
    }
    ddz_mem_free(mem, s.kind);
    ddz_mem_free(mem, s.queue);
    return ok ? DDZ_OK : DDZ_ERR_MEMORY;
}
