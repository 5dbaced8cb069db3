#include "channel/mix.h"

#include "base/fixed.h"
#include "base/hash.h"

enum {
    MIN_BLOCK_LIMIT = 4096,  /* fits the first-level cache; mixes well enough */
    IMPULSES_PER_BLOCK = 32, /* so many make a coordinate's sum Gaussian */
    CACHED = 4096            /* transforms up to this size run in one sweep after the other */
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
    m.stride = coprime_stride(samples, sample_fraction, hash_pair(key, 0));
    m.offset = (uint32_t)(hash_pair(key, 1) % samples);
    m.visit_stride = coprime_stride(samples, visit_fraction, hash_pair(key, 2));
    m.visit_offset = (uint32_t)(hash_pair(key, 3) % samples);
    m.sign_key = hash_pair(key, 4);
    m.overlap_key = hash_pair(key, 5);
    return m;
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

/* ---- Permutations ------------------------------------------------------------------------ */

static inline uint32_t affine(uint32_t stride, uint32_t offset, uint32_t n, uint32_t j)
{
    return (uint32_t)(((uint64_t)stride * j + offset) % n);
}

static inline uint32_t next(uint32_t at, uint32_t stride, uint32_t n)
{
    return at >= n - stride ? at - (n - stride) : at + stride;
}

static inline uint64_t sign_word(const struct mixing *m, uint32_t j)
{
    return hash_pair(m->sign_key, j / 64);
}

/* -v if the low bit of `signs` is set; wraps like the transform. */
static inline int32_t apply_sign(int32_t v, uint64_t signs)
{
    uint32_t flip = -(uint32_t)(signs & 1);
    return (int32_t)(((uint32_t)v ^ flip) - flip);
}

/* Linear coordinates first <= j < end from the samples. */
static void gather(const struct mixing *m, const int32_t *plain, int32_t *linear, uint32_t first,
                   uint32_t end)
{
    uint32_t at = affine(m->stride, m->offset, m->samples, first);
    uint64_t signs = sign_word(m, first) >> first % 64;
    for (uint32_t j = first; j < end; j++) {
        if (j % 64 == 0)
            signs = sign_word(m, j);
        linear[j] = apply_sign(plain[at], signs);
        signs >>= 1;
        at = next(at, m->stride, m->samples);
    }
}

static void scatter(const struct mixing *m, const int32_t *linear, int32_t *plain, uint32_t first,
                    uint32_t end)
{
    uint32_t at = affine(m->stride, m->offset, m->samples, first);
    uint64_t signs = sign_word(m, first) >> first % 64;
    for (uint32_t j = first; j < end; j++) {
        if (j % 64 == 0)
            signs = sign_word(m, j);
        plain[at] = apply_sign(linear[j], signs);
        signs >>= 1;
        at = next(at, m->stride, m->samples);
    }
}

/* Signs for the last block, between its two transforms. */
static void flip_last_block(const struct mixing *m, int32_t *linear)
{
    uint64_t signs = 0;
    for (uint32_t j = m->samples - m->block; j < m->samples; j++) {
        if (j % 64 == 0 || j == m->samples - m->block)
            signs = hash_pair(m->overlap_key, j / 64) >> j % 64;
        linear[j] = apply_sign(linear[j], signs);
        signs >>= 1;
    }
}

/* ---- Both directions --------------------------------------------------------------------- */

/* What one item works on: a block, or a piece of the positions. `to` is mixed or plain, `from` the other. */
struct job {
    const struct mixing *m;
    const int32_t *from;
    int32_t *to, *linear;
    uint32_t pieces;
};

static void gather_block(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    uint32_t size = job->m->block, first = (uint32_t)index * size;
    gather(job->m, job->from, job->linear, first, first + size);
    wht(job->linear + first, size);
}

static void scatter_block(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    uint32_t size = job->m->block, first = (uint32_t)index * size;
    wht(job->linear + first, size);
    scatter(job->m, job->linear, job->to, first, first + size);
}

/* First position of a piece; of number `pieces`, the number of samples */
static uint32_t piece_first(const struct job *job, size_t piece)
{
    return (uint32_t)((uint64_t)job->m->samples * piece / job->pieces);
}

/* Linear coordinates into visiting order */
static void visit_piece(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    const struct mixing *m = job->m;
    uint32_t p = piece_first(job, index), end = piece_first(job, index + 1);
    for (uint32_t at = affine(m->visit_stride, m->visit_offset, m->samples, p); p < end; p++) {
        job->to[p] = job->linear[at];
        at = next(at, m->visit_stride, m->samples);
    }
}

static void leave_piece(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    const struct mixing *m = job->m;
    uint32_t p = piece_first(job, index), end = piece_first(job, index + 1);
    for (uint32_t at = affine(m->visit_stride, m->visit_offset, m->samples, p); p < end; p++) {
        job->linear[at] = job->from[p];
        at = next(at, m->visit_stride, m->samples);
    }
}

/*
 * Transforms cover blocks 0, 1, 2... and then, where the samples are no multiple of the block, the
 * last `block` coordinates once more: no coordinate is left in a small block, and a product of
 * orthonormal transforms is one. Signs between the two keep them from undoing each other in part.
 * The inverse takes all in the reverse order.
 */
void ddz_mix_forward(const struct mixing *m, const int32_t *plain, int32_t *mixed, int32_t *scratch,
                     struct parallel *parallel)
{
    uint32_t n = m->samples, blocks = n / m->block;
    struct job job = {m, plain, mixed, scratch, (uint32_t)ddz_parallel_lanes(parallel)};
    ddz_parallel_for(parallel, blocks, gather_block, &job);
    if (n % m->block) {
        gather(m, plain, scratch, blocks * m->block, n);
        flip_last_block(m, scratch);
        wht(scratch + (n - m->block), m->block);
    }
    ddz_parallel_for(parallel, job.pieces, visit_piece, &job);
}

void ddz_mix_inverse(const struct mixing *m, const int32_t *mixed, int32_t *plain, int32_t *scratch,
                     struct parallel *parallel)
{
    uint32_t n = m->samples, blocks = n / m->block;
    struct job job = {m, mixed, plain, scratch, (uint32_t)ddz_parallel_lanes(parallel)};
    ddz_parallel_for(parallel, job.pieces, leave_piece, &job);
    if (n % m->block) {
        wht(scratch + (n - m->block), m->block);
        flip_last_block(m, scratch);
        scatter(m, scratch, plain, blocks * m->block, n);
    }
    ddz_parallel_for(parallel, blocks, scatter_block, &job);
}
