#include "format/stream_writer.h"

#include <string.h>

#include "base/bytes.h"
#include "format/frames.h"
#include "format/records.h"
#include "format/step_code.h"

enum { DIGEST_SIZE = 4, END_SIZE = 1 /* of the records */ };

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
    ddz_side_free(&w->side, w->mem);
}

static size_t header_size(const struct stream_writer *w)
{
    uint8_t bytes[HEADER_MAX_SIZE];
    return ddz_header_write(&w->header, bytes);
}

/* What a stream has besides the content of the main frame, whose framing counts to it, and records */
static uint64_t fixed_size(const struct stream_writer *w, uint64_t preview_bits)
{
    return header_size(w) + (preview_bits + 7) / 8 + END_SIZE + (w->header.layered ? 2U : 1U) * DIGEST_SIZE;
}

/* Content of the main frame that there is room for; settings at least */
static uint64_t content_room(const struct stream_writer *w, uint64_t preview_bits, uint64_t others)
{
    others += fixed_size(w, preview_bits);
    uint64_t room = w->max_size > others ? ddz_frame_content_for(w->max_size - others) : 0;
    return room > SETTINGS_SIZE ? room : SETTINGS_SIZE;
}

ddz_status ddz_stream_writer_open(struct stream_writer *w, const struct header *header, struct extras *extras,
                                  uint64_t preview_bits, uint64_t max_size, bool exact)
{
    uint64_t room = UINT64_MAX;
    w->header = *header;
    w->max_size = max_size;
    w->beyond = 0;
    if (max_size < UINT64_MAX) {
        w->header.layered = true;
        room = exact ? UINT64_MAX : content_room(w, preview_bits, 0) - SETTINGS_SIZE;
    }
    ddz_status status = ddz_side_make(&w->side, w->mem, extras, room, &w->header);
    if (exact && max_size < UINT64_MAX)
        w->max_size += w->side.size;
    return status == DDZ_OK && max_size < header_size(w) ? DDZ_ERR_ARGUMENT : status;
}

/* ---- Records among the steps ------------------------------------------------------------- */

static size_t steps_head_size(uint64_t steps)
{
    uint8_t head[RECORD_HEAD_SIZE];
    return steps ? ddz_record_write_head(head, RECORD_STEPS, steps) : 0;
}

/* Bytes of the first `count` records in the main frame, with the heads of the steps between them and their end,
 * if there are `steps` bytes of steps */
static uint64_t inside_size(const struct stream_writer *w, int count, uint64_t steps)
{
    uint64_t sum = w->header.layered ? END_SIZE : 0, done = 0;
    for (int i = 0; i < count; i++) {
        uint64_t at = w->side.record[i].at < steps ? w->side.record[i].at : steps;
        sum += steps_head_size(at - done) + w->side.record[i].size;
        done = at;
    }
    return sum;
}

/* Records whose place is before the end of `steps` bytes */
static int count_inside(const struct stream_writer *w, uint64_t steps)
{
    int count = 0;
    while (count < w->side.count && w->side.record[count].at < steps)
        count++;
    return count;
}

static uint64_t behind_size(const struct stream_writer *w, int inside)
{
    uint64_t sum = 0;
    for (int i = inside; i < w->side.count; i++)
        sum += w->side.record[i].size;
    return sum;
}

/* Room for the preview and for the content of the main frame */
static void set_limits(struct stream_writer *w, uint64_t preview_bits)
{
    w->preview_limit = w->main_limit = UINT64_MAX;
    w->inside = count_inside(w, UINT64_MAX);
    if (w->max_size == UINT64_MAX)
        return;
    w->preview_limit = 8 * (w->max_size - header_size(w));
    for (int round = 0; round < 2; round++) {
        uint64_t room = content_room(w, preview_bits, behind_size(w, w->inside));
        uint64_t taken = inside_size(w, w->inside, UINT64_MAX);
        w->main_limit = 8 * (room > taken + SETTINGS_SIZE ? room - taken : SETTINGS_SIZE);
        if (round == 0)
            w->inside = count_inside(w, w->main_limit / 8 - SETTINGS_SIZE);
    }
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

ddz_status ddz_stream_writer_put_exact(struct stream_writer *w, int kind, const uint8_t *content, size_t size)
{
    size_t before = w->side.size;
    ddz_status status = ddz_side_append(&w->side, w->mem, kind, content, size);
    w->beyond = w->side.size - before;
    return status;
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

/* The main frame's content: settings and steps, and records among them. *records: how many of them. MEMORY. */
static ddz_status join_content(const struct stream_writer *w, uint8_t **content, size_t *size, int *records)
{
    const uint8_t *main = w->main.data;
    size_t steps = ddz_bit_writer_bytes(&w->main) - SETTINGS_SIZE, done = 0;
    *records = count_inside(w, steps);
    *records = *records < w->inside ? *records : w->inside;
    *size = (size_t)(SETTINGS_SIZE + steps + inside_size(w, *records, steps));
    *content = ddz_mem_alloc(w->mem, *size, 1);
    if (!*content)
        return DDZ_ERR_MEMORY;
    uint8_t *p = put(*content, main, SETTINGS_SIZE);
    main += SETTINGS_SIZE;
    for (int i = 0; i < *records; i++) {
        const struct side_record *r = &w->side.record[i];
        size_t n = (size_t)r->at - done;
        if (n > 0)
            p += ddz_record_write_head(p, RECORD_STEPS, n);
        p = put(p, main + done, n);
        p = put(p, w->side.bytes + r->offset, r->size);
        done += n;
    }
    if (w->header.layered)
        *p++ = RECORD_END;
    put(p, main + done, steps - done);
    return DDZ_OK;
}

ddz_status ddz_stream_writer_finish(const struct stream_writer *w, uint32_t digest, uint8_t **stream,
                                    size_t *size)
{
    uint8_t *content, *frame, header[HEADER_MAX_SIZE];
    size_t content_size, frame_size, preview_size = ddz_bit_writer_bytes(&w->preview);
    int inside;
    ddz_status status = join_content(w, &content, &content_size, &inside);
    if (status == DDZ_OK) {
        status = ddz_frame_store(w->mem, content, content_size, &frame, &frame_size);
        ddz_mem_free(w->mem, content);
    }
    if (status != DDZ_OK)
        return status;
    size_t behind = (size_t)behind_size(w, inside);
    size_t total = (size_t)fixed_size(w, w->preview.position) + frame_size + behind;
    *stream = ddz_mem_alloc(w->mem, total, 1);
    if (*stream) {
        size_t n = ddz_header_write(&w->header, header);
        uint8_t *p = put(*stream, header, n);
        p = put(p, w->preview.data, preview_size);
        p = put(p, frame, frame_size);
        if (behind)
            p = put(p, w->side.bytes + w->side.size - behind, behind);
        *p++ = RECORD_END;
        put_le32(p, digest);
        if (w->header.layered)
            put_le32(p + DIGEST_SIZE, ddz_side_check(&w->side, &w->header));
        *size = total <= w->max_size || w->beyond ? total : (size_t)w->max_size;
    }
    ddz_mem_free(w->mem, frame);
    return *stream ? DDZ_OK : DDZ_ERR_MEMORY;
}
