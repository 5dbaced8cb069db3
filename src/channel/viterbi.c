#include "channel/viterbi.h"

#include <stdbool.h>
#include <string.h>

#include "base/fixed.h"
#include "channel/search/search.h"

enum { VALUES = STEP_MAX_OWNED + SEARCH_SLACK }; /* room for those of a branch */

/*
 * A segment is searched from both ends at once, and where the two meet the best path is one that is best on both sides: so
 * that there is work for twice as many threads. A half keeps its decisions until then.
 */
struct half {
    int16_t *scores;    /* 2^L */
    int16_t *values;    /* SEARCH_BATCH * VALUES */
    uint8_t *decisions; /* 2^L bits for each branch, in the order in which they are searched */
};

struct viterbi {
    struct mem mem;
    search_step_fn *step;
    int register_bits;
    struct parallel *parallel;
    int halves; /* that there is room for: an even number */
    struct half half[];
};

static size_t states(int register_bits)
{
    return (size_t)1 << register_bits;
}

static size_t decision_bytes(int register_bits)
{
    return states(register_bits) / 8;
}

/* How long the halves of a segment are: they share no byte of the bit string. */
static uint32_t longest_half(uint32_t branches)
{
    uint32_t segment = branches < TRELLIS_MAX_SEGMENT ? branches : TRELLIS_MAX_SEGMENT;
    return segment / 2 + 8 < segment ? segment / 2 + 8 : segment;
}

static int halves_for(int lanes)
{
    return lanes + lanes % 2;
}

struct viterbi *ddz_viterbi_new(const struct mem *mem, int register_bits, uint32_t branches,
                                struct parallel *parallel, uint64_t features)
{
    int halves = halves_for(ddz_parallel_lanes(parallel));
    struct viterbi *v = ddz_mem_alloc(mem, 1, sizeof *v + (size_t)halves * sizeof *v->half);
    if (!v)
        return NULL;
    v->mem = *mem;
    v->register_bits = register_bits;
    v->parallel = parallel;
    v->step = ddz_search_choose(features)->step;
    v->halves = halves;
    size_t decisions = longest_half(branches) * decision_bytes(register_bits);
    bool enough = true;
    for (int i = 0; i < halves && enough; i++) {
        struct half *h = &v->half[i];
        h->scores = ddz_mem_alloc(mem, states(register_bits), sizeof *h->scores);
        h->values = ddz_mem_alloc(mem, (size_t)SEARCH_BATCH * VALUES, sizeof *h->values);
        h->decisions = ddz_mem_alloc(mem, decisions, 1);
        enough = h->scores && h->values && h->decisions;
    }
    if (enough)
        return v;
    ddz_viterbi_free(v);
    return NULL;
}

uint64_t ddz_viterbi_memory(int register_bits, uint32_t branches, int lanes)
{
    uint64_t half = sizeof(struct half) + states(register_bits) * sizeof(int16_t) +
                    (uint64_t)SEARCH_BATCH * VALUES * sizeof(int16_t) +
                    (uint64_t)longest_half(branches) * decision_bytes(register_bits);
    return sizeof(struct viterbi) + (uint64_t)halves_for(lanes) * half;
}

void ddz_viterbi_free(struct viterbi *v)
{
    if (!v)
        return;
    struct mem mem = v->mem;
    for (int i = 0; i < v->halves; i++) {
        ddz_mem_free(&mem, v->half[i].scores);
        ddz_mem_free(&mem, v->half[i].values);
        ddz_mem_free(&mem, v->half[i].decisions);
    }
    ddz_mem_free(&mem, v);
}

/* ---- Branch values ----------------------------------------------------------------------- */

/* delta * amplitude brought to the range of the scores: ((delta >> shift) * mul + 2^15) >> 16, where delta >> shift fits
 * int16, mul being proportional to the amplitude of a branch, which owns `least` coordinates or one more. */
struct scaling {
    int shift;
    uint32_t least;
    int32_t mul[2];
};

/* Largest branch value such that scores, 2 L values apart at most and L values away
 * from where they were at the last renormalisation, fit int16. */
static int16_t value_limit(int register_bits)
{
    return (int16_t)((INT16_MAX - 1) / (3 * register_bits));
}

/* Of all coordinates */
static uint32_t peak_magnitude(const int32_t *delta, uint32_t n)
{
    int32_t least = 0, most = 0;
    for (uint32_t i = 0; i < n; i++) {
        least = delta[i] < least ? delta[i] : least;
        most = delta[i] > most ? delta[i] : most;
    }
    uint32_t below = -(uint32_t)least, above = (uint32_t)most;
    return below > above ? below : above;
}

