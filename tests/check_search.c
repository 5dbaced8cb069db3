/* The trellis search: its kernels, what it finds, and how good the code is */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "channel/search/search.h"
#include "channel/trellis.h"
#include "channel/viterbi.h"
#include "cpu/cpu.h"
#include "crew.h"
#include "guard.h"
#include "ledger.h"
#include "runner.h"
#include "shifts.h"

static const double ln2 = 0.69314718055994530942;

static void search(const struct trellis *t, const int32_t *delta, uint32_t given, uint8_t *bits, int threads,
                   uint64_t features)
{
    struct mem mem = ddz_mem_init(NULL);
    /* a workspace for longer registers serves as well */
    struct viterbi *v =
        ddz_viterbi_new(&mem, t->register_bits + (threads > 1), t->branches, crew(threads), features);
    ck_assert_ptr_nonnull(v);
    int16_t *value = new_array(t->samples, sizeof *value);
    struct mix_room room = {new_array(t->samples, sizeof *room.values), t->samples};
    struct coordinates coordinates =
        ddz_coordinates_take(delta, placement_plain(t->samples), value, room, NULL);
    ddz_viterbi_search(v, t, &coordinates, given, bits);
    free(room.values);
    free(value);
    ddz_viterbi_free(v);
}

static int16_t random_score(uint64_t key, uint64_t i, int kind)
{
    int wide = (int)(hash_pair(key, i) % 40001) - 20000;
    return (int16_t)(kind == 0 ? wide : kind == 1 ? wide / 10000 : wide % 2 ? 20000 : -20000);
}

/* Where search.h puts a state before a branch: its three oldest bits, of backward batches from the lowest on, and the others,
 * of which bit i is in slot i + one or, of backward ones, i + the branch's slot, modulo their number */
static uint32_t place_of(uint32_t state, int register_bits, int slot, bool backward)
{
    int slots = register_bits - 3;
    uint32_t top = state >> slots, index = backward ? top / 4 + top / 2 % 2 * 2 + top % 2 * 4 : top;
    for (int i = 0; i < slots; i++)
        index |= (state >> i & 1) << (3 + (i + slot + !backward) % slots);
    return index;
}

/* The number of a decision: of a branch's middle, and of the newest bit or backward the oldest */
static uint32_t decision_of(const struct search_kernel *kernel, const struct search_batch *batch, int slot,
                            uint32_t middle, uint32_t bit)
{
    int register_bits = batch->register_bits, slots = register_bits - 3;
    uint32_t group = 0, top = middle >> (slots - 1);
    for (int i = 0; i < slots - 1; i++)
        group |= (middle >> i & 1) << (i + slot + 1) % slots;
    uint32_t pair = group % (1u << slot) + (group >> slot) / 2 * (1u << slot);
    uint32_t place = batch->backward ? top / 4 + top / 2 % 2 * 2 + top % 2 * 4 : top;
    return search_decision(kernel, batch->run, pair, place, bit);
}

/* One branch as search.h defines it: all windows of L + 1 bits, scores[2^L] in the order of states, which are those before
 * the branch or, of backward batches, behind it */
static void reference_step(const struct search_kernel *kernel, const struct search_batch *batch, int k,
                           int16_t *scores, uint8_t *decisions)
{
    const struct search_branch *b = &batch->branch[k];
    uint32_t states = 1u << batch->register_bits, half = states / 2;
    int16_t *from = new_array(states, sizeof *from);
    memcpy(from, scores, states * sizeof *from);
    memset(decisions, 0, states / 8);
    for (uint32_t to = 0; to < states; to++) {
        uint32_t middle = batch->backward ? to % half : to / 2;
        uint32_t bit = batch->backward ? to / half : to % 2;
        uint32_t one = batch->backward ? middle * 2 : middle, apart = batch->backward ? 1 : half;
        uint32_t product = trellis_label(b->key, middle) * b->owned;
        int v = b->values[product / 65536], own = from[one + bit * apart], other = from[one + !bit * apart];
        v = product / 32768 % 2 ? -v : v;
        uint32_t decision = decision_of(kernel, batch, b->slot, middle, bit);
        decisions[decision / 8] |= (uint8_t)((other - v > own + v) << decision % 8);
        scores[to] = (int16_t)(other - v > own + v ? other - v : own + v);
    }
    free(from);
}

struct branches {
    int count, first; /* how many; the slot of the first */
    bool backward;
};

