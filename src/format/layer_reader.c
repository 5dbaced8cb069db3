#include "format/layer_reader.h"

#include <string.h>
#include <zlib.h>

#include "format/colours.h"

static void add_to_check(struct layer_reader *r, const uint8_t *data, size_t size)
{
    r->check = (uint32_t)crc32_z(r->check, data, size);
}

ddz_status ddz_layer_reader_begin(struct layer_reader *r, const struct mem *mem, const struct header *h,
                                  uint8_t byte)
{
    const uint8_t *content;
    size_t size;
    int colours = ddz_colours_extra(h->colours, &content, &size);
    ddz_status status = DDZ_OK;
    *r = (struct layer_reader){.mem = *mem, .width = h->width, .height = h->height};
    if (!h->layered)
        return DDZ_OK;
    add_to_check(r, &byte, 1);
    if (h->orientation > 1)
        status = ddz_extras_set(&r->mem, &r->extras, DDZ_EXTRA_ORIENTATION, &h->orientation, 1);
    if (colours && status == DDZ_OK) {
        r->from_header = colours;
        status = ddz_extras_set(&r->mem, &r->extras, colours, content, size);
    }
    return status;
}

/* ---- Records ----------------------------------------------------------------------------- */

/* A layer's bytes contradict themselves: it is left out, and what follows is read on. */
static void note_damage(struct layer_reader *r)
{
    int extra = ddz_record_extra(r->head.kind);
    r->damaged |= UINT64_C(1) << (extra ? extra : DDZ_EXTRA_ALPHA);
    ddz_frame_reader_free(r->frame);
    r->frame = NULL;
}

/* Damage stays where it is. */
static ddz_status within_layer(struct layer_reader *r, ddz_status status)
{
    if (status != DDZ_ERR_CORRUPT)
        return status;
    note_damage(r);
    return DDZ_OK;
}

static bool is_exact(int kind)
{
    return kind == RECORD_EXACT || kind == RECORD_EXACT_BLOCKS;
}

/* Do the bytes that come belong to the exact layer, not to one that is skipped? */
static bool in_exact(const struct layer_reader *r)
{
    return is_exact(r->head.kind) && r->exact.begun && !r->exact.whole;
}

static ddz_status open_record(struct layer_reader *r)
{
    const struct record_head *head = &r->head;
    int extra = ddz_record_extra(head->kind);
    r->left = head->length;
    if (head->kind == RECORD_STEPS)
        return r->in_main ? DDZ_OK : DDZ_ERR_CORRUPT;
    if (head->kind == RECORD_ALPHA_PIECE || head->kind == RECORD_ALPHA_END) {
        if (!r->alpha)
            r->alpha = ddz_alpha_reader_new(&r->mem, r->width, r->height);
        return r->alpha ? DDZ_OK : DDZ_ERR_MEMORY;
    }
    if (is_exact(head->kind) && !r->in_main &&
        ddz_exact_reader_begin(&r->exact, r->width, r->height, head->length))
        return DDZ_OK;
    if (!extra) {
        r->skipped++;
        return head->kind & RECORD_SKIPPABLE ? DDZ_OK : DDZ_ERR_FEATURE;
    }
    if (r->extras.data[extra - 1] && extra != r->from_header)
        return DDZ_ERR_CORRUPT; /* each kind occurs at most once */
    if (!ddz_record_is_frame(head->kind))
        return DDZ_OK;
    r->frame = ddz_frame_reader_new(&r->mem, ddz_extra_max_content(extra, r->width, r->height));
    return r->frame ? DDZ_OK : DDZ_ERR_MEMORY;
}

static ddz_status close_frame(struct layer_reader *r)
{
    size_t size;
    const uint8_t *content = ddz_frame_reader_content(r->frame, &size);
    if (!ddz_frame_reader_complete(r->frame))
        return DDZ_ERR_CORRUPT;
    return ddz_extra_parse(&r->mem, ddz_record_extra(r->head.kind), content, size, r->width, r->height,
                           &r->extras);
}

static ddz_status close_plain(struct layer_reader *r)
{
    int extra = ddz_record_extra(r->head.kind);
    if (r->head.length > RECORD_MAX_PLAIN)
        return DDZ_ERR_CORRUPT;
    if (r->head.kind == RECORD_ALPHA_END)
        return ddz_alpha_reader_end(r->alpha, r->content, (size_t)r->head.length);
    struct extras found = {{NULL}, {0}};
    ddz_status status =
        ddz_extra_parse(&r->mem, extra, r->content, (size_t)r->head.length, r->width, r->height, &found);
    if (status != DDZ_OK)
        return status;
    ddz_mem_free(&r->mem, r->extras.data[extra - 1]); /* what the header has said instead */
    r->extras.data[extra - 1] = found.data[extra - 1];
    r->extras.size[extra - 1] = found.size[extra - 1];
    if (extra == r->from_header)
        r->from_header = 0;
    return DDZ_OK;
}

