#include "encode/exact.h"

#include <string.h>

#include "api/samples.h"
#include "base/bytes.h"
#include "exact/graphics.h"
#include "exact/residual.h"
#include "format/exact_layer.h"

/* ---- Samples ----------------------------------------------------------------------------- */

void ddz_exact_forget_samples(struct exact_layer *layer)
{
    ddz_mem_free(&layer->mem, layer->colours);
    ddz_mem_free(&layer->mem, layer->alpha);
    ddz_mem_free(&layer->mem, layer->near);
    layer->colours = layer->alpha = layer->near = NULL;
}

void ddz_exact_free(struct exact_layer *layer)
{
    ddz_exact_forget_samples(layer);
    ddz_mem_free(&layer->mem, layer->graphics);
    *layer = (struct exact_layer){.mem = layer->mem};
}

ddz_status ddz_exact_read(struct exact_layer *layer, const struct layout *layout, const void *pixels)
{
    const struct sample_form form = ddz_samples_form(layout, pixels);
    size_t count = (size_t)layout->width * layout->height;
    layer->channels = form.channels;
    layer->depth = form.depth;
    layer->colours =
        ddz_mem_alloc(&layer->mem, ddz_size_mul(count, (size_t)form.channels), sizeof *layer->colours);
    layer->alpha = form.alpha ? ddz_mem_alloc(&layer->mem, count, sizeof *layer->alpha) : NULL;
    if (!layer->colours || (form.alpha && !layer->alpha))
        return DDZ_ERR_MEMORY;
    ddz_samples_read(layout, pixels, &form, layer->colours, layer->alpha);
    return DDZ_OK;
}

void ddz_exact_show_samples(const struct exact_layer *layer, bool alone, const struct layout *layout,
                            void *pixels)
{
    const uint16_t *row = layer->near && !alone ? layer->near : layer->colours, *alpha = layer->alpha;
    for (uint32_t y = 0; y < layer->height; y++, row += (size_t)layer->width * (size_t)layer->channels) {
        ddz_samples_write_row(layout, y, layer->channels, layer->depth, row, pixels);
        if (alpha)
            ddz_samples_write_alpha(layout, y, layer->depth, alpha + (size_t)layer->width * y, pixels);
    }
}

void ddz_exact_show_blocks(const struct exact_layer *layer, const struct blocks *blocks,
                           const struct layout *layout, void *pixels)
{
    const size_t channels = (size_t)layer->channels;
    for (uint32_t y = 0; y < layer->height; y++)
        for (uint32_t x = 0, end; x < layer->width; x = end) {
            const uint16_t *row = layer->colours + ((size_t)y * layer->width + x) * channels;
            end = ddz_blocks_end(blocks, x, y, layer->width);
            if (blocks_have(blocks, x, y))
                ddz_samples_write_part(layout, y, x, end, layer->channels, layer->depth, row, pixels);
        }
}

/* ---- Content ----------------------------------------------------------------------------- */

/* Head, the colours' code and that of alpha (NULL: none) */
static ddz_status join(const struct mem *mem, struct exact_head *head, const uint8_t *code, size_t size,
                       const uint8_t *alpha, size_t alpha_size, uint8_t **content, size_t *length)
{
    uint8_t bytes[EXACT_HEAD_SIZE + EXACT_ALPHA_SIZE];
    size_t capacity = 0;
    *content = NULL;
    *length = 0;
    head->coded = (uint32_t)size;
    bool fits = size <= UINT32_MAX || !alpha_size;
    bool done = fits &&
                ddz_mem_append(mem, content, length, &capacity, bytes, ddz_exact_head_write(head, bytes)) &&
                ddz_mem_append(mem, content, length, &capacity, code, size) &&
                ddz_mem_append(mem, content, length, &capacity, alpha, alpha_size);
    if (done)
        return DDZ_OK;
    ddz_mem_free(mem, *content);
    *content = NULL;
    return DDZ_ERR_MEMORY;
}

