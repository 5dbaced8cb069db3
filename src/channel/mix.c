#include "channel/mix.h"

#include <string.h>

#include "base/fixed.h"
#include "format/limits.h"

enum {
    MIN_BLOCK_LIMIT = 4096,                          /* fits the first-level cache; mixes well enough */
    IMPULSES_PER_BLOCK = 32,                         /* so many make a coordinate's sum Gaussian */
    MAX_BLOCK = IMPULSES_PER_BLOCK * STEP_MAX_OWNED, /* a power of 4, too */
    CACHED = 4096,      /* transforms up to this size run in one sweep after the other */
    TURNS_PER_LANE = 4, /* that the units are shared out in, so that threads end at about the same time */
    GROUP = 16,         /* units that are worked on together, at most, */
    GROUP_VALUES =
        1 << 18,      /* and their values, which come in order and cost less than a place among the samples */
    PIECE = 64,       /* coordinates that are visited together */
    LINE_SAMPLES = 32 /* int16 of a cache line */
};

static const uint32_t sample_fraction = 0x9E3779B9u; /* (sqrt 5 - 1) / 2, times 2^32 */
static const uint32_t visit_fraction = 0x6A09E668u;  /* sqrt 2 - 1 */

/* ---- Plan -------------------------------------------------------------------------------- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A stride near the given fraction of n, coprime to n: close enough to the badly approximable
 * fraction to spread evenly, different for every key. */
static uint32_t coprime_stride(uint32_t n, uint32_t fraction, uint64_t random)
{
    uint32_t play = ddz_isqrt64(n);
    uint64_t wanted = ((uint64_t)n * fraction >> 32) + random % play;
    uint32_t stride = (uint32_t)(wanted % n);
    while (gcd(stride, n) != 1)
        stride = stride + 1 < n ? stride + 1 : 1;
    return stride;
}

static uint32_t block_size(uint32_t samples, uint32_t branches)
{
    uint64_t wanted = IMPULSES_PER_BLOCK * (((uint64_t)samples + branches - 1) / branches);
    if (wanted < MIN_BLOCK_LIMIT)
        wanted = MIN_BLOCK_LIMIT;
    uint32_t block = 1;
    while (block <= samples / 4 && block < wanted)
        block *= 4;
    return block;
}

struct mixing ddz_mix_plan(uint32_t samples, uint32_t branches, uint64_t key)
{
    struct mixing m;
    m.samples = samples;
    m.block = block_size(samples, branches);
    m.order = (struct placement){coprime_stride(samples, sample_fraction, hash_pair(key, 0)),
                                 (uint32_t)(hash_pair(key, 1) % samples), samples};
    m.visit = (struct placement){coprime_stride(samples, visit_fraction, hash_pair(key, 2)),
                                 (uint32_t)(hash_pair(key, 3) % samples), samples};
    m.sign_key = hash_pair(key, 4);
    m.overlap_key = hash_pair(key, 5);
    return m;
}

struct mixing ddz_mix_visits(struct placement where)
{
    return (struct mixing){
        .samples = where.count, .block = block_size(where.count, where.count), .order = where};
}

struct placement ddz_mix_positions(const struct mixing *m)
{
    return placement_join(m->order, m->visit);
}

/* ---- Walsh-Hadamard transform ------------------------------------------------------------ */

/* floor(v / 2 + 1/2), modulo 2^32 */
static inline int32_t halve(uint32_t v)
{
    return asr32((int32_t)(v + 1), 1);
}

/* Two levels of butterflies at once, halved: an orthonormal, symmetric transform of 4 values.
 * Unsigned inside, so that hostile values wrap. */
static inline void butterfly4(int32_t *p0, int32_t *p1, int32_t *p2, int32_t *p3)
{
    uint32_t a = (uint32_t)*p0, b = (uint32_t)*p1, c = (uint32_t)*p2, d = (uint32_t)*p3;
    uint32_t ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;
    *p0 = halve(ab + cd);
    *p1 = halve(a_b + c_d);
    *p2 = halve(ab - cd);
    *p3 = halve(a_b - c_d);
}

