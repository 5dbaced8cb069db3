#include "format/alpha_reader.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

struct alpha_reader {
    struct mem mem;
    uint32_t width, height;
    uint8_t *string;
    size_t size, capacity;
    bool ended, whole; /* the string */
    uint32_t check;    /* CRC-32 of the plane, once it has ended */

    uint8_t *plane; /* of the first `shown` bytes; NULL: not made yet */
    size_t shown;
    bool shown_ended;
};

struct alpha_reader *ddz_alpha_reader_new(const struct mem *mem, uint32_t width, uint32_t height)
{
    struct alpha_reader *r = ddz_mem_alloc(mem, 1, sizeof *r);
    if (r)
        *r = (struct alpha_reader){.mem = *mem, .width = width, .height = height};
    return r;
}

void ddz_alpha_reader_free(struct alpha_reader *r)
{
    if (!r)
        return;
    struct mem mem = r->mem;
    ddz_mem_free(&mem, r->string);
    ddz_mem_free(&mem, r->plane);
    ddz_mem_free(&mem, r);
}

ddz_status ddz_alpha_reader_add(struct alpha_reader *r, const uint8_t *data, size_t size)
{
    const uint64_t room = r->ended ? 0 : ddz_alpha_max_size(r->width, r->height) - r->size;
    const bool fits = size <= room;
    if (!fits) /* what does is taken all the same, so that it does not matter in what pieces the bytes come */
        size = (size_t)room;
    if (r->size + size > r->capacity) {
        size_t capacity = 2 * (r->size + size);
        uint8_t *larger = ddz_mem_alloc(&r->mem, capacity, 1);
        if (!larger)
            return DDZ_ERR_MEMORY;
        if (r->size)
            memcpy(larger, r->string, r->size);
        ddz_mem_free(&r->mem, r->string);
        r->string = larger;
        r->capacity = capacity;
    }
    if (size)
        memcpy(r->string + r->size, data, size);
    r->size += size;
    return fits ? DDZ_OK : DDZ_ERR_CORRUPT;
}

ddz_status ddz_alpha_reader_end(struct alpha_reader *r, const uint8_t *content, size_t size)
{
    if (r->ended || size != ALPHA_END_SIZE || content[0] > 1)
        return DDZ_ERR_CORRUPT;
    r->ended = true;
    r->whole = content[0];
    r->check = get_le32(content + 1);
    return DDZ_OK;
}

ddz_status ddz_alpha_reader_plane(struct alpha_reader *r, const uint8_t **plane, ddz_extra_state *state)
{
    size_t pixels = ddz_size_mul(r->width, r->height);
    if (!r->plane || r->shown != r->size || r->shown_ended != r->ended) {
        if (!r->plane)
            r->plane = ddz_mem_alloc(&r->mem, pixels, 1);
        ddz_status status = r->plane ? ddz_alpha_read(&r->mem, r->string, r->size, r->ended && r->whole,
                                                      r->width, r->height, r->plane)
                                     : DDZ_ERR_MEMORY;
        if (status != DDZ_OK)
            return status;
        r->shown = r->size;
        r->shown_ended = r->ended;
    }
    *plane = r->plane;
    *state = DDZ_EXTRA_PARTIAL;
    if (r->ended)
        *state = crc32_z(0, r->plane, pixels) != r->check ? DDZ_EXTRA_DAMAGED
                 : r->whole                               ? DDZ_EXTRA_EXACT
                                                          : DDZ_EXTRA_APPROXIMATE;
    return DDZ_OK;
}
