/* The channel: mixing, the trellis code and its search. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "channel/mix.h"
#include "channel/search/search.h"
#include "channel/trellis.h"
#include "channel/viterbi.h"
#include "cpu/cpu.h"
#include "crew.h"
#include "guard.h"
#include "runner.h"

enum { ONE = 4096 }; /* 1.0 in q12 */

static const double ln2 = 0.69314718055994530942;

/* ---- Helpers ----------------------------------------------------------------------------- */

static void *alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static double uniform(uint64_t key, uint64_t i)
{
    return ((double)(hash_pair(key, i) >> 11) + 0.5) * 0x1p-53;
}

/* Standard normal, by Box and Muller. */
static double normal(uint64_t key, uint64_t i)
{
    return sqrt(-2 * log(uniform(key, 2 * i))) * cos(2 * acos(-1.0) * uniform(key, 2 * i + 1));
}

static int32_t *normal_shift(uint32_t n, double sigma, uint64_t key)
{
    int32_t *d = alloc(n, sizeof *d);
    for (uint32_t i = 0; i < n; i++)
        d[i] = (int32_t)lrint(normal(key, i) * sigma * ONE);
    return d;
}

static void random_bytes(uint8_t *p, size_t size, uint64_t key)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)hash_pair(key, i);
}

static double dot(const int32_t *a, const int32_t *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum / ((double)ONE * ONE);
}

static void search(const struct trellis *t, const int32_t *delta, uint32_t given, uint8_t *bits, int threads,
                   uint64_t features)
{
    struct mem mem = ddz_mem_init(NULL);
    /* a workspace for longer registers serves as well */
    struct viterbi *v = ddz_viterbi_new(&mem, t->register_bits + (threads > 1), crew(threads), features);
    ck_assert_ptr_nonnull(v);
    ddz_viterbi_search(v, t, delta, given, bits);
    ddz_viterbi_free(v);
}

/* ---- Mixing ------------------------------------------------------------------------------ */

static void check_round_trip(uint32_t n, uint32_t branches, uint64_t key)
{
    struct mixing m = ddz_mix_plan(n, branches, key);
    int32_t *plain = normal_shift(n, 1.0, key), *mixed = alloc(n, sizeof *mixed);
    int32_t *back = alloc(n, sizeof *back), *scratch = alloc(n, sizeof *scratch);
    ddz_mix_forward(&m, plain, mixed, scratch, NULL);
    double energy = dot(plain, plain, n);
    ck_assert_double_eq_tol(dot(mixed, mixed, n), energy, 0.002 * energy + 1e-6);
    memset(scratch, 0x55, n * sizeof *scratch);
    ddz_mix_inverse(&m, mixed, back, scratch, NULL);
    double error = 0;
    for (uint32_t i = 0; i < n; i++)
        error += pow((double)back[i] - plain[i], 2);
    ck_assert_double_le(error / n, 16.0);
    free(plain);
    free(mixed);
    free(back);
    free(scratch);
}

START_TEST(mixing_round_trip)
{
    for (uint32_t n = 1; n <= 300; n++)
        check_round_trip(n, 1 + n / 3, n);
    check_round_trip(4096, 4096, 1);
    check_round_trip(4095, 10, 2);
    check_round_trip(5000, 1, 3);
    check_round_trip(100003, 12, 4);
    check_round_trip(100003, 50000, 5);
    check_round_trip(768 * 512 * 3, 20000, 6);
}
END_TEST

START_TEST(mixing_plan_bounds)
{
    for (uint32_t n = 1; n < 70000; n += 1 + n / 7)
        for (uint32_t branches = 1; branches <= n; branches = 3 * branches + 1) {
            struct mixing m = ddz_mix_plan(n, branches, n + branches);
            ck_assert_uint_le(m.block, n);
            ck_assert_uint_eq(m.block & (m.block - 1), 0);
            ck_assert(m.block & 0x55555555u);
            ck_assert(m.block > n / 4 || m.block >= 4096);
            ck_assert(m.block > n / 4 || (uint64_t)m.block * branches >= 32 * (uint64_t)n);
        }
}
END_TEST