static ddz_status tell_rows(void *cookie, uint32_t rows)
{
    const struct exact_layer *layer = cookie;
    return layer->progress ? ddz_progress_tell(layer->progress, rows, layer->height) : DDZ_OK;
}

static ddz_status code_graphics(struct exact_layer *layer, const uint16_t *samples, int channels,
                                uint8_t **code, size_t *size)
{
    const struct graphics_size shape = {layer->width, layer->height, channels, layer->depth};
    return ddz_graphics_encode(&layer->mem, &shape, samples, tell_rows, layer, code, size);
}

static struct exact_head head_of(const struct exact_layer *layer, int coder)
{
    return (struct exact_head){
        .coder = coder, .channels = layer->channels + (layer->alpha != NULL), .depth = layer->depth};
}

/* Alpha's code behind the colours', and its samples in the check */
static ddz_status finish(struct exact_layer *layer, struct exact_head *head, const uint8_t *code, size_t size,
                         uint8_t **content, size_t *length)
{
    uint8_t *alpha = NULL;
    size_t alpha_size = 0;
    ddz_status status = DDZ_OK;
    if (layer->alpha) {
        head->check = ddz_samples_check(head->check, layer->alpha, (size_t)layer->width * layer->height);
        status = code_graphics(layer, layer->alpha, 1, &alpha, &alpha_size);
    }
    if (status == DDZ_OK)
        status = join(&layer->mem, head, code, size, alpha, alpha_size, content, length);
    ddz_mem_free(&layer->mem, alpha);
    return status;
}

/* ---- Photographs ------------------------------------------------------------------------- */

/* What is known of the rows that have been coded */
struct rows {
    struct progress *progress;
    uint16_t *near; /* where they are kept; NULL: nowhere */
    size_t samples; /* of a row */
    uint32_t height, check;
};

static ddz_status after_row(void *cookie, uint32_t y, const uint16_t *row)
{
    struct rows *rows = cookie;
    rows->check = ddz_samples_check(rows->check, row, rows->samples);
    if (rows->near)
        memcpy(rows->near + y * rows->samples, row, rows->samples * sizeof *row);
    return ddz_progress_tell(rows->progress, y + 1, rows->height);
}

ddz_status ddz_exact_code(struct exact_layer *layer, struct chain *chain, struct progress *progress,
                          uint8_t **content, size_t *size)
{
    const struct residual_format format = {layer->channels, layer->depth, layer->error};
    const size_t row = (size_t)layer->width * (size_t)layer->channels;
    if (layer->error && !layer->near)
        layer->near = ddz_mem_alloc(&layer->mem, layer->height, row * sizeof *layer->near);
    if (layer->error && !layer->near)
        return DDZ_ERR_MEMORY;
    struct rows rows = {progress, layer->near, row, layer->height, 0};
    struct exact_head head = head_of(layer, EXACT_RESIDUAL);
    struct residual_known known;
    int16_t *enlarged;
    uint8_t *code = NULL;
    size_t code_size = 0;
    ddz_status status = ddz_chain_known(chain, &known, &enlarged);
    if (status == DDZ_OK)
        status = ddz_residual_encode(&layer->mem, &known, &format, layer->colours, after_row, &rows, &code,
                                     &code_size);
    ddz_mem_free(&layer->mem, enlarged);
    head.error = layer->error;
    head.check = rows.check;
    if (status == DDZ_OK)
        status = finish(layer, &head, code, code_size, content, size);
    ddz_mem_free(&layer->mem, code);
    return status;
}

/* ---- Graphics ---------------------------------------------------------------------------- */

