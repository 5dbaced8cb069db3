#include "codec/layers.h"

#include <string.h>

#include "codec/chain.h"

const struct walk ddz_default_walk = {.end_level = 132, .calls_log2 = 3};

void ddz_layers_init(struct layers *l, const struct mem *mem, const struct ddz_model *model,
                     uint64_t max_pixels)
{
    *l = (struct layers){.mem = *mem, .model = model, .max_pixels = max_pixels};
}

void ddz_layers_free(struct layers *l)
{
    ddz_mem_free(&l->mem, l->opening);
    ddz_frame_reader_free(l->main);
    ddz_frame_reader_free(l->extra);
    ddz_extras_free(&l->mem, &l->extras);
}

/* Largest content of the main frame that such a picture's chain can have, each step being at most
 * one bit a sample and its side information at most eight bytes. */
static uint64_t main_limit(const struct layers *l)
{
    uint64_t samples = 3 * ((uint64_t)l->header.width + 1) * (l->header.height + 1);
    return SETTINGS_SIZE + SCHEDULE_MAX_STEPS * (samples / 8 + 9);
}

static ddz_status open_picture(struct layers *l)
{
    if ((uint64_t)l->header.width * l->header.height > l->max_pixels)
        return DDZ_ERR_PIXEL_LIMIT;
    l->layer = LAYER_OPENING;
    if (!l->model)
        return DDZ_OK;
    if (ddz_header_model_low(l->model->id) != l->header.model_low)
        return DDZ_ERR_WRONG_MODEL;
    l->pyramid = ddz_pyramid_of(l->header.width, l->header.height);
    ddz_schedule_build(&l->schedule, l->model, &l->pyramid, ddz_default_walk);
    uint64_t bits = 0;
    for (int i = 0; i < l->schedule.opening; i++)
        bits += l->schedule.step[i].bits;
    l->opening_size = (size_t)((bits + 7) / 8);
    l->opening = ddz_mem_alloc(&l->mem, l->opening_size, 1);
    l->main = ddz_frame_reader_new(&l->mem, main_limit(l));
    l->extra = ddz_frame_reader_new(&l->mem, ddz_extras_max_content(l->header.width, l->header.height));
    return l->opening && l->main && l->extra ? DDZ_OK : DDZ_ERR_MEMORY;
}

static ddz_status take_header(struct layers *l, uint8_t byte)
{
    l->header_bytes[l->header_have++] = byte;
    ddz_status status = ddz_header_read(l->header_bytes, l->header_have, &l->header);
    if (status == DDZ_ERR_TRUNCATED)
        return DDZ_OK;
    return status == DDZ_OK ? open_picture(l) : status;
}

static ddz_status read_settings(struct layers *l)
{
    size_t size;
    const uint8_t *content = ddz_frame_reader_content(l->main, &size);
    ddz_status status = ddz_settings_read(content, size, l->header.model_low, &l->settings);
    if (status == DDZ_ERR_TRUNCATED)
        return ddz_frame_reader_complete(l->main) ? DDZ_ERR_CORRUPT : DDZ_OK;
    if (status != DDZ_OK)
        return status;
    if (l->settings.model_id != l->model->id)
        return DDZ_ERR_WRONG_MODEL;
    if (l->settings.end_level < LEVEL_MIN_END || l->settings.end_level > LEVEL_MAX_END)
        return DDZ_ERR_CORRUPT;
    l->has_settings = true;
    struct walk walk = {l->settings.end_level, l->settings.calls_log2, l->settings.uniform,
                        l->settings.updates_log2};
    ddz_schedule_build(&l->schedule, l->model, &l->pyramid, walk);
    return DDZ_OK;
}

static ddz_status take_main(struct layers *l, const uint8_t *data, size_t size, size_t *consumed)
{
    ddz_status status = ddz_frame_reader_feed(l->main, data, size, consumed);
    if (status == DDZ_OK && !l->has_settings)
        status = read_settings(l);
    if (status == DDZ_OK && ddz_frame_reader_complete(l->main))
        l->layer = l->settings.has_extras ? LAYER_EXTRAS : LAYER_DIGEST;
    return status;
}

static ddz_status take_extras(struct layers *l, const uint8_t *data, size_t size, size_t *consumed)
{
    ddz_status status = ddz_frame_reader_feed(l->extra, data, size, consumed);
    if (status != DDZ_OK || !ddz_frame_reader_complete(l->extra))
        return status;
    l->layer = LAYER_DIGEST;
    size_t content_size;
    const uint8_t *content = ddz_frame_reader_content(l->extra, &content_size);
    return ddz_extras_parse(&l->mem, content, content_size, 1, l->header.width, l->header.height, &l->extras);
}

