#include "format/side.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "format/alpha.h"
#include "format/colours.h"
#include "format/exif.h"
#include "format/records.h"

enum {
    SHARES = 4,          /* of the room: alpha has one of them, what describes the picture another */
    STEPS_TO_A_BYTE = 4, /* bytes of steps that go before each of the layers' */
    FIRST_PIECE = 32,    /* of alpha's string; each piece is twice as long as the one before, */
    PREVIEW_SHARE = 8,   /* that of a string which is followed by an exact plane, of the plane's frame */
    LEAST_ALPHA = 24,    /* bytes of alpha that are worth half of the room */
    ALPHA_END_RECORD = 2 + ALPHA_END_SIZE
};

/* A layer that wants to be sent */
struct parcel {
    int kind; /* of its record */
    uint8_t *bytes;
    size_t size;
};

static int slot(int kind)
{
    return kind - 1;
}

void ddz_side_free(struct side *side, const struct mem *mem)
{
    ddz_mem_free(mem, side->bytes);
    *side = (struct side){0};
}

/* ---- Records ----------------------------------------------------------------------------- */

static ddz_status add_record(struct side *side, const struct mem *mem, uint64_t at, int kind,
                             const uint8_t *content, size_t size)
{
    uint8_t head[RECORD_HEAD_SIZE];
    size_t head_size = ddz_record_write_head(head, kind, size), offset = side->size;
    if (!ddz_mem_append(mem, &side->bytes, &side->size, &side->capacity, head, head_size) ||
        !ddz_mem_append(mem, &side->bytes, &side->size, &side->capacity, content, size))
        return DDZ_ERR_MEMORY;
    side->record[side->count++] = (struct side_record){at, offset, head_size + size};
    return DDZ_OK;
}

ddz_status ddz_side_append(struct side *side, const struct mem *mem, int kind, const uint8_t *content,
                           size_t size)
{
    return add_record(side, mem, UINT64_MAX, kind, content, size);
}

static size_t record_size(size_t content)
{
    uint8_t head[RECORD_HEAD_SIZE];
    return ddz_record_write_head(head, RECORD_ICC, content) + content;
}

/* Records that describe the picture in a few bytes stand before all steps. */
static ddz_status add_small(struct side *side, const struct mem *mem, const struct extras *extras,
                            const struct header *header, uint64_t *room)
{
    static const int kinds[] = {RECORD_CICP, RECORD_CHROMATICITIES, RECORD_RESOLUTION};
    ddz_status status = DDZ_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == DDZ_OK; i++) {
        int extra = ddz_record_extra(kinds[i]);
        size_t size = extras->size[slot(extra)];
        if (!extras->data[slot(extra)])
            continue;
        side->state[slot(extra)] = DDZ_EXTRA_EXACT;
        if (header->colours && ddz_colours_number(extra, extras->data[slot(extra)], size) == header->colours)
            continue;
        if (record_size(size) > *room / 4) {
            side->state[slot(extra)] = DDZ_EXTRA_LEFT_OUT;
            continue;
        }
        *room -= record_size(size);
        status = add_record(side, mem, 0, kinds[i], extras->data[slot(extra)], size);
    }
    return status;
}

/* ---- Alpha ------------------------------------------------------------------------------- */

/* Alpha's string and, where that is smaller, its plane as a frame behind a part of the string */
struct alpha_parcels {
    uint8_t *string, *frame;
    size_t string_size, frame_size;
    size_t sent;     /* of the string */
    bool with_frame; /* the frame is sent, too */
};

/* Bytes of records that a part of the string takes, its end not counted */
static size_t pieces_size(size_t string_size)
{
    size_t sum = 0;
    for (size_t piece = FIRST_PIECE; string_size > 0; piece *= 2) {
        size_t n = piece < string_size ? piece : string_size;
        sum += record_size(n);
        string_size -= n;
    }
    return sum;
}

/* How much of alpha goes into `room` bytes. False: nothing that would be worth it. */
static bool divide_alpha(struct alpha_parcels *a, uint64_t room)
{
    size_t preview = a->frame_size / PREVIEW_SHARE;
    preview = preview > FIRST_PIECE ? preview : FIRST_PIECE;
    size_t with_frame = pieces_size(preview) + record_size(a->frame_size);
    size_t with_string = pieces_size(a->string_size) + ALPHA_END_RECORD;
    a->with_frame = preview < a->string_size && with_frame < with_string;
    a->sent = a->with_frame ? preview : a->string_size;
    if ((a->with_frame ? with_frame : with_string) <= room)
        return true;
    a->with_frame = false;
    a->sent = a->string_size;
    while (a->sent > 0 && pieces_size(a->sent) + ALPHA_END_RECORD > room) {
        size_t over = (size_t)(pieces_size(a->sent) + ALPHA_END_RECORD - room);
        a->sent -= over < a->sent ? over : a->sent;
    }
    return a->sent > 0;
}