/* Of an impulse only block coordinates know, each the same amount; different impulses stay
 * orthogonal. All exact: the impulse is a large power of two. */
START_TEST(mixing_of_impulses)
{
    enum { N = 3 * 64, BLOCK = 64, IMPULSE = 1 << 20 };
    struct mixing m = ddz_mix_plan(N, 100, 7);
    ck_assert_uint_eq(m.block, BLOCK);
    int32_t mixed[N][N], scratch[N];
    for (int i = 0; i < N; i++) {
        int32_t plain[N] = {0};
        plain[i] = IMPULSE;
        ddz_mix_forward(&m, plain, mixed[i], scratch, NULL);
        int touched = 0;
        for (int p = 0; p < N; p++) {
            ck_assert(mixed[i][p] == 0 || abs(mixed[i][p]) == IMPULSE / 8);
            touched += mixed[i][p] != 0;
        }
        ck_assert_int_eq(touched, BLOCK);
        for (int j = 0; j < i; j++)
            ck_assert_double_eq(dot(mixed[i], mixed[j], N), 0.0);
    }
}
END_TEST

/* Any values at all: defined, and the same for any number of threads. */
START_TEST(mixing_hostile_and_threads)
{
    static const uint32_t sizes[] = {1, 2, 77, 4097, 20000, 70001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        struct mixing m = ddz_mix_plan(n, 1 + n / 40, s);
        int32_t *plain = alloc(n, sizeof *plain), *scratch = alloc(n, sizeof *scratch);
        int32_t *a = alloc(n, sizeof *a), *b = alloc(n, sizeof *b);
        for (uint32_t i = 0; i < n; i++)
            plain[i] = hash_pair(s, i) & 1 ? INT32_MIN : (int32_t)hash_pair(s, i);
        for (int threads = 1; threads <= 5; threads++) {
            ddz_mix_forward(&m, plain, threads == 1 ? a : b, scratch, crew(threads));
            ck_assert(threads == 1 || memcmp(a, b, n * sizeof *a) == 0);
        }
        for (int threads = 1; threads <= 5; threads++) {
            ddz_mix_inverse(&m, plain, threads == 1 ? a : b, scratch, crew(threads));
            ck_assert(threads == 1 || memcmp(a, b, n * sizeof *a) == 0);
        }
        free(plain);
        free(scratch);
        free(a);
        free(b);
    }
}
END_TEST

struct moments {
    double mean, variance, kurtosis;
    double correlation[4]; /* at the lags of a colour picture */
};

static const uint32_t lags[4] = {1, 3, 300, 303};

static struct moments measure(const int32_t *c, uint32_t n)
{
    struct moments s = {0};
    double fourth = 0;
    for (uint32_t i = 0; i < n; i++) {
        double v = (double)c[i] / ONE;
        s.mean += v / n;
        s.variance += v * v / n;
        fourth += v * v * v * v / n;
        for (int k = 0; k < 4; k++)
            s.correlation[k] += i >= lags[k] ? v * c[i - lags[k]] / ONE / n : 0;
    }
    s.kurtosis = fourth / (s.variance * s.variance);
    return s;
}

/* What random bits unmix to must look like white Gaussian noise. */
START_TEST(unmixed_noise)
{
    enum { N = 100000 };
    static const uint32_t branches[] = {32, 33, 200, 3000, 10007, N / 4, N / 2, N};
    int32_t *mixed = alloc(N, sizeof *mixed), *plain = alloc(N, sizeof *plain), *scratch = alloc(N, 4);
    uint8_t *bits = alloc(N / 8 + 1, 1);
    for (size_t b = 0; b < sizeof branches / sizeof *branches; b++)
        for (uint64_t key = 0; key < 4; key++) {
            struct trellis t = {N, branches[b], 12, key};
            struct mixing m = ddz_mix_plan(N, branches[b], key);
            random_bytes(bits, N / 8 + 1, key + 100);
            ddz_trellis_walk(&t, bits, t.branches, mixed, NULL);
            ddz_mix_inverse(&m, mixed, plain, scratch, NULL);
            struct moments s = measure(plain, N);
            double tolerance = branches[b] < 100 ? 0.3 : 0.08;
            ck_assert_double_eq_tol(s.variance, 1.0, 0.003);
            ck_assert_double_eq_tol(s.mean, 0.0, 0.015);
            ck_assert_double_eq_tol(s.kurtosis, 3.0, tolerance);
            for (int k = 0; k < 4; k++)
                ck_assert_double_eq_tol(s.correlation[k], 0.0, 0.02);
        }
    free(mixed);
    free(plain);
    free(scratch);
    free(bits);
}
END_TEST