static struct scaling choose_scaling(const struct trellis *t, uint32_t peak)
{
    struct scaling s = {0, t->samples / t->branches, {0, 0}};
    while (peak >> s.shift >= 1u << 14)
        s.shift++;
    /* The shift rounds down, so a negative peak may grow by 1. */
    int64_t largest = (int64_t)(peak >> s.shift) + 1;
    int64_t limit = (int64_t)value_limit(t->register_bits) << 16;
    int64_t full = ddz_trellis_amplitude(s.least + 1);
    s.mul[0] = (int32_t)(limit * ddz_trellis_amplitude(s.least) / (full * largest));
    s.mul[1] = (int32_t)(limit / largest);
    return s;
}

/* Those of a branch, whose coordinates are `room` */
static void scale_values(const struct scaling *s, const int16_t *restrict room, uint32_t owned,
                         int16_t *restrict values)
{
    int32_t mul = s->mul[owned - s->least];
    for (uint32_t i = 0; i < owned; i++)
        values[i] = (int16_t)asr32(room[i] * mul + (1 << 15), 16);
}

/* ---- Search ------------------------------------------------------------------------------ */

/* A search of all segments */
struct search {
    const struct viterbi *v;
    const struct trellis *t;
    const int32_t *delta;
    struct placement where;
    struct scaling scaling;
    int16_t *room; /* coordinates in visiting order */
    uint32_t given;
    uint8_t *bits;
    uint32_t segment; /* the first of those that there is room for at a time */
};

/* Branches whose bits are searched for, from both ends as far as the middle */
struct span {
    uint32_t begin; /* of the segment, where the register is empty */
    uint32_t first, middle, end;
};

static struct span span_of(const struct search *s, uint32_t segment)
{
    struct span span = {.begin = ddz_trellis_segment_first(s->t, segment),
                        .end = ddz_trellis_segment_first(s->t, segment + 1)};
    span.first = s->given < span.begin ? span.begin : s->given < span.end ? s->given : span.end;
    span.middle = (span.first + span.end) / 2 & ~7u;
    if (span.middle < span.first)
        span.middle = span.first;
    return span;
}

/* Of positions, the bit that a branch changes */
static int bit_of(const struct trellis *t, const struct span *span, uint32_t branch)
{
    return t->register_bits - 1 - (int)((branch - span->first) % (uint32_t)t->register_bits);
}

/* Every state but `start` begins so far behind that no path from it can ever win. */
static void start_scores(int16_t *scores, int register_bits, uint32_t start)
{
    int16_t behind = (int16_t)(-2 * register_bits * value_limit(register_bits) - 1);
    for (size_t i = 0; i < states(register_bits); i++)
        scores[i] = behind;
    scores[start] = 0;
}

static void renormalise(int16_t *scores, int register_bits)
{
    int16_t origin = scores[0];
    int count = 1 << register_bits;
#pragma omp simd
    for (int i = 0; i < count; i++)
        scores[i] = (int16_t)(scores[i] - origin);
}

/* The register that the bits from `first` to `end` fill. */
static uint32_t state_after(const uint8_t *bits, uint32_t first, uint32_t end, int register_bits)
{
    uint32_t state = 0;
    for (uint32_t i = first; i < end; i++)
        state = state << 1 | (bits[i / 8] >> (7 - i % 8) & 1);
    return state & ((UINT32_C(1) << register_bits) - 1);
}

/* Branch `i` and up to count - 1 further ones, `by` 1 or -1 from each to the next, that a kernel takes together; returns
 * how many. */
static uint32_t take_batch(const struct search *s, const struct span *span, const struct half *half,
                           uint32_t i, uint32_t count, int by, struct search_branch *branch)
{
    const struct trellis *t = s->t;
    int bit = bit_of(t, span, i), low = bit < SEARCH_INNER ? 0 : SEARCH_INNER,
        high = bit < SEARCH_INNER ? SEARCH_INNER : t->register_bits;
    uint32_t room = (uint32_t)(by > 0 ? bit + 1 - low : high - bit);
    count = count < room ? count : room;
    count = count < SEARCH_BATCH ? count : SEARCH_BATCH;
    for (uint32_t k = 0; k<count; k++, i = by> 0 ? i + 1 : i - 1) {
        uint32_t start = trellis_first(t, i), owned = trellis_first(t, i + 1) - start;
        int16_t *values = half->values + (size_t)k * VALUES;
        scale_values(&s->scaling, s->room + start, owned, values);
        branch[k] = (struct search_branch){ddz_trellis_branch_key(t, i), owned, values, bit_of(t, span, i)};
    }
    return count;
}

/* `count` branches of a half from `i` on. Scores that have gone all the way round the register are brought back to the
 * middle; by then every path has come from the state that it starts from. */
