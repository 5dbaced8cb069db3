#include "nn/plan.h"

#include <string.h>

#include "nn/conv/conv.h"

uint32_t ddz_plan_side(const struct architecture *unet, uint32_t side, int level)
{
    uint32_t deepest = side == 0 ? 1 : ((side - 1) >> unet->levels) + 1;
    return deepest << (unet->levels - 1 - level);
}

/* Values of a pixel: the input's are packed, others have the room that kernels ask for. */
static size_t step_of(const struct architecture *unet, struct tensor tensor)
{
    int channels = ddz_tensor_channels(unet, tensor);
    if (tensor.kind == TENSOR_OUTPUT)
        channels = (channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    return (size_t)channels;
}

size_t ddz_plan_values(const struct architecture *unet, struct tensor tensor, uint32_t width, uint32_t height)
{
    size_t row = ddz_size_add(ddz_plan_side(unet, width, tensor.level), 1);
    size_t rows = ddz_size_add(ddz_plan_side(unet, height, tensor.level), 2);
    return ddz_size_mul(ddz_size_add(ddz_size_mul(row, rows), 1), step_of(unet, tensor));
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

struct plan ddz_plan_make(struct arena *arena, const struct architecture *unet, uint32_t width,
                          uint32_t height)
{
    const struct tensor output = {TENSOR_OUTPUT, 0}, gates = {TENSOR_GATES, 0};
    struct plan plan = {.unet = unet};
    size_t work = ddz_plan_values(unet, gates, width, height);
    for (int level = 0; level < unet->levels; level++) {
        const struct tensor stream = {TENSOR_STREAM, level}, inner = {TENSOR_INNER, level};
        plan.stream[level] =
            arena_carve(arena, ddz_plan_values(unet, stream, width, height), sizeof(int16_t));
        work = larger(work, ddz_plan_values(unet, inner, width, height));
    }
    plan.work = arena_carve(arena, work, sizeof(int16_t));
    plan.patches = arena_carve(arena, ddz_plan_values(unet, output, width, height), sizeof(int16_t));
    return plan;
}

int16_t *ddz_plan_data(const struct plan *plan, struct tensor tensor)
{
    switch (tensor.kind) {
    case TENSOR_INPUT:
    case TENSOR_OUTPUT:
        return plan->patches;
    case TENSOR_INNER:
    case TENSOR_GATES:
        return plan->work;
    case TENSOR_STREAM:
    case TENSOR_SIFTED:
        break;
    }
    return plan->stream[tensor.level];
}

struct map ddz_plan_map(const struct plan *plan, struct tensor tensor, uint32_t width)
{
    struct map map = {.width = ddz_plan_side(plan->unet, width, tensor.level),
                      .step = (ptrdiff_t)step_of(plan->unet, tensor)};
    map.row = (map.width + 1) * map.step;
    map.data = ddz_plan_data(plan, tensor) + map.row + map.step;
    return map;
}

void ddz_plan_clear_border(const struct map *map, ptrdiff_t rows)
{
    size_t pixel = (size_t)map->step * sizeof(int16_t), row = (size_t)map->row * sizeof(int16_t);
    memset(map_pixel(map, -1, -1), 0, row + pixel);
    memset(map_pixel(map, rows, 0), 0, row);
    for (ptrdiff_t y = 0; y < rows; y++)
        memset(map_pixel(map, y, map->width), 0, pixel);
}
