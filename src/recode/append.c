/* An exact layer for a stream that has been made: what needs both sides, a decoder's chain and an encoder's layer. */
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "chain/chain.h"
#include "decode/state.h"
#include "encode/exact.h"
#include "format/records.h"

enum { DIGEST_SIZE = 4, END_SIZE = 1 /* of the records */ };

/* Whole streams of a chain alone, whose picture has been made */
static bool can_follow(const ddz_decoder *d)
{
    return d->reader.part == PART_END && d->digest_agrees && !d->reader.layers.exact.begun && d->chain;
}

/* What ends the stream: the record, the end of the records, and both digests */
static ddz_status make_tail(ddz_decoder *d, const uint8_t *content, size_t size)
{
    uint8_t head[RECORD_HEAD_SIZE], end[END_SIZE + 2 * DIGEST_SIZE] = {RECORD_END};
    size_t head_size = ddz_record_write_head(head, RECORD_EXACT, size), capacity = 0;
    uLong check = crc32_z(d->reader.layers.check, head, head_size);
    memcpy(end + END_SIZE, d->reader.digest, DIGEST_SIZE);
    put_le32(end + END_SIZE + DIGEST_SIZE, (uint32_t)crc32_z(check, content, size));
    size_t end_size = END_SIZE + (d->reader.header.layered ? 2 : 1) * DIGEST_SIZE;
    bool done = ddz_mem_append(&d->mem, &d->tail, &d->tail_size, &capacity, head, head_size) &&
                ddz_mem_append(&d->mem, &d->tail, &d->tail_size, &capacity, content, size) &&
                ddz_mem_append(&d->mem, &d->tail, &d->tail_size, &capacity, end, end_size);
    return done ? DDZ_OK : DDZ_ERR_MEMORY;
}

static ddz_status code_layer(ddz_decoder *d, const struct layout *layout, const void *pixels, int max_error)
{
    struct exact_layer layer;
    uint8_t *content = NULL;
    size_t size = 0;
    ddz_status status = ddz_progress_begin(&d->progress);
    ddz_progress_next(&d->progress, 50);
    if (status == DDZ_OK)
        status = ddz_exact_open(&layer, &d->mem, layout, pixels, max_error, &d->progress);
    ddz_progress_next(&d->progress, 100);
    if (status == DDZ_OK)
        status = ddz_exact_code(&layer, d->chain, &d->progress, &content, &size);
    bool alone = status == DDZ_OK && layer.graphics && layer.graphics_size < size;
    if (status == DDZ_OK)
        status = make_tail(d, alone ? layer.graphics : content, alone ? layer.graphics_size : size);
    ddz_mem_free(&d->mem, content);
    ddz_exact_free(&layer);
    return status == DDZ_OK ? ddz_progress_end(&d->progress) : status;
}

ddz_status ddz_append_exact(ddz_decoder *d, ddz_pixel_format format, const void *pixels, size_t stride,
                            size_t size, int max_error, const uint8_t **tail, size_t *tail_size,
                            uint64_t *kept)
{
    struct layout layout;
    if (!d || !pixels || !tail || !tail_size || !kept || max_error < 0 || max_error > EXACT_MAX_ERROR)
        return DDZ_ERR_ARGUMENT;
    if (!can_follow(d))
        return DDZ_ERR_STATE;
    const struct header *h = &d->reader.header;
    ddz_status status = ddz_layout_make(&layout, format, h->width, h->height, stride, size);
    if (status != DDZ_OK)
        return status;
    ddz_mem_free(&d->mem, d->tail);
    d->tail = NULL;
    d->tail_size = 0;
    d->account.exceeded = false;
    status = code_layer(d, &layout, pixels, max_error);
    if (status != DDZ_OK)
        return decoder_status(d, status);
    *tail = d->tail;
    *tail_size = d->tail_size;
    *kept = d->bits_taken / 8 - d->reader.trailing - END_SIZE - (h->layered ? 2 : 1) * DIGEST_SIZE;
    return DDZ_OK;
}
