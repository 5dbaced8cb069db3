#include "encode/fill.h"

#include <stdbool.h>

enum { MAX_SIZES = 17, WHOLE = 255 };

/* The picture at one size. A pixel of weight 0 is a hole; those at its rim weigh less than others. */
struct image {
    uint32_t width, height;
    int16_t *x;      /* [height][width][3] */
    uint8_t *weight; /* [height][width], 0 to WHOLE */
};

/* A pixel of half the size: the mean of up to four, by weight. */
static void average_pixel(const struct image *from, uint32_t x, uint32_t y, int16_t *to, uint8_t *weight)
{
    int64_t sum[3] = {0}, all = 0;
    for (uint32_t j = 2 * y; j < 2 * y + 2 && j < from->height; j++)
        for (uint32_t i = 2 * x; i < 2 * x + 2 && i < from->width; i++) {
            size_t at = (size_t)j * from->width + i;
            for (int c = 0; c < 3; c++)
                sum[c] += (int64_t)from->weight[at] * from->x[3 * at + (size_t)c];
            all += from->weight[at];
        }
    for (int c = 0; c < 3; c++)
        to[c] = all ? (int16_t)(sum[c] / all) : 0;
    *weight = all < WHOLE ? (uint8_t)all : WHOLE;
}

static void average(const struct image *from, struct image *to)
{
    for (uint32_t y = 0; y < to->height; y++)
        for (uint32_t x = 0; x < to->width; x++) {
            size_t at = (size_t)y * to->width + x;
            average_pixel(from, x, y, to->x + 3 * at, to->weight + at);
        }
}

/* A sample of twice the size, from the pixel that has it and the nearest ones beside it, linearly */
static int32_t interpolate(const struct image *from, uint32_t x, uint32_t y, size_t c)
{
    uint32_t i = x / 2, j = y / 2;
    uint32_t i2 = x % 2 ? (i + 1 < from->width ? i + 1 : i) : (i > 0 ? i - 1 : i);
    uint32_t j2 = y % 2 ? (j + 1 < from->height ? j + 1 : j) : (j > 0 ? j - 1 : j);
    const int16_t *near = from->x + 3 * (size_t)j * from->width + c;
    const int16_t *far = from->x + 3 * (size_t)j2 * from->width + c;
    int64_t sum = 9 * (int64_t)near[3 * (size_t)i] + 3 * (int64_t)near[3 * (size_t)i2] +
                  3 * (int64_t)far[3 * (size_t)i] + far[3 * (size_t)i2];
    return (int32_t)(sum / 16);
}

/* The parts of pixels that are holes are filled from half the size, which has none. */
static void fill(const struct image *from, struct image *to)
{
    for (uint32_t y = 0; y < to->height; y++)
        for (uint32_t x = 0; x < to->width; x++) {
            size_t at = (size_t)y * to->width + x;
            int64_t weight = to->weight[at];
            for (size_t c = 0; c < 3 && weight < WHOLE; c++) {
                int64_t other = interpolate(from, x, y, c);
                to->x[3 * at + c] =
                    (int16_t)((weight * to->x[3 * at + c] + (WHOLE - weight) * other) / WHOLE);
            }
        }
}

ddz_status ddz_fill_invisible(const struct mem *mem, const uint8_t *alpha, uint32_t width, uint32_t height,
                              int16_t *x)
{
    struct image size[MAX_SIZES] = {{width, height, x, NULL}};
    int count = 0;
    bool enough = true;
    for (; count < MAX_SIZES && enough; count++) {
        struct image *s = &size[count];
        if (count > 0) {
            s->width = (s[-1].width + 1) / 2;
            s->height = (s[-1].height + 1) / 2;
            s->x = ddz_mem_alloc(mem, ddz_size_mul(3 * (size_t)s->width, s->height), sizeof *s->x);
        }
        s->weight = ddz_mem_alloc(mem, ddz_size_mul(s->width, s->height), 1);
        enough = s->x && s->weight;
        if (enough && count > 0)
            average(&s[-1], s);
        for (size_t i = 0; enough && count == 0 && i < (size_t)width * height; i++)
            s->weight[i] = alpha[i] ? WHOLE : 0;
        if (s->width == 1 && s->height == 1) {
            count++;
            break;
        }
    }
    for (int i = count - 2; i >= 0 && enough; i--)
        fill(&size[i + 1], &size[i]);
    for (int i = 0; i < count; i++) {
        ddz_mem_free(mem, size[i].weight);
        if (i > 0)
            ddz_mem_free(mem, size[i].x);
    }
    return enough ? DDZ_OK : DDZ_ERR_MEMORY;
}
