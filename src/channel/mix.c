#include "channel/mix.h"

#include "base/fixed.h"
#include "format/limits.h"

enum {
    MIN_BLOCK_LIMIT = 4096,                          /* fits the first-level cache; mixes well enough */
    IMPULSES_PER_BLOCK = 32,                         /* so many make a coordinate's sum Gaussian */
    MAX_BLOCK = IMPULSES_PER_BLOCK * STEP_MAX_OWNED, /* a power of 4, too */
    CACHED = 4096,     /* transforms up to this size run in one sweep after the other */
    TURNS_PER_LANE = 4 /* that the units are shared out in, so that threads end at about the same time */
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
static uint32_t unit_count(const struct mixing *m)
{
    return m->samples / m->block;
}

static struct mix_unit unit_of(const struct mixing *m, uint32_t index)
{
    uint32_t first = index * m->block, end = index + 1 < unit_count(m) ? first + m->block : m->samples;
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

/* One item takes turns with the others, and has room of its own for one unit. */
struct turns {
    const struct mixing *m;
    int32_t *values;
    uint32_t largest; /* values of a unit */
    uint32_t items;
    mix_work *work;
    void *argument;
};

static void take_turns(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct turns *t = argument;
    for (uint32_t i = (uint32_t)index; i < unit_count(t->m); i += t->items)
        t->work(t->m, unit_of(t->m, i), t->values + index * t->largest, t->argument);
}

void ddz_mix_units(const struct mixing *m, struct mix_room room, struct parallel *parallel, mix_work *work,
                   void *argument)
{
    uint32_t units = unit_count(m), most = TURNS_PER_LANE * (uint32_t)ddz_parallel_lanes(parallel);
    struct turns turns = {m, room.values, unit_of(m, units - 1).count, units, work, argument};
    turns.items = units < most ? units : most;
    if (turns.items > room.count / turns.largest)
        turns.items = (uint32_t)(room.count / turns.largest);
    ddz_parallel_for(parallel, turns.items, take_turns, &turns);
}

/* ---- Whole vectors ----------------------------------------------------------------------- */

static void mix_unit(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = mix_sign(&c, vector[c.at]);
    ddz_mix_unit_forward(m, unit, values);
    c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        vector[c.at] = values[i];
}

static void unmix_unit(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    int32_t *vector = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = vector[c.at];
    ddz_mix_unit_inverse(m, unit, values);
    c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        vector[c.at] = mix_sign(&c, values[i]);
}

void ddz_mix_forward(const struct mixing *m, int32_t *values, struct mix_room room, struct parallel *parallel)
{
    ddz_mix_units(m, room, parallel, mix_unit, values);
}

void ddz_mix_inverse(const struct mixing *m, int32_t *values, struct mix_room room, struct parallel *parallel)
{
    ddz_mix_units(m, room, parallel, unmix_unit, values);
}
