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
    int16_t *scores;          /* 2^L */
    int16_t *values;          /* SEARCH_BATCH * VALUES */
    struct search_room *room; /* SEARCH_BATCH */
    uint8_t *decisions;       /* 2^L bits for each branch, in the order in which they are searched */
    struct search_run *runs;  /* of each branch's batch */
};

struct viterbi {
    struct mem mem;
    const struct search_kernel *kernel;
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
    v->kernel = ddz_search_choose(features);
    v->halves = halves;
    size_t decisions = longest_half(branches) * decision_bytes(register_bits);
    bool enough = true;
    for (int i = 0; i < halves && enough; i++) {
        struct half *h = &v->half[i];
        h->scores = ddz_mem_alloc(mem, states(register_bits), sizeof *h->scores);
        h->values = ddz_mem_alloc(mem, (size_t)SEARCH_BATCH * VALUES, sizeof *h->values);
        h->room = ddz_mem_alloc(mem, SEARCH_BATCH, sizeof *h->room);
        h->decisions = ddz_mem_alloc(mem, decisions, 1);
        h->runs = ddz_mem_alloc(mem, longest_half(branches), sizeof *h->runs);
        enough = h->scores && h->values && h->room && h->decisions && h->runs;
    }
    if (enough)
        return v;
    ddz_viterbi_free(v);
    return NULL;
}

uint64_t ddz_viterbi_memory(int register_bits, uint32_t branches, int lanes)
{
    uint64_t half =
        sizeof(struct half) + states(register_bits) * sizeof(int16_t) +
        (uint64_t)SEARCH_BATCH * (VALUES * sizeof(int16_t) + sizeof(struct search_room)) +
        (uint64_t)longest_half(branches) * (decision_bytes(register_bits) + sizeof(struct search_run));
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
        ddz_mem_free(&mem, v->half[i].room);
        ddz_mem_free(&mem, v->half[i].decisions);
        ddz_mem_free(&mem, v->half[i].runs);
    }
    ddz_mem_free(&mem, v);
}

/* ---- Branch values ----------------------------------------------------------------------- */

/* delta * amplitude brought to the range of the scores: (value * mul + 2^15) >> 16 with the values of delta's coordinates,
 * mul being proportional to the amplitude of a branch, which owns `least` coordinates or one more. */
struct scaling {
    uint32_t least;
    int32_t mul[2];
};

/* Largest branch value such that scores, 2 L values apart at most and L values away
 * from where they were at the last renormalisation, fit int16. */
static int16_t value_limit(int register_bits)
{
    return (int16_t)((INT16_MAX - 1) / (3 * register_bits));
}

static struct scaling choose_scaling(const struct trellis *t, const struct coordinates *delta)
{
    struct scaling s = {t->samples / t->branches, {0, 0}};
    /* The shift rounds down, so a negative peak may grow by 1. */
    int64_t largest = (int64_t)(delta->peak >> delta->shift) + 1;
    int64_t limit = (int64_t)value_limit(t->register_bits) << 16;
    int64_t full = ddz_trellis_amplitude(s.least + 1);
    s.mul[0] = (int32_t)(limit * ddz_trellis_amplitude(s.least) / (full * largest));
    s.mul[1] = (int32_t)(limit / largest);
    return s;
}

/* Those of a branch, whose coordinates are `delta` */
static void scale_values(const struct scaling *s, const int16_t *restrict delta, uint32_t owned,
                         int16_t *restrict values)
{
    int32_t mul = s->mul[owned - s->least];
    for (uint32_t i = 0; i < owned; i++)
        values[i] = (int16_t)asr32(delta[i] * mul + (1 << 15), 16);
}

/* ---- Search ------------------------------------------------------------------------------ */

