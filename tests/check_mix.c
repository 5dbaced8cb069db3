/* Mixing, and what noise it makes of random bits */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "channel/coordinates.h"
#include "channel/mix.h"
#include "channel/trellis.h"
#include "crew.h"
#include "guard.h"
#include "runner.h"
#include "shifts.h"

static struct mix_room room_for(uint32_t n)
{
    size_t count = ddz_mix_room(n);
    return (struct mix_room){guard_alloc(count * sizeof(int32_t)), count};
}

static void free_room(struct mix_room room)
{
    guard_free(room.values, room.count * sizeof *room.values);
}

static void check_round_trip(uint32_t n, uint32_t branches, uint64_t key)
{
    struct mixing m = ddz_mix_plan(n, branches, key);
    int32_t *plain = normal_shift(n, 1.0, key), *mixed = guard_copy(plain, n * sizeof *mixed);
    struct mix_room room = room_for(n);
    ddz_mix_forward(&m, mixed, room, NULL);
    double energy = dot(plain, plain, n);
    ck_assert_double_eq_tol(dot(mixed, mixed, n), energy, 0.002 * energy + 1e-6);
    memset(room.values, 0x55, n * sizeof *room.values);
    ddz_mix_inverse(&m, mixed, room, NULL);
    double error = 0;
    for (uint32_t i = 0; i < n; i++)
        error += pow((double)mixed[i] - plain[i], 2);
    ck_assert_double_le(error / n, 16.0);
    free(plain);
    guard_free(mixed, n * sizeof *mixed);
    free_room(room);
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
    int32_t mixed[N][N] = {{0}}, values[N];
    struct mix_room room = {values, N};
    for (int i = 0; i < N; i++) {
        mixed[i][i] = IMPULSE;
        ddz_mix_forward(&m, mixed[i], room, NULL);
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

/* Mixed coordinates lie where the samples did, in an order of which the trellis' is another one. */
START_TEST(positions)
{
    static const uint32_t sizes[] = {1, 2, 3, 77, 4096, 70001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        struct mixing m = ddz_mix_plan(n, 1 + n / 40, s);
        struct placement all = ddz_mix_positions(&m);
        uint8_t *seen = new_array(n, 1);
        uint32_t at = placement_at(all, 0);
        for (uint32_t p = 0; p < n; p++, at = placement_next(all, at)) {
            uint64_t linear = ((uint64_t)m.visit.stride * p + m.visit.offset) % n;
            ck_assert_uint_eq(at, (m.order.stride * linear + m.order.offset) % n);
            ck_assert_uint_eq(at, placement_at(all, p));
            ck_assert_uint_eq(seen[at]++, 0);
        }
        free(seen);
    }
}
END_TEST

/* The transforms as their definition has them, one after the other over the whole vector */
static void reference_transform(int32_t *x, uint32_t n)
{
    for (uint32_t h = 1; h < n; h *= 4)
        for (uint32_t i = 0; i < n; i++)
            if (i / h % 4 == 0) {
                int64_t a = x[i], b = x[i + h], c = x[i + 2 * h], d = x[i + 3 * h];
                x[i] = (int32_t)floor((double)(a + b + c + d + 1) / 2);
                x[i + h] = (int32_t)floor((double)(a - b + c - d + 1) / 2);
                x[i + 2 * h] = (int32_t)floor((double)(a + b - c - d + 1) / 2);
                x[i + 3 * h] = (int32_t)floor((double)(a - b - c + d + 1) / 2);
            }
}

static int32_t signed_by(uint64_t key, uint32_t i, int32_t v)
{
    return hash_pair(key, i / 64) >> i % 64 & 1 ? -v : v;
}

START_TEST(mixing_follows_the_definition)
{
    static const uint32_t sizes[] = {1, 5, 64, 4096 + 64, 20000, 300007};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        struct mixing m = ddz_mix_plan(n, 1 + n / 2000, s);
        struct mix_room room = room_for(n);
        int32_t *plain = normal_shift(n, 3.0, s), *values = guard_copy(plain, n * sizeof *values);
        int32_t *linear = new_array(n, sizeof *linear);
        for (uint32_t j = 0; j < n; j++)
            linear[j] = signed_by(m.sign_key, j, values[placement_at(m.order, j)]);
        for (uint32_t first = 0; first + m.block <= n; first += m.block)
            reference_transform(linear + first, m.block);
        if (n % m.block) {
            for (uint32_t j = n - m.block; j < n; j++)
                linear[j] = signed_by(m.overlap_key, j, linear[j]);
            reference_transform(linear + (n - m.block), m.block);
        }
        ddz_mix_forward(&m, values, room, crew(2));
        for (uint32_t j = 0; j < n; j++)
            ck_assert_int_eq(values[placement_at(m.order, j)], linear[j]);
        free(plain);
        free(linear);
        guard_free(values, n * sizeof *values);
        free_room(room);
    }
}
END_TEST

/* Any values at all: defined, and the same for any number of threads and amount of room. */
START_TEST(mixing_hostile_and_threads)
{
    static const uint32_t sizes[] = {1, 2, 77, 4097, 20000, 70001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        struct mixing m = ddz_mix_plan(n, 1 + n / 40, s);
        int32_t *plain = new_array(n, sizeof *plain);
        int32_t *a = guard_alloc(n * sizeof *a), *b = guard_alloc(n * sizeof *b);
        struct mix_room room = room_for(n), less = {room.values, n < 2 * m.block ? n : 2 * m.block};
        for (uint32_t i = 0; i < n; i++)
            plain[i] = hash_pair(s, i) & 1 ? INT32_MIN : (int32_t)hash_pair(s, i);
        for (int i = 0; i < 10; i++) {
            int threads = 1 + i / 2;
            int32_t *out = i ? b : a;
            memcpy(out, plain, n * sizeof *out);
            ddz_mix_forward(&m, out, i % 2 ? less : room, crew(threads));
            ck_assert_mem_eq(out, a, n * sizeof *a);
        }
        for (int i = 0; i < 10; i++) {
            int threads = 1 + i / 2;
            int32_t *out = i ? b : a;
            memcpy(out, plain, n * sizeof *out);
            ddz_mix_inverse(&m, out, i % 2 ? less : room, crew(threads));
            ck_assert_mem_eq(out, a, n * sizeof *a);
        }
        free(plain);
        free_room(room);
        guard_free(a, n * sizeof *a);
        guard_free(b, n * sizeof *b);
    }
}
END_TEST

/* What has been done to each coordinate: phases in their order, each once, with `room` of its own in between */
struct visits {
    uint8_t *done; /* [samples] */
    uint32_t block, samples;
};

static void visit(const struct visits *v, struct mix_unit unit, int32_t *values, int phase)
{
    uint32_t wrong = 0;
    ck_assert_uint_le(unit.first + unit.count, v->samples);
    for (uint32_t i = 0; i < unit.count; i++) {
        uint32_t at = unit.first + i;
        wrong += v->done[at] != phase || (phase > 0 && values[i] != (int32_t)(3 * at) + phase);
        v->done[at] = (uint8_t)(phase + 1);
        values[i] = (int32_t)(3 * at) + phase + 1;
    }
    ck_assert_uint_eq(wrong, 0);
}

static void visit_piece(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct visits *v = argument;
    (void)m;
    visit(v, unit, values, v->done[unit.first]);
    ck_assert_int_ne(v->done[unit.first], 2);
}

static void visit_whole(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct visits *v = argument;
    uint32_t number = unit.first / v->block;
    ck_assert_uint_eq(unit.first % v->block, 0);
    ck_assert_uint_lt(number, ddz_mix_unit_count(m));
    ck_assert_uint_eq(unit.count, number + 1 < ddz_mix_unit_count(m) ? v->block : v->samples - unit.first);
    visit(v, unit, values, 1);
}

/* Every coordinate once in each phase, whatever the room and the threads */
START_TEST(units_are_visited)
{
    static const uint32_t sizes[] = {1, 3, 16, 77, 4097, 20000, 262144, 300007, 1000003};
    static const struct mix_phase phases[] = {
        {visit_piece, false}, {visit_whole, true}, {visit_piece, false}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int k = 0; k < 6; k++) {
            uint32_t n = sizes[s];
            struct mixing m = ddz_mix_plan(n, 1 + n / (k < 3 ? 100 : 3000), (uint64_t)k);
            struct mix_room room = room_for(n), less = {room.values, n < 2 * m.block ? n : 2 * m.block};
            struct visits v = {new_array(n, 1), m.block, n};
            memset(v.done, 0, n);
            ddz_mix_units(&m, k % 3 == 1 ? less : room, crew(1 + k % 3), phases, 3, &v);
            uint8_t *expected = new_array(n, 1);
            memset(expected, 3, n);
            ck_assert_mem_eq(v.done, expected, n);
            free(expected);
            free(v.done);
            free_room(room);
        }
}
END_TEST

/* A cache of lines of 32 samples, the oldest of which goes first */
enum { CACHE_LINES = 8192 };
struct cache {
    uint32_t line[CACHE_LINES], next;
    uint8_t *there;
    uint32_t misses;
};

static void look_up(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    struct cache *cache = argument;
    struct mix_cursor c = mix_begin(m, unit);
    (void)values;
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c)) {
        uint32_t line = c.at / 32;
        if (cache->there[line])
            continue;
        cache->there[cache->line[cache->next]] = 0;
        cache->there[line] = 1;
        cache->line[cache->next] = line;
        cache->next = (cache->next + 1) % CACHE_LINES;
        cache->misses++;
    }
}

