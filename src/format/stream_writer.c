#include "format/stream_writer.h"

#include <string.h>

#include "base/bytes.h"
#include "format/frames.h"
#include "format/records.h"
#include "format/step_code.h"

enum { DIGEST_SIZE = 4, END_SIZE = 1 + DIGEST_SIZE /* of the records, and the digest */ };

void ddz_stream_writer_init(struct stream_writer *w, const struct mem *mem)
{
    *w = (struct stream_writer){.mem = mem};
    ddz_bit_writer_init(&w->preview, mem);
    ddz_bit_writer_init(&w->main, mem);
}

void ddz_stream_writer_free(struct stream_writer *w)
{
    ddz_bit_writer_free(&w->preview);
    ddz_bit_writer_free(&w->main);
    ddz_mem_free(w->mem, w->records);
    w->records = NULL;
    w->records_size = 0;
}

ddz_status ddz_stream_writer_open(struct stream_writer *w, const struct header *header, uint8_t *records,
                                  size_t records_size, uint64_t max_size)
{
    w->records = records;
    w->records_size = records_size;
    w->max_size = max_size;
    w->header_size = ddz_header_write(header, w->header);
    return max_size >= w->header_size ? DDZ_OK : DDZ_ERR_ARGUMENT;
}

/* Room for the preview and for the content of the main frame */
static void set_limits(struct stream_writer *w, uint64_t preview_bits)
{
    w->preview_limit = w->main_limit = UINT64_MAX;
    if (w->max_size == UINT64_MAX)
        return;
    uint64_t others = w->header_size + (preview_bits + 7) / 8 + w->records_size + END_SIZE;
    w->preview_limit = 8 * (w->max_size - w->header_size);
    w->main_limit = w->max_size > others ? 8 * ddz_frame_content_for(w->max_size - others) : 0;
    if (w->main_limit < 8 * SETTINGS_SIZE)
        w->main_limit = 8 * SETTINGS_SIZE;
}

void ddz_stream_writer_begin(struct stream_writer *w, const struct settings *settings, uint64_t preview_bits)
{
    uint8_t bytes[SETTINGS_SIZE];
    ddz_settings_write(settings, bytes);
    set_limits(w, preview_bits);
    ddz_bit_truncate(&w->preview, 0);
    ddz_bit_truncate(&w->main, 0);
    ddz_bit_append(&w->main, bytes, 8 * SETTINGS_SIZE);
    w->rate_offset = 0;
}

uint64_t ddz_stream_writer_room(const struct stream_writer *w, bool preview)
{
    return preview ? w->preview_limit - w->preview.position : w->main_limit - w->main.position;
}

uint64_t ddz_stream_writer_position(const struct stream_writer *w)
{
    return w->preview.position + w->main.position;
}

bool ddz_stream_writer_put_step(struct stream_writer *w, const struct step_record *step,
                                struct step_place *place)
{
    struct bit_writer *out = step->preview ? &w->preview : &w->main;
    uint64_t room = ddz_stream_writer_room(w, step->preview);
    *place = (struct step_place){.at = out->position};
    if (step->has_offset)
        place->side_bits = ddz_step_code_length(w->rate_offset, step->rate_offset);
    uint64_t side = (uint64_t)place->side_bits;
    if (room > side) {
        place->known = room - side < step->bits ? (uint32_t)(room - side) : step->bits;
        if (step->has_offset) {
            ddz_step_code_write(out, w->rate_offset, step->rate_offset);
            w->rate_offset = step->rate_offset;
        }
        return true;
    }
    if (room > 0) { /* all but the last bit of a code says nothing, and fills the stream to the byte */
        ddz_step_code_write(out, w->rate_offset, step->rate_offset);
        ddz_bit_truncate(out, place->at + (room < side ? room : room - 1));
    }
    return false;
}

void ddz_stream_writer_put_bits(struct stream_writer *w, bool preview, const uint8_t *bits, uint32_t count)
{
    ddz_bit_append(preview ? &w->preview : &w->main, bits, count);
}

void ddz_stream_writer_cut(struct stream_writer *w, uint64_t main_bits)
{
    ddz_bit_truncate(&w->main, main_bits);
}

bool ddz_stream_writer_failed(const struct stream_writer *w)
{
    return w->preview.failed || w->main.failed;
}

static uint8_t *put(uint8_t *p, const uint8_t *data, size_t size)
{
    if (size)
        memcpy(p, data, size);
    return p + size;
}

ddz_status ddz_stream_writer_finish(const struct stream_writer *w, uint32_t digest, uint8_t **stream,
                                    size_t *size)
{
    uint8_t *frame;
    size_t frame_size, preview_size = ddz_bit_writer_bytes(&w->preview);
    ddz_status status =
        ddz_frame_store(w->mem, w->main.data, ddz_bit_writer_bytes(&w->main), &frame, &frame_size);
    if (status != DDZ_OK)
        return status;
    size_t total = w->header_size + preview_size + frame_size + w->records_size + END_SIZE;
    *stream = ddz_mem_alloc(w->mem, total, 1);
    if (*stream) {
        uint8_t *p = put(*stream, w->header, w->header_size);
        p = put(p, w->preview.data, preview_size);
        p = put(p, frame, frame_size);
        p = put(p, w->records, w->records_size);
        *p = RECORD_END;
        put_le32(p + 1, digest);
        *size = total < w->max_size ? total : (size_t)w->max_size;
    }
    ddz_mem_free(w->mem, frame);
    return *stream ? DDZ_OK : DDZ_ERR_MEMORY;
}