/* A search of all segments */
struct search {
    const struct viterbi *v;
    const struct trellis *t;
    const struct coordinates *delta;
    struct scaling scaling;
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

/* Of a branch, either way (search.h) */
static int slot_of(const struct trellis *t, const struct span *span, uint32_t branch)
{
    int slots = search_slots(t->register_bits);
    return slots - 1 - (int)((branch - span->first) % (uint32_t)slots);
}

/* The lower `bits` bits of x turned to the left */
static uint32_t rotated(uint32_t x, int by, int bits)
{
    const uint32_t mask = (UINT32_C(1) << bits) - 1;
    x &= mask;
    return by % bits == 0 ? x : (x << by % bits | x >> (bits - by % bits)) & mask;
}

/* Every state but `start` begins so far behind that no path from it can ever win. */
static void start_scores(int16_t *scores, int register_bits, uint32_t start)
{
    int16_t behind = (int16_t)(-2 * register_bits * value_limit(register_bits) - 1);
    for (size_t i = 0; i < states(register_bits); i++)
        scores[i] = behind;
    scores[rotated(start, SEARCH_GROUP_BITS, register_bits)] = 0;
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

/* How many branches from one with `slot` on go together: those whose slots, from the top, are in the same three. Slots
 * of the kernel's parts come one by one. */
static int batch_for(const struct search *s, int slot, bool backward)
{
    const int parts = s->v->kernel->part_bits, from_top = search_slots(s->t->register_bits) - 1 - slot;
    if (slot < parts)
        return 1;
    const int rest = SEARCH_BATCH - from_top % SEARCH_BATCH;
    return backward ? from_top % SEARCH_BATCH + 1 : slot - parts + 1 < rest ? slot - parts + 1 : rest;
}

/* Branch `i` and up to count - 1 further ones, by 1 or -1 from each to the next */
static void take_branches(const struct search *s, const struct span *span, const struct half *half,
                          uint32_t i, uint32_t count, struct search_batch *batch)
{
    const struct trellis *t = s->t;
    const int slot = slot_of(t, span, i), most = batch_for(s, slot, batch->backward);
    const int taken = count < (uint32_t)most ? (int)count : most;
    batch->run = (struct search_run){batch->backward ? slot : slot + 1 - taken, taken};
    for (int k = 0; k < taken; k++) {
        uint32_t branch = batch->backward ? i - (uint32_t)k : i + (uint32_t)k;
        uint32_t start = trellis_first(t, branch), owned = trellis_first(t, branch + 1) - start;
        int16_t *values = half->values + (size_t)k * VALUES;
        scale_values(&s->scaling, s->delta->value + start, owned, values);
        batch->branch[k] = (struct search_branch){ddz_trellis_branch_key(t, branch), owned, values,
                                                  slot_of(t, span, branch)};
    }
}

/* `count` branches of a half from `i` on. Scores are brought back to the middle after L branches, by which every path has
 * come from the state that it starts from, and then each time that the slots begin anew. */
static void search_half(const struct search *s, const struct span *span, const struct half *half, uint32_t i,
                        uint32_t count, bool backward)
{
    const uint32_t register_bits = (uint32_t)s->t->register_bits;
    const int first = backward ? 0 : search_slots(s->t->register_bits) - 1;
    struct search_batch batch = {.register_bits = s->t->register_bits,
                                 .backward = backward,
                                 .room = half->room,
                                 .scores = half->scores,
                                 .decisions = half->decisions};
    for (uint32_t done = 0, end; done < count; done = end) {
        end = done < register_bits && count > register_bits ? register_bits : count;
        take_branches(s, span, half, backward ? i - done : i + done, end - done, &batch);
        if (done == register_bits || (done > register_bits && batch.branch[0].slot == first))
            renormalise(half->scores, s->t->register_bits);
        s->v->kernel->step(&batch);
        batch.decisions += (size_t)batch.run.count * decision_bytes(s->t->register_bits);
        for (end = done; end < done + (uint32_t)batch.run.count; end++)
            half->runs[end] = batch.run;
    }
}

static const struct half *half_of(const struct search *s, size_t index)
{
    return &s->v->half[index];
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
        memset(half->scores, 0, states(register_bits) * sizeof *half->scores);
        search_half(s, &span, half, span.end - 1, span.end - span.middle, true);
    } else {
        start_scores(half->scores, register_bits,
                     state_after(s->bits, span.begin, span.first, register_bits));
        search_half(s, &span, half, span.first, span.middle - span.first, false);
    }
}

/* The state with the best score of both halves, where they meet. Among equal ones, that which is the lowest when its bits
 * are where the branches have put them that went before, the first at the top. */
static uint32_t best_state(const struct half *one, const struct half *other, const struct trellis *t,
                           uint32_t before)
{
    const int register_bits = t->register_bits, slots = search_slots(register_bits);
    const int turns = (int)(before % (uint32_t)slots), turn = (int)(before % (uint32_t)register_bits);
    int32_t most = INT32_MIN;
    uint32_t best = 0, lowest = 0;
    for (uint32_t group = 0; group < 1u << slots; group++)
        for (uint32_t place = 0; place < SEARCH_GROUP; place++) {
            uint32_t at = group * SEARCH_GROUP;
            int32_t sum = one->scores[at + place] + other->scores[at + search_place_bits(place, true)];
            if (sum < most)
                continue;
            uint32_t state = place << slots | rotated(group, turns, slots);
            uint32_t position = rotated(state, register_bits - turn, register_bits);
            if (sum > most || position < lowest) {
                most = sum;
                best = state;
                lowest = position;
            }
        }
    return best;
}

/* Number of a decision among those of row `row`, of the branch with `slot`: m is the middle of its window, `slot_bit` what the
 * path has now in its slot */
static size_t decision_at(const struct search *s, const struct half *half, uint32_t row, int slot, uint32_t m,
                          uint32_t slot_bit, bool backward)
{
    const int slots = search_slots(s->t->register_bits);
    uint32_t pair = rotated(m, slot, slots - 1);
    uint32_t place = search_place_bits(m >> (slots - 1), backward);
    return ((size_t)row << s->t->register_bits) +
           search_decision(s->v->kernel, half->runs[row], pair, place, slot_bit);
}

/* From the middle to the end that an item began from. The bits must be zero. */
static void trace_item(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct search *s = argument;
    const struct half *half = half_of(s, index);
    struct span span = span_of(s, s->segment + (uint32_t)(index / 2));
    const int register_bits = s->t->register_bits;
    const uint32_t middle_mask = (UINT32_C(1) << (register_bits - 1)) - 1;
    const bool backward = index % 2;
    uint32_t state =
        best_state(half_of(s, index & ~(size_t)1), half_of(s, index | 1), s->t, span.middle - span.first);
    uint32_t count = backward ? span.end - span.middle : span.middle - span.first;
    for (uint32_t row = count; row-- > 0;) {
        uint32_t i = backward ? span.end - 1 - row : span.first + row;
        uint32_t m = backward ? state & middle_mask : state >> 1;
        uint32_t bit = backward ? state >> (register_bits - 1) : state & 1;
        size_t at = decision_at(s, half, row, slot_of(s->t, &span, i), m, bit, backward);
        uint32_t other = bit ^ (half->decisions[at / 8] >> at % 8 & 1);
        uint32_t sent = backward ? other : bit;
        s->bits[i / 8] |= (uint8_t)(sent << (7 - i % 8));
        state = backward ? m << 1 | other : other << (register_bits - 1) | m;
    }
}

void ddz_viterbi_search(struct viterbi *v, const struct trellis *t, const struct coordinates *delta,
                        uint32_t given, uint8_t *bits)
{
    uint32_t whole = given / 8, segments = ddz_trellis_segments(t), most = (uint32_t)v->halves / 2;
    if (given % 8)
        bits[whole++] &= (uint8_t)(0xFF00 >> given % 8);
    memset(bits + whole, 0, (t->branches + 7) / 8 - whole);
    struct search search = {.v = v, .t = t, .delta = delta, .given = given, .bits = bits};
    search.scaling = choose_scaling(t, delta);
    for (; search.segment < segments; search.segment += most) {
        uint32_t count = segments - search.segment < most ? segments - search.segment : most;
        ddz_parallel_for(v->parallel, 2 * (size_t)count, search_item, &search);
        ddz_parallel_for(v->parallel, 2 * (size_t)count, trace_item, &search);
    }
}