/* Of many more samples than a cache holds, far fewer than one in two are missed in it. */
START_TEST(visits_share_cache_lines)
{
    enum { N = 3000000 };
    static const struct mix_phase phase = {look_up, false};
    struct mix_room room = room_for(N);
    for (uint64_t key = 0; key < 8; key++) {
        struct mixing m = ddz_mix_plan(N, N / 115, key);
        struct cache *cache = calloc(1, sizeof *cache);
        ck_assert_ptr_nonnull(cache);
        cache->there = calloc(N / 32 + 1, 1);
        ck_assert_ptr_nonnull(cache->there);
        struct mixing visits = ddz_mix_visits(ddz_mix_positions(&m));
        ddz_mix_units(key % 2 ? &visits : &m, room, NULL, &phase, 1, cache);
        ck_assert_uint_lt(cache->misses, N / 2);
        free(cache->there);
        free(cache);
    }
    free_room(room);
}
END_TEST

/* In visiting order, as their definition has them, whatever the room and the threads */
START_TEST(coordinates_are_taken)
{
    static const uint32_t sizes[] = {1, 5, 4097, 20000, 300007};
    static const int32_t peaks[] = {0, 3, 16383, 16384, -16384, 1 << 20, INT32_MIN};
    static const int shifts[] = {0, 0, 0, 1, 1, 7, 18};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < sizeof peaks / sizeof *peaks; k++) {
            uint32_t n = sizes[s];
            struct mixing m = ddz_mix_plan(n, 1 + n / 40, k);
            struct placement where = ddz_mix_positions(&m);
            struct mix_room room = room_for(n), less = {room.values, n < 2 * m.block ? n : 2 * m.block};
            int32_t *mixed = guard_alloc(n * sizeof *mixed);
            int16_t *value = guard_alloc(n * sizeof *value);
            uint32_t wrong = 0, peak = peaks[k] < 0 ? -(uint32_t)peaks[k] : (uint32_t)peaks[k];
            for (uint32_t i = 0; i < n; i++)
                mixed[i] = (int32_t)((int64_t)peaks[k] * (int64_t)(hash_pair(k, i) % 2001) / 2001);
            mixed[n / 3] = peaks[k];
            struct coordinates c =
                ddz_coordinates_take(mixed, where, value, k % 2 ? less : room, crew(1 + (int)k % 3));
            for (uint32_t i = 0; i < n; i++)
                wrong += value[i] != floor((double)mixed[placement_at(where, i)] / (1 << shifts[k]));
            ck_assert_ptr_eq(c.value, value);
            ck_assert_int_eq(c.shift, shifts[k]);
            ck_assert_uint_eq(c.peak, peak);
            ck_assert_uint_eq(wrong, 0);
            guard_free(mixed, n * sizeof *mixed);
            guard_free(value, n * sizeof *value);
            free_room(room);
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
    int32_t *mixed = new_array(N, sizeof *mixed), *noise = guard_alloc(N * sizeof *noise);
    struct mix_room room = room_for(N);
    uint8_t *bits = new_array(N / 8 + 1, 1);
    for (size_t b = 0; b < sizeof branches / sizeof *branches; b++)
        for (uint64_t key = 0; key < 4; key++) {
            struct trellis t = {N, branches[b], 12, key};
            struct mixing m = ddz_mix_plan(N, branches[b], key);
            hashed_bytes(bits, N / 8 + 1, key + 100);
            walk_bits(&t, bits, t.branches, mixed, NULL);
            struct placement where = ddz_mix_positions(&m);
            for (uint32_t p = 0; p < N; p++)
                noise[placement_at(where, p)] = mixed[p];
            ddz_mix_inverse(&m, noise, room, NULL);
            struct moments s = measure(noise, N);
            double tolerance = branches[b] < 100 ? 0.3 : 0.08;
            ck_assert_double_eq_tol(s.variance, 1.0, 0.003);
            ck_assert_double_eq_tol(s.mean, 0.0, 0.015);
            ck_assert_double_eq_tol(s.kurtosis, 3.0, tolerance);
            for (int k = 0; k < 4; k++)
                ck_assert_double_eq_tol(s.correlation[k], 0.0, 0.02);
        }
    free(mixed);
    guard_free(noise, N * sizeof *noise);
    free_room(room);
    free(bits);
}
END_TEST

int main(void)
{
    return RUN("mix", 120,
               CASE("mix", mixing_round_trip, mixing_plan_bounds, mixing_of_impulses, positions,
                    mixing_follows_the_definition, mixing_hostile_and_threads, units_are_visited,
                    visits_share_cache_lines, coordinates_are_taken, unmixed_noise));
}