/* In arrays of exact size between guard pages */
static void check_kernel(const struct search_kernel *kernel, int register_bits, uint32_t owned, int kind,
                         struct branches how)
{
    size_t states = (size_t)1 << register_bits, score_bytes = states * sizeof(int16_t);
    size_t value_bytes = (owned + SEARCH_SLACK) * sizeof(int16_t), aligned = (value_bytes + 63) & ~(size_t)63;
    size_t decision_bytes = (size_t)how.count * states / 8,
           room_bytes = SEARCH_BATCH * sizeof(struct search_room);
    int by = how.backward ? 1 : -1, slots = register_bits - 3;
    int16_t *values = guard_alloc(aligned), *a = new_array(states, sizeof *a), *b = guard_alloc(score_bytes);
    uint8_t *da = new_array(decision_bytes, 1), *db = guard_alloc(decision_bytes);
    struct search_batch batch = {.register_bits = register_bits,
                                 .backward = how.backward,
                                 .room = guard_alloc(room_bytes),
                                 .scores = b,
                                 .decisions = db};
    batch.run = (struct search_run){how.backward ? how.first : how.first + 1 - how.count, how.count};
    for (uint32_t i = 0; i < owned + SEARCH_SLACK; i++)
        values[i] = (int16_t)(i < owned ? random_score(owned, i, kind) / 8 : 12345);
    for (uint32_t i = 0; i < states; i++) {
        a[i] = (int16_t)(random_score(owned + 1, i, kind) / 2);
        b[place_of(i, register_bits, how.first, how.backward)] = a[i];
    }
    struct trellis t = {owned, 1, register_bits, (uint64_t)kind};
    for (int k = 0; k < how.count; k++) {
        batch.branch[k] = (struct search_branch){ddz_trellis_branch_key(&t, (uint32_t)k),
                                                 owned - (owned > 1 && k % 2), values, how.first + k * by};
        reference_step(kernel, &batch, k, a, da + (size_t)k * states / 8);
    }
    kernel->step(&batch);
    int next = (how.first + how.count * by + slots) % slots;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < states; i++)
        wrong += b[place_of(i, register_bits, next, how.backward)] != a[i];
    ck_assert_uint_eq(wrong, 0);
    ck_assert_mem_eq(da, db, decision_bytes);
    guard_free(values, aligned);
    guard_free(batch.room, room_bytes);
    guard_free(b, score_bytes);
    guard_free(db, decision_bytes);
    free(a);
    free(da);
}

/* All batches of branches that the search may ask for, of a register */
static void check_batches(const struct search_kernel *kernel, int register_bits, uint32_t owned, int kind)
{
    for (int first = 0; first < register_bits - 3; first++)
        for (int backward = 0; backward <= 1; backward++)
            for (int count = 1; count <= SEARCH_BATCH; count++) {
                int last = backward ? first + count - 1 : first + 1 - count;
                if (last < 0 || last >= register_bits - 3 ||
                    (count > 1 && (first < kernel->part_bits || last < kernel->part_bits)))
                    break;
                check_kernel(kernel, register_bits, owned, kind, (struct branches){count, first, backward});
            }
}

START_TEST(kernels_equal_the_reference)
{
    static const uint32_t owned[] = {1,  2,  3,  4,   5,   15,  16,  17,  31,    32,   33,
                                     63, 64, 65, 127, 128, 129, 255, 999, 32767, 32768};
    for (int k = 0; ddz_search_kernels[k]; k++) {
        if (!kernel_runs(&ddz_search_kernels[k]->kernel, ddz_cpu_features()))
            continue;
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
            for (int kind = 0; kind < 3; kind++)
                check_batches(ddz_search_kernels[k], 8 + (int)(i + (size_t)kind) % 5, owned[i], kind);
        check_batches(ddz_search_kernels[k], 13, 100, 0);
        for (int register_bits = 14; register_bits <= 16; register_bits++)
            for (int backward = 0; backward <= 1; backward++) {
                struct branches high = {3, register_bits - (backward ? 6 : 4), backward};
                struct branches lowest = {1, 0, backward};
                check_kernel(ddz_search_kernels[k], register_bits, 100, 0, high);
                check_kernel(ddz_search_kernels[k], register_bits, SEARCH_TABLE, 0, high);
                check_kernel(ddz_search_kernels[k], register_bits, 100, 0, lowest);
            }
    }
}
END_TEST

/* Score of the best path and of a bit string, in double precision. */
static double score_of(const struct trellis *t, const int32_t *delta, const uint8_t *bits)
{
    int32_t *c = new_array(t->samples, sizeof *c);
    walk_bits(t, bits, t->branches, c, NULL);
    double score = dot(c, delta, t->samples);
    free(c);
    return score;
}

/* How much the rounding of branch values to about 1 / 1000 of the largest may cost. */
static double rounding_bound(const struct trellis *t, const int32_t *delta)
{
    int32_t peak = 0;
    for (uint32_t i = 0; i < t->samples; i++)
        peak = abs(delta[i]) > peak ? abs(delta[i]) : peak;
    double limit = 32766.0 / (2 * t->register_bits + 16);
    return 2 * t->branches * sqrt(t->samples / t->branches + 1.0) * peak / ONE * 0.55 / (limit / 2);
}

