/* Blocks of a picture by the pixel coder: those that are coded come back, and nothing is coded of the others. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "exact/graphics.h"
#include "guard.h"
#include "inputs.h"
#include "runner.h"

static struct mem mem;

static size_t count_of(const struct graphics_size *size)
{
    return (size_t)size->width * size->height * (size_t)size->channels;
}

enum { NOISE, FEW, CHECKS, RAMP, KINDS };

static uint32_t sample_of(int kind, uint32_t x, uint32_t y, uint32_t k)
{
    switch (kind) {
    case NOISE:
        return draw(65536);
    case FEW:
        return draw(4) * 77 + k;
    case CHECKS:
        return (x / 3 + y / 2) % 2 * 65535 + k;
    default:
        return 3 * x + 2 * y * (k + 1);
    }
}

static uint16_t *make_picture(const struct graphics_size *size, int kind)
{
    uint16_t *samples = new_array(count_of(size), sizeof *samples), *s = samples;
    for (uint32_t y = 0; y < size->height; y++)
        for (uint32_t x = 0; x < size->width; x++)
            for (int k = 0; k < size->channels; k++)
                *s++ = (uint16_t)(sample_of(kind, x, y, (uint32_t)k) & ((1U << size->depth) - 1));
    return samples;
}

/* Blocks at random, or all, or none, or a checkerboard */
static struct blocks make_blocks(const struct graphics_size *size, int kind)
{
    struct blocks b;
    ck_assert_int_eq(ddz_blocks_init(&b, &mem, size->width, size->height), DDZ_OK);
    must_equal(b.columns, (size->width + 15) / 16);
    must_equal(b.rows, (size->height + 15) / 16);
    for (uint32_t i = 0; i < b.columns * b.rows; i++)
        b.in[i] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? 1 : kind == 2 ? i % 2 : draw(2));
    return b;
}

/* Pixels outside of the blocks, one by one */
static void fill_slowly(const struct graphics_size *size, const struct blocks *b, uint16_t *samples)
{
    size_t n = (size_t)size->channels, row = size->width * n;
    for (uint32_t y = 0; y < size->height; y++)
        for (uint32_t x = 0; x < size->width; x++)
            for (size_t k = 0; k < n && !b->in[(y / 16) * b->columns + x / 16]; k++) {
                uint16_t *s = samples + y * row + x * n + k;
                *s = x ? *(s - n) : y ? *(s - row) : 0;
            }
}

/* Of what is outside of the blocks nothing is coded, and it comes out as it is defined; rows of a part are right. */
START_TEST(some_blocks)
{
    static const struct graphics_size sizes[] = {
        {61, 47, 3, 8}, {16, 33, 1, 8}, {70, 20, 4, 16}, {5, 90, 2, 4}, {33, 64, 3, 8}};
    for (int i = 0; i < 5; i++)
        for (int trial = 0; trial < 20; trial++) {
            const struct graphics_size *size = &sizes[i];
            size_t count = count_of(size), bytes = 0;
            struct blocks b = make_blocks(size, trial % 4), found = make_blocks(size, 0);
            uint16_t *samples = make_picture(size, trial % KINDS), *filled = new_array(count, sizeof *filled);
            uint16_t *back = new_array(count, sizeof *back);
            uint8_t *data = NULL;
            uint32_t rows, before = 0;
            memcpy(filled, samples, count * sizeof *filled);
            fill_slowly(size, &b, filled);
            ddz_blocks_fill(&b, size->width, size->height, size->channels, samples);
            ck_assert_mem_eq(samples, filled, count * sizeof *samples);
            ck_assert_int_eq(ddz_graphics_encode_blocks(&mem, size, &b, samples, NULL, NULL, &data, &bytes),
                             DDZ_OK);
            ck_assert(trial % 4 != 0 || bytes <= 1);
            struct graphics *g;
            ck_assert_int_eq(ddz_graphics_decoder_new_blocks(&mem, size, &found, back, &g), DDZ_OK);
            for (size_t there = 0; there <= bytes; there += 1 + bytes / 9) {
                uint8_t *copy = guard_copy(data, there);
                ck_assert_int_eq(ddz_graphics_decode(g, copy, there, false, NULL, NULL), DDZ_OK);
                rows = ddz_graphics_rows(g);
                ck_assert_uint_ge(rows, before);
                ck_assert_mem_eq(back, samples, rows * (count / size->height) * sizeof *back);
                before = rows;
                guard_free(copy, there);
            }
            ck_assert_int_eq(ddz_graphics_decode(g, data, bytes, true, NULL, NULL), DDZ_OK);
            rows = ddz_graphics_rows(g);
            ddz_graphics_decoder_free(g);
            must_equal(rows, size->height);
            ck_assert_mem_eq(back, samples, count * sizeof *back);
            ck_assert_mem_eq(found.in, b.in, b.columns * b.rows);
            ddz_mem_free(&mem, data);
            ddz_blocks_free(&b, &mem);
            ddz_blocks_free(&found, &mem);
            free(samples);
            free(filled);
            free(back);
        }
}
END_TEST

/* All blocks cost what the picture does without any, and a little for saying so; a hole in noise saves its noise. */
START_TEST(sizes_of_blocks)
{
    struct graphics_size size = {128, 128, 3, 8};
    uint16_t *samples = make_picture(&size, NOISE);
    struct blocks b = make_blocks(&size, 1);
    size_t whole, all, half;
    uint8_t *data;
    ck_assert_int_eq(ddz_graphics_encode(&mem, &size, samples, NULL, NULL, &data, &whole), DDZ_OK);
    ddz_mem_free(&mem, data);
    ck_assert_int_eq(ddz_graphics_encode_blocks(&mem, &size, &b, samples, NULL, NULL, &data, &all), DDZ_OK);
    ddz_mem_free(&mem, data);
    ck_assert_uint_le(all, whole + 4);
    for (uint32_t i = 0; i < b.columns * b.rows; i++)
        b.in[i] = i % b.columns < b.columns / 2;
    ddz_blocks_fill(&b, size.width, size.height, size.channels, samples);
    ck_assert_int_eq(ddz_graphics_encode_blocks(&mem, &size, &b, samples, NULL, NULL, &data, &half), DDZ_OK);
    ddz_mem_free(&mem, data);
    ck_assert_uint_le(half, whole / 2 + whole / 50);
    ddz_blocks_free(&b, &mem);
    free(samples);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("blocks", 60, CASE("blocks", some_blocks, sizes_of_blocks));
}
