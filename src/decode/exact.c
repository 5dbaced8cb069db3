#include "decode/exact.h"

#include <string.h>

#include "api/samples.h"
#include "base/bytes.h"
#include "exact/graphics.h"
#include "exact/residual.h"
#include "format/exact_layer.h"

/* A pixel's share of the work, one being a pixel of a call of the network */
enum { WORK_OF_PIXEL = 4 };

/* What is being shown */
struct showing {
    ddz_decoder *d;
    const struct layout *layout; /* of the picture that is written: as large, or smaller by boxes */
    void *pixels;
    uint32_t width, height; /* of the exact one */
    uint64_t *sums;         /* of a row of boxes; NULL: as large */
    struct exact_head head;
    int channels;          /* that are coded together */
    struct blocks *blocks; /* which of them are shown; NULL: all */
    uint32_t check;
};

/* Is all of a rectangle in the blocks that are shown? */
static bool is_in_blocks(const struct showing *s, uint32_t x, uint32_t x_end, uint32_t y, uint32_t y_end)
{
    for (uint32_t j = y >> BLOCK_BITS; s->blocks && j <= (y_end - 1) >> BLOCK_BITS; j++)
        for (uint32_t i = x >> BLOCK_BITS; i <= (x_end - 1) >> BLOCK_BITS; i++)
            if (!s->blocks->in[(size_t)j * s->blocks->columns + i])
                return false;
    return true;
}

/* Row y of the picture that is written, in which a pixel is a box of 2^scale times 2^scale */
static void write_row(const struct showing *s, uint32_t y, int scale, const uint16_t *row)
{
    uint32_t top = y << scale, side = UINT32_C(1) << scale;
    uint32_t bottom = s->height - top < side ? s->height : top + side;
    for (uint32_t x = 0, end; x < s->layout->width; x = end) {
        bool shown = false;
        for (end = x; end < s->layout->width; end++) {
            uint32_t left = end << scale, right = s->width - left < side ? s->width : left + side;
            bool next = is_in_blocks(s, left, right, top, bottom);
            if (end > x && next != shown)
                break;
            shown = next;
        }
        if (shown)
            ddz_samples_write_part(s->layout, y, x, end, s->channels, s->head.depth,
                                   row + (size_t)x * (size_t)s->channels, s->pixels);
    }
}

/* A row into that of the boxes, which is written once all of its rows are there. */
static ddz_status reduce_row(struct showing *s, uint32_t y, const uint16_t *row)
{
    int scale = decoder_scale(s->d), channels = s->channels;
    uint32_t side = UINT32_C(1) << scale, rows = (y & (side - 1)) + 1;
    for (size_t x = 0; x < s->width; x++)
        for (int c = 0; c < channels; c++)
            s->sums[(x >> scale) * (size_t)channels + (size_t)c] += row[x * (size_t)channels + (size_t)c];
    if (rows < side && y + 1 < s->height)
        return DDZ_OK;
    size_t count = (size_t)s->layout->width * (size_t)channels;
    uint16_t *small = ddz_mem_alloc(&s->d->mem, count, sizeof *small);
    if (!small)
        return DDZ_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        uint32_t left = s->width - (uint32_t)(i / (size_t)channels << scale);
        uint64_t samples = (uint64_t)rows * (left < side ? left : side);
        small[i] = (uint16_t)((s->sums[i] + samples / 2) / samples);
        s->sums[i] = 0;
    }
    write_row(s, y >> scale, scale, small);
    ddz_mem_free(&s->d->mem, small);
    return DDZ_OK;
}

/* A row, or a part of it */
static ddz_status show_row(struct showing *s, uint32_t y, const uint16_t *row)
{
    ddz_status status = DDZ_OK;
    if (s->sums)
        status = reduce_row(s, y, row);
    else
        write_row(s, y, 0, row);
    if (status != DDZ_OK)
        return status;
    s->check = ddz_samples_check(s->check, row, (size_t)s->width * (size_t)s->channels);
    s->d->exact_rows = y + 1;
    return DDZ_OK;
}