/* All bytes of the record are there. */
static ddz_status close_record(struct layer_reader *r)
{
    int kind = r->head.kind;
    ddz_status status = DDZ_OK;
    if (in_exact(r))
        r->exact.whole = true;
    else if (r->frame)
        status = close_frame(r);
    else if (kind == RECORD_ALPHA_END || (ddz_record_extra(kind) && !ddz_record_is_frame(kind)))
        status = close_plain(r);
    status = within_layer(r, status);
    ddz_frame_reader_free(r->frame);
    r->frame = NULL;
    r->head = (struct record_head){0};
    r->have = 0;
    return status;
}

static ddz_status take_record_head(struct layer_reader *r, uint8_t byte)
{
    r->bytes[r->have++] = byte;
    ddz_status status = ddz_record_read_head(r->bytes, r->have, &r->head);
    if (status == DDZ_ERR_TRUNCATED)
        return DDZ_OK;
    if (status != DDZ_OK)
        return status;
    if (r->head.kind == RECORD_END) {
        r->head = (struct record_head){0};
        r->have = 0;
        return DDZ_OK;
    }
    if (r->head.kind != RECORD_STEPS)
        add_to_check(r, r->bytes, r->have);
    status = open_record(r);
    return status == DDZ_OK && r->left == 0 ? close_record(r) : status;
}

/* Content of a record that is opened */
static ddz_status take_content(struct layer_reader *r, const uint8_t *data, size_t size)
{
    int kind = r->head.kind;
    if (kind == RECORD_STEPS)
        return DDZ_OK; /* the caller's */
    add_to_check(r, data, size);
    if (r->frame) {
        size_t taken;
        ddz_status status = ddz_frame_reader_feed(r->frame, data, size, &taken);
        if (status == DDZ_OK && taken < size)
            status = DDZ_ERR_CORRUPT; /* behind the frame's end */
        return within_layer(r, status);
    }
    if (in_exact(r))
        return ddz_exact_reader_add(&r->exact, &r->mem, data, size);
    if (kind == RECORD_ALPHA_PIECE)
        return within_layer(r, ddz_alpha_reader_add(r->alpha, data, size));
    uint64_t done = r->head.length - r->left;
    if (done + size <= RECORD_MAX_PLAIN)
        memcpy(r->content + done, data, size);
    return DDZ_OK;
}

ddz_status ddz_layer_reader_take(struct layer_reader *r, bool in_main, const uint8_t *data, size_t size,
                                 size_t *consumed, enum layer_event *event)
{
    r->in_main = in_main;
    *event = LAYER_RECORD;
    if (!r->head.size) {
        *consumed = 1;
        bool ends = r->have == 0 && *data == RECORD_END;
        *event = ends ? LAYER_END : LAYER_RECORD;
        return take_record_head(r, *data);
    }
    if (ddz_layer_reader_in_steps(r))
        *event = LAYER_STEPS;
    *consumed = size < r->left ? size : (size_t)r->left;
    ddz_status status = take_content(r, data, *consumed);
    r->left -= *consumed;
    return status == DDZ_OK && r->left == 0 ? close_record(r) : status;
}

bool ddz_layer_reader_in_steps(const struct layer_reader *r)
{
    return r->head.size && r->head.kind == RECORD_STEPS;
}

/* ---- What has arrived ------------------------------------------------------------------------------ */

ddz_status ddz_layer_reader_extra(const struct layer_reader *r, ddz_extra kind, bool ended,
                                  const uint8_t **data, size_t *size, ddz_extra_state *state)
{
    bool from_header = (int)kind == r->from_header, damaged = r->damaged >> kind & 1 && !from_header;
    *data = r->extras.data[kind - 1];
    *size = r->extras.size[kind - 1];
    /* a profile says better what the header has said in its place */
    if (from_header && r->extras.data[DDZ_EXTRA_ICC - 1]) {
        *data = NULL;
        *size = 0;
    }
    *state = damaged ? DDZ_EXTRA_DAMAGED : *data ? DDZ_EXTRA_EXACT : DDZ_EXTRA_ABSENT;
    if (kind != DDZ_EXTRA_ALPHA || *data || !r->alpha)
        return DDZ_OK;
    ddz_status status = ddz_alpha_reader_plane(r->alpha, data, state);
    *size = (size_t)r->width * r->height;
    if (damaged || (*state == DDZ_EXTRA_PARTIAL && ended))
        *state = DDZ_EXTRA_DAMAGED; /* nothing is to come */
    return status;
}

ddz_status ddz_layer_reader_damage(const struct layer_reader *r, bool ended, uint32_t check,
                                   uint64_t *damaged)
{
    const uint8_t *data;
    size_t size;
    ddz_extra_state state;
    ddz_status status = ddz_layer_reader_extra(r, DDZ_EXTRA_ALPHA, ended, &data, &size, &state);
    *damaged = r->damaged | (state == DDZ_EXTRA_DAMAGED ? 1 << DDZ_EXTRA_ALPHA : 0);
    if (ended && !*damaged && check != r->check)
        *damaged = 1;
    return status;
}

void ddz_layer_reader_free(struct layer_reader *r)
{
    ddz_frame_reader_free(r->frame);
    ddz_extras_free(&r->mem, &r->extras);
    ddz_alpha_reader_free(r->alpha);
    ddz_exact_reader_free(&r->exact, &r->mem);
    *r = (struct layer_reader){.mem = r->mem};
}