/* The string's end, with the check of the plane that it gives, which replaces the extra's. */
static ddz_status end_alpha(struct side *side, const struct mem *mem, const struct alpha_parcels *a,
                            const struct header *header, uint8_t *plane)
{
    uint64_t at = side->record[side->count - 1].at;
    bool whole = a->sent == a->string_size;
    uint8_t end[ALPHA_END_SIZE] = {whole};
    ddz_status status = DDZ_OK;
    if (!whole)
        status = ddz_alpha_read(mem, a->string, a->sent, false, header->width, header->height, plane);
    if (status != DDZ_OK)
        return status;
    put_le32(end + 1, (uint32_t)crc32_z(0, plane, (size_t)header->width * header->height));
    side->state[slot(DDZ_EXTRA_ALPHA)] = whole ? DDZ_EXTRA_EXACT : DDZ_EXTRA_APPROXIMATE;
    return add_record(side, mem, at, RECORD_ALPHA_END, end, sizeof end);
}

/* ---- All of it --------------------------------------------------------------------------- */

/* In what order and where the records stand: pieces of alpha, with `profile` before the first one that is
 * longer, then what comes last. */
static ddz_status place(struct side *side, const struct mem *mem, const struct alpha_parcels *a,
                        const struct header *header, uint8_t *plane, const struct parcel *parcel, int parcels)
{
    ddz_status status = DDZ_OK;
    size_t at = 0, piece = FIRST_PIECE, small = side->size; /* which wait for no steps */
    int next = 0;
    while (status == DDZ_OK && (at < a->sent || next < parcels)) {
        size_t n = piece < a->sent - at ? piece : a->sent - at;
        bool last = at == a->sent;
        if (next < parcels && (last || (parcel[next].kind == RECORD_ICC && parcel[next].size <= n))) {
            /* where as many steps have gone before as its own size asks for */
            const struct parcel *p = &parcel[next++];
            uint64_t before = p->kind == RECORD_ICC || p->kind == RECORD_ALPHA_PLANE
                                  ? STEPS_TO_A_BYTE * (uint64_t)(side->size - small + p->size)
                                  : UINT64_MAX;
            status = add_record(side, mem, before, p->kind, p->bytes, p->size);
        } else {
            status = add_record(side, mem, STEPS_TO_A_BYTE * (uint64_t)(side->size - small),
                                RECORD_ALPHA_PIECE, a->string + at, n);
            at += n;
            piece *= 2;
            if (status == DDZ_OK && at == a->sent && !a->with_frame)
                status = end_alpha(side, mem, a, header, plane);
        }
    }
    return status;
}

/* What the header says of the layers */
static void describe(struct header *header, const struct extras *extras)
{
    static const int kinds[] = {DDZ_EXTRA_CICP, DDZ_EXTRA_CHROMATICITIES};
    const uint8_t *orientation = extras->data[slot(DDZ_EXTRA_ORIENTATION)];
    const uint8_t *exif = extras->data[slot(DDZ_EXTRA_EXIF)], *profile = extras->data[slot(DDZ_EXTRA_ICC)];
    int colours = 0, described = 0;
    for (int i = 0; i < 2; i++) {
        const uint8_t *content = extras->data[slot(kinds[i])];
        described += content != NULL;
        if (content && !profile && !colours)
            colours = ddz_colours_number(kinds[i], content, extras->size[slot(kinds[i])]);
    }
    if (profile && !described)
        colours = ddz_colours_of_profile(profile, extras->size[slot(DDZ_EXTRA_ICC)]);
    header->colours = (uint8_t)colours;
    header->orientation = 1;
    if (orientation)
        header->orientation = *orientation;
    else if (exif)
        header->orientation = (uint8_t)ddz_exif_orientation(exif, extras->size[slot(DDZ_EXTRA_EXIF)]);
    header->layered = header->grey || header->orientation > 1 || ddz_extras_any(extras);
}