/* One radix-4 stage over n values whose partners are h apart. */
static void wht_stage(int32_t *x, uint32_t n, uint32_t h)
{
    for (uint32_t i = 0; i < n; i += 4 * h) {
        int32_t *p = x + i;
#pragma omp simd
        for (uint32_t k = 0; k < h; k++)
            butterfly4(p + k, p + k + h, p + k + 2 * h, p + k + 3 * h);
    }
}

/* Orthonormal Walsh-Hadamard transform of n values, n a power of 4; its own inverse, up to
 * rounding. Large ones by quarters, so that most of the work happens in cache. */
static void wht(int32_t *x, uint32_t n)
{
    if (n > CACHED) {
        for (uint32_t i = 0; i < 4; i++)
            wht(x + i * (n / 4), n / 4);
        wht_stage(x, n, n / 4);
        return;
    }
    for (uint32_t h = 1; h < n; h *= 4)
        wht_stage(x, n, h);
}

/* ---- Units ------------------------------------------------------------------------------- */

/*
 * Transforms cover blocks 0, 1, 2... and then, where the samples are no multiple of the block, the
 * last `block` coordinates once more: no coordinate is left in a small block, and a product of
 * orthonormal transforms is one. Signs between the two keep them from undoing each other in part.
 * The inverse takes all in the reverse order. So the last block and what lies behind it are one unit.
 */
uint32_t ddz_mix_unit_count(const struct mixing *m)
{
    return m->samples / m->block;
}

static struct mix_unit unit_of(const struct mixing *m, uint32_t index)
{
    uint32_t first = index * m->block,
             end = index + 1 < ddz_mix_unit_count(m) ? first + m->block : m->samples;
    return (struct mix_unit){first, end - first};
}

/* Signs for the unit's last block, between its two transforms. */
static void flip_last_block(const struct mixing *m, struct mix_unit unit, int32_t *values)
{
    uint32_t end = unit.first + unit.count, first = end - m->block;
    uint64_t signs = hash_pair(m->overlap_key, first / 64) >> first % 64;
    for (uint32_t j = first; j < end; j++, signs >>= 1) {
        if (j % 64 == 0)
            signs = hash_pair(m->overlap_key, j / 64);
        uint32_t flip = -(uint32_t)(signs & 1);
        values[j - unit.first] = (int32_t)(((uint32_t)values[j - unit.first] ^ flip) - flip);
    }
}

void ddz_mix_unit_forward(const struct mixing *m, struct mix_unit unit, int32_t *values)
{
    wht(values, m->block);
    if (unit.count == m->block)
        return;
    flip_last_block(m, unit, values);
    wht(values + (unit.count - m->block), m->block);
}

void ddz_mix_unit_inverse(const struct mixing *m, struct mix_unit unit, int32_t *values)
{
    if (unit.count != m->block) {
        wht(values + (unit.count - m->block), m->block);
        flip_last_block(m, unit, values);
    }
    wht(values, m->block);
}

size_t ddz_mix_room(size_t samples)
{
    return samples < 2 * MAX_BLOCK ? samples : 2 * MAX_BLOCK;
}

/* ---- Visits ------------------------------------------------------------------------------ */

/*
 * The coordinates of a unit lie all over the samples, each in a cache line of its own. So units are worked on in groups
 * that have neighbouring samples: a shift of coordinates is known that moves places by a few samples, and the unit where
 * a unit comes to by it, up to a turn of less than a unit, follows that one.
 */
struct visit {
    uint32_t unit;
    uint32_t
        turn; /* coordinates from the unit's first to where the group's first unit has come, modulo the block */
};

/* Units but for the last one, in the order of their visits */
struct order {
    struct visit *visit; /* NULL: of their numbers */
    uint32_t regular;    /* how many */
    uint32_t room;       /* values that it takes */
};

/* x with a x = 1 modulo n, for a and n coprime */
static uint32_t inverse_of(uint32_t a, uint32_t n)
{
    int64_t r0 = n, r1 = a % n, x0 = 0, x1 = 1;
    while (r1 > 1) {
        int64_t quotient = r0 / r1, r2 = r0 - quotient * r1, x2 = x0 - quotient * x1;
        r0 = r1;
        r1 = r2;
        x0 = x1;
        x1 = x2;
    }
    return (uint32_t)(x1 < 0 ? x1 + n : x1);
}

