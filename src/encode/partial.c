#include "encode/partial.h"

#include "api/samples.h"
#include "encode/sort_blocks.h"
#include "format/exact_layer.h"
#include "format/records.h"

enum {
    LEAST_SHARE = 64,  /* of the blocks, one that is found */
    SHARE_OF_WORK = 10 /* percent, of the coder */
};

/* How much of the chain's bits has to be saved */
static const double least_gain = 0.05;

void ddz_partial_free(struct partial *p, const struct mem *mem)
{
    ddz_blocks_free(&p->blocks, mem);
    ddz_mem_free(mem, p->content);
    *p = (struct partial){0};
}

uint64_t ddz_partial_record_size(const struct partial *p)
{
    uint8_t head[RECORD_HEAD_SIZE];
    return p->content ? ddz_record_write_head(head, RECORD_EXACT_BLOCKS, p->size) + p->size : 0;
}

/* ---- Is it worth it? --------------------------------------------------------------------- */

struct coding {
    const struct mem *mem;
    struct graphics_size size;
    uint16_t *samples;
    struct progress *progress;
};

static ddz_status tell_rows(void *cookie, uint32_t rows)
{
    const struct coding *c = cookie;
    return ddz_progress_tell(c->progress, rows, c->size.height);
}

/* The record's content. The samples outside of the blocks are lost. */
static ddz_status code(struct partial *p, struct coding *c)
{
    uint8_t head[EXACT_HEAD_SIZE + EXACT_ALPHA_SIZE], *bytes = NULL;
    size_t count = (size_t)c->size.width * c->size.height * (size_t)c->size.channels, size = 0, capacity = 0;
    ddz_blocks_fill(&p->blocks, c->size.width, c->size.height, c->size.channels, c->samples);
    ddz_status status =
        ddz_graphics_encode_blocks(c->mem, &c->size, &p->blocks, c->samples, tell_rows, c, &bytes, &size);
    if (status != DDZ_OK)
        return status;
    const struct exact_head h = {.coder = EXACT_BLOCKS,
                                 .channels = c->size.channels,
                                 .depth = c->size.depth,
                                 .check = ddz_samples_check(0, c->samples, count)};
    size_t head_size = ddz_exact_head_write(&h, head);
    bool ok = ddz_mem_append(c->mem, &p->content, &p->size, &capacity, head, head_size) &&
              ddz_mem_append(c->mem, &p->content, &p->size, &capacity, bytes, size);
    ddz_mem_free(c->mem, bytes);
    return ok ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* The blocks that there are, if any, and what a chain would take for them and for the others */
static ddz_status find(struct partial *p, const struct coding *c, bool *found, struct block_cost *cost)
{
    size_t count;
    ddz_status status = ddz_blocks_init(&p->blocks, c->mem, c->size.width, c->size.height);
    if (status == DDZ_OK)
        status = ddz_sort_blocks(c->mem, &c->size, c->samples, &p->blocks, &count);
    if (status != DDZ_OK)
        return status;
    size_t all = (size_t)p->blocks.columns * p->blocks.rows;
    /* where all is drawn there is nothing to divide */
    *found = count > 0 && count >= all / LEAST_SHARE && count < all;
    if (*found)
        ddz_block_cost_measure(cost, &c->size, c->samples, &p->blocks);
    return DDZ_OK;
}

ddz_status ddz_partial_find(struct partial *p, const struct mem *mem, const struct layout *layout,
                            const void *pixels, partial_end *end_sigma, void *cookie,
                            struct progress *progress)
{
    const struct sample_form form = ddz_samples_form(layout, pixels);
    struct coding c = {mem, {layout->width, layout->height, form.channels, form.depth}, NULL, progress};
    struct block_cost cost;
    bool found = false;
    double saved = 0;
    if (form.alpha)
        return DDZ_OK;
    p->channels = form.channels;
    c.samples = ddz_mem_alloc(mem, ddz_size_mul(layout->width, layout->height),
                              (size_t)form.channels * sizeof *c.samples);
    if (!c.samples)
        return DDZ_ERR_MEMORY;
    ddz_samples_read(layout, pixels, &form, c.samples, NULL);
    ddz_status status = find(p, &c, &found, &cost);
    if (status == DDZ_OK && found) {
        double sigma = end_sigma(cookie, &cost), bits = ddz_block_cost_bits(&cost, true, sigma);
        double others = ddz_block_cost_bits(&cost, false, sigma), least = least_gain * (bits + others);
        p->others = others / 8;
        found = bits > least;
        if (found) {
            ddz_progress_next(progress, SHARE_OF_WORK);
            status = code(p, &c);
        }
        saved = bits - least - 8 * (double)p->size;
    }
    ddz_mem_free(mem, c.samples);
    if (status != DDZ_OK || !found || saved <= 0)
        ddz_partial_free(p, mem);
    return status;
}

/* ---- What the chain sees ----------------------------------------------------------------- */

/* The mean of block i in each colour */
static void mean_of_block(const struct blocks *b, size_t i, uint32_t width, uint32_t height, const int16_t *x,
                          int32_t mean[3])
{
    uint32_t left = (uint32_t)(i % b->columns) << BLOCK_BITS, top = (uint32_t)(i / b->columns) << BLOCK_BITS;
    int32_t sum[3] = {0}, count = 0;
    for (uint32_t v = top; v < top + BLOCK_SIDE && v < height; v++)
        for (uint32_t u = left; u < left + BLOCK_SIDE && u < width; u++, count++)
            for (size_t c = 0; c < 3; c++)
                sum[c] += x[3 * ((size_t)v * width + u) + c];
    for (int c = 0; c < 3; c++)
        mean[c] = sum[c] / count;
}

/* The blocks between whose centres a pixel is, and how far from the first one, of WHOLE */
struct between {
    uint32_t first, second;
    int32_t share;
};

enum { WHOLE = 2 * BLOCK_SIDE };

static struct between between_blocks(uint32_t at, uint32_t blocks)
{
    int32_t place = 2 * (int32_t)at + 1 - BLOCK_SIDE; /* twice the way from the first block's centre */
    uint32_t first = place < 0 ? 0 : (uint32_t)place / WHOLE;
    return (struct between){first, first + (first + 1 < blocks), place < 0 ? 0 : place % WHOLE};
}

/* The mean of a block, or where that is not in, of the pixel's own */
static const int32_t *mean_at(const struct blocks *b, int32_t (*mean)[3], uint32_t column, uint32_t row,
                              size_t own)
{
    size_t i = (size_t)row * b->columns + column;
    return mean[b->in[i] ? i : own];
}

static void soften_pixel(const struct blocks *b, int32_t (*mean)[3], uint32_t u, uint32_t v, int16_t *x)
{
    const struct between column = between_blocks(u, b->columns), row = between_blocks(v, b->rows);
    const size_t own = (size_t)(v >> BLOCK_BITS) * b->columns + (u >> BLOCK_BITS);
    const int32_t *above1 = mean_at(b, mean, column.first, row.first, own);
    const int32_t *above2 = mean_at(b, mean, column.second, row.first, own);
    const int32_t *below1 = mean_at(b, mean, column.first, row.second, own);
    const int32_t *below2 = mean_at(b, mean, column.second, row.second, own);
    for (int c = 0; c < 3; c++) {
        int32_t above = above1[c] * (WHOLE - column.share) + above2[c] * column.share;
        int32_t below = below1[c] * (WHOLE - column.share) + below2[c] * column.share;
        x[c] = (int16_t)((above * (WHOLE - row.share) + below * row.share) / (WHOLE * WHOLE));
    }
}

ddz_status ddz_partial_soften(const struct partial *p, const struct mem *mem, uint32_t width, uint32_t height,
                              int16_t *x)
{
    const struct blocks *b = &p->blocks;
    size_t all = (size_t)b->columns * b->rows;
    int32_t(*mean)[3] = ddz_mem_alloc(mem, all, sizeof *mean);
    if (!mean)
        return DDZ_ERR_MEMORY;
    for (size_t i = 0; i < all; i++)
        mean_of_block(b, i, width, height, x, mean[i]);
    for (uint32_t v = 0; v < height; v++)
        for (uint32_t u = 0; u < width; u++)
            if (blocks_have(b, u, v))
                soften_pixel(b, mean, u, v, x + 3 * ((size_t)v * width + u));
    ddz_mem_free(mem, mean);
    return DDZ_OK;
}
