#include "format/header.h"

#include "base/bytes.h"
#include "format/limits.h"

enum {
    UNKNOWN_LAYERS = 0x08,
    SHAPE_SIZE = 3,
    SHORT_SIZE = 5,
    LONG_SIZE = 9,
    SHAPE_UNIT = 16, /* of the longer side */
    SHAPE_UNITS = 512,
    SHORT_MAX_SIDE = 16384,
    SHORT_ESCAPE = 0xFFFFFFF,
    MODEL_MASK = (1 << HEADER_MODEL_BITS) - 1
};

static const struct {
    uint32_t width, height;
} shapes[8] = {{1, 1}, {3, 2}, {2, 3}, {4, 3}, {3, 4}, {16, 9}, {9, 16}, {16, 10}};

uint8_t ddz_header_model_low(uint32_t model_id)
{
    return model_id & MODEL_MASK;
}

/* First bytes, by short_preview and layered: none of them becomes another one by one bit that is wrong. */
static const uint8_t magic[2][2] = {{0xDD, 0xDE}, {0xDB, 0xD7}};

/* Shape and longer side as the header has them, 0 to 4095; -1 if the picture has none of the shapes. */
static int shape_of(uint32_t width, uint32_t height)
{
    uint32_t longer = width > height ? width : height;
    if (longer % SHAPE_UNIT || longer / SHAPE_UNIT > SHAPE_UNITS)
        return -1;
    for (uint32_t shape = 0; shape < 8; shape++)
        if (width * shapes[shape].height == height * shapes[shape].width)
            return (int)(shape * SHAPE_UNITS + longer / SHAPE_UNIT - 1);
    return -1;
}

/* False if the shorter side is not whole. */
static int read_shape(uint32_t code, struct header *h)
{
    uint32_t longer = SHAPE_UNIT * (code % SHAPE_UNITS + 1);
    uint32_t a = shapes[code / SHAPE_UNITS].width, b = shapes[code / SHAPE_UNITS].height;
    uint32_t most = a > b ? a : b;
    h->width = longer * a / most;
    h->height = longer * b / most;
    return longer * a % most == 0 && longer * b % most == 0;
}

/* The pair SHORT_MAX_SIDE, SHORT_MAX_SIDE is the escape itself. */
static int is_short(uint32_t width, uint32_t height)
{
    return width <= SHORT_MAX_SIDE && height <= SHORT_MAX_SIDE && width + height < 2 * SHORT_MAX_SIDE;
}

static int is_side(uint32_t side)
{
    return side >= 1 && side <= MAX_SIDE;
}

static size_t write_picture(const struct header *header, uint8_t out[HEADER_MAX_SIZE])
{
    if (!is_side(header->width) || !is_side(header->height))
        return 0;
    uint32_t w = header->width - 1, h = header->height - 1, model = ddz_header_model_low(header->model_low);
    int shape = shape_of(header->width, header->height);
    out[0] = magic[header->short_preview][header->layered];
    if (shape >= 0) {
        put_be16(out + 1, (uint16_t)((uint32_t)shape << HEADER_MODEL_BITS | model));
        return SHAPE_SIZE;
    }
    int brief = is_short(header->width, header->height);
    uint32_t sides = brief ? w << 14 | h : SHORT_ESCAPE;
    put_be32(out + 1, UINT32_C(1) << 31 | sides << HEADER_MODEL_BITS | model);
    if (brief)
        return SHORT_SIZE;
    put_be16(out + 5, (uint16_t)w);
    put_be16(out + 7, (uint16_t)h);
    return LONG_SIZE;
}

size_t ddz_header_write(const struct header *header, uint8_t out[HEADER_MAX_SIZE])
{
    size_t size = write_picture(header, out);
    if (size && header->layered)
        out[size++] = (uint8_t)((header->orientation ? header->orientation - 1 : 0) << 5 | header->grey << 4 |
                                header->colours);
    return size;
}

static ddz_status read_sides(const uint8_t *data, size_t size, struct header *h)
{
    h->size = SHORT_SIZE;
    if (size < SHORT_SIZE)
        return DDZ_ERR_TRUNCATED;
    uint32_t sides = get_be32(data + 1) >> HEADER_MODEL_BITS & SHORT_ESCAPE;
    h->width = (sides >> 14) + 1;
    h->height = (sides & (SHORT_MAX_SIDE - 1)) + 1;
    h->model_low = data[4] & MODEL_MASK;
    if (sides == SHORT_ESCAPE) {
        h->size = LONG_SIZE;
        if (size < LONG_SIZE)
            return DDZ_ERR_TRUNCATED;
        h->width = (uint32_t)get_be16(data + 5) + 1;
        h->height = (uint32_t)get_be16(data + 7) + 1;
        if (!is_side(h->width) || !is_side(h->height) || is_short(h->width, h->height))
            return DDZ_ERR_CORRUPT;
    }
    return shape_of(h->width, h->height) < 0 ? DDZ_OK : DDZ_ERR_CORRUPT;
}

static ddz_status read_layers(const uint8_t *data, size_t size, struct header *h)
{
    size_t at = h->size++;
    if (size <= at)
        return DDZ_ERR_TRUNCATED;
    h->orientation = (uint8_t)((data[at] >> 5) + 1);
    h->grey = data[at] >> 4 & 1;
    h->colours = data[at] & 7;
    return data[at] & UNKNOWN_LAYERS ? DDZ_ERR_FEATURE : DDZ_OK;
}

static bool read_magic(uint8_t first, struct header *h)
{
    for (int i = 0; i < 4; i++)
        if (magic[i / 2][i % 2] == first) {
            h->short_preview = i / 2;
            h->layered = i % 2;
            return true;
        }
    return false;
}

ddz_status ddz_header_read(const uint8_t *data, size_t size, struct header *header)
{
    struct header h = {.size = SHAPE_SIZE};
    if (size > 0 && !read_magic(data[0], &h))
        return DDZ_ERR_FORMAT;
    if (size < SHAPE_SIZE)
        return DDZ_ERR_TRUNCATED;
    uint32_t first = get_be16(data + 1);
    h.model_low = first & MODEL_MASK;
    ddz_status status = DDZ_OK;
    if (first >> 15)
        status = read_sides(data, size, &h);
    else if (!read_shape(first >> HEADER_MODEL_BITS, &h))
        status = DDZ_ERR_CORRUPT;
    if (status == DDZ_OK && h.layered)
        status = read_layers(data, size, &h);
    if (status == DDZ_OK)
        *header = h;
    return status;
}
