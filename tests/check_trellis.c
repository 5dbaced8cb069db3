/* The trellis code: its bits' way to noise, against the definition */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "channel/impulses.h"
#include "channel/mix.h"
#include "channel/trellis.h"
#include "crew.h"
#include "guard.h"
#include "runner.h"
#include "shifts.h"

START_TEST(segments_cover)
{
    static const uint32_t branches[] = {1, 7, 8, 2047, 6143, 6144, 6145, 10239, 10240, 100001, 3000000};
    for (size_t i = 0; i < sizeof branches / sizeof *branches; i++) {
        struct trellis t = {4000000, branches[i], 12, 0};
        uint32_t count = ddz_trellis_segments(&t);
        ck_assert_uint_eq(ddz_trellis_segment_first(&t, 0), 0);
        ck_assert_uint_eq(ddz_trellis_segment_first(&t, count), branches[i]);
        for (uint32_t s = 0; s < count; s++) {
            uint32_t first = ddz_trellis_segment_first(&t, s), end = ddz_trellis_segment_first(&t, s + 1);
            ck_assert_uint_eq(first % 8, 0);
            ck_assert_uint_lt(first, end);
            ck_assert_uint_le(end - first, TRELLIS_MAX_SEGMENT);
            ck_assert(count == 1 || end - first >= TRELLIS_SEGMENT / 2);
        }
    }
}
END_TEST

START_TEST(amplitudes)
{
    for (uint32_t n = 1; n <= STEP_MAX_OWNED; n++)
        ck_assert_int_eq(ddz_trellis_amplitude(n), (int32_t)floor(sqrt((double)n) * ONE + 0.5));
}
END_TEST

/* HACKING.md's words, bit by bit, in another arithmetic than the library's. */
static void reference_walk(const struct trellis *t, const uint8_t *bits, uint32_t known, double *c)
{
    uint32_t segments = (t->branches + 2048) / 4096, length = t->register_bits;
    int reg[17] = {0}; /* reg[0] is the newest */
    for (uint32_t i = 0; i < t->samples; i++)
        c[i] = 0;
    for (uint32_t i = 0; i < known; i++) {
        for (uint32_t s = 1; s < segments; s++)
            if (i == (uint32_t)((uint64_t)s * t->branches / segments) / 8 * 8)
                memset(reg, 0, sizeof reg);
        memmove(reg + 1, reg, length * sizeof *reg);
        reg[0] = bits[i / 8] >> (7 - i % 8) & 1;
        uint32_t middle = 0;
        for (uint32_t k = length - 1; k >= 1; k--)
            middle = 2 * middle + (uint32_t)reg[k];
        uint64_t h = hash_pair(t->key, i), odd = h / 65536 / 2 * 2 + 1;
        uint64_t label = (h % 65536 + middle * (odd % 65536 << (17 - length))) % 65536;
        uint64_t start = (uint64_t)i * t->samples / t->branches;
        uint64_t owned = (uint64_t)(i + 1) * t->samples / t->branches - start, product = label * owned;
        int negative = (reg[0] + reg[length] + (int)(product / 32768)) % 2;
        c[start + product / 65536] = (negative ? -1 : 1) * sqrt((double)owned);
    }
}

START_TEST(walk_follows_the_definition)
{
    static const struct trellis cases[] = {
        {1, 1, 8, 1},         {40, 40, 9, 2},         {500, 77, 8, 3},         {32768, 1, 16, 4},
        {70000, 6144, 12, 5}, {123457, 20001, 14, 6}, {100000, 100000, 16, 7},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct trellis *t = &cases[k];
        uint8_t *bits = new_array(t->branches / 8 + 1, 1);
        int16_t *kinds = guard_alloc(t->samples * sizeof *kinds);
        struct impulses impulses = ddz_trellis_impulses(t);
        struct mixing m = ddz_mix_plan(t->samples, t->branches, t->key);
        struct placement where[] = {placement_plain(t->samples), ddz_mix_positions(&m)};
        double *expected = new_array(t->samples, sizeof *expected);
        hashed_bytes(bits, t->branches / 8 + 1, k);
        /* prefixes too: the coordinates of later branches are unknown */
        uint32_t known[] = {t->branches, t->branches / 2, t->branches - 1, 0};
        for (int p = 0; p < 8; p++) {
            uint32_t end = known[p / 2];
            memset(kinds, 0x55, t->samples * sizeof *kinds);
            uint8_t *exact = guard_copy(bits, (end + 7) / 8);
            ddz_trellis_walk(t, exact, end, where[p % 2], kinds, crew(1 + p / 2));
            guard_free(exact, (end + 7) / 8);
            reference_walk(t, bits, end, expected);
            for (uint32_t i = 0; i < t->samples; i++) {
                int kind = kinds[placement_at(where[p % 2], i)];
                ck_assert_int_eq(kind == IMPULSE_UNKNOWN, i >= (uint64_t)end * t->samples / t->branches);
                ck_assert_int_eq(impulses.value[kind - IMPULSE_FIRST],
                                 (int32_t)floor(expected[i] * ONE + 0.5));
            }
        }
        free(bits);
        guard_free(kinds, t->samples * sizeof *kinds);
        free(expected);
    }
}
END_TEST

/* A unit after the other, the list has what a walk along linear coordinates finds. */
START_TEST(list_follows_the_walk)
{
    static const struct trellis cases[] = {
        {1, 1, 8, 1},         {40, 40, 9, 2},         {500, 77, 8, 3},         {32768, 1, 16, 4},
        {70000, 6144, 12, 5}, {123457, 20001, 14, 6}, {100000, 100000, 16, 7}, {800000, 8000, 10, 8},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct trellis *t = &cases[k];
        struct mixing m = ddz_mix_plan(t->samples, t->branches, t->key);
        size_t room = ddz_impulse_list_room(t, &m) * sizeof(uint32_t);
        uint8_t *bits = guard_alloc((t->branches + 7) / 8);
        uint32_t *values = guard_alloc(room);
        int16_t *kinds = new_array(t->samples, sizeof *kinds);
        struct impulses impulses = ddz_trellis_impulses(t);
        hashed_bytes(bits, (t->branches + 7) / 8, k);
        ddz_trellis_walk(t, bits, t->branches, m.visit, kinds, NULL);
        struct impulse_list list = ddz_impulse_list_make(t, bits, &m, values, crew(1 + (int)k % 4));
        for (uint32_t u = 0, first = 0; u < ddz_mix_unit_count(&m); u++, first += m.block) {
            bool last = u + 1 == ddz_mix_unit_count(&m);
            struct mix_unit unit = {first, last ? t->samples - first : m.block};
            int32_t *spread = guard_alloc(unit.count * sizeof *spread);
            memset(spread, 0x55, unit.count * sizeof *spread);
            ddz_impulse_list_spread(&list, &m, unit, spread);
            for (uint32_t i = 0; i < unit.count; i++)
                ck_assert_int_eq(spread[i], impulses.value[kinds[first + i] - IMPULSE_FIRST]);
            guard_free(spread, unit.count * sizeof *spread);
        }
        free(kinds);
        guard_free(bits, (t->branches + 7) / 8);
        guard_free(values, room);
    }
}
END_TEST

int main(void)
{
    return RUN(
        "trellis", 120,
        CASE("trellis", segments_cover, amplitudes, walk_follows_the_definition, list_follows_the_walk));
}
