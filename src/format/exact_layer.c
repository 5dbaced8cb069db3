#include "format/exact_layer.h"

#include "base/bytes.h"

/* Does alpha stand behind the colours? */
static bool has_alpha(const struct exact_head *head)
{
    return head->coder == EXACT_RESIDUAL && head->channels % 2 == 0;
}

size_t ddz_exact_head_size(const struct exact_head *head)
{
    return EXACT_HEAD_SIZE + (has_alpha(head) ? EXACT_ALPHA_SIZE : 0);
}

size_t ddz_exact_head_write(const struct exact_head *head, uint8_t out[EXACT_HEAD_SIZE + EXACT_ALPHA_SIZE])
{
    out[0] = (uint8_t)head->coder;
    out[1] = (uint8_t)head->channels;
    out[2] = (uint8_t)head->depth;
    out[3] = (uint8_t)head->error;
    put_le32(out + 4, head->check);
    if (has_alpha(head))
        put_le32(out + EXACT_HEAD_SIZE, head->coded);
    return ddz_exact_head_size(head);
}

ddz_status ddz_exact_head_read(const uint8_t *data, size_t size, struct exact_head *head)
{
    if (size < EXACT_HEAD_SIZE)
        return DDZ_ERR_TRUNCATED;
    struct exact_head found = {.coder = data[0],
                               .channels = data[1],
                               .depth = data[2],
                               .error = data[3],
                               .check = get_le32(data + 4)};
    if (found.coder >= EXACT_CODERS || found.channels < 1 || found.channels > 4 || found.depth < 1 ||
        found.depth > EXACT_MAX_DEPTH || found.error > EXACT_MAX_ERROR || 2 * found.error >= 1 << found.depth)
        return DDZ_ERR_FEATURE;
    if (found.coder == EXACT_BLOCKS && found.channels % 2 == 0)
        return DDZ_ERR_FEATURE;
    if (size < ddz_exact_head_size(&found))
        return DDZ_ERR_TRUNCATED;
    if (has_alpha(&found))
        found.coded = get_le32(data + EXACT_HEAD_SIZE);
    *head = found;
    return DDZ_OK;
}

/* ---- As it arrives ------------------------------------------------------------------------ */

bool ddz_exact_reader_begin(struct exact_reader *r, uint32_t width, uint32_t height, uint64_t length)
{
    /* twice what four samples of 16 bits take, and something for the smallest pictures */
    const uint64_t most = 4096 + 16 * (uint64_t)width * height;
    if (r->begun || length > most)
        return false;
    r->begun = true;
    return true;
}

ddz_status ddz_exact_reader_add(struct exact_reader *r, const struct mem *mem, const uint8_t *data,
                                size_t size)
{
    return ddz_mem_append(mem, &r->data, &r->size, &r->capacity, data, size) ? DDZ_OK : DDZ_ERR_MEMORY;
}

void ddz_exact_reader_free(struct exact_reader *r, const struct mem *mem)
{
    ddz_mem_free(mem, r->data);
    *r = (struct exact_reader){0};
}
