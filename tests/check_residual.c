/* The residual coder: round trips, prefixes, damage, and what an estimate is worth */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "exact/residual.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

static void setup(void)
{
    mem = ddz_mem_init(NULL);
}

/* A picture, and what is known of it */
struct scene {
    struct residual_known known;
    struct residual_format format;
    uint16_t *samples;
    int16_t *estimate;
    int32_t *noisy;
    size_t count; /* samples */
};

/* Waves with noise; the estimate is off by about `off` grey levels. */
static struct scene make_scene(uint32_t width, uint32_t height, struct residual_format format, double off)
{
    struct scene s = {.format = format, .count = (size_t)width * height * (size_t)format.channels};
    size_t pixels = (size_t)width * height;
    int max = (1 << format.depth) - 1;
    s.samples = new_array(s.count, sizeof *s.samples);
    s.estimate = guard_alloc(3 * pixels * sizeof *s.estimate);
    s.noisy = guard_alloc(3 * pixels * sizeof *s.noisy);
    for (size_t i = 0; i < 3 * pixels; i++) {
        size_t pixel = i / 3, c = format.channels == 1 ? 0 : i % 3;
        uint32_t x = (uint32_t)(pixel % width), y = (uint32_t)(pixel / width);
        double clean = 128 + 60 * ((x / 5 + y / 7 + (uint32_t)c) % 2) - 2.0 * (x % 9) + 3 * normal(1, pixel);
        double grey = clean + normal(2 + c, pixel);
        int level = (int)(grey * max / 255);
        level = level < 0 ? 0 : level > max ? max : level;
        s.samples[pixel * (size_t)format.channels + c] = (uint16_t)level;
        double value = level * 255.0 / max * 256 - CENTRE;
        s.estimate[i] = (int16_t)fmin(fmax(value + 256 * off * normal(5 + c, pixel), INT16_MIN), INT16_MAX);
        s.noisy[i] = (int32_t)(value + 256 * 7 * normal(8, i));
    }
    s.known = (struct residual_known){width, height, s.estimate, s.noisy};
    return s;
}

static void free_scene(struct scene *s)
{
    size_t pixels = (size_t)s->known.width * s->known.height;
    free(s->samples);
    guard_free(s->estimate, 3 * pixels * sizeof *s->estimate);
    guard_free(s->noisy, 3 * pixels * sizeof *s->noisy);
}

/* Rows as they are shown */
struct shown {
    uint16_t *samples;
    size_t row;
    uint32_t rows, stop_at;
};

static ddz_status keep_row(void *cookie, uint32_t y, const uint16_t *row)
{
    struct shown *s = cookie;
    ck_assert_uint_eq(y, s->rows);
    memcpy(s->samples + s->row * y, row, s->row * sizeof *row);
    s->rows++;
    return s->rows == s->stop_at ? DDZ_ERR_CANCELLED : DDZ_OK;
}

static struct shown new_shown(const struct scene *s)
{
    return (struct shown){.samples = new_array(s->count, sizeof *s->samples),
                          .row = (size_t)s->known.width * (size_t)s->format.channels};
}

static uint8_t *encode(const struct scene *s, struct shown *shown, size_t *size)
{
    uint8_t *code;
    *shown = new_shown(s);
    ck_assert_int_eq(
        ddz_residual_encode(&mem, &s->known, &s->format, s->samples, keep_row, shown, &code, size), DDZ_OK);
    ck_assert_uint_eq(shown->rows, s->known.height);
    for (size_t i = 0; i < s->count; i++)
        ck_assert_int_le(abs(shown->samples[i] - s->samples[i]), s->format.error);
    return code;
}

static ddz_status decode(const struct scene *s, const uint8_t *code, size_t size, bool whole,
                         struct shown *found)
{
    struct residual *r;
    ck_assert_int_eq(ddz_residual_decoder_new(&mem, s->known.width, s->known.height, &s->format, &r), DDZ_OK);
    ddz_status status = ddz_residual_decode(r, &s->known, code, size, whole, keep_row, found);
    ddz_residual_decoder_free(r);
    return status;
}

