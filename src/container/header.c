#include "container/header.h"

#include "base/bytes.h"

enum {
    MAGIC_0 = 0xDD,
    MAGIC_1 = 0x7A,
    SHORT_SIZE = 6,
    LONG_SIZE = 10,
    SHORT_MAX_SIDE = 4096,
    SHORT_ESCAPE = 0xFFFFFF,
    MIN_TRELLIS_BITS = 8,
    MAX_TRELLIS_BITS = 16,
    MAX_STEPS_LOG2 = 5,
    FLAG_EXTRAS = 1
};

/* The pair 4096, 4096 is the escape itself. */
static int is_short(uint32_t width, uint32_t height)
{
    return width <= SHORT_MAX_SIDE && height <= SHORT_MAX_SIDE && width + height < 2 * SHORT_MAX_SIDE;
}

static int is_side(uint32_t side)
{
    return side >= 1 && side <= HEADER_MAX_SIDE;
}

size_t header_write(const struct header *header, uint8_t out[HEADER_MAX_SIZE])
{
    if (!is_side(header->width) || !is_side(header->height))
        return 0;
    uint32_t w = header->width - 1, h = header->height - 1;
    int brief = is_short(header->width, header->height);
    uint32_t sides = brief ? w << 12 | h : SHORT_ESCAPE;
    size_t n = 0;
    out[n++] = MAGIC_0;
    out[n++] = MAGIC_1;
    out[n++] = (uint8_t)(sides >> 16);
    out[n++] = (uint8_t)(sides >> 8);
    out[n++] = (uint8_t)sides;
    if (!brief) {
        out[n++] = (uint8_t)w;
        out[n++] = (uint8_t)(w >> 8);
        out[n++] = (uint8_t)h;
        out[n++] = (uint8_t)(h >> 8);
    }
    out[n++] = header->model_low;
    return n;
}

ddz_status header_read(const uint8_t *data, size_t size, struct header *header)
{
    if ((size > 0 && data[0] != MAGIC_0) || (size > 1 && data[1] != MAGIC_1))
        return DDZ_ERR_FORMAT;
    if (size < SHORT_SIZE)
        return DDZ_ERR_TRUNCATED;
    uint32_t sides = (uint32_t)data[2] << 16 | (uint32_t)data[3] << 8 | data[4];
    struct header h = {.width = (sides >> 12) + 1, .height = (sides & 0xFFF) + 1, .size = SHORT_SIZE};
    if (sides == SHORT_ESCAPE) {
        if (size < LONG_SIZE)
            return DDZ_ERR_TRUNCATED;
        h.width = (uint32_t)get_le16(data + 5) + 1;
        h.height = (uint32_t)get_le16(data + 7) + 1;
        h.size = LONG_SIZE;
        if (!is_side(h.width) || !is_side(h.height) || is_short(h.width, h.height))
            return DDZ_ERR_CORRUPT;
    }
    h.model_low = data[h.size - 1];
    *header = h;
    return DDZ_OK;
}

static int settings_valid(const struct settings *s)
{
    return s->trellis_bits >= MIN_TRELLIS_BITS && s->trellis_bits <= MAX_TRELLIS_BITS && s->steps_log2 >= 0 &&
           s->steps_log2 <= MAX_STEPS_LOG2 && s->end_level >= 0 && s->end_level <= 255;
}

size_t settings_write(const struct settings *settings, uint8_t out[SETTINGS_SIZE])
{
    if (!settings_valid(settings))
        return 0;
    out[0] = (uint8_t)((settings->trellis_bits - MIN_TRELLIS_BITS) << 4 | settings->steps_log2 << 1 |
                       (settings->uniform != 0));
    out[1] = (uint8_t)settings->end_level;
    out[2] = (uint8_t)(settings->model_id >> 8);
    out[3] = (uint8_t)(settings->model_id >> 16);
    out[4] = (uint8_t)(settings->model_id >> 24);
    out[5] = settings->has_extras ? FLAG_EXTRAS : 0;
    return SETTINGS_SIZE;
}

ddz_status settings_read(const uint8_t *data, size_t size, uint8_t model_low, struct settings *settings)
{
    if (size < SETTINGS_SIZE)
        return DDZ_ERR_TRUNCATED;
    struct settings s = {
        .trellis_bits = (data[0] >> 4) + MIN_TRELLIS_BITS,
        .steps_log2 = data[0] >> 1 & 7,
        .uniform = data[0] & 1,
        .end_level = data[1],
        .model_id = (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24 | model_low,
        .has_extras = data[5] & FLAG_EXTRAS,
    };
    if (!settings_valid(&s) || (data[5] & ~FLAG_EXTRAS) != 0)
        return DDZ_ERR_CORRUPT;
    *settings = s;
    return DDZ_OK;
}