/* The best of the strings that begin with the first `given` bits of `prefix` */
static uint32_t exhaustive_search(const struct trellis *t, const int32_t *delta, uint32_t given,
                                  uint32_t prefix, double *best)
{
    uint32_t winner = 0, rest = t->branches - given;
    *best = -1e300;
    for (uint32_t string = prefix >> rest << rest; string >> rest == prefix >> rest; string++) {
        uint8_t bits[2] = {(uint8_t)(string << (16 - t->branches) >> 8),
                           (uint8_t)(string << (16 - t->branches))};
        double score = score_of(t, delta, bits);
        if (score > *best) {
            *best = score;
            winner = string;
        }
    }
    return winner;
}

START_TEST(search_is_exhaustive)
{
    int trials = 0, equal = 0;
    for (uint32_t branches = 1; branches <= 12; branches++)
        for (uint32_t given = 0; given <= branches; given++, trials++) {
            struct trellis t = {branches * 11 + 5, branches, 8, given};
            int32_t *delta = normal_shift(t.samples, 0.3, branches);
            double best;
            uint32_t prefix = (uint32_t)hash_pair(branches, given) >> (32 - branches);
            uint32_t winner = exhaustive_search(&t, delta, given, prefix, &best);
            uint8_t bits[2] = {(uint8_t)(prefix << (16 - branches) >> 8),
                               (uint8_t)(prefix << (16 - branches))};
            search(&t, delta, given, bits, 1, ddz_cpu_features());
            ck_assert_double_ge(score_of(&t, delta, bits), best - rounding_bound(&t, delta));
            equal += (uint32_t)(bits[0] << 8 | bits[1]) == winner << (16 - branches);
            free(delta);
        }
    ck_assert_int_ge(equal, trials - 2);
}
END_TEST

/* Plain Viterbi, forward, on scores in double precision. */
static double reference_best(const struct trellis *t, const int32_t *delta)
{
    uint32_t states = 1u << t->register_bits;
    double *score = new_array(states, sizeof *score), *next = new_array(states, sizeof *next), best = -1e300;
    for (uint32_t s = 1; s < states; s++)
        score[s] = -1e300;
    for (uint32_t i = 0; i < t->branches; i++) {
        uint32_t start = trellis_first(t, i), owned = trellis_first(t, i + 1) - start;
        for (uint32_t s = 0; s < states; s++)
            next[s] = -1e300;
        for (uint32_t window = 0; window < 2 * states; window++) {
            uint32_t label = trellis_label(ddz_trellis_branch_key(t, i), window / 2 % (states / 2));
            double v = sqrt((double)owned) * delta[start + trellis_label_index(label, owned)] / ONE;
            v = (window + window / states + trellis_label_sign(label, owned)) % 2 ? -v : v;
            next[window % states] = fmax(next[window % states], score[window / 2] + v);
        }
        memcpy(score, next, states * sizeof *score);
    }
    for (uint32_t s = 0; s < states; s++)
        best = fmax(best, score[s]);
    free(score);
    free(next);
    return best;
}

START_TEST(search_reaches_the_reference)
{
    static const double sigmas[] = {1e-3, 0.2, 3.0, 1000.0};
    for (int i = 0; i < 4; i++) {
        struct trellis t = {7001, 300, 8 + i % 2, (uint64_t)i};
        int32_t *delta = normal_shift(t.samples, sigmas[i], (uint64_t)i);
        uint8_t bits[38];
        search(&t, delta, 0, bits, 1, ddz_cpu_features());
        ck_assert_int_eq(bits[37] & 15, 0);
        double best = reference_best(&t, delta), found = score_of(&t, delta, bits);
        ck_assert_double_le(found, best * (1 + 1e-4));
        ck_assert_double_ge(found, best * (1 - 1e-3));
        free(delta);
    }
}
END_TEST

/* Nothing to convey, and shifts no picture has. */
START_TEST(search_of_extremes)
{
    struct trellis t = {3000, 200, 10, 5};
    int32_t *delta = new_array(t.samples, sizeof *delta);
    uint8_t bits[25], zero[25] = {0};
    search(&t, delta, 0, bits, 1, ddz_cpu_features());
    ck_assert_mem_eq(bits, zero, sizeof bits);
    for (uint32_t i = 0; i < t.samples; i++)
        delta[i] = i % 3 ? INT32_MIN : INT32_MAX;
    search(&t, delta, 0, bits, 1, ddz_cpu_features());
    /* every branch can gain: the sign is free once the register has filled */
    ck_assert_double_ge(score_of(&t, delta, bits), 0.9 * 200 * sqrt(15.0) * 0x1p31 / ONE);
    free(delta);
}
END_TEST