static void check_scene(struct scene *s)
{
    struct shown sent, found = new_shown(s);
    size_t size;
    uint8_t *code = encode(s, &sent, &size), *copy = guard_copy(code, size);
    ck_assert_int_eq(decode(s, copy, size, true, &found), DDZ_OK);
    ck_assert_uint_eq(found.rows, s->known.height);
    ck_assert_mem_eq(found.samples, sent.samples, s->count * sizeof *sent.samples);
    guard_free(copy, size);
    ddz_mem_free(&mem, code);
    free(sent.samples);
    free(found.samples);
    free_scene(s);
}

START_TEST(round_trips)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {15, 3}, {16, 4}, {17, 5}, {40, 33}};
    static const int depths[] = {1, 2, 8, 12, 16};
    for (int i = 0; i < 8; i++)
        for (int d = 0; d < 5; d++)
            for (int error = 0; error < 4 && 2 * error < 1 << depths[d]; error++) {
                struct residual_format format = {i % 2 ? 3 : 1, depths[d], error};
                struct scene s = make_scene(sizes[i][0], sizes[i][1], format, i % 3 * 2);
                if (d == 2)
                    s.known.noisy = NULL;
                check_scene(&s);
            }
}
END_TEST

/* Estimates and y that no chain would give */
START_TEST(extremes)
{
    struct scene s = make_scene(33, 20, (struct residual_format){3, 8, 0}, 1);
    for (size_t i = 0; i < s.count; i++) {
        s.samples[i] = (uint16_t)(draw(2) * 255);
        s.estimate[i] = draw(2) ? INT16_MAX : INT16_MIN;
        s.noisy[i] = draw(2) ? INT32_MAX : INT32_MIN;
    }
    check_scene(&s);
}
END_TEST

START_TEST(prefixes_give_rows)
{
    struct scene s = make_scene(19, 13, (struct residual_format){3, 8, 0}, 2);
    struct shown sent;
    size_t size;
    uint8_t *code = encode(&s, &sent, &size);
    uint32_t rows = 0;
    for (size_t n = 0; n <= size; n++) {
        struct shown found = new_shown(&s);
        uint8_t *copy = guard_copy(code, n);
        ck_assert_int_eq(decode(&s, copy, n, false, &found), DDZ_OK);
        ck_assert_uint_ge(found.rows, rows);
        ck_assert_mem_eq(found.samples, sent.samples, found.row * found.rows * sizeof *found.samples);
        rows = found.rows;
        guard_free(copy, n);
        free(found.samples);
    }
    ck_assert_uint_ge(rows, s.known.height - 1);
    ddz_mem_free(&mem, code);
    free(sent.samples);
    free_scene(&s);
}
END_TEST

/* Code that arrives a few bytes at a time, each time somewhere else in memory, and what is known, too, gives each row
 * once, when it is given at once with the same bytes; if it is damaged, too. */
START_TEST(pieces)
{
    static const struct residual_format formats[] = {
        {3, 8, 0}, {1, 16, 0}, {3, 12, 2}, {1, 1, 0}, {3, 16, 9}};
    for (int i = 0; i < 10; i++) {
        struct scene s = make_scene(i % 4 ? 37 : 7, 14, formats[i % 5], i % 3 * 4);
        struct shown sent, found = new_shown(&s);
        size_t size, pixels = (size_t)s.known.width * s.known.height;
        struct residual *r;
        uint8_t *code = encode(&s, &sent, &size);
        if (i >= 5)
            code[size / 2] ^= 0x55;
        ck_assert_int_eq(ddz_residual_decoder_new(&mem, s.known.width, s.known.height, &s.format, &r),
                         DDZ_OK);
        for (size_t cut = 0, last = 0; !last; cut += draw(25)) {
            last = cut > size;
            struct shown at_once = new_shown(&s);
            size_t there = last ? size : cut;
            uint8_t *copy = guard_copy(code, there);
            int32_t *noisy = guard_copy(s.noisy, 3 * pixels * sizeof *noisy);
            struct residual_known known = s.known;
            known.noisy = noisy;
            ck_assert_int_eq(ddz_residual_decode(r, &known, copy, there, last, keep_row, &found), DDZ_OK);
            ck_assert_int_eq(decode(&s, copy, there, last, &at_once), DDZ_OK);
            ck_assert_uint_eq(found.rows, at_once.rows);
            ck_assert_mem_eq(found.samples, at_once.samples, found.row * found.rows * sizeof *found.samples);
            guard_free(noisy, 3 * pixels * sizeof *noisy);
            guard_free(copy, there);
            free(at_once.samples);
        }
        ck_assert_uint_eq(found.rows, s.known.height);
        ck_assert(i >= 5 || memcmp(found.samples, sent.samples, s.count * sizeof *sent.samples) == 0);
        ddz_residual_decoder_free(r);
        ddz_mem_free(&mem, code);
        free(sent.samples);
        free(found.samples);
        free_scene(&s);
    }
}
END_TEST

