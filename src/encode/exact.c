#include "encode/exact.h"

#include "api/samples.h"
#include "base/bytes.h"
#include "exact/graphics.h"
#include "exact/residual.h"
#include "format/exact_layer.h"

/* ---- Samples ----------------------------------------------------------------------------- */

void ddz_exact_free(struct exact_layer *layer)
{
    ddz_mem_free(&layer->mem, layer->colours);
    ddz_mem_free(&layer->mem, layer->alpha);
    ddz_mem_free(&layer->mem, layer->graphics);
    *layer = (struct exact_layer){.mem = layer->mem};
}

static ddz_status read_samples(struct exact_layer *layer, const struct layout *layout, const void *pixels)
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

static ddz_status code_graphics(const struct exact_layer *layer, const uint16_t *samples, int channels,
                                uint8_t **code, size_t *size)
{
    const struct graphics_size shape = {layer->width, layer->height, channels, layer->depth};
    return ddz_graphics_encode(&layer->mem, &shape, samples, code, size);
}

static struct exact_head head_of(const struct exact_layer *layer, int coder)
{
    return (struct exact_head){
        .coder = coder, .channels = layer->channels + (layer->alpha != NULL), .depth = layer->depth};
}

/* Alpha's code behind the colours', and its samples in the check */
static ddz_status finish(const struct exact_layer *layer, struct exact_head *head, const uint8_t *code,
                         size_t size, uint8_t **content, size_t *length)
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
    struct progress *progress; /* NULL: none */
    size_t samples;            /* of a row */
    uint32_t height, check;
};

static ddz_status after_row(void *cookie, uint32_t y, const uint16_t *row)
{
    struct rows *rows = cookie;
    rows->check = ddz_samples_check(rows->check, row, rows->samples);
    return rows->progress ? ddz_progress_tell(rows->progress, y + 1, rows->height) : DDZ_OK;
}

ddz_status ddz_exact_code(const struct exact_layer *layer, struct chain *chain, struct progress *progress,
                          uint8_t **content, size_t *size)
{
    const struct residual_format format = {layer->channels, layer->depth, layer->error};
    struct rows rows = {progress, (size_t)layer->width * (size_t)layer->channels, layer->height, 0};
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

/* A part of the picture, of whole rows */
static uint32_t rows_to_try(const struct exact_layer *layer)
{
    const uint32_t pixels = 1 << 16;
    uint32_t rows = pixels / layer->width + 1;
    return rows < layer->height ? rows : layer->height;
}

/* Bytes of `rows` rows from the top, if no chain helps: what is known is one colour. */
static ddz_status size_alone(const struct exact_layer *layer, uint32_t rows, struct progress *progress,
                             size_t *size)
{
    size_t samples = (size_t)3 * layer->width * rows;
    const struct residual_format format = {layer->channels, layer->depth, 0};
    struct rows seen = {progress, 0, rows, 0};
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

/* Of rows in the middle: may the coder of graphics be better than the other with a chain? */
static ddz_status is_worth_trying(struct exact_layer *layer, struct progress *progress, bool *worth)
{
    struct exact_layer part = *layer;
    uint8_t *code = NULL;
    size_t graphics = 0, residual = 0;
    part.height = rows_to_try(layer);
    part.colours += (size_t)layer->width * (size_t)layer->channels * ((layer->height - part.height) / 2);
    ddz_status status = size_alone(&part, part.height, progress, &residual);
    if (status == DDZ_OK)
        status = code_graphics(&part, part.colours, part.channels, &code, &graphics);
    ddz_mem_free(&layer->mem, code);
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

/* Samples as bytes, in place of a code that is longer; it stays if there is no memory. */
static void prefer_raw(const struct exact_layer *layer, const uint16_t *samples, size_t count,
                       struct exact_head *head, uint8_t **code, size_t *size)
{
    size_t sample = head->depth > 8 ? 2 : 1;
    uint8_t *raw = *size > sample * count ? ddz_mem_alloc(&layer->mem, count, sample) : NULL;
    if (!raw)
        return;
    for (size_t i = 0; i < count; i++)
        if (sample == 2)
            put_le16(raw + 2 * i, samples[i]);
        else
            raw[i] = (uint8_t)samples[i];
    ddz_mem_free(&layer->mem, *code);
    *code = raw;
    *size = sample * count;
    head->coder = EXACT_RAW;
}

ddz_status ddz_exact_code_graphics(struct exact_layer *layer)
{
    if (layer->graphics)
        return DDZ_OK;
    struct exact_head head = head_of(layer, EXACT_GRAPHICS);
    size_t count = (size_t)layer->width * layer->height * (size_t)head.channels, size = 0;
    uint8_t *code = NULL;
    uint16_t *together = layer->alpha ? interleave(layer) : NULL;
    const uint16_t *samples = together ? together : layer->colours;
    ddz_status status = layer->alpha && !together ? DDZ_ERR_MEMORY : DDZ_OK;
    if (status == DDZ_OK)
        status = code_graphics(layer, samples, head.channels, &code, &size);
    if (status == DDZ_OK) {
        prefer_raw(layer, samples, count, &head, &code, &size);
        head.check = ddz_samples_check(0, samples, count);
        status = join(&layer->mem, &head, code, size, NULL, 0, &layer->graphics, &layer->graphics_size);
    }
    ddz_mem_free(&layer->mem, code);
    ddz_mem_free(&layer->mem, together);
    return status;
}

ddz_status ddz_exact_open(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                          const void *pixels, int error, struct progress *progress)
{
    bool worth = false;
    size_t alone = 0;
    *layer =
        (struct exact_layer){.mem = *mem, .width = layout->width, .height = layout->height, .error = error};
    ddz_status status = read_samples(layer, layout, pixels);
    if (status == DDZ_OK)
        status = is_worth_trying(layer, progress, &worth);
    if (status != DDZ_OK || !worth)
        return status;
    status = ddz_exact_code_graphics(layer);
    if (status == DDZ_OK)
        status = size_alone(layer, layer->height, progress, &alone);
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