static void search_half(const struct search *s, const struct span *span, const struct half *half, uint32_t i,
                        uint32_t count, int by)
{
    int register_bits = s->t->register_bits, round = by > 0 ? register_bits - 1 : 0;
    uint8_t *decisions = half->decisions;
    for (uint32_t done = 0, some; done < count; done += some) {
        struct search_branch branch[SEARCH_BATCH];
        some = take_batch(s, span, half, by > 0 ? i + done : i - done, count - done, by, branch);
        if (done > 0 && branch[0].bit == round)
            renormalise(half->scores, register_bits);
        s->v->step(branch, (int)some, register_bits, half->scores, decisions);
        decisions += some * decision_bytes(register_bits);
    }
}

static const struct half *half_of(const struct search *s, size_t index)
{
    return &s->v->half[index];
}

/* The coordinates of branches first to end into the room, all at once: they come from all over memory, and between two
 * branches the search would push them out of the caches. */
static void collect(const struct search *s, uint32_t first, uint32_t end)
{
    uint32_t i = trellis_first(s->t, first), after = trellis_first(s->t, end);
    for (uint32_t at = placement_at(s->where, i); i < after; i++, at = placement_next(s->where, at))
        s->room[i] = (int16_t)asr32(s->delta[at], s->scaling.shift);
}

/* Item 2 k is the beginning of segment k, 2 k + 1 the end, which may be any state. */
static void search_item(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct search *s = argument;
    const struct half *half = half_of(s, index);
    struct span span = span_of(s, s->segment + (uint32_t)(index / 2));
    int register_bits = s->t->register_bits;
    if (index % 2) {
        collect(s, span.middle, span.end);
        memset(half->scores, 0, states(register_bits) * sizeof *half->scores);
        search_half(s, &span, half, span.end - 1, span.end - span.middle, -1);
    } else {
        collect(s, span.first, span.middle);
        start_scores(half->scores, register_bits,
                     state_after(s->bits, span.begin, span.first, register_bits));
        search_half(s, &span, half, span.first, span.middle - span.first, 1);
    }
}

/* The lowest of the positions with the best score of both halves */
static uint32_t best_position(const int16_t *one, const int16_t *other, int register_bits)
{
    int32_t most = INT32_MIN;
    uint32_t best = 0, count = 1u << register_bits;
    for (uint32_t i = 0; i < count; i++)
        most = one[i] + other[i] > most ? one[i] + other[i] : most;
    while (one[best] + other[best] != most)
        best++;
    return best;
}

/* Whether the best path changes places at a branch that was searched as number `row` */
static uint32_t decision(const struct half *half, size_t bytes, uint32_t row, uint32_t position)
{
    return half->decisions[row * bytes + position / 8] >> position % 8 & 1;
}

/* From the middle to the end that an item began from. The bits must be zero. */
static void trace_item(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct search *s = argument;
    const struct half *half = half_of(s, index);
    struct span span = span_of(s, s->segment + (uint32_t)(index / 2));
    size_t bytes = decision_bytes(s->t->register_bits);
    uint32_t p = best_position(half_of(s, index & ~(size_t)1)->scores, half_of(s, index | 1)->scores,
                               s->t->register_bits);
    uint32_t count = index % 2 ? span.end - span.middle : span.middle - span.first;
    for (uint32_t row = count; row-- > 0;) {
        uint32_t i = index % 2 ? span.end - 1 - row : span.first + row;
        int bit = bit_of(s->t, &span, i);
        uint32_t before = p;
        p ^= decision(half, bytes, row, p) << bit;
        uint32_t sent = (index % 2 ? p : before) >> bit & 1;
        s->bits[i / 8] |= (uint8_t)(sent << (7 - i % 8));
    }
}

void ddz_viterbi_search(struct viterbi *v, const struct trellis *t, const int32_t *delta,
                        struct placement where, int16_t *room, uint32_t given, uint8_t *bits)
{
    uint32_t whole = given / 8, segments = ddz_trellis_segments(t), most = (uint32_t)v->halves / 2;
    if (given % 8)
        bits[whole++] &= (uint8_t)(0xFF00 >> given % 8);
    memset(bits + whole, 0, (t->branches + 7) / 8 - whole);
    struct search search = {
        .v = v, .t = t, .delta = delta, .where = where, .room = room, .given = given, .bits = bits};
    search.scaling = choose_scaling(t, peak_magnitude(delta, t->samples));
    for (; search.segment < segments; search.segment += most) {
        uint32_t count = segments - search.segment < most ? segments - search.segment : most;
        ddz_parallel_for(v->parallel, 2 * (size_t)count, search_item, &search);
        ddz_parallel_for(v->parallel, 2 * (size_t)count, trace_item, &search);
    }
}