START_TEST(any_bytes_decode)
{
    for (int kind = 0; kind < 6; kind++) {
        struct residual_format format = {kind % 2 ? 3 : 1, kind < 3 ? 8 : 16, kind};
        struct scene s = make_scene(21, 15, format, 3);
        struct shown found = new_shown(&s);
        uint8_t *bytes = random_bytes(4000), *copy = guard_copy(bytes, 4000);
        if (kind == 5)
            memset(copy, 0xFF, 4000);
        ck_assert_int_eq(decode(&s, copy, 4000, true, &found), DDZ_OK);
        for (size_t i = 0; i < found.row * found.rows; i++)
            ck_assert_uint_lt(found.samples[i], 1U << format.depth);
        guard_free(copy, 4000);
        free(bytes);
        free(found.samples);
        free_scene(&s);
    }
}
END_TEST

static size_t size_of(double off, bool noisy)
{
    struct scene s = make_scene(96, 64, (struct residual_format){3, 8, 0}, off);
    struct shown sent;
    size_t size;
    if (!noisy)
        s.known.noisy = NULL;
    ddz_mem_free(&mem, encode(&s, &sent, &size));
    free(sent.samples);
    free_scene(&s);
    return size;
}

START_TEST(better_estimates_save_bytes)
{
    size_t good = size_of(0.5, false), fair = size_of(2, false), poor = size_of(20, false);
    ck_assert_uint_lt(good, fair - fair / 4);
    ck_assert_uint_lt(fair, poor);
    ck_assert_uint_lt(size_of(20, true), poor); /* y knows more than so poor an estimate */
}
END_TEST

START_TEST(stops_when_told)
{
    struct scene s = make_scene(10, 10, (struct residual_format){3, 8, 0}, 1);
    struct shown shown = new_shown(&s);
    uint8_t *code = NULL;
    size_t size;
    shown.stop_at = 4;
    ck_assert_int_eq(
        ddz_residual_encode(&mem, &s.known, &s.format, s.samples, keep_row, &shown, &code, &size),
        DDZ_ERR_CANCELLED);
    ck_assert_uint_eq(shown.rows, 4);
    ck_assert_ptr_null(code);
    free(shown.samples);
    free_scene(&s);
}
END_TEST

START_TEST(memory_runs_out)
{
    struct scene s = make_scene(40, 12, (struct residual_format){3, 8, 0}, 1);
    ddz_status status = DDZ_ERR_MEMORY;
    for (int fails_at = 1; status == DDZ_ERR_MEMORY; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem short_of = ddz_mem_init(&allocator);
        struct shown shown = new_shown(&s);
        uint8_t *code = NULL;
        size_t size;
        status =
            ddz_residual_encode(&short_of, &s.known, &s.format, s.samples, keep_row, &shown, &code, &size);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        ddz_mem_free(&short_of, code);
        ck_assert_int_eq(ledger.alive, 0);
        free(shown.samples);
    }
    status = DDZ_ERR_MEMORY;
    for (int fails_at = 1; status == DDZ_ERR_MEMORY; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem short_of = ddz_mem_init(&allocator);
        struct residual *r = NULL;
        status = ddz_residual_decoder_new(&short_of, s.known.width, s.known.height, &s.format, &r);
        ck_assert_int_eq(status, r ? DDZ_OK : DDZ_ERR_MEMORY);
        ck_assert_uint_le(ledger.most, ddz_residual_memory(s.known.width) + 1024);
        ddz_residual_decoder_free(r);
        ck_assert_int_eq(ledger.alive, 0);
    }
    free_scene(&s);
}
END_TEST

int main(void)
{
    TCase *all = CASE("residual", round_trips, extremes, prefixes_give_rows, pieces, any_bytes_decode,
                      better_estimates_save_bytes, stops_when_told, memory_runs_out);
    tcase_add_checked_fixture(all, setup, NULL);
    return RUN("residual", 120, all);
}
