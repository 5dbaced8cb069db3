#include "decode/exact.h"

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
    int channels; /* that are coded together */
    uint32_t check;
};

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
    ddz_samples_write_row(s->layout, y >> scale, channels, s->head.depth, small, s->pixels);
    ddz_mem_free(&s->d->mem, small);
    return DDZ_OK;
}

static ddz_status show_row(void *cookie, uint32_t y, const uint16_t *row)
{
    struct showing *s = cookie;
    ddz_status status = DDZ_OK;
    if (s->sums)
        status = reduce_row(s, y, row);
    else
        ddz_samples_write_row(s->layout, y, s->channels, s->head.depth, row, s->pixels);
    if (status != DDZ_OK)
        return status;
    s->check = ddz_samples_check(s->check, row, (size_t)s->width * (size_t)s->channels);
    s->d->exact_rows = y + 1;
    s->d->work_done += WORK_OF_PIXEL * (uint64_t)s->width;
    return ddz_progress_tell(&s->d->progress, s->d->work_done, s->d->work);
}

/* A picture by the coder of graphics, as far as it is there: *samples is freed with ddz_mem_free */
static ddz_status read_graphics(struct showing *s, int channels, const uint8_t *code, size_t size, bool whole,
                                uint16_t **samples, uint32_t *rows)
{
    const struct mem *mem = &s->d->mem;
    const struct graphics_size shape = {s->width, s->height, channels, s->head.depth};
    size_t count = ddz_size_mul(s->width, s->height);
    *samples = ddz_mem_alloc(mem, ddz_size_mul(count, (size_t)channels), sizeof **samples);
    if (!*samples)
        return DDZ_ERR_MEMORY;
    return ddz_graphics_decode(mem, &shape, code, size, whole, *samples, rows);
}

static ddz_status show_graphics(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    uint16_t *samples;
    uint32_t rows = 0;
    size_t row = (size_t)s->width * (size_t)s->head.channels;
    s->channels = s->head.channels;
    ddz_status status = read_graphics(s, s->channels, code, size, whole, &samples, &rows);
    for (uint32_t y = 0; y < rows && status == DDZ_OK; y++)
        status = show_row(s, y, samples + row * y);
    ddz_mem_free(&s->d->mem, samples);
    return status;
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
    }
    ddz_mem_free(&s->d->mem, samples);
    return status;
}

/* Alpha, once the colours are all there; until then, and below, it is what its own layer says. */
static ddz_status show_alpha(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    uint16_t *samples;
    uint32_t rows = 0;
    ddz_status status = read_graphics(s, 1, code, size, whole, &samples, &rows);
    for (uint32_t y = 0; y < rows && status == DDZ_OK; y++)
        ddz_samples_write_alpha(s->layout, y, s->head.depth, samples + (size_t)s->width * y, s->pixels);
    if (status == DDZ_OK)
        s->check = ddz_samples_check(s->check, samples, (size_t)s->width * rows);
    s->d->exact_rows = rows;
    ddz_mem_free(&s->d->mem, samples);
    return status;
}

static ddz_status show_residual(struct showing *s, const uint8_t *code, size_t size, bool whole)
{
    const bool alpha = s->head.channels % 2 == 0;
    s->channels = s->head.channels - alpha;
    const struct residual_format format = {s->channels, s->head.depth, s->head.error};
    size_t colours = alpha && s->head.coded < size ? s->head.coded : size;
    struct residual_known known;
    int16_t *enlarged;
    ddz_status status = ddz_chain_known(s->d->chain, &known, &enlarged);
    if (status == DDZ_OK)
        status = ddz_residual_decode(&s->d->mem, &known, &format, code, colours, whole || colours < size,
                                     show_row, s);
    ddz_mem_free(&s->d->mem, enlarged);
    if (status == DDZ_OK && alpha && s->d->exact_rows == s->height)
        status = show_alpha(s, code + colours, size - colours, whole);
    return status;
}

uint64_t ddz_exact_work(const ddz_decoder *d)
{
    bool there = d->reader.layers.exact.begun;
    return there ? WORK_OF_PIXEL * (uint64_t)d->pyramid.width[0] * d->pyramid.height[0] : 0;
}

/* The layer by its coder */
static ddz_status show_layer(struct showing *s, const struct exact_reader *layer)
{
    size_t head = ddz_exact_head_size(&s->head), size = layer->size - head;
    const uint8_t *code = layer->data + head;
    if (s->head.coder == EXACT_RESIDUAL)
        return show_residual(s, code, size, layer->whole);
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
    if (!layer->begun || ddz_exact_head_read(layer->data, layer->size, &s.head) != DDZ_OK)
        return DDZ_OK;
    if (small && s.head.coder == EXACT_RESIDUAL) /* the chain stopped where it is enough for this size */
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
    const struct exact_reader *layer = &d->reader.layers.exact;
    struct exact_head head;
    bool looked_at = ddz_exact_head_read(layer->data, layer->size, &head) == DDZ_OK &&
                     (head.coder != EXACT_RESIDUAL || decoder_scale(d) == 0);
    return layer->whole && looked_at && !d->exact_agrees;
}

uint64_t ddz_exact_show_memory(const ddz_decoder *d, uint32_t width, uint32_t height)
{
    const struct exact_reader *layer = &d->reader.layers.exact;
    const uint64_t pixels = (uint64_t)width * height;
    struct exact_head head;
    if (ddz_exact_head_read(layer->data, layer->size, &head) != DDZ_OK)
        return 0;
    const struct graphics_size shape = {width, height, head.channels, head.depth};
    uint64_t graphics = ddz_graphics_memory(&shape) + 2 * (uint64_t)head.channels * pixels;
    uint64_t residual =
        ddz_residual_memory(width) + 6 * pixels; /* an estimate that may have to be enlarged */
    if (head.coder == EXACT_RAW)
        return 8 * (uint64_t)width;
    if (head.coder == EXACT_GRAPHICS)
        return graphics;
    return head.channels % 2 == 0 && graphics > residual ? graphics : residual;
}