/* Hand bytes to the layer that is due; *consumed of them are its own. */
static ddz_status take(struct layers *l, const uint8_t *data, size_t size, size_t *consumed)
{
    *consumed = 1;
    switch (l->layer) {
    case LAYER_HEADER:
        return take_header(l, *data);
    case LAYER_OPENING: {
        if (!l->model) { /* header only */
            *consumed = size;
            return DDZ_OK;
        }
        size_t room = l->opening_size - l->opening_have;
        *consumed = size < room ? size : room;
        memcpy(l->opening + l->opening_have, data, *consumed);
        l->opening_have += *consumed;
        if (l->opening_have == l->opening_size)
            l->layer = LAYER_MAIN;
        return DDZ_OK;
    }
    case LAYER_MAIN:
        return take_main(l, data, size, consumed);
    case LAYER_EXTRAS:
        return take_extras(l, data, size, consumed);
    case LAYER_DIGEST:
        l->digest[l->digest_have++] = *data;
        if (l->digest_have == sizeof l->digest)
            l->layer = LAYER_END;
        return DDZ_OK;
    default:
        return DDZ_ERR_TRAILING;
    }
}

/* A byte of which the first `bits` count, and nothing after it: worth something only where it holds
 * conveyed bits. The layer stays: what stands in the others is whole bytes. */
static void take_part(struct layers *l, uint8_t byte, int bits)
{
    if (l->layer == LAYER_OPENING && l->model) {
        l->opening[l->opening_have++] = byte;
        l->absent = 8 - bits;
    } else if (l->layer == LAYER_MAIN && l->has_settings) {
        size_t before, after, consumed;
        ddz_frame_reader_content(l->main, &before);
        (void)ddz_frame_reader_feed(l->main, &byte, 1, &consumed); /* half a byte of framing is no error */
        ddz_frame_reader_content(l->main, &after);
        l->absent = after > before ? 8 - bits : 0;
    }
}

ddz_status ddz_layers_feed(struct layers *l, const uint8_t *data, size_t size, int last_bits)
{
    size_t whole = size > 0 && last_bits < 8 ? size - 1 : size;
    while (l->error == DDZ_OK && whole > 0) {
        size_t consumed;
        l->error = take(l, data, whole, &consumed);
        data += consumed;
        whole -= consumed;
        size -= consumed;
    }
    if (l->error == DDZ_OK && size > 0)
        take_part(l, *data, last_bits);
    return l->error;
}

struct step_cursor ddz_layers_first(void)
{
    return (struct step_cursor){0};
}

static uint64_t bits_there(uint64_t bytes, int absent)
{
    uint64_t bits = 8 * bytes;
    return bits > (uint64_t)absent ? bits - (uint64_t)absent : 0;
}

static int next_opening(const struct layers *l, struct step_cursor *cursor, struct step_bits *out)
{
    uint64_t there = bits_there(l->opening_have, l->layer == LAYER_OPENING ? l->absent : 0);
    *out = (struct step_bits){.bits = l->schedule.step[cursor->index].bits,
                              .offset_bits = 8 * l->header.size + cursor->opening,
                              .register_bits = OPENING_REGISTER_BITS,
                              .data = l->opening,
                              .position = cursor->opening};
    if (there <= out->position)
        return 0;
    there -= out->position;
    out->known = there < out->bits ? (uint32_t)there : out->bits;
    cursor->opening += out->known;
    cursor->index++;
    return 1;
}

static int next_main(const struct layers *l, struct step_cursor *cursor, struct step_bits *out)
{
    if (!l->has_settings)
        return 0;
    size_t size;
    const uint8_t *content = ddz_frame_reader_content(l->main, &size);
    struct bit_reader r;
    ddz_bit_reader_init(&r, content, size);
    r.size_bits = bits_there(size, l->layer == LAYER_MAIN ? l->absent : 0);
    r.position = cursor->main ? cursor->main : 8 * SETTINGS_SIZE;
    *out = (struct step_bits){.offset_bits = 8 * (l->header.size + l->opening_size) + r.position,
                              .register_bits = l->settings.trellis_bits,
                              .data = content};
    const struct step *step = &l->schedule.step[cursor->index];
    int eighths = cursor->eighths;
    uint64_t begin = r.position;
    if (!step->fixed) {
        int32_t change;
        ddz_status status = ddz_bit_read_se(&r, &change);
        if (status == DDZ_ERR_TRUNCATED)
            return 0;
        if (status != DDZ_OK || change < -2 * EIGHTHS_LIMIT || change > 2 * EIGHTHS_LIMIT)
            return -1;
        eighths += change;
        if (eighths < -EIGHTHS_LIMIT || eighths > EIGHTHS_LIMIT)
            return -1;
    }
    uint64_t there = ddz_bits_left(&r);
    if (!there)
        return 0;
    out->bits = step->fixed ? step->bits : ddz_step_bits(step, eighths);
    out->known = there < out->bits ? (uint32_t)there : out->bits;
    out->side_bits = r.position - begin;
    out->position = r.position;
    cursor->main = r.position + out->known;
    cursor->eighths = eighths;
    cursor->index++;
    return 1;
}

int ddz_layers_next_step(const struct layers *l, struct step_cursor *cursor, struct step_bits *out)
{
    if (l->layer == LAYER_HEADER || !l->model || cursor->index >= l->schedule.steps)
        return 0;
    if (cursor->index < l->schedule.opening)
        return next_opening(l, cursor, out);
    return next_main(l, cursor, out);
}