/* ---- Trellis ----------------------------------------------------------------------------- */

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
        uint8_t *bits = alloc(t->branches / 8 + 1, 1);
        int32_t *c = alloc(t->samples, sizeof *c);
        double *expected = alloc(t->samples, sizeof *expected);
        random_bytes(bits, t->branches / 8 + 1, k);
        /* prefixes too: the coordinates of later branches are 0 */
        uint32_t known[] = {t->branches, t->branches / 2, t->branches - 1, 0};
        for (int p = 0; p < 4; p++) {
            memset(c, 0x55, t->samples * sizeof *c);
            ddz_trellis_walk(t, bits, known[p], c, crew(1 + p));
            reference_walk(t, bits, known[p], expected);
            for (uint32_t i = 0; i < t->samples; i++)
                ck_assert_int_eq(c[i], (int32_t)floor(expected[i] * ONE + 0.5));
        }
        free(bits);
        free(c);
        free(expected);
    }
}
END_TEST

/* ---- Kernels ----------------------------------------------------------------------------- */

static int16_t random_score(uint64_t key, uint64_t i, int kind)
{
    int wide = (int)(hash_pair(key, i) % 40001) - 20000;
    return (int16_t)(kind == 0 ? wide : kind == 1 ? wide / 10000 : wide % 2 ? 20000 : -20000);
}

/* One step as search.h defines it. */
static void reference_step(const struct search_branch *b, const int16_t *scores, int16_t *next,
                           uint32_t *decisions)
{
    uint32_t half = 1u << (b->register_bits - 1);
    memset(decisions, 0, half / 4);
    for (uint32_t state = 0; state < 2 * half; state++) {
        uint32_t m = state / 2, odd = state % 2, label = trellis_label(b->key, m);
        uint32_t product = label * b->owned;
        int v = b->values[product / 65536];
        v = product / 32768 % 2 == odd ? v : -v;
        int first = scores[m] + v, second = scores[m + half] - v;
        next[state] = (int16_t)(second > first ? second : first);
        uint32_t bit = odd * half + m;
        decisions[bit / 32] |= (uint32_t)(second > first) << bit % 32;
    }
}

/* In arrays of exact size between guard pages */
static void check_kernel(search_step_fn *step, int register_bits, uint32_t owned, int kind)
{
    size_t states = (size_t)1 << register_bits, score_bytes = states * sizeof(int16_t);
    size_t value_bytes = (owned + SEARCH_SLACK) * sizeof(int16_t), aligned = (value_bytes + 63) & ~(size_t)63;
    int16_t *values = guard_alloc(aligned), *scores = guard_alloc(score_bytes);
    int16_t *a = guard_alloc(score_bytes), *b = guard_alloc(score_bytes);
    uint32_t *da = guard_alloc(states / 8), *db = guard_alloc(states / 8);
    for (uint32_t i = 0; i < owned + SEARCH_SLACK; i++)
        values[i] = (int16_t)(i < owned ? random_score(owned, i, kind) / 2 : 12345);
    for (size_t i = 0; i < states; i++)
        scores[i] = random_score(owned + 1, i, kind);
    struct trellis t = {owned, 1, register_bits, (uint64_t)kind};
    struct search_branch branch = {ddz_trellis_branch_key(&t, 0), register_bits, owned, values};
    reference_step(&branch, scores, a, da);
    step(&branch, scores, b, db);
    ck_assert_mem_eq(a, b, score_bytes);
    ck_assert_mem_eq(da, db, states / 8);
    guard_free(values, aligned);
    guard_free(scores, score_bytes);
    guard_free(a, score_bytes);
    guard_free(b, score_bytes);
    guard_free(da, states / 8);
    guard_free(db, states / 8);
}