/* How many units share a cache line, about, if their coordinates are `distance` samples apart: those before turns add
 * up to a whole unit. */
static uint32_t shared(uint32_t distance, int64_t turn, uint32_t block)
{
    uint32_t line = LINE_SAMPLES / distance, turned = block / (uint32_t)(1 + (turn < 0 ? -turn : turn));
    return line < turned ? line : turned;
}

/* The shift of coordinates by which most units share cache lines */
static uint32_t find_shift(const struct mixing *m)
{
    uint32_t n = m->samples, next = inverse_of(m->order.stride, n), best = 0, found = 0;
    for (uint32_t i = 2; i < 2 * LINE_SAMPLES; i++) {
        uint64_t there = (uint64_t)(i / 2) * next % n, shift = i % 2 ? n - there : there;
        int64_t turn = (int64_t)(shift + m->block / 2) % m->block - m->block / 2;
        uint32_t score = shared(i / 2, turn, m->block);
        if (score > best) {
            found = (uint32_t)shift;
            best = score;
        }
    }
    return found;
}

/* Follows the shift from unit to unit until it comes to one that has been visited, and begins anew with one that has
 * not. `visited`: a bit for each unit. */
static void follow_shift(const struct mixing *m, struct order *order, uint32_t *visited)
{
    const uint32_t shift = find_shift(m), block = m->block, n = m->samples;
    uint32_t unit = 0, fresh = 0, at = 0; /* at: where the first coordinate of the first unit has come */
    for (uint32_t i = 0; i < order->regular; i++) {
        if (unit >= order->regular || visited[unit / 32] >> unit % 32 & 1) {
            while (visited[fresh / 32] >> fresh % 32 & 1)
                fresh++;
            unit = fresh;
            at = unit * block;
        }
        visited[unit / 32] |= UINT32_C(1) << unit % 32;
        order->visit[i] = (struct visit){unit, at % block};
        at = at >= n - shift ? at - (n - shift) : at + shift;
        unit = (uint32_t)(((uint64_t)at + block / 2) / block);
    }
}

static struct order order_units(const struct mixing *m, struct mix_room room)
{
    struct order order = {NULL, ddz_mix_unit_count(m) - 1, 0};
    uint32_t words = order.regular / 32 + 1, values = 2 * order.regular + words;
    if (order.regular < GROUP || room.count < values + 2 * (size_t)m->block)
        return order;
    order.room = values;
    order.visit = (struct visit *)(void *)room.values;
    uint32_t *visited = (uint32_t *)(void *)(room.values + 2 * order.regular);
    memset(visited, 0, words * sizeof *visited);
    follow_shift(m, &order, visited);
    return order;
}

static struct visit visit_of(const struct order *order, uint32_t index)
{
    return order->visit ? order->visit[index] : (struct visit){index, 0};
}

/* One item takes turns with the others. */
struct turns {
    const struct mixing *m;
    struct order order;
    int32_t *values;
    size_t room;  /* for a group, in values: of a lane, */
    bool of_item; /* or of an item, where there is not enough for all lanes */
    uint32_t items, members, groups;
    const struct mix_phase *phase;
    int phases;
    void *argument;
};

static void visit_pieces(const struct turns *t, mix_work *work, struct mix_unit unit, int32_t *values)
{
    for (uint32_t at = 0; at < unit.count; at += PIECE) {
        uint32_t rest = unit.count - at;
        struct mix_unit piece = {unit.first + at, rest < PIECE ? rest : PIECE};
        work(t->m, piece, values + at, t->argument);
    }
}

/* Pieces of all units of a group in turn, each unit's from its own turn on */
static void visit_group(const struct turns *t, mix_work *work, uint32_t first, uint32_t count,
                        int32_t *values)
{
    uint32_t block = t->m->block, size = block < PIECE ? block : PIECE, pieces = block / size;
    for (uint32_t p = 0; p < pieces; p++)
        for (uint32_t i = 0; i < count; i++) {
            struct visit visit = visit_of(&t->order, first + i);
            uint32_t at = (p * size + visit.turn) % block / size * size;
            struct mix_unit piece = {visit.unit * block + at, size};
            work(t->m, piece, values + (size_t)i * block + at, t->argument);
        }
}

