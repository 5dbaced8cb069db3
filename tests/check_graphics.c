/* The pixel coder: pictures come back from what they are coded as, and rows of them from parts of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "exact/graphics.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

static size_t count_of(const struct graphics_size *size)
{
    return (size_t)size->width * size->height * (size_t)size->channels;
}

/* ---- Pictures ----------------------------------------------------------------------------- */

enum { BLANK, MOST, NOISE, EXTREMES, FEW, CHECKS, STRIPES, RAMP, PHOTO, TILES, KINDS };

/* What a picture of the kind has at a place, before it is cut to the depth */
static uint32_t sample_of(int kind, uint32_t x, uint32_t y, uint32_t k)
{
    switch (kind) {
    case BLANK:
        return 0;
    case MOST:
        return 65535;
    case NOISE:
        return draw(65536);
    case EXTREMES:
        return draw(2) * 65535;
    case FEW:
        return draw(4) * 77 + k;
    case CHECKS:
        return (x / 3 + y / 2) % 2 * 65535 + k;
    case STRIPES:
        return x % 5 * 31 + (y / 7 % 3) * 1000;
    case RAMP:
        return 3 * x + 2 * y * (k + 1);
    case PHOTO:
        return 40 * ((x * x + 3 * y) / 64) + 30 * k + draw(6);
    default:
        return (x % 8 * (y % 8) + k) * (1 + (x / 8 * 7 + y / 8 * 5) % 3);
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

/* ---- Both ways ---------------------------------------------------------------------------- */

static uint8_t *encode(const struct graphics_size *size, const uint16_t *samples, size_t *bytes)
{
    uint8_t *data = NULL;
    ck_assert_int_eq(ddz_graphics_encode(&mem, size, samples, NULL, NULL, &data, bytes), DDZ_OK);
    return data;
}

/* Rows that the bytes tell */
static uint32_t decode_into(const struct graphics_size *size, const uint8_t *data, size_t bytes, bool whole,
                            uint16_t *samples)
{
    struct graphics *g;
    ck_assert_int_eq(ddz_graphics_decoder_new(&mem, size, samples, &g), DDZ_OK);
    ck_assert_int_eq(ddz_graphics_decode(g, data, bytes, whole, NULL, NULL), DDZ_OK);
    uint32_t rows = ddz_graphics_rows(g);
    ddz_graphics_decoder_free(g);
    return rows;
}

/* Rows that come out; they are right, and bytes beyond the data are not touched. */
static uint32_t decode(const struct graphics_size *size, const uint16_t *samples, const uint8_t *data,
                       size_t bytes, bool whole)
{
    size_t count = count_of(size);
    uint8_t *copy = guard_copy(data, bytes);
    uint16_t *back = guard_alloc(count * sizeof *back);
    uint32_t rows = decode_into(size, copy, bytes, whole, back);
    ck_assert_uint_le(rows, size->height);
    ck_assert_mem_eq(back, samples, rows * (count / size->height) * sizeof *back);
    guard_free(back, count * sizeof *back);
    guard_free(copy, bytes);
    return rows;
}

static size_t round_trip(const struct graphics_size *size, const uint16_t *samples)
{
    size_t bytes;
    uint8_t *data = encode(size, samples, &bytes);
    ck_assert_uint_eq(decode(size, samples, data, bytes, true), size->height);
    ddz_mem_free(&mem, data);
    return bytes;
}

START_TEST(all_shapes)
{
    static const uint32_t sides[][2] = {{1, 1}, {1, 19}, {23, 1}, {2, 3}, {7, 5}, {8, 8}, {33, 17}};
    for (int channels = 1; channels <= 4; channels++)
        for (int depth = 1; depth <= 16; depth += depth == 1 || depth >= 8 ? 1 : 3)
            for (int i = 0; i < 7; i++) {
                struct graphics_size size = {sides[i][0], sides[i][1], channels, depth};
                uint16_t *samples = make_picture(&size, (i + depth) % KINDS);
                round_trip(&size, samples);
                free(samples);
            }
}
END_TEST

START_TEST(all_kinds)
{
    static const struct graphics_size sizes[] = {
        {61, 47, 1, 8}, {50, 40, 3, 8}, {40, 41, 4, 8}, {40, 40, 2, 16}};
    for (int i = 0; i < 4; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            uint16_t *samples = make_picture(&sizes[i], kind);
            round_trip(&sizes[i], samples);
            free(samples);
        }
}
END_TEST

/* What repeats costs next to nothing, and noise no more than its bits and a little. */
START_TEST(coded_sizes)
{
    static const struct graphics_size large = {300, 300, 1, 8}, colours = {120, 120, 3, 8},
                                      wide = {65535, 1, 1, 8};
    static const struct {
        const struct graphics_size *size;
        int kind;
        size_t most;
    } cases[] = {{&large, BLANK, 8},       {&large, MOST, 8},         {&large, CHECKS, 60},
                 {&large, STRIPES, 60},    {&colours, CHECKS, 60},    {&colours, TILES, 700},
                 {&wide, BLANK, 12},       {&wide, STRIPES, 40},      {&large, NOISE, 91500},
                 {&colours, NOISE, 44500}, {&large, EXTREMES, 12000}, {&colours, RAMP, 1500}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t *samples = make_picture(cases[i].size, cases[i].kind);
        size_t bytes = round_trip(cases[i].size, samples);
        if (bytes > cases[i].most)
            ck_abort_msg("case %zu: %zu bytes, at most %zu expected", i, bytes, cases[i].most);
        free(samples);
    }
}
END_TEST

/* ---- Parts -------------------------------------------------------------------------------- */

/* Each row is told once, in order. */
static ddz_status count_told(void *cookie, uint32_t rows)
{
    uint32_t *told = cookie;
    must_equal(rows, *told + 1);
    *told = rows;
    return DDZ_OK;
}

/* Every prefix gives right rows, longer ones no fewer, and all but the last bytes nearly all of them. */
START_TEST(prefixes)
{
    static const struct graphics_size sizes[] = {
        {20, 30, 3, 8}, {31, 20, 1, 8}, {17, 20, 2, 16}, {40, 40, 1, 1}};
    for (int i = 0; i < 4; i++)
        for (int kind = NOISE; kind < KINDS; kind++) {
            size_t bytes;
            uint16_t *samples = make_picture(&sizes[i], kind);
            uint8_t *data = encode(&sizes[i], samples, &bytes);
            uint32_t before = 0;
            for (size_t cut = 0; cut <= bytes; cut += 1 + bytes / 60) {
                uint32_t rows = decode(&sizes[i], samples, data, cut, false);
                ck_assert_uint_ge(rows, before);
                before = rows;
            }
            uint32_t last = decode(&sizes[i], samples, data, bytes, false);
            if (kind == NOISE)
                ck_assert_uint_ge(last, sizes[i].height - 1);
            ddz_mem_free(&mem, data);
            free(samples);
        }
}
END_TEST

/* Bytes that arrive a few at a time, each time somewhere else in memory, and from time to time none, give the rows that
 * they give at once; so do damaged ones. */
START_TEST(pieces)
{
    static const struct graphics_size sizes[] = {
        {20, 30, 3, 8}, {31, 20, 1, 8}, {17, 20, 2, 16}, {9, 12, 4, 5}, {40, 40, 1, 1}};
    for (int i = 0; i < 5; i++)
        for (int kind = 0; kind <= KINDS; kind++) { /* the last one is damaged */
            size_t bytes, count = count_of(&sizes[i]), row = count / sizes[i].height;
            uint16_t *samples = make_picture(&sizes[i], kind % KINDS);
            uint8_t *data = encode(&sizes[i], samples, &bytes);
            uint16_t *back = new_array(count, sizeof *back), *at_once = new_array(count, sizeof *at_once);
            struct graphics *g;
            uint32_t told = 0;
            if (kind == KINDS)
                memset(data, 0xFF, bytes < 4 ? bytes : i + 2U);
            ck_assert_int_eq(ddz_graphics_decoder_new(&mem, &sizes[i], back, &g), DDZ_OK);
            for (size_t cut = 0, last = 0; !last; cut += draw(kind == NOISE ? 40 : 4)) {
                last = cut > bytes;
                size_t there = last ? bytes : cut;
                uint8_t *copy = guard_copy(data, there);
                ck_assert_int_eq(ddz_graphics_decode(g, copy, there, last, count_told, &told), DDZ_OK);
                ck_assert_uint_eq(ddz_graphics_rows(g), told);
                must_equal(told, decode_into(&sizes[i], copy, there, last, at_once));
                ck_assert_mem_eq(back, at_once, told * row * sizeof *back);
                guard_free(copy, there);
            }
            must_equal(told, sizes[i].height);
            ck_assert(kind == KINDS || memcmp(back, samples, count * sizeof *back) == 0);
            ddz_graphics_decoder_free(g);
            ddz_mem_free(&mem, data);
            free(at_once);
            free(back);
            free(samples);
        }
}
END_TEST

static bool in_range(const struct graphics_size *size, const uint16_t *samples, uint32_t rows)
{
    size_t count = (size_t)rows * size->width * (size_t)size->channels;
    for (size_t i = 0; i < count; i++)
        if (samples[i] >> size->depth)
            return false;
    return true;
}

/* Any bytes decode to a picture whose samples have no more bits than they may. */
START_TEST(damage)
{
    for (int trial = 0; trial < 400; trial++) {
        struct graphics_size size = {1 + draw(30), 1 + draw(30), 1 + (int)draw(4), 1 + (int)draw(16)};
        size_t bytes = draw(200), count = count_of(&size);
        if (trial % 2) { /* a real one with some bytes changed */
            uint16_t *samples = make_picture(&size, (int)draw(KINDS));
            uint8_t *data = encode(&size, samples, &bytes), *copy = guard_copy(data, bytes);
            for (int i = 0; i < 3 && bytes > 0; i++)
                copy[draw((uint32_t)bytes)] ^= (uint8_t)(1 << draw(8));
            ddz_mem_free(&mem, data);
            memset(samples, 0, count * sizeof *samples);
            uint32_t rows = decode_into(&size, copy, bytes, trial % 4 == 1, samples);
            ck_assert(in_range(&size, samples, rows));
            guard_free(copy, bytes);
            free(samples);
        } else {
            uint8_t *data = guard_alloc(bytes);
            uint16_t *back = guard_alloc(count * sizeof *back);
            for (size_t i = 0; i < bytes; i++)
                data[i] = (uint8_t)(trial % 5 ? draw(256) : 255);
            must_equal(decode_into(&size, data, bytes, true, back), size.height);
            ck_assert(in_range(&size, back, size.height));
            guard_free(back, count * sizeof *back);
            guard_free(data, bytes);
        }
    }
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

START_TEST(arguments)
{
    static const struct graphics_size bad[] = {{0, 1, 1, 8}, {1, 0, 1, 8}, {65536, 1, 1, 8}, {1, 65536, 1, 8},
                                               {1, 1, 0, 8}, {1, 1, 5, 8}, {1, 1, 1, 0},     {1, 1, 1, 17}};
    uint16_t sample = 0;
    uint8_t *data;
    size_t bytes;
    struct graphics *g;
    for (int i = 0; i < 8; i++) {
        ck_assert_uint_eq(ddz_graphics_memory(&bad[i]), SIZE_MAX);
        ck_assert_int_eq(ddz_graphics_encode(&mem, &bad[i], &sample, NULL, NULL, &data, &bytes),
                         DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_graphics_decoder_new(&mem, &bad[i], &sample, &g), DDZ_ERR_ARGUMENT);
    }
    struct graphics_size size = {1, 1, 1, 4};
    sample = 16;
    ck_assert_int_eq(ddz_graphics_encode(&mem, &size, &sample, NULL, NULL, &data, &bytes), DDZ_ERR_ARGUMENT);
}
END_TEST

/* No more is allocated at once than is said, and little for small pictures; whatever allocation fails, all is given
 * back. */
START_TEST(memory)
{
    static const struct graphics_size size = {64, 48, 4, 8}, largest = {65535, 65535, 4, 16};
    uint16_t *samples = make_picture(&size, NOISE);
    for (int fails_at = 0; fails_at <= 3; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem counted = ddz_mem_init(&allocator);
        uint8_t *data = NULL;
        size_t bytes;
        ddz_status status = ddz_graphics_encode(&counted, &size, samples, NULL, NULL, &data, &bytes);
        ck_assert_int_eq(status, fails_at ? DDZ_ERR_MEMORY : DDZ_OK);
        ck_assert_int_eq(ledger.alive, fails_at ? 0 : 1);
        ck_assert_uint_le(ledger.largest, ddz_graphics_memory(&size) + 1024);
        ddz_mem_free(&counted, data);
    }
    for (int fails_at = 0; fails_at <= 2; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem counted = ddz_mem_init(&allocator);
        struct graphics *g = NULL;
        ddz_status status = ddz_graphics_decoder_new(&counted, &size, samples, &g);
        ck_assert_int_eq(status, fails_at ? DDZ_ERR_MEMORY : DDZ_OK);
        ddz_graphics_decoder_free(g);
        ck_assert_int_eq(ledger.alive, 0);
        ck_assert_uint_le(ledger.most, ddz_graphics_memory(&size) + 1024);
    }
    ck_assert_uint_le(ddz_graphics_memory(&size), 3 << 20);
    ck_assert_uint_le(ddz_graphics_memory(&largest), 66000000 + 400 * 2 * 65535);
    free(samples);
}
END_TEST

static ddz_status stop_at(void *cookie, uint32_t rows)
{
    uint32_t *left = cookie;
    ck_assert_uint_gt(*left, 0);
    --*left;
    return rows == 7 ? DDZ_ERR_CANCELLED : DDZ_OK;
}

/* Every row is told, and can be the last. */
START_TEST(progress)
{
    static const struct graphics_size sizes[] = {{9, 6, 3, 8}, {9, 30, 3, 8}};
    for (int i = 0; i < 2; i++) {
        struct ledger ledger = {0};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem counted = ddz_mem_init(&allocator);
        uint16_t *samples = make_picture(&sizes[i], NOISE);
        uint8_t *data = NULL;
        size_t bytes;
        uint32_t left = i ? 7 : 6;
        ck_assert_int_eq(ddz_graphics_encode(&counted, &sizes[i], samples, stop_at, &left, &data, &bytes),
                         i ? DDZ_ERR_CANCELLED : DDZ_OK);
        ck_assert_uint_eq(left, 0);
        ck_assert_int_eq(ledger.alive, i ? 0 : 1);
        ddz_mem_free(&counted, data);
        free(samples);
    }
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("graphics", 120, CASE("round trips", all_shapes, all_kinds, coded_sizes),
               CASE("parts", prefixes, pieces, damage), CASE("limits", arguments, memory, progress));
}