START_TEST(kernels_equal_the_reference)
{
    static const uint32_t owned[] = {1,   2,   3,   31,  32,  33,  63,  64,    65,   127,
                                     128, 129, 200, 255, 256, 257, 999, 32767, 32768};
    for (int k = 0; ddz_search_kernels[k]; k++) {
        if (!kernel_runs(&ddz_search_kernels[k]->kernel, ddz_cpu_features()))
            continue;
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
            for (int kind = 0; kind < 3; kind++)
                for (int register_bits = 8; register_bits <= 16; register_bits += 1 + register_bits / 10)
                    check_kernel(ddz_search_kernels[k]->step, register_bits, owned[i], kind);
    }
}
END_TEST

/* ---- Search ------------------------------------------------------------------------------ */

/* Score of the best path and of a bit string, in double precision. */
static double score_of(const struct trellis *t, const int32_t *delta, const uint8_t *bits)
{
    int32_t *c = alloc(t->samples, sizeof *c);
    ddz_trellis_walk(t, bits, t->branches, c, NULL);
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
    double *score = alloc(states, sizeof *score), *next = alloc(states, sizeof *next), best = -1e300;
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
    int32_t *delta = alloc(t.samples, sizeof *delta);
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
        uint8_t *first = alloc(size, 1), *bits = alloc(size, 1);
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

/* Allocation fails at each place in turn: NULL, nothing lost (the sanitiser looks). */
static void *failing_allocate(void *cookie, size_t size)
{
    int *left = cookie;
    return (*left)-- > 0 ? malloc(size) : NULL;
}

static void failing_release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

START_TEST(search_without_memory)
{
    for (int granted = 0; granted <= 4; granted++) {
        int left = granted;
        ddz_allocator allocator = {failing_allocate, failing_release, &left};
        struct mem mem = ddz_mem_init(&allocator);
        struct viterbi *v = ddz_viterbi_new(&mem, 8, crew(2), ddz_cpu_features());
        ck_assert_int_eq(v != NULL, granted == 4);
        ddz_viterbi_free(v);
    }
    ddz_viterbi_free(NULL);
}
END_TEST

/* ---- The code as a whole ----------------------------------------------------------------- */

/* Share of the bits that the score accounts for: 1 would be ideal. */
static double efficiency(uint32_t branches, uint32_t owned, int register_bits, uint64_t key)
{
    struct trellis t = {branches * owned, branches, register_bits, key};
    int32_t *delta = normal_shift(t.samples, sqrt(2 * ln2 / owned), key);
    uint8_t *bits = alloc(branches / 8 + 1, 1);
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
    uint8_t *bits = alloc(BYTES, 1), *packed = alloc(ZSTD_compressBound(BYTES), 1);
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
    TCase *mixing = tcase_create("mix"), *trellis = tcase_create("trellis"),
          *viterbi = tcase_create("viterbi");
    tcase_add_test(mixing, mixing_round_trip);
    tcase_add_test(mixing, mixing_plan_bounds);
    tcase_add_test(mixing, mixing_of_impulses);
    tcase_add_test(mixing, mixing_hostile_and_threads);
    tcase_add_test(mixing, unmixed_noise);
    tcase_add_test(trellis, segments_cover);
    tcase_add_test(trellis, amplitudes);
    tcase_add_test(trellis, walk_follows_the_definition);
    tcase_add_test(viterbi, kernels_equal_the_reference);
    tcase_add_test(viterbi, search_is_exhaustive);
    tcase_add_test(viterbi, search_reaches_the_reference);
    tcase_add_test(viterbi, search_of_extremes);
    tcase_add_test(viterbi, search_is_reproducible);
    tcase_add_test(viterbi, search_without_memory);
    tcase_add_test(viterbi, efficiencies);
    tcase_add_test(viterbi, bits_do_not_compress);
    TCase *all[] = {mixing, trellis, viterbi};
    return run_cases("channel", 120, all, sizeof all / sizeof *all);
}
