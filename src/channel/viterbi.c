#include "channel/viterbi.h"

#include <string.h>

#include "base/fixed.h"
#include "channel/search/search.h"

enum {
    /* Branches between two renormalisations: at least L, so that by the first every survivor has
     * come from the starting state and no two scores differ by more than 2 L values. */
    RENORM_INTERVAL = 16,
    VALUES = STEP_MAX_OWNED + SEARCH_SLACK
};

struct viterbi {
    struct mem mem;
    search_step_fn *step;
    int register_bits;
    uint32_t segment; /* branches of one, at most */
    struct parallel *parallel;
    /* of each lane, one after the other */
    int16_t *scores;     /* 2 * 2^L */
    int16_t *values;     /* VALUES */
    uint32_t *decisions; /* segment * 2^L bits */
};

/* What one lane works on */
struct job {
    const struct trellis *trellis;
    const int32_t *delta;
    struct placement where;
    search_step_fn *step;
    int16_t *scores, *next, *values;
    uint32_t *decisions;
};

static size_t states(int register_bits)
{
    return (size_t)1 << register_bits;
}

static size_t decision_words(int register_bits)
{
    return states(register_bits) / 32;
}

static uint32_t longest_segment(uint32_t branches)
{
    return branches < TRELLIS_MAX_SEGMENT ? branches : TRELLIS_MAX_SEGMENT;
}

struct viterbi *ddz_viterbi_new(const struct mem *mem, int register_bits, uint32_t branches,
                                struct parallel *parallel, uint64_t features)
{
    struct viterbi *v = ddz_mem_alloc(mem, 1, sizeof *v);
    if (!v)
        return NULL;
    v->mem = *mem;
    v->register_bits = register_bits;
    v->segment = longest_segment(branches);
    v->parallel = parallel;
    v->step = ddz_search_choose(features)->step;
    size_t lanes = (size_t)ddz_parallel_lanes(parallel);
    v->scores = ddz_mem_alloc(mem, ddz_size_mul(lanes, 2 * states(register_bits)), sizeof *v->scores);
    v->values = ddz_mem_alloc(mem, ddz_size_mul(lanes, VALUES), sizeof *v->values);
    v->decisions = ddz_mem_alloc(mem, ddz_size_mul(lanes, v->segment * decision_words(register_bits)),
                                 sizeof *v->decisions);
    if (v->scores && v->values && v->decisions)
        return v;
    ddz_viterbi_free(v);
    return NULL;
}

uint64_t ddz_viterbi_memory(int register_bits, uint32_t branches, int lanes)
{
    uint64_t lane = 2 * states(register_bits) * sizeof(int16_t) + VALUES * sizeof(int16_t) +
                    (uint64_t)longest_segment(branches) * decision_words(register_bits) * sizeof(uint32_t);
    return sizeof(struct viterbi) + (uint64_t)lanes * lane;
}

void ddz_viterbi_free(struct viterbi *v)
{
    if (!v)
        return;
    struct mem mem = v->mem;
    ddz_mem_free(&mem, v->scores);
    ddz_mem_free(&mem, v->values);
    ddz_mem_free(&mem, v->decisions);
    ddz_mem_free(&mem, v);
}

/* ---- Branch values ----------------------------------------------------------------------- */

/* delta * amplitude brought to the range of the scores: ((delta >> shift) * mul + 2^15) >> 16,
 * mul being proportional to the amplitude of a branch, which owns `least` coordinates or one more. */
struct scaling {
    int shift;
    uint32_t least;
    int32_t mul[2];
};

/* Largest branch value such that scores, 2 L values apart at most and RENORM_INTERVAL values away
 * from where they were at the last renormalisation, fit int16. */
static int16_t value_limit(int register_bits)
{
    return (int16_t)((INT16_MAX - 1) / (2 * register_bits + RENORM_INTERVAL));
}

/* Of the coordinates from `first` to `end` */
static uint32_t peak_magnitude(const int32_t *delta, struct placement where, uint32_t first, uint32_t end)
{
    uint32_t peak = 0, at = placement_at(where, first);
    for (uint32_t i = first; i < end; i++, at = placement_next(where, at)) {
        uint32_t magnitude = delta[at] < 0 ? -(uint32_t)delta[at] : (uint32_t)delta[at];
        peak = magnitude > peak ? magnitude : peak;
    }
    return peak;
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

/* Those of a branch whose first coordinate is at *at, which moves on to that of the next branch. */
static void scale_values(const struct scaling *s, const int32_t *delta, struct placement where, uint32_t *at,
                         uint32_t owned, int16_t *values)
{
    int32_t mul = s->mul[owned - s->least];
    for (uint32_t i = 0; i < owned; i++, *at = placement_next(where, *at))
        values[i] = (int16_t)asr32(asr32(delta[*at], s->shift) * mul + (1 << 15), 16);
}

/* ---- Search ------------------------------------------------------------------------------ */

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

/* The lowest of the states with the best score. */
static uint32_t best_state(const int16_t *scores, int register_bits)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < states(register_bits); i++)
        best = scores[i] > scores[best] ? i : best;
    return best;
}

