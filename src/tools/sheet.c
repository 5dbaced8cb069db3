#include "tools/sheet.h"

#include <string.h>

#include "tools/message.h"

enum { GAP = 2, WHITE = 255, MAX_SIDE = 65535 };
static const uint64_t sheet_max_pixels = (uint64_t)1 << 28;

int sheet_make(struct sheet *sheet, uint32_t count, uint32_t width, uint32_t height)
{
    uint32_t columns = 1;
    while (columns * columns < count)
        columns++;
    uint32_t rows = (count + columns - 1) / columns;
    uint64_t across = (uint64_t)columns * (width + GAP) - GAP, down = (uint64_t)rows * (height + GAP) - GAP;
    *sheet = (struct sheet){.columns = columns, .width = width, .height = height};
    if (across > MAX_SIDE || down > MAX_SIDE || across * down > sheet_max_pixels)
        return cli_fail(CLI_LIMIT, "a grid of %u x %u pictures would be too large", columns, rows);
    if (image_alloc(&sheet->image, (uint32_t)across, (uint32_t)down, 3, 8) != 0)
        return cli_fail(CLI_LIMIT, "out of memory");
    memset(sheet->image.pixels, WHITE, image_size((uint32_t)across, (uint32_t)down, 3, 8));
    return CLI_OK;
}

void sheet_place(struct sheet *sheet, uint32_t index, const uint8_t *rgb)
{
    size_t stride = 3 * (size_t)sheet->image.width, row = 3 * (size_t)sheet->width;
    size_t left = index % sheet->columns * (size_t)(sheet->width + GAP);
    size_t top = index / sheet->columns * (size_t)(sheet->height + GAP);
    uint8_t *out = (uint8_t *)sheet->image.pixels + top * stride + 3 * left;
    for (uint32_t y = 0; y < sheet->height; y++)
        memcpy(out + y * stride, rgb + y * row, row);
}
