#include "decode/step_reader.h"

#include "format/bits.h"
#include "format/limits.h"
#include "format/step_code.h"

static int next_preview(const struct stream_reader *r, const struct schedule *s, struct step_cursor *cursor,
                        struct step_bits *out)
{
    *out = (struct step_bits){.bits = s->step[cursor->index].bits,
                              .offset_bits = 8 * r->header.size + cursor->preview,
                              .register_bits = PREVIEW_TRELLIS_BITS,
                              .position = cursor->preview};
    uint64_t there = ddz_stream_reader_preview(r, &out->data);
    if (there <= out->position)
        return 0;
    there -= out->position;
    out->known = there < out->bits ? (uint32_t)there : out->bits;
    cursor->preview += out->known;
    cursor->index++;
    return 1;
}

static int next_main(const struct stream_reader *r, const struct schedule *s, struct step_cursor *cursor,
                     struct step_bits *out)
{
    if (!r->has_settings)
        return 0;
    struct bit_reader bits = {0};
    bits.size_bits = ddz_stream_reader_main(r, &bits.data);
    bits.position = cursor->main ? cursor->main : 8 * SETTINGS_SIZE;
    *out = (struct step_bits){.offset_bits = 8 * (r->header.size + r->preview_size) + bits.position,
                              .register_bits = r->settings.trellis_bits,
                              .data = bits.data};
    const struct step *step = &s->step[cursor->index];
    int rate_offset = cursor->rate_offset;
    uint64_t begin = bits.position;
    if (!step->fixed) {
        ddz_status status = ddz_step_code_read(&bits, &rate_offset);
        if (status != DDZ_OK)
            return status == DDZ_ERR_TRUNCATED ? 0 : -1;
    }
    uint64_t there = ddz_bits_left(&bits);
    if (!there)
        return 0;
    out->bits = step->fixed ? step->bits : ddz_step_bits(step, rate_offset);
    out->known = there < out->bits ? (uint32_t)there : out->bits;
    out->side_bits = bits.position - begin;
    out->position = bits.position;
    cursor->main = bits.position + out->known;
    cursor->rate_offset = rate_offset;
    cursor->index++;
    return 1;
}

int ddz_step_reader_next(const struct stream_reader *r, const struct schedule *s, struct step_cursor *cursor,
                         struct step_bits *out)
{
    if (!r->has_preview || cursor->index >= s->steps)
        return 0;
    return cursor->index < s->preview_steps ? next_preview(r, s, cursor, out) : next_main(r, s, cursor, out);
}