/* Bytes of `rows` rows from the top, if no chain helps: what is known is one colour. */
static ddz_status size_alone(const struct exact_layer *layer, uint32_t rows, struct progress *progress,
                             size_t *size)
{
    size_t samples = (size_t)3 * layer->width * rows;
    const struct residual_format format = {layer->channels, layer->depth, 0};
    struct rows seen = {progress, NULL, 0, rows, 0};
    uint8_t *code = NULL;
    int16_t *grey = ddz_mem_alloc(&layer->mem, samples, sizeof *grey);
    if (!grey)
        return DDZ_ERR_MEMORY;
    struct residual_known known = {layer->width, rows, grey, NULL};
    ddz_status status =
        ddz_residual_encode(&layer->mem, &known, &format, layer->colours, after_row, &seen, &code, size);
    ddz_mem_free(&layer->mem, code);
    ddz_mem_free(&layer->mem, grey);
    return status;
}

static uint64_t raw_size(const struct exact_layer *layer)
{
    uint64_t samples =
        (uint64_t)layer->width * layer->height * (uint64_t)(layer->channels + (layer->alpha != NULL));
    return samples * (layer->depth > 8 ? 2 : 1);
}

enum { BANDS = 4, BAND_PIXELS = 1 << 14, BAND_ROWS = 16 /* at least */ };

/* Bands of rows from all over the picture, one below the other: *part->colours is freed with ddz_mem_free. */
static ddz_status take_bands(const struct exact_layer *layer, struct exact_layer *part)
{
    const size_t row = (size_t)layer->width * (size_t)layer->channels;
    uint32_t rows = BAND_PIXELS / layer->width + 1;
    rows = rows < BAND_ROWS ? BAND_ROWS : rows;
    const bool all = layer->height / BANDS <= rows;
    *part = *layer;
    part->height = all ? layer->height : BANDS * rows;
    part->colours = ddz_mem_alloc(&layer->mem, part->height, row * sizeof *part->colours);
    if (!part->colours)
        return DDZ_ERR_MEMORY;
    for (uint32_t y = 0; y < part->height; y++) {
        uint32_t from = all ? y : y / rows * ((layer->height - rows) / (BANDS - 1)) + y % rows;
        memcpy(part->colours + y * row, layer->colours + from * row, row * sizeof *part->colours);
    }
    return DDZ_OK;
}

/* Of a part: may the coder of graphics be better than the other with a chain? */
static ddz_status is_worth_trying(struct exact_layer *layer, struct progress *progress, bool *worth)
{
    struct exact_layer part;
    uint8_t *code = NULL;
    size_t graphics = 0, residual = 0;
    ddz_status status = take_bands(layer, &part);
    if (status == DDZ_OK)
        status = size_alone(&part, part.height, progress, &residual);
    if (status == DDZ_OK)
        status = code_graphics(&part, part.colours, part.channels, &code, &graphics);
    ddz_mem_free(&layer->mem, code);
    ddz_mem_free(&layer->mem, part.colours);
    layer->size_alone = raw_size(layer);
    if (status == DDZ_OK && residual < layer->size_alone * part.height / layer->height)
        layer->size_alone = (uint64_t)residual * layer->height / part.height;
    *worth = status == DDZ_OK && graphics < residual - residual / 6;
    return status;
}

/* Colours and alpha as they are coded together; NULL: no memory */
static uint16_t *interleave(const struct exact_layer *layer)
{
    size_t count = (size_t)layer->width * layer->height, channels = (size_t)layer->channels;
    uint16_t *samples = ddz_mem_alloc(&layer->mem, ddz_size_mul(count, channels + 1), sizeof *samples),
             *to = samples;
    for (size_t i = 0; samples && i < count; i++) {
        for (size_t c = 0; c < channels; c++)
            *to++ = layer->colours[i * channels + c];
        *to++ = layer->alpha[i];
    }
    return samples;
}

/* Samples as bytes; NULL: no memory */
static uint8_t *store(const struct exact_layer *layer, const uint16_t *samples, size_t count)
{
    size_t sample = layer->depth > 8 ? 2 : 1;
    uint8_t *raw = ddz_mem_alloc(&layer->mem, count, sample);
    for (size_t i = 0; raw && i < count; i++)
        if (sample == 2)
            put_le16(raw + 2 * i, samples[i]);
        else
            raw[i] = (uint8_t)samples[i];
    return raw;
}