/* Profile, Exif and XMP, as many of them as there is room for, into parcels. */
static ddz_status pack_all(struct side *side, const struct mem *mem, const struct extras *extras,
                           uint64_t room, const struct header *header, struct parcel *parcel, int *parcels)
{
    static const int kinds[] = {RECORD_ICC, RECORD_EXIF, RECORD_XMP};
    ddz_status status = DDZ_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == DDZ_OK; i++) {
        struct parcel p = {.kind = kinds[i]};
        int extra = ddz_record_extra(p.kind);
        if (!extras->data[slot(extra)])
            continue;
        status = ddz_extra_pack(mem, extras, extra, header->width, header->height, &p.bytes, &p.size);
        if (status != DDZ_OK)
            return status;
        bool fits = record_size(p.size) <= room;
        side->state[slot(extra)] = fits ? DDZ_EXTRA_EXACT : DDZ_EXTRA_LEFT_OUT;
        if (fits) {
            room -= record_size(p.size);
            parcel[(*parcels)++] = p;
        } else {
            ddz_mem_free(mem, p.bytes);
        }
    }
    return status;
}

static ddz_status pack_alpha(struct side *side, const struct mem *mem, const struct extras *extras,
                             uint64_t room, const struct header *header, struct alpha_parcels *a)
{
    const uint8_t *plane = extras->data[slot(DDZ_EXTRA_ALPHA)];
    uint64_t share = room / SHARES;
    if (!plane)
        return DDZ_OK;
    if (extras->size[slot(DDZ_EXTRA_ALPHA)] != (uint64_t)header->width * header->height)
        return DDZ_ERR_ARGUMENT;
    ddz_status status =
        ddz_alpha_write(mem, plane, header->width, header->height, &a->string, &a->string_size);
    if (status == DDZ_OK)
        status = ddz_extra_pack(mem, extras, DDZ_EXTRA_ALPHA, header->width, header->height, &a->frame,
                                &a->frame_size);
    if (status != DDZ_OK)
        return status;
    if (share < LEAST_ALPHA + ALPHA_END_RECORD)
        share = room / 2 < LEAST_ALPHA + ALPHA_END_RECORD ? room / 2 : LEAST_ALPHA + ALPHA_END_RECORD;
    bool fits = divide_alpha(a, room == UINT64_MAX ? room : share);
    side->state[slot(DDZ_EXTRA_ALPHA)] = fits ? DDZ_EXTRA_EXACT : DDZ_EXTRA_LEFT_OUT;
    if (!fits)
        a->sent = 0;
    return DDZ_OK;
}

ddz_status ddz_side_make(struct side *side, const struct mem *mem, struct extras *extras, uint64_t room,
                         struct header *header)
{
    struct alpha_parcels a = {0};
    struct parcel parcel[5];
    int parcels = 0;
    *side = (struct side){0};
    describe(header, extras);
    side->state[slot(DDZ_EXTRA_ORIENTATION)] = header->orientation > 1 ? DDZ_EXTRA_EXACT : DDZ_EXTRA_ABSENT;
    if (!header->layered)
        return DDZ_OK;
    ddz_status status = pack_alpha(side, mem, extras, room, header, &a);
    uint64_t share = room == UINT64_MAX ? room : room / SHARES;
    if (status == DDZ_OK)
        status = add_small(side, mem, extras, header, &share);
    if (status == DDZ_OK)
        status = pack_all(side, mem, extras, share, header, parcel, &parcels);
    /* an exact plane comes behind the profile, before what nobody waits for */
    if (a.with_frame) {
        int at = parcels > 0 && parcel[0].kind == RECORD_ICC;
        memmove(parcel + at + 1, parcel + at, (size_t)(parcels - at) * sizeof *parcel);
        parcel[at] = (struct parcel){RECORD_ALPHA_PLANE, a.frame, a.frame_size};
        a.frame = NULL;
        parcels++;
    }
    if (status == DDZ_OK)
        status = place(side, mem, &a, header, extras->data[slot(DDZ_EXTRA_ALPHA)], parcel, parcels);
    for (int i = 0; i < parcels; i++)
        ddz_mem_free(mem, parcel[i].bytes);
    ddz_mem_free(mem, a.string);
    ddz_mem_free(mem, a.frame);
    if (status != DDZ_OK)
        ddz_side_free(side, mem);
    return status;
}

uint32_t ddz_side_check(const struct side *side, const struct header *header)
{
    uint8_t bytes[HEADER_MAX_SIZE];
    size_t size = ddz_header_write(header, bytes);
    uLong check = crc32_z(0, bytes + size - 1, 1);
    return (uint32_t)(side->size ? crc32_z(check, side->bytes, side->size) : check);
}