/* The register that the bits from `first` to `end` fill. */
static uint32_t state_after(const uint8_t *bits, uint32_t first, uint32_t end, int register_bits)
{
    uint32_t state = 0;
    for (uint32_t i = first; i < end; i++)
        state = state << 1 | (bits[i / 8] >> (7 - i % 8) & 1);
    return state & ((UINT32_C(1) << register_bits) - 1);
}

/* From the last state back: its low bit is the branch's bit, the decision is the bit that the
 * register lost. `bits` must be zero. */
static void trace_back(const struct job *job, uint32_t state, uint32_t first, uint32_t end, uint8_t *bits)
{
    int register_bits = job->trellis->register_bits;
    size_t words = decision_words(register_bits);
    for (uint32_t i = end; i-- > first;) {
        uint32_t middle = state >> 1, bit = state & 1;
        bits[i / 8] |= (uint8_t)(bit << (7 - i % 8));
        const uint32_t *decisions = job->decisions + words * (i - first) + words / 2 * bit;
        uint32_t lost = decisions[middle / SEARCH_GROUP] >> middle % SEARCH_GROUP & 1;
        state = middle | lost << (register_bits - 1);
    }
}

/* Branches first to end, whose register starts at `begin`. */
static void search_segment(struct job *job, uint32_t begin, uint32_t first, uint32_t end, uint8_t *bits)
{
    const struct trellis *t = job->trellis;
    int register_bits = t->register_bits;
    uint32_t start = trellis_first(t, first), at = placement_at(job->where, start);
    uint32_t peak = peak_magnitude(job->delta, job->where, start, trellis_first(t, end));
    struct scaling scaling = choose_scaling(t, peak);
    start_scores(job->scores, register_bits, state_after(bits, begin, first, register_bits));
    for (uint32_t i = first; i < end; i++) {
        uint32_t after = trellis_first(t, i + 1);
        struct search_branch branch = {ddz_trellis_branch_key(t, i), register_bits, after - start,
                                       job->values};
        scale_values(&scaling, job->delta, job->where, &at, branch.owned, job->values);
        if (i - first && (i - first) % RENORM_INTERVAL == 0)
            renormalise(job->scores, register_bits);
        job->step(&branch, job->scores, job->next,
                  job->decisions + decision_words(register_bits) * (i - first));
        int16_t *swap = job->scores;
        job->scores = job->next;
        job->next = swap;
        start = after;
    }
    trace_back(job, best_state(job->scores, register_bits), first, end, bits);
}

/* A search, and the segments it is cut into */
struct search {
    const struct viterbi *v;
    const struct trellis *t;
    const int32_t *delta;
    struct placement where;
    uint32_t given;
    uint8_t *bits;
};

static void search_item(void *argument, size_t index, int lane)
{
    const struct search *s = argument;
    const struct viterbi *v = s->v;
    size_t number = (size_t)lane;
    struct job job = {.trellis = s->t, .delta = s->delta, .where = s->where, .step = v->step};
    job.scores = v->scores + number * 2 * states(v->register_bits);
    job.next = job.scores + states(v->register_bits);
    job.values = v->values + number * VALUES;
    job.decisions = v->decisions + number * v->segment * decision_words(v->register_bits);
    uint32_t begin = ddz_trellis_segment_first(s->t, (uint32_t)index),
             end = ddz_trellis_segment_first(s->t, (uint32_t)index + 1);
    if (s->given < end)
        search_segment(&job, begin, s->given > begin ? s->given : begin, end, s->bits);
}

void ddz_viterbi_search(struct viterbi *v, const struct trellis *t, const int32_t *delta,
                        struct placement where, uint32_t given, uint8_t *bits)
{
    uint32_t whole = given / 8;
    if (given % 8)
        bits[whole++] &= (uint8_t)(0xFF00 >> given % 8);
    memset(bits + whole, 0, (t->branches + 7) / 8 - whole);
    struct search search = {v, t, delta, where, given, bits};
    ddz_parallel_for(v->parallel, ddz_trellis_segments(t), search_item, &search);
}
