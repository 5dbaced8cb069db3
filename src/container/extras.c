#include "container/extras.h"

#include <string.h>

#include "base/bytes.h"
#include "container/frames.h"

enum {
    RECORD_HEADER_SIZE = 5,
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

static int is_kind(int kind)
{
    return kind >= DDZ_EXTRA_ALPHA && kind <= DDZ_EXTRA_EXIF;
}

/* ---- The value --------------------------------------------------------------------------- */

void ddz_extras_free(const struct mem *mem, struct extras *extras)
{
    for (int i = 0; i < EXTRA_KINDS; i++)
        ddz_mem_free(mem, extras->data[i]);
    *extras = (struct extras){0};
}

int ddz_extras_any(const struct extras *extras)
{
    for (int i = 0; i < EXTRA_KINDS; i++)
        if (extras->data[i])
            return 1;
    return 0;
}

ddz_status ddz_extras_set(const struct mem *mem, struct extras *extras, int kind, const uint8_t *data,
                          size_t size)
{
    if (kind > DDZ_EXTRA_EXIF)
        return DDZ_ERR_UNSUPPORTED;
    if (kind < DDZ_EXTRA_ALPHA || (size > 0 && !data))
        return DDZ_ERR_ARGUMENT;
    if (size > (kind == DDZ_EXTRA_ALPHA ? UINT32_MAX - 1 : EXTRA_MAX_SIZE))
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

static size_t content_size(const struct extras *extras)
{
    size_t size = extras->data[slot(DDZ_EXTRA_ALPHA)] ? 1 : 0;
    for (int i = 0; i < EXTRA_KINDS; i++)
        if (extras->data[i])
            size = ddz_size_add(size, ddz_size_add(RECORD_HEADER_SIZE, extras->size[i]));
    return size;
}

static void write_content(const struct extras *extras, int predictor, uint32_t width, uint32_t height,
                          uint8_t *p)
{
    for (int kind = DDZ_EXTRA_ALPHA; kind <= DDZ_EXTRA_EXIF; kind++) {
        const uint8_t *data = extras->data[slot(kind)];
        size_t size = extras->size[slot(kind)];
        int is_alpha = kind == DDZ_EXTRA_ALPHA;
        if (!data)
            continue;
        p[0] = (uint8_t)kind;
        put_le32(p + 1, (uint32_t)size + (is_alpha ? 1 : 0));
        p += RECORD_HEADER_SIZE;
        if (is_alpha)
            *p++ = (uint8_t)predictor;
        if (is_alpha && predictor == PREDICTOR_PAETH)
            plane_to_residual(data, width, height, p);
        else
            memcpy(p, data, size);
        p += size;
    }
}

/* The predictor whose content is smaller at a fast level. */
static ddz_status choose_predictor(const struct mem *mem, const struct extras *extras, uint32_t width,
                                   uint32_t height, uint8_t *content, size_t size, int *predictor)
{
    size_t least = SIZE_MAX;
    *predictor = PREDICTOR_NONE;
    if (!extras->data[slot(DDZ_EXTRA_ALPHA)])
        return DDZ_OK;
    for (int i = 0; i < PREDICTORS; i++) {
        uint8_t *frame;
        size_t frame_size;
        write_content(extras, i, width, height, content);
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

ddz_status ddz_extras_compress(const struct mem *mem, const struct extras *extras, uint32_t width,
                               uint32_t height, uint8_t **out, size_t *out_size)
{
    uint64_t pixels = (uint64_t)width * height;
    if (!ddz_extras_any(extras))
        return DDZ_ERR_ARGUMENT;
    if (extras->data[slot(DDZ_EXTRA_ALPHA)] && extras->size[slot(DDZ_EXTRA_ALPHA)] != pixels)
        return DDZ_ERR_ARGUMENT;
    size_t size = content_size(extras);
    uint8_t *content = ddz_mem_alloc(mem, size, 1);
    if (!content)
        return DDZ_ERR_MEMORY;
    int predictor;
    ddz_status status = choose_predictor(mem, extras, width, height, content, size, &predictor);
    if (status == DDZ_OK) {
        write_content(extras, predictor, width, height, content);
        int level = size <= LARGE_SIZE ? HIGH_LEVEL : LARGE_LEVEL;
        status = ddz_frame_compress(mem, content, size, level, out, out_size);
    }
    ddz_mem_free(mem, content);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------- */

uint64_t ddz_extras_max_content(uint32_t width, uint32_t height)
{
    return EXTRA_KINDS * RECORD_HEADER_SIZE + 1 + (uint64_t)width * height + 2 * (uint64_t)EXTRA_MAX_SIZE;
}

static int record_valid(int kind, int last_kind, uint32_t size, uint32_t width, uint32_t height)
{
    if (!is_kind(kind) || kind <= last_kind || size == 0)
        return 0;
    if (kind == DDZ_EXTRA_ALPHA)
        return size == (uint64_t)width * height + 1;
    return size <= EXTRA_MAX_SIZE;
}

static ddz_status take_record(const struct mem *mem, struct extras *extras, int kind, const uint8_t *data,
                              uint32_t size, uint32_t width, uint32_t height)
{
    if (kind != DDZ_EXTRA_ALPHA)
        return ddz_extras_set(mem, extras, kind, data, size);
    if (data[0] >= PREDICTORS)
        return DDZ_ERR_CORRUPT;
    ddz_status status = ddz_extras_set(mem, extras, kind, data + 1, size - 1);
    if (status == DDZ_OK && data[0] == PREDICTOR_PAETH)
        residual_to_plane(extras->data[slot(kind)], width, height);
    return status;
}

static ddz_status parse_records(const struct mem *mem, const uint8_t *content, size_t size, int complete,
                                uint32_t width, uint32_t height, struct extras *extras)
{
    int last_kind = 0;
    while (size >= RECORD_HEADER_SIZE) {
        int kind = content[0];
        uint32_t record_size = get_le32(content + 1);
        if (!record_valid(kind, last_kind, record_size, width, height))
            return DDZ_ERR_CORRUPT;
        content += RECORD_HEADER_SIZE;
        size -= RECORD_HEADER_SIZE;
        if (record_size > size)
            return complete ? DDZ_ERR_CORRUPT : DDZ_OK;
        ddz_status status = take_record(mem, extras, kind, content, record_size, width, height);
        if (status != DDZ_OK)
            return status;
        content += record_size;
        size -= record_size;
        last_kind = kind;
    }
    return complete && (size > 0 || last_kind == 0) ? DDZ_ERR_CORRUPT : DDZ_OK;
}

ddz_status ddz_extras_parse(const struct mem *mem, const uint8_t *content, size_t size, int complete,
                            uint32_t width, uint32_t height, struct extras *extras)
{
    struct extras parsed = {0};
    ddz_status status = parse_records(mem, content, size, complete, width, height, &parsed);
    if (status == DDZ_OK)
        *extras = parsed;
    else
        ddz_extras_free(mem, &parsed);
    return status;
}