/* Code the samples that are coded together; as bytes, if `plain` or if that is shorter. */
static ddz_status code_samples(struct exact_layer *layer, const uint16_t *samples, bool plain)
{
    struct exact_head head = head_of(layer, EXACT_GRAPHICS);
    size_t count = (size_t)layer->width * layer->height * (size_t)head.channels, size = 0;
    const size_t raw = layer->depth > 8 ? 2 * count : count;
    uint8_t *code = NULL;
    ddz_status status = plain ? DDZ_OK : code_graphics(layer, samples, head.channels, &code, &size);
    if (status == DDZ_OK && (plain || size > raw)) {
        ddz_mem_free(&layer->mem, code);
        head.coder = EXACT_RAW;
        size = raw;
        code = store(layer, samples, count);
        status = code ? DDZ_OK : DDZ_ERR_MEMORY;
    }
    head.check = ddz_samples_check(0, samples, count);
    if (status == DDZ_OK)
        status = join(&layer->mem, &head, code, size, NULL, 0, &layer->graphics, &layer->graphics_size);
    ddz_mem_free(&layer->mem, code);
    return status;
}

static ddz_status code_together(struct exact_layer *layer, bool plain)
{
    if (!layer->alpha)
        return code_samples(layer, layer->colours, plain);
    uint16_t *together = interleave(layer);
    ddz_status status = together ? code_samples(layer, together, plain) : DDZ_ERR_MEMORY;
    ddz_mem_free(&layer->mem, together);
    return status;
}

ddz_status ddz_exact_code_graphics(struct exact_layer *layer)
{
    return layer->graphics ? DDZ_OK : code_together(layer, false);
}

bool ddz_exact_is_stored(const struct exact_layer *layer)
{
    struct exact_head head;
    return layer->graphics && ddz_exact_head_read(layer->graphics, layer->graphics_size, &head) == DDZ_OK &&
           head.coder == EXACT_RAW;
}

static ddz_status begin(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                        const void *pixels, int error)
{
    *layer =
        (struct exact_layer){.mem = *mem, .width = layout->width, .height = layout->height, .error = error};
    return ddz_exact_read(layer, layout, pixels);
}

ddz_status ddz_exact_store(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                           const void *pixels)
{
    ddz_status status = begin(layer, mem, layout, pixels, 0);
    if (status == DDZ_OK)
        status = code_together(layer, true);
    ddz_exact_forget_samples(layer);
    return status;
}

ddz_status ddz_exact_open(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                          const void *pixels, int error, struct progress *progress)
{
    bool worth = false;
    ddz_status status = begin(layer, mem, layout, pixels, error);
    layer->progress = progress;
    if (status == DDZ_OK)
        status = is_worth_trying(layer, progress, &worth);
    return status == DDZ_OK && worth ? ddz_exact_code_graphics(layer) : status;
}

ddz_status ddz_exact_judge(struct exact_layer *layer, struct progress *progress)
{
    size_t alone = 0;
    if (!layer->graphics)
        return DDZ_OK;
    /* what a part tells is enough where it is clear */
    layer->is_graphics = layer->graphics_size < layer->size_alone / 2;
    if (layer->is_graphics || layer->graphics_size > layer->size_alone * 4 / 5)
        return DDZ_OK;
    ddz_status status = size_alone(layer, layer->height, progress, &alone);
    /* with what a chain costs and saves, photographs take about 7/8 of this */
    layer->is_graphics = status == DDZ_OK && layer->graphics_size < alone * 5 / 8;
    return status;
}

uint64_t ddz_exact_memory(uint32_t width, uint32_t height)
{
    const struct graphics_size largest = {width, height, 4, EXACT_MAX_DEPTH};
    uint64_t pixels = (uint64_t)width * height, graphics = ddz_graphics_memory(&largest);
    uint64_t residual = ddz_residual_memory(width) + 6 * pixels; /* an estimate that has to be enlarged */
    return 16 * pixels + (graphics > residual ? graphics : residual);
}