/* A row was decoded. */
static ddz_status count_row(const struct showing *s)
{
    s->d->work_done += WORK_OF_PIXEL * (uint64_t)s->width;
    return ddz_progress_tell(&s->d->progress, s->d->work_done, s->d->work);
}

/* ---- What is kept ------------------------------------------------------------------------- */

void ddz_exact_forget(ddz_decoder *d)
{
    struct exact_kept *kept = &d->exact;
    ddz_residual_decoder_free(kept->residual);
    ddz_graphics_decoder_free(kept->graphics);
    ddz_blocks_free(&kept->blocks, &d->mem);
    ddz_mem_free(&d->mem, kept->samples);
    ddz_mem_free(&d->mem, kept->alpha);
    *kept = (struct exact_kept){.rows = 0};
}

/* Room for all rows, once */
static ddz_status ensure_samples(const struct showing *s, int channels, uint16_t **samples)
{
    size_t count = ddz_size_mul(s->width, s->height);
    if (!*samples)
        *samples = ddz_mem_alloc(&s->d->mem, ddz_size_mul(count, (size_t)channels), sizeof **samples);
    return *samples ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* Rows of an earlier picture */
static ddz_status show_kept(struct showing *s)
{
    const struct exact_kept *kept = &s->d->exact;
    const size_t row = (size_t)s->width * (size_t)s->channels;
    ddz_status status = DDZ_OK;
    for (uint32_t y = 0; y < kept->rows && status == DDZ_OK; y++)
        status = show_row(s, y, kept->samples + row * y);
    return status;
}

/* ---- Coders ------------------------------------------------------------------------------- */

/* Decodes by the coder of graphics, as far as there is anything left. */
static ddz_status run_graphics(struct showing *s, int channels, uint16_t *samples, uint32_t rows,
                               const uint8_t *code, size_t size, bool whole, graphics_told *told)
{
    struct exact_kept *kept = &s->d->exact;
    const struct graphics_size shape = {s->width, s->height, channels, s->head.depth};
    ddz_status status = DDZ_OK;
    if (rows == s->height)
        return DDZ_OK;
    if (!kept->graphics)
        status = ddz_graphics_decoder_new_blocks(&s->d->mem, &shape, s->blocks, samples, &kept->graphics);
    if (status == DDZ_OK)
        status = ddz_graphics_decode(kept->graphics, code, size, whole, told, s);
    if (kept->graphics && ddz_graphics_rows(kept->graphics) == s->height) {
        ddz_graphics_decoder_free(kept->graphics);
        kept->graphics = NULL;
    }
    return status;
}

static ddz_status after_graphics_row(void *cookie, uint32_t rows)
{
    struct showing *s = cookie;
    struct exact_kept *kept = &s->d->exact;
    const size_t row = (size_t)s->width * (size_t)s->channels;
    kept->rows = rows;
    ddz_status status = show_row(s, rows - 1, kept->samples + row * (rows - 1));
    return status == DDZ_OK ? count_row(s) : status;
}

static ddz_status show_graphics(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    struct exact_kept *kept = &s->d->exact;
    s->channels = s->head.channels;
    ddz_status status = ensure_samples(s, s->channels, &kept->samples);
    if (status == DDZ_OK)
        status = show_kept(s);
    if (status == DDZ_OK)
        status =
            run_graphics(s, s->channels, kept->samples, kept->rows, code, size, whole, after_graphics_row);
    return status;
}

static ddz_status show_blocks(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    s->blocks = &s->d->exact.blocks;
    ddz_status status = s->blocks->in ? DDZ_OK : ddz_blocks_init(s->blocks, &s->d->mem, s->width, s->height);
    return status == DDZ_OK ? show_graphics(s, code, size, whole) : status;
}

static ddz_status show_raw(struct showing *s, const uint8_t *bytes, size_t size)
{
    size_t row = (size_t)s->width * (size_t)s->head.channels, sample = s->head.depth > 8 ? 2 : 1;
    uint16_t *samples = ddz_mem_alloc(&s->d->mem, row, sizeof *samples);
    const uint16_t most = (uint16_t)((1U << s->head.depth) - 1);
    ddz_status status = samples ? DDZ_OK : DDZ_ERR_MEMORY;
    s->channels = s->head.channels;
    for (uint32_t y = 0; y < s->height && size / (row * sample) > y && status == DDZ_OK; y++) {
        for (size_t i = 0; i < row; i++, bytes += sample) {
            uint16_t level = sample == 2 ? get_le16(bytes) : *bytes;
            samples[i] = level < most ? level : most;
        }
        status = show_row(s, y, samples);
        if (status == DDZ_OK)
            status = count_row(s);
    }
    ddz_mem_free(&s->d->mem, samples);
    return status;
}

static ddz_status after_alpha_row(void *cookie, uint32_t rows)
{
    const struct showing *s = cookie;
    s->d->exact.alpha_rows = rows;
    return ddz_progress_again(&s->d->progress);
}

/* Alpha, once the colours are all there; until then, and below, it is what its own layer says. */
static ddz_status show_alpha(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    struct exact_kept *kept = &s->d->exact;
    ddz_status status = ensure_samples(s, 1, &kept->alpha);
    if (status == DDZ_OK)
        status = run_graphics(s, 1, kept->alpha, kept->alpha_rows, code, size, whole, after_alpha_row);
    if (status != DDZ_OK)
        return status;
    for (uint32_t y = 0; y < kept->alpha_rows; y++)
        ddz_samples_write_alpha(s->layout, y, s->head.depth, kept->alpha + (size_t)s->width * y, s->pixels);
    s->check = ddz_samples_check(s->check, kept->alpha, (size_t)s->width * kept->alpha_rows);
    s->d->exact_rows = kept->alpha_rows;
    return DDZ_OK;
}

static ddz_status after_residual_row(void *cookie, uint32_t y, const uint16_t *row)
{
    struct showing *s = cookie;
    struct exact_kept *kept = &s->d->exact;
    const size_t samples = (size_t)s->width * (size_t)s->channels;
    if (kept->samples)
        memcpy(kept->samples + samples * y, row, samples * sizeof *row);
    kept->rows = y + 1;
    ddz_status status = show_row(s, y, row);
    return status == DDZ_OK ? count_row(s) : status;
}

/* Decodes by the residual coder, as far as there is anything left. */
static ddz_status run_residual(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    struct exact_kept *kept = &s->d->exact;
    const struct residual_format format = {s->channels, s->head.depth, s->head.error};
    struct residual_known known;
    int16_t *enlarged;
    if (kept->rows == s->height)
        return DDZ_OK;
    ddz_status status = ddz_chain_known(s->d->chain, &known, &enlarged);
    if (status == DDZ_OK && !kept->residual)
        status = ddz_residual_decoder_new(&s->d->mem, s->width, s->height, &format, &kept->residual);
    if (status == DDZ_OK)
        status = ddz_residual_decode(kept->residual, &known, code, size, whole, after_residual_row, s);
    ddz_mem_free(&s->d->mem, enlarged);
    if (kept->rows == s->height) {
        ddz_residual_decoder_free(kept->residual);
        kept->residual = NULL;
    }
    return status;
}

/* Whole at first sight, the layer is not expected to be shown again: rows are not kept, which saves their memory. */
static ddz_status show_residual(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    const bool alpha = s->head.channels % 2 == 0;
    const size_t colours = alpha && s->head.coded < size ? s->head.coded : size;
    struct exact_kept *kept = &s->d->exact;
    ddz_status status = DDZ_OK;
    s->channels = s->head.channels - alpha;
    if (!whole)
        status = ensure_samples(s, s->channels, &kept->samples);
    if (status == DDZ_OK)
        status = show_kept(s);
    if (status == DDZ_OK)
        status = run_residual(s, code, colours, whole || colours < size);
    if (status == DDZ_OK && alpha && s->d->exact_rows == s->height)
        status = show_alpha(s, code + colours, size - colours, whole);
    if (!kept->samples)
        ddz_exact_forget(s->d);
    return status;
}

/* There is a layer, whose head this is, and the picture shows it. */
static bool is_shown(const ddz_decoder *d, struct exact_head *head)
{
    const struct exact_reader *layer = &d->reader.layers.exact;
    if (!layer->begun || ddz_exact_head_read(layer->data, layer->size, head) != DDZ_OK)
        return false;
    /* of a smaller picture the chain stopped where it is enough for this size */
    return head->coder != EXACT_RESIDUAL || decoder_scale(d) == 0;
}

uint64_t ddz_exact_work(const ddz_decoder *d)
{
    struct exact_head head;
    uint64_t rows = d->pyramid.height[0] - d->exact.rows;
    return is_shown(d, &head) ? WORK_OF_PIXEL * d->pyramid.width[0] * rows : 0;
}

/* The layer by its coder */
static ddz_status show_layer(struct showing *s, const struct exact_reader *layer)
{
    size_t head = ddz_exact_head_size(&s->head), size = layer->size - head;
    const uint8_t *code = layer->data + head;
    if (s->head.coder == EXACT_RESIDUAL)
        return show_residual(s, code, size, layer->whole);
    if (s->head.coder == EXACT_BLOCKS)
        return show_blocks(s, code, size, layer->whole);
    return s->head.coder == EXACT_GRAPHICS ? show_graphics(s, code, size, layer->whole)
                                           : show_raw(s, code, size);
}

ddz_status ddz_exact_show(ddz_decoder *d, const struct layout *layout, void *pixels)
{
    const struct exact_reader *layer = &d->reader.layers.exact;
    const struct pyramid *p = &d->pyramid;
    bool small = decoder_scale(d) > 0;
    struct showing s = {
        .d = d, .layout = layout, .pixels = pixels, .width = p->width[0], .height = p->height[0]};
    d->exact_rows = 0;
    d->exact_agrees = false;
    if (!is_shown(d, &s.head))
        return DDZ_OK;
    if (small)
        s.sums = ddz_mem_alloc(&d->mem, (size_t)layout->width * 4, sizeof *s.sums);
    ddz_status status = small && !s.sums ? DDZ_ERR_MEMORY : show_layer(&s, layer);
    ddz_mem_free(&d->mem, s.sums);
    d->exact_agrees = d->exact_rows == s.height && s.check == s.head.check;
    return status;
}

bool ddz_exact_damaged(const ddz_decoder *d)
{
    struct exact_head head;
    return d->reader.layers.exact.whole && is_shown(d, &head) && !d->exact_agrees;
}

uint64_t ddz_exact_show_memory(const ddz_decoder *d, uint32_t width, uint32_t height)
{
    const struct exact_reader *layer = &d->reader.layers.exact;
    const uint64_t pixels = (uint64_t)width * height;
    struct exact_head head;
    if (ddz_exact_head_read(layer->data, layer->size, &head) != DDZ_OK)
        return 0;
    const bool apart = head.coder == EXACT_RESIDUAL && head.channels % 2 == 0; /* alpha */
    const bool keeps =
        head.coder == EXACT_GRAPHICS || head.coder == EXACT_BLOCKS || !layer->whole || d->exact.samples;
    const struct graphics_size shape = {width, height, apart ? 1 : head.channels, head.depth};
    const uint64_t graphics = ddz_graphics_memory(&shape);
    uint64_t samples = 2 * pixels * (uint64_t)((keeps ? head.channels - apart : 0) + apart);
    uint64_t residual =
        ddz_residual_memory(width) + 6 * pixels; /* an estimate that may have to be enlarged */
    if (head.coder == EXACT_RAW)
        return 8 * (uint64_t)width;
    if (head.coder == EXACT_BLOCKS)
        return graphics + samples + ddz_blocks_memory(width, height);
    if (head.coder == EXACT_GRAPHICS)
        return graphics + samples;
    return samples + (apart && graphics > residual ? graphics : residual);
}
