#include "format/extras.h"

#include <string.h>

#include "format/frames.h"
#include "format/limits.h"

enum {
    PREDICTOR_NONE = 0,
    PREDICTOR_PAETH = 1,
    PREDICTORS = 2,
    TRIAL_LEVEL = 1,
    HIGH_LEVEL = 19,
    LARGE_LEVEL = 9, /* for contents that would take minutes at HIGH_LEVEL */
    LARGE_SIZE = 4 << 20
};

static int slot(int kind)
{
    return kind - 1;
}

/* ---- The value --------------------------------------------------------------------------- */

void ddz_extras_free(const struct mem *mem, struct extras *extras)
{
    for (int i = 0; i < EXTRA_KINDS; i++)
        ddz_mem_free(mem, extras->data[i]);
    *extras = (struct extras){0};
}

bool ddz_extras_any(const struct extras *extras)
{
    for (int i = 0; i < EXTRA_KINDS; i++)
        if (extras->data[i])
            return true;
    return false;
}

static bool content_valid(int kind, const uint8_t *data, size_t size)
{
    switch (kind) {
    case DDZ_EXTRA_ALPHA:
        return size < UINT32_MAX;
    case DDZ_EXTRA_CICP:
        return size == 4;
    case DDZ_EXTRA_CHROMATICITIES:
        return size == 4 || size == 36;
    case DDZ_EXTRA_RESOLUTION:
        return size == 9;
    case DDZ_EXTRA_ORIENTATION:
        return size == 1 && data[0] >= 1 && data[0] <= 8;
    default:
        return size <= EXTRA_MAX_SIZE;
    }
}

ddz_status ddz_extras_set(const struct mem *mem, struct extras *extras, int kind, const uint8_t *data,
                          size_t size)
{
    if (kind > EXTRA_KINDS)
        return DDZ_ERR_UNSUPPORTED;
    if (kind < 1 || (size > 0 && (!data || !content_valid(kind, data, size))))
        return DDZ_ERR_ARGUMENT;
    uint8_t *copy = NULL;
    if (size > 0) {
        copy = ddz_mem_alloc(mem, size, 1);
        if (!copy)
            return DDZ_ERR_MEMORY;
        memcpy(copy, data, size);
    }
    ddz_mem_free(mem, extras->data[slot(kind)]);
    extras->data[slot(kind)] = copy;
    extras->size[slot(kind)] = size;
    return DDZ_OK;
}

/* ---- Prediction of the alpha plane ------------------------------------------------------- */

/* Neighbour nearest to left + up - corner; ties in that order. */
static int paeth(int left, int up, int corner)
{
    int to_left = up - corner, to_up = left - corner;
    int to_corner = to_left + to_up;
    to_left = to_left < 0 ? -to_left : to_left;
    to_up = to_up < 0 ? -to_up : to_up;
    to_corner = to_corner < 0 ? -to_corner : to_corner;
    if (to_left <= to_up && to_left <= to_corner)
        return left;
    return to_up <= to_corner ? up : corner;
}

/* From what is above and to the left of p; outside of the plane there are zeros. */
static int predict(const uint8_t *p, uint32_t x, uint32_t y, uint32_t width)
{
    int left = x > 0 ? p[-1] : 0;
    int up = y > 0 ? *(p - width) : 0;
    int corner = x > 0 && y > 0 ? *(p - width - 1) : 0;
    return paeth(left, up, corner);
}

static void plane_to_residual(const uint8_t *plane, uint32_t width, uint32_t height, uint8_t *residual)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, plane++)
            *residual++ = (uint8_t)(*plane - predict(plane, x, y, width));
}

static void residual_to_plane(uint8_t *plane, uint32_t width, uint32_t height)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, plane++)
            *plane = (uint8_t)(*plane + predict(plane, x, y, width));
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* Content of a kind's frame; `predictor` is that of alpha. */
static size_t write_content(const struct extras *extras, int kind, int predictor, uint32_t width,
                            uint32_t height, uint8_t *p)
{
    const uint8_t *data = extras->data[slot(kind)];
    size_t size = extras->size[slot(kind)], head = kind == DDZ_EXTRA_ALPHA;
    if (head)
        *p++ = (uint8_t)predictor;
    if (head && predictor == PREDICTOR_PAETH)
        plane_to_residual(data, width, height, p);
    else
        memcpy(p, data, size);
    return head + size;
}

/* The predictor whose content is smaller at a fast level; `content` is room for it. */
static ddz_status choose_predictor(const struct mem *mem, const struct extras *extras, uint32_t width,
                                   uint32_t height, uint8_t *content, int *predictor)
{
    size_t least = SIZE_MAX;
    for (int i = 0; i < PREDICTORS; i++) {
        uint8_t *frame;
        size_t size = write_content(extras, DDZ_EXTRA_ALPHA, i, width, height, content), frame_size;
        ddz_status status = ddz_frame_compress(mem, content, size, TRIAL_LEVEL, &frame, &frame_size);
        if (status != DDZ_OK)
            return status;
        ddz_mem_free(mem, frame);
        if (frame_size < least) {
            least = frame_size;
            *predictor = i;
        }
    }
    return DDZ_OK;
}

ddz_status ddz_extra_pack(const struct mem *mem, const struct extras *extras, int kind, uint32_t width,
                          uint32_t height, uint8_t **frame, size_t *frame_size)
{
    uint8_t *content = ddz_mem_alloc(mem, ddz_size_add(extras->size[slot(kind)], 1), 1);
    if (!content)
        return DDZ_ERR_MEMORY;
    int predictor = PREDICTOR_NONE;
    ddz_status status = DDZ_OK;
    if (kind == DDZ_EXTRA_ALPHA)
        status = choose_predictor(mem, extras, width, height, content, &predictor);
    if (status == DDZ_OK) {
        size_t size = write_content(extras, kind, predictor, width, height, content);
        int level = size <= LARGE_SIZE ? HIGH_LEVEL : LARGE_LEVEL;
        status = ddz_frame_compress(mem, content, size, level, frame, frame_size);
    }
    ddz_mem_free(mem, content);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------- */

uint64_t ddz_extra_max_content(int kind, uint32_t width, uint32_t height)
{
    switch (kind) {
    case DDZ_EXTRA_ALPHA:
        return 1 + (uint64_t)width * height;
    case DDZ_EXTRA_CICP:
        return 4;
    case DDZ_EXTRA_CHROMATICITIES:
        return 36;
    case DDZ_EXTRA_RESOLUTION:
        return 9;
    default:
        return EXTRA_MAX_SIZE;
    }
}

ddz_status ddz_extra_parse(const struct mem *mem, int kind, const uint8_t *content, size_t size,
                           uint32_t width, uint32_t height, struct extras *extras)
{
    bool is_alpha = kind == DDZ_EXTRA_ALPHA;
    if (extras->data[slot(kind)] || size == 0 || size > ddz_extra_max_content(kind, width, height))
        return DDZ_ERR_CORRUPT;
    if (!is_alpha) {
        ddz_status status = ddz_extras_set(mem, extras, kind, content, size);
        return status == DDZ_ERR_ARGUMENT ? DDZ_ERR_CORRUPT : status;
    }
    if (size != ddz_extra_max_content(kind, width, height) || content[0] >= PREDICTORS)
        return DDZ_ERR_CORRUPT;
    ddz_status status = ddz_extras_set(mem, extras, kind, content + 1, size - 1);
    if (status == DDZ_OK && content[0] == PREDICTOR_PAETH)
        residual_to_plane(extras->data[slot(kind)], width, height);
    return status;
}
