#include "channel/trellis.h"

#include <string.h>

#include "base/fixed.h"
#include "base/hash.h"

uint32_t ddz_trellis_segments(const struct trellis *t)
{
    uint32_t segments = (uint32_t)(((uint64_t)t->branches + TRELLIS_SEGMENT / 2) / TRELLIS_SEGMENT);
    return segments ? segments : 1;
}

uint32_t ddz_trellis_segment_first(const struct trellis *t, uint32_t s)
{
    uint32_t segments = ddz_trellis_segments(t);
    if (s >= segments)
        return t->branches;
    return (uint32_t)((uint64_t)s * t->branches / segments) & ~7u;
}

struct branch_key ddz_trellis_branch_key(const struct trellis *t, uint32_t branch)
{
    uint64_t h = hash_pair(t->key, branch);
    uint32_t odd = (uint32_t)(h >> 16) | 1;
    return (struct branch_key){(uint32_t)h & 0xFFFF, odd << (17 - t->register_bits) & 0xFFFF};
}

int32_t ddz_trellis_amplitude(uint32_t owned)
{
    return (int32_t)((ddz_isqrt64((uint64_t)owned << 26) + 1) >> 1);
}

struct impulses ddz_trellis_impulses(const struct trellis *t)
{
    uint32_t least = t->samples / t->branches;
    int32_t one = ddz_trellis_amplitude(least), other = ddz_trellis_amplitude(least + 1);
    return (struct impulses){{-other, -one, 0, one, other, 0}};
}

struct job {
    const struct trellis *t;
    const uint8_t *bits;
    uint32_t known;
    struct placement where;
    int16_t *c; /* NULL: */
    uint32_t *list;
    uint32_t pieces;
};

/* Branch i's impulse, and where it is; the window's newest bit is that branch's. */
static inline int branch_impulse(const struct job *job, uint32_t i, uint32_t window, uint32_t *at)
{
    const struct trellis *t = job->t;
    uint32_t middle_mask = (1u << (t->register_bits - 1)) - 1;
    uint32_t least = t->samples / t->branches; /* owned by a branch: this or one more */
    uint32_t start = trellis_first(t, i), owned = trellis_first(t, i + 1) - start;
    uint32_t label = trellis_label(ddz_trellis_branch_key(t, i), window >> 1 & middle_mask);
    uint32_t sign = (window ^ window >> t->register_bits ^ trellis_label_sign(label, owned)) & 1;
    int impulse = owned == least ? IMPULSE_LEAST : IMPULSE_MORE;
    *at = placement_at(job->where, start + trellis_label_index(label, owned));
    return sign ? -impulse : impulse;
}

static inline uint32_t next_window(const struct job *job, uint32_t window, uint32_t i)
{
    return window << 1 | (uint32_t)(job->bits[i / 8] >> (7 - i % 8) & 1);
}

/* Of branches first to end, the known bits' impulses; c has none of them yet. */
static void walk_segment(const struct job *job, uint32_t first, uint32_t end)
{
    uint32_t window = 0, at;
    for (uint32_t i = first; i < end; i++) {
        window = next_window(job, window, i);
        int impulse = branch_impulse(job, i, window, &at);
        job->c[at] = (int16_t)impulse;
    }
}

static void list_item(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    uint32_t window = 0, at;
    for (uint32_t i = ddz_trellis_segment_first(job->t, (uint32_t)index),
                  end = ddz_trellis_segment_first(job->t, (uint32_t)index + 1);
         i < end; i++) {
        window = next_window(job, window, i);
        int impulse = branch_impulse(job, i, window, &at);
        job->list[i] = impulse_entry(at, impulse);
    }
}

static void clear_piece(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    size_t first = (size_t)job->t->samples * index / job->pieces,
           end = (size_t)job->t->samples * (index + 1) / job->pieces;
    memset(job->c + first, 0, (end - first) * sizeof *job->c);
}

static void walk_item(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct job *job = argument;
    const struct trellis *t = job->t;
    uint32_t first = ddz_trellis_segment_first(t, (uint32_t)index),
             end = ddz_trellis_segment_first(t, (uint32_t)index + 1);
    uint32_t known = job->known < first ? first : job->known < end ? job->known : end;
    walk_segment(job, first, known);
    uint32_t i = trellis_first(t, known), after = trellis_first(t, end);
    for (uint32_t at = placement_at(job->where, i); i < after; i++, at = placement_next(job->where, at))
        job->c[at] = IMPULSE_UNKNOWN;
}

void ddz_trellis_walk(const struct trellis *t, const uint8_t *bits, uint32_t known, struct placement where,
                      int16_t *c, struct parallel *parallel)
{
    struct job job = {t, bits, known, where, c, NULL, (uint32_t)ddz_parallel_lanes(parallel)};
    ddz_parallel_for(parallel, job.pieces, clear_piece, &job);
    ddz_parallel_for(parallel, ddz_trellis_segments(t), walk_item, &job);
}

void ddz_trellis_list(const struct trellis *t, const uint8_t *bits, struct placement where, uint32_t *list,
                      struct parallel *parallel)
{
    struct job job = {.t = t, .bits = bits, .where = where, .list = list};
    ddz_parallel_for(parallel, ddz_trellis_segments(t), list_item, &job);
}