static void take_group(const struct turns *t, uint32_t group, int32_t *values)
{
    uint32_t first = group * t->members, rest = t->order.regular - first;
    uint32_t count = rest < t->members ? rest : t->members, block = t->m->block;
    struct mix_unit last = unit_of(t->m, t->order.regular);
    bool is_last = group + 1 == t->groups;
    for (int k = 0; k < t->phases; k++) {
        mix_work *work = t->phase[k].work;
        if (is_last && t->phase[k].whole)
            work(t->m, last, values, t->argument);
        else if (is_last)
            visit_pieces(t, work, last, values);
        else if (t->phase[k].whole)
            for (uint32_t i = 0; i < count; i++)
                work(t->m, unit_of(t->m, visit_of(&t->order, first + i).unit), values + (size_t)i * block,
                     t->argument);
        else
            visit_group(t, work, first, count, values);
    }
}

static void take_turns(void *argument, size_t index, int lane)
{
    const struct turns *t = argument;
    int32_t *values = t->values + (t->of_item ? index : (size_t)lane) * t->room;
    for (uint32_t i = (uint32_t)index; i < t->groups; i += t->items)
        take_group(t, i, values);
}

/* Units of a group, `most` at most */
static uint32_t members_of(const struct turns *t, uint32_t most)
{
    size_t values = t->room < GROUP_VALUES ? t->room : GROUP_VALUES, members = values / t->m->block;
    members = members < GROUP ? members : GROUP;
    members = members < most ? members : most;
    return members > 1 ? (uint32_t)members : 1;
}

/* As many items as there is room for, or any number if there is for all lanes, and groups as large as leave work for all of
 * them */
void ddz_mix_units(const struct mixing *m, struct mix_room room, struct parallel *parallel,
                   const struct mix_phase *phase, int phases, void *argument)
{
    struct turns t = {
        .m = m, .order = order_units(m, room), .phase = phase, .phases = phases, .argument = argument};
    uint32_t units = t.order.regular + 1, last = unit_of(m, t.order.regular).count;
    t.values = room.values + t.order.room;
    room.count -= t.order.room;
    const uint32_t lanes = (uint32_t)ddz_parallel_lanes(parallel), rooms = (uint32_t)(room.count / last);
    t.of_item = rooms < lanes;
    t.items = t.of_item ? rooms : TURNS_PER_LANE * lanes;
    t.items = units < t.items ? units : t.items;
    t.room = room.count / (t.of_item ? t.items : lanes);
    t.members = members_of(&t, units / t.items);
    t.groups = (t.order.regular + t.members - 1) / t.members + 1;
    ddz_parallel_for(parallel, t.items, take_turns, &t);
}

/* ---- Whole vectors ----------------------------------------------------------------------- */

static void take_signed(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = mix_sign(&c, vector[c.at]);
}

static void put_signed(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        vector[c.at] = mix_sign(&c, values[i]);
}

static void take_plain(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = vector[c.at];
}

static void put_plain(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        vector[c.at] = values[i];
}

static void transform(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    (void)argument;
    ddz_mix_unit_forward(m, unit, values);
}

static void transform_back(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    (void)argument;
    ddz_mix_unit_inverse(m, unit, values);
}

void ddz_mix_forward(const struct mixing *m, int32_t *values, struct mix_room room, struct parallel *parallel)
{
    static const struct mix_phase phases[] = {{take_signed, false}, {transform, true}, {put_plain, false}};
    ddz_mix_units(m, room, parallel, phases, 3, values);
}

void ddz_mix_inverse(const struct mixing *m, int32_t *values, struct mix_room room, struct parallel *parallel)
{
    static const struct mix_phase phases[] = {
        {take_plain, false}, {transform_back, true}, {put_signed, false}};
    ddz_mix_units(m, room, parallel, phases, 3, values);
}
