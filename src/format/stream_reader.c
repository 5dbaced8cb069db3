#include "format/stream_reader.h"

#include <string.h>

#include "base/bytes.h"
#include "format/limits.h"

void ddz_stream_reader_init(struct stream_reader *r, const struct mem *mem, uint64_t max_pixels)
{
    *r = (struct stream_reader){.mem = *mem, .max_pixels = max_pixels, .kept_last_bits = 8};
}

/* Forget what came behind the header, but for the bytes themselves. */
static void rewind_body(struct stream_reader *r)
{
    ddz_mem_free(&r->mem, r->preview);
    ddz_frame_reader_free(r->main);
    ddz_layer_reader_free(&r->layers);
    ddz_mem_free(&r->mem, r->steps);
    r->preview = r->steps = NULL;
    r->main = NULL;
    r->steps_size = r->steps_capacity = r->separated = 0;
    r->steps_only = false;
    r->has_preview = r->has_settings = false;
    r->preview_have = r->preview_size = r->digest_have = 0;
    r->trailing = 0;
    r->absent = 0;
    r->part = PART_PREVIEW;
    r->error = DDZ_OK;
}

void ddz_stream_reader_free(struct stream_reader *r)
{
    rewind_body(r);
    ddz_mem_free(&r->mem, r->kept);
    r->kept = NULL;
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* Largest content of the main frame that such a picture's chain and its layers can have, each step being at most
 * one bit a sample and its side information at most eight bytes. */
static uint64_t main_limit(const struct stream_reader *r)
{
    uint64_t samples = 3 * ((uint64_t)r->header.width + 1) * (r->header.height + 1);
    uint64_t steps = SETTINGS_SIZE + MAX_STEPS * (samples / 8 + 9);
    uint64_t alpha = 2 * ddz_alpha_max_size(r->header.width, r->header.height);
    return steps + (r->header.layered ? alpha + 4 * (uint64_t)EXTRA_MAX_SIZE : 0);
}

static ddz_status take_header(struct stream_reader *r, uint8_t byte)
{
    r->header_bytes[r->header_have++] = byte;
    ddz_status status = ddz_header_read(r->header_bytes, r->header_have, &r->header);
    if (status == DDZ_ERR_TRUNCATED)
        return DDZ_OK;
    if (status == DDZ_OK && (uint64_t)r->header.width * r->header.height > r->max_pixels)
        status = DDZ_ERR_PIXEL_LIMIT;
    if (status == DDZ_OK)
        r->part = PART_PREVIEW;
    return status;
}

static size_t take_preview(struct stream_reader *r, const uint8_t *data, size_t size)
{
    size_t room = r->preview_size - r->preview_have, n = size < room ? size : room;
    if (n > 0)
        memcpy(r->preview + r->preview_have, data, n);
    r->preview_have += n;
    return n;
}

/* Steps of a stream with layers */
static ddz_status add_steps(struct stream_reader *r, const uint8_t *data, size_t size)
{
    bool done = ddz_mem_append(&r->mem, &r->steps, &r->steps_size, &r->steps_capacity, data, size);
    return done ? DDZ_OK : DDZ_ERR_MEMORY;
}

static ddz_status read_settings(struct stream_reader *r)
{
    size_t size;
    const uint8_t *content = ddz_frame_reader_content(r->main, &size);
    ddz_status status = ddz_settings_read(content, size, r->header.model_low, &r->settings);
    if (status == DDZ_ERR_TRUNCATED)
        return ddz_frame_reader_complete(r->main) ? DDZ_ERR_CORRUPT : DDZ_OK;
    r->has_settings = status == DDZ_OK;
    if (r->has_settings && r->header.layered) {
        r->separated = SETTINGS_SIZE;
        status = add_steps(r, content, SETTINGS_SIZE);
    }
    return status;
}

/* ---- The main frame ---------------------------------------------------------------------- */

/* Take records and steps apart, as far as the content is there. */
static ddz_status separate(struct stream_reader *r)
{
    ddz_status status = DDZ_OK;
    size_t size;
    const uint8_t *content = ddz_frame_reader_content(r->main, &size);
    while (status == DDZ_OK && r->separated < size) {
        const uint8_t *next = content + r->separated;
        size_t consumed = size - r->separated;
        enum layer_event event = LAYER_STEPS;
        if (!r->steps_only)
            status = ddz_layer_reader_take(&r->layers, true, next, consumed, &consumed, &event);
        if (status == DDZ_OK && event == LAYER_STEPS)
            status = add_steps(r, next, consumed);
        r->steps_only = r->steps_only || event == LAYER_END;
        r->separated += consumed;
    }
    return status;
}

static ddz_status take_main(struct stream_reader *r, const uint8_t *data, size_t size, size_t *consumed)
{
    ddz_status status = ddz_frame_reader_feed(r->main, data, size, consumed);
    if (status == DDZ_OK && !r->has_settings)
        status = read_settings(r);
    if (status == DDZ_OK && r->has_settings && r->header.layered)
        status = separate(r);
    if (status == DDZ_OK && ddz_frame_reader_complete(r->main)) {
        r->part = PART_RECORDS;
        if (r->header.layered && !r->steps_only)
            status = DDZ_ERR_CORRUPT;
    }
    return status;
}

/* ---- All of it --------------------------------------------------------------------------- */

/* Hand bytes to the part that is due; *consumed of them are its own. */
static ddz_status take(struct stream_reader *r, const uint8_t *data, size_t size, size_t *consumed)
{
    ddz_status status;
    enum layer_event event;
    *consumed = 1;
    switch (r->part) {
    case PART_HEADER:
        return take_header(r, *data);
    case PART_PREVIEW:
        *consumed = take_preview(r, data, size);
        if (r->preview_have == r->preview_size)
            r->part = PART_MAIN;
        return DDZ_OK;
    case PART_MAIN:
        return take_main(r, data, size, consumed);
    case PART_RECORDS:
        status = ddz_layer_reader_take(&r->layers, false, data, size, consumed, &event);
        if (status == DDZ_OK && event == LAYER_END)
            r->part = PART_DIGEST;
        return status;
    case PART_DIGEST:
        r->digest[r->digest_have++] = *data;
        if (r->digest_have == (r->header.layered ? sizeof r->digest : sizeof r->digest / 2))
            r->part = PART_END;
        return DDZ_OK;
    default:
        *consumed = size;
        r->trailing += size;
        return DDZ_OK;
    }
}

/* A byte of which the first `bits` count, and nothing after it: worth something only where it holds
 * conveyed bits. The part stays: what stands in the others is whole bytes. */
static void take_bits(struct stream_reader *r, uint8_t byte, int bits)
{
    if (r->part == PART_PREVIEW && r->preview_have < r->preview_size) {
        r->preview[r->preview_have++] = byte;
        r->absent = 8 - bits;
    } else if (r->part == PART_MAIN && r->has_settings) {
        size_t before, after, consumed;
        if (r->header.layered && !r->steps_only && !ddz_layer_reader_in_steps(&r->layers))
            return;
        ddz_frame_reader_content(r->main, &before);
        (void)ddz_frame_reader_feed(r->main, &byte, 1, &consumed); /* half a byte of framing is no error */
        ddz_frame_reader_content(r->main, &after);
        if (r->header.layered && after > before)
            r->error = separate(r);
        r->absent = after > before ? 8 - bits : 0;
    }
}

/* Bytes of the body, whose preview has a size */
static void take_body(struct stream_reader *r, const uint8_t *data, size_t size, int last_bits)
{
    size_t whole = size > 0 && last_bits < 8 ? size - 1 : size;
    while (r->error == DDZ_OK && whole > 0) {
        size_t consumed;
        r->error = take(r, data, whole, &consumed);
        data += consumed;
        whole -= consumed;
        size -= consumed;
    }
    if (r->error == DDZ_OK && size > 0)
        take_bits(r, *data, last_bits);
}

static ddz_status keep(struct stream_reader *r, const uint8_t *data, size_t size, int last_bits)
{
    if (!ddz_mem_append(&r->mem, &r->kept, &r->kept_size, &r->kept_capacity, data, size))
        return DDZ_ERR_MEMORY;
    r->kept_last_bits = last_bits;
    return DDZ_OK;
}

ddz_status ddz_stream_reader_feed(struct stream_reader *r, const uint8_t *data, size_t size, int last_bits)
{
    for (; r->error == DDZ_OK && r->part == PART_HEADER && size > (last_bits < 8 ? 1 : 0); data++, size--)
        r->error = take_header(r, *data);
    if (r->part == PART_HEADER || r->error == DDZ_ERR_MEMORY || size == 0)
        return r->error;
    /* also behind an error, which may be another model's */
    if (!r->settled && keep(r, data, size, last_bits) != DDZ_OK)
        r->error = DDZ_ERR_MEMORY;
    if (r->error == DDZ_OK && r->has_preview)
        take_body(r, data, size, last_bits);
    return r->error;
}

ddz_status ddz_stream_reader_set_preview(struct stream_reader *r, uint64_t bits)
{
    if (r->error == DDZ_ERR_MEMORY)
        return r->error; /* bytes were lost */
    rewind_body(r);
    r->preview_size = (size_t)((bits + 7) / 8);
    r->preview = ddz_mem_alloc(&r->mem, r->preview_size, 1);
    r->main = ddz_frame_reader_new(&r->mem, main_limit(r));
    r->has_preview = r->preview && r->main;
    if (!r->has_preview)
        r->error = DDZ_ERR_MEMORY;
    else
        r->error =
            ddz_layer_reader_begin(&r->layers, &r->mem, &r->header, r->header_bytes[r->header.size - 1]);
    if (r->error == DDZ_OK)
        take_body(r, r->kept, r->kept_size, r->kept_last_bits);
    return r->error;
}

void ddz_stream_reader_settle(struct stream_reader *r)
{
    r->settled = true;
    ddz_mem_free(&r->mem, r->kept);
    r->kept = NULL;
    r->kept_size = r->kept_capacity = 0;
}

static uint64_t bits_there(uint64_t bytes, int absent)
{
    uint64_t bits = 8 * bytes;
    return bits > (uint64_t)absent ? bits - (uint64_t)absent : 0;
}

uint64_t ddz_stream_reader_preview(const struct stream_reader *r, const uint8_t **data)
{
    *data = r->preview;
    return bits_there(r->preview_have, r->part == PART_PREVIEW ? r->absent : 0);
}

uint64_t ddz_stream_reader_main(const struct stream_reader *r, const uint8_t **data)
{
    size_t size = r->steps_size;
    *data = r->steps;
    if (!r->header.layered)
        *data = r->main ? ddz_frame_reader_content(r->main, &size) : NULL;
    return bits_there(size, r->part == PART_MAIN ? r->absent : 0);
}

/* ---- Layers ------------------------------------------------------------------------------ */

ddz_status ddz_stream_reader_extra(const struct stream_reader *r, ddz_extra kind, const uint8_t **data,
                                   size_t *size, ddz_extra_state *state)
{
    return ddz_layer_reader_extra(&r->layers, kind, r->part == PART_END, data, size, state);
}

ddz_status ddz_stream_reader_damage(const struct stream_reader *r, uint64_t *damaged)
{
    bool ended = r->part == PART_END && r->header.layered;
    return ddz_layer_reader_damage(&r->layers, ended, get_le32(r->digest + 4), damaged);
}