/* The same bits whatever computes them, in one segment and in many. */
START_TEST(search_is_reproducible)
{
    static const struct trellis cases[] = {
        {30000, 50, 12, 1}, {60000, 6143, 10, 2}, {200003, 20011, 8, 3}, {900000, 3000, 11, 4}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct trellis *t = &cases[k];
        int32_t *delta = normal_shift(t->samples, 0.3, k);
        size_t size = t->branches / 8 + 1;
        uint8_t *first = new_array(size, 1), *bits = new_array(size, 1);
        search(t, delta, 0, first, 1, 0);
        for (int i = 0; ddz_search_kernels[i]; i++)
            for (int threads = 1; threads <= 3; threads++) {
                search(t, delta, 0, bits, threads, ddz_search_kernels[i]->kernel.needs & ddz_cpu_features());
                ck_assert_mem_eq(bits, first, size);
            }
        /* of these bits, some given: no worse ones follow */
        double best = score_of(t, delta, first);
        for (uint32_t given = t->branches / 5; given < t->branches; given += t->branches / 5) {
            memcpy(bits, first, size);
            memset(bits + given / 8 + 1, 0xA5, size - given / 8 - 1);
            search(t, delta, given, bits, 2, ddz_cpu_features());
            ck_assert_mem_eq(bits, first, given / 8);
            ck_assert_double_ge(score_of(t, delta, bits), best * (1 - 1e-3));
        }
        free(delta);
        free(first);
        free(bits);
    }
}
END_TEST

START_TEST(search_without_memory)
{
    enum { ALL = 11 };
    for (int granted = 0; granted <= ALL; granted++) {
        struct ledger l = {.fails_at = granted + 1};
        ddz_allocator allocator = ledger_allocator(&l);
        struct mem mem = ddz_mem_init(&allocator);
        struct viterbi *v = ddz_viterbi_new(&mem, 8, 100, crew(2), ddz_cpu_features());
        ck_assert_int_eq(v != NULL, granted == ALL);
        ddz_viterbi_free(v);
        ck_assert_int_eq(l.alive, 0);
    }
    ddz_viterbi_free(NULL);
}
END_TEST

/* Share of the bits that the score accounts for: 1 would be ideal. */
static double efficiency(uint32_t branches, uint32_t owned, int register_bits, uint64_t key)
{
    struct trellis t = {branches * owned, branches, register_bits, key};
    int32_t *delta = normal_shift(t.samples, sqrt(2 * ln2 / owned), key);
    uint8_t *bits = new_array(branches / 8 + 1, 1);
    search(&t, delta, 0, bits, 1, ddz_cpu_features());
    double score = score_of(&t, delta, bits), norm = dot(delta, delta, t.samples);
    free(delta);
    free(bits);
    return score * score / norm / (2 * ln2 * branches);
}

START_TEST(efficiencies)
{
    static const struct {
        int register_bits;
        double floor;
    } cases[] = {{8, 0.875}, {10, 0.897}, {12, 0.915}, {14, 0.928}, {16, 0.933}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double sum = 0;
        for (uint64_t key = 0; key < 3; key++)
            sum += efficiency(3000, 32, cases[i].register_bits, key) / 3;
        printf("efficiency of 3000 bits, 32 coordinates each, 2^%d states: %.4f\n", cases[i].register_bits,
               sum);
        ck_assert_double_ge(sum, cases[i].floor);
        ck_assert_double_le(sum, 1.0);
    }
}
END_TEST

/* Conveyed bits are uniform: a compressor that gains anything would show waste. */
START_TEST(bits_do_not_compress)
{
    enum { BYTES = 65536 };
    struct trellis t = {BYTES * 8 * 6, BYTES * 8, 8, 1};
    int32_t *delta = normal_shift(t.samples, 0.4, 1);
    uint8_t *bits = new_array(BYTES, 1), *packed = new_array(ZSTD_compressBound(BYTES), 1);
    search(&t, delta, 0, bits, 1, ddz_cpu_features());
    for (int level = 1; level <= 19; level += 9) {
        size_t size = ZSTD_compress(packed, ZSTD_compressBound(BYTES), bits, BYTES, level);
        ck_assert(!ZSTD_isError(size));
        ck_assert_uint_ge(size, BYTES);
    }
    free(delta);
    free(bits);
    free(packed);
}
END_TEST

int main(void)
{
    return RUN("search", 120, CASE("kernels", kernels_equal_the_reference),
               CASE("search", search_is_exhaustive, search_reaches_the_reference, search_of_extremes,
                    search_is_reproducible, search_without_memory),
               CASE("code", efficiencies, bits_do_not_compress));
}
