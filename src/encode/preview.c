#include "encode/preview.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "encode/ideal.h"
#include "encode/shift.h"

enum {
    BEAM = 8,
    PART = 12,                            /* bits that a search adds to those that stand, */
    PARTS = 4,                            /* or more in a step of many: so often it is searched for, */
    MANY = 96,                            /* and with fewer searches in a step of more than these */
    MAX_SAMPLES = 3 * 32 * 32,            /* labels 5 to 7 */
    PATH_STATE = CHAIN_Y | CHAIN_ESTIMATE /* there are no updates in the preview */
};

static const double spread = 0.06; /* of the shifts tried, in units of the step's noise */

/* A chain after some steps, and the bits of all of them and of the step that is being searched. */
struct path {
    struct chain_state *state;
    double error; /* of the estimate after all the bits, squared */
    uint8_t *bits;
};

struct beam {
    int count;
    struct path path[BEAM];
};

/* What one thread searches with, and what it found */
struct worker {
    struct chain *chain;
    struct viterbi *viterbi;
    int32_t shift[MAX_SAMPLES], noise[MAX_SAMPLES];
    int16_t low[MAX_SAMPLES];
    uint8_t far[MAX_SAMPLES / 8 + 1];
    uint8_t *bits; /* of the step */
    double error;
};

struct search {
    struct mem mem;
    struct beam beam[2], *before, *after; /* a part's search */
    struct worker *worker;
    int workers;
    size_t bytes; /* of the preview, each step's bits beginning a byte */
    uint8_t bits[];
};

size_t ddz_preview_offset(const struct schedule *s, int index)
{
    size_t bytes = 0;
    for (int i = 0; i < index; i++)
        bytes += (s->step[i].bits + 7) / 8;
    return bytes;
}

/* The longest trellis that is searched */
static uint32_t most_branches(const struct schedule *s)
{
    uint32_t most = 0;
    for (int i = 0; i < s->preview_steps; i++)
        most = s->step[i].bits > most ? s->step[i].bits : most;
    return most;
}

static int finest_scale(const struct schedule *s)
{
    return s->step[s->preview_steps - 1].scale;
}

uint64_t ddz_preview_memory(const struct schedule *s, const struct pyramid *p, const struct ddz_model *model,
                            int threads, int trials, uint64_t features)
{
    uint32_t width = p->width[finest_scale(s)], height = p->height[finest_scale(s)];
    uint64_t workers = (uint64_t)(threads < trials ? threads : trials);
    uint64_t bytes = ddz_preview_offset(s, s->preview_steps);
    uint64_t worker = sizeof(struct worker) + bytes +
                      ddz_chain_memory_coarse(model, width, height, features) +
                      ddz_viterbi_memory(PREVIEW_TRELLIS_BITS, most_branches(s), 1);
    uint64_t path = ddz_chain_state_memory(width, height, PATH_STATE) + bytes;
    return sizeof(struct search) + workers * worker + 2 * BEAM * path;
}

static void search_free(struct search *s)
{
    struct mem mem = s->mem;
    for (int i = 0; i < 2 * BEAM; i++)
        ddz_chain_state_free(s->beam[i / BEAM].path[i % BEAM].state);
    for (int i = 0; s->worker && i < s->workers; i++) {
        ddz_chain_free(s->worker[i].chain);
        ddz_viterbi_free(s->worker[i].viterbi);
        ddz_mem_free(&mem, s->worker[i].bits);
    }
    ddz_mem_free(&mem, s->worker);
    ddz_mem_free(&mem, s);
}

static bool worker_init(struct worker *w, const ddz_encoder *e, size_t bytes)
{
    w->chain = ddz_chain_new_coarse(e->chain, finest_scale(&e->schedule));
    w->viterbi =
        ddz_viterbi_new(&e->mem, PREVIEW_TRELLIS_BITS, most_branches(&e->schedule), NULL, e->features);
    w->bits = ddz_mem_alloc(&e->mem, bytes, 1);
    return w->chain && w->viterbi && w->bits;
}

static struct search *search_new(const ddz_encoder *e)
{
    size_t bytes = ddz_preview_offset(&e->schedule, e->schedule.preview_steps);
    struct search *s = ddz_mem_alloc(&e->mem, 1, sizeof *s + (size_t)2 * BEAM * bytes);
    if (!s)
        return NULL;
    s->mem = e->mem;
    s->bytes = bytes;
    s->before = &s->beam[0];
    s->after = &s->beam[1];
    for (int i = 0; i < 2 * BEAM; i++)
        s->beam[i / BEAM].path[i % BEAM].bits = s->bits + (size_t)i * bytes;
    s->workers = ddz_parallel_lanes(e->parallel);
    if (s->workers > e->trials)
        s->workers = e->trials;
    s->worker = ddz_mem_alloc(&e->mem, (size_t)s->workers, sizeof *s->worker);
    bool ok = s->worker;
    for (int i = 0; ok && i < s->workers; i++)
        ok = worker_init(&s->worker[i], e, bytes);
    for (int i = 0; ok && i < 2 * BEAM; i++)
        ok = (s->beam[i / BEAM].path[i % BEAM].state = ddz_chain_state_new(s->worker[0].chain, PATH_STATE));
    if (ok)
        return s;
    search_free(s);
    return NULL;
}

static double squared_error(const struct chain *c, const ddz_encoder *e)
{
    int scale = ddz_chain_position(c).scale;
    const int16_t *x = e->x[scale], *estimate = ddz_chain_estimate(c);
    size_t n = ddz_chain_samples(c, scale);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = x[i] - estimate[i];
        sum += difference * difference;
    }
    return sum;
}

/* Where a chain of this error belongs: NULL if it is not among the best, or there already. */
static struct path *place(struct beam *beam, double error)
{
    struct path *worst = NULL;
    for (int i = 0; i < beam->count; i++) {
        struct path *p = &beam->path[i];
        if (p->error == error)
            return NULL;
        if (!worst || p->error > worst->error)
            worst = p;
    }
    if (beam->count < BEAM)
        return &beam->path[beam->count++];
    return error < worst->error ? worst : NULL;
}

/* Bits first to end of step `index`: those before stand, those behind are searched for, too, and again. */
struct part {
    int index;
    uint32_t first, end;
};

/* Search for a part the k-th time. What an earlier search found for it comes first. */
static void try_part(const ddz_encoder *e, struct worker *w, const struct path *from, struct part part, int k)
{
    struct chain *c = w->chain;
    struct shift_room room = {w->shift, {w->low, w->far}};
    int index = part.index;
    const struct step *step = &e->schedule.step[index];
    struct trellis t = ddz_chain_trellis(step, index, step->bits, PREVIEW_TRELLIS_BITS);
    ddz_chain_restore(c, from->state);
    ddz_shift_of_step(e, c, step, &room, NULL);
    if (k > 0) {
        ddz_ideal_draw(hash_pair((uint64_t)index << 32 | part.first, (uint64_t)k), NULL, w->noise,
                       step->samples);
        for (size_t i = 0; i < step->samples; i++)
            w->shift[i] += (int32_t)(spread * w->noise[i]);
    }
    memcpy(w->bits, from->bits + ddz_preview_offset(&e->schedule, index), (step->bits + 7) / 8);
    if (k > 0 || part.first == 0)
        ddz_shift_search(c, w->viterbi, &t, w->shift, part.first, w->bits);
    ddz_chain_apply(c, step, &t, w->bits, step->bits);
    ddz_chain_next_estimate(c);
    w->error = squared_error(c, e);
}

/* Does what a worker found come among the best? While a part of the step is still open, its chain goes on
 * from where it was. */
static void judge(const ddz_encoder *e, struct worker *w, const struct path *from, struct part part,
                  struct beam *after)
{
    struct path *p = place(after, w->error);
    if (!p)
        return;
    uint32_t bits = e->schedule.step[part.index].bits;
    size_t offset = ddz_preview_offset(&e->schedule, part.index);
    if (part.end < bits)
        ddz_chain_restore(w->chain, from->state);
    ddz_chain_save(w->chain, p->state);
    p->error = w->error;
    memcpy(p->bits, from->bits, offset);
    memcpy(p->bits + offset, w->bits, (bits + 7) / 8);
}

static const struct path *best_of(const struct beam *beam)
{
    const struct path *best = &beam->path[0];
    for (int i = 1; i < beam->count; i++)
        if (beam->path[i].error < best->error)
            best = &beam->path[i];
    return best;
}

/* `done` of `total` searches for a part are made; parts are counted by their bits. */
static ddz_status tell_progress(ddz_encoder *e, const struct search *s, struct part part, uint64_t done,
                                uint64_t total)
{
    uint64_t bits = 8 * (uint64_t)ddz_preview_offset(&e->schedule, part.index) + part.first;
    return ddz_progress_tell(&e->progress, bits * total + (part.end - part.first) * done,
                             8 * (uint64_t)s->bytes * total);
}

/* As many searches as there are workers, from number `first` on */
struct round {
    const ddz_encoder *e;
    struct worker *worker;
    const struct beam *before;
    struct part part;
    int first, searches; /* `searches` from each path */
};

static void try_one(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct round *r = argument;
    int number = r->first + (int)index;
    try_part(r->e, &r->worker[index], &r->before->path[number / r->searches], r->part, number);
}

/* The order in which finds are judged does not depend on the number of threads. CANCELLED. */
static ddz_status search_part(ddz_encoder *e, struct search *s, struct part part)
{
    struct beam *before = s->before, *after = s->after;
    uint32_t bits = e->schedule.step[part.index].bits;
    int trials = bits > MANY ? (int)(e->trials * (int64_t)MANY / bits) : e->trials;
    int searches = trials / before->count > 0 ? trials / before->count : 1;
    int end = before->count * searches;
    after->count = 0;
    for (int first = 0; first < end; first += s->workers) {
        int count = s->workers < end - first ? s->workers : end - first;
        if (tell_progress(e, s, part, (uint64_t)first, (uint64_t)end) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        struct round round = {e, s->worker, before, part, first, searches};
        ddz_parallel_for(e->parallel, (size_t)count, try_one, &round);
        for (int i = 0; i < count; i++)
            judge(e, &s->worker[i], &before->path[(first + i) / searches], part, after);
    }
    s->before = after;
    s->after = before;
    return DDZ_OK;
}

/* Search for step after step, part by part. CANCELLED. */
static ddz_status search_all(ddz_encoder *e, struct search *s)
{
    s->before->count = 1;
    ddz_chain_save(s->worker[0].chain, s->before->path[0].state);
    for (int index = 0; index < e->schedule.preview_steps; index++) {
        uint32_t bits = e->schedule.step[index].bits,
                 parts = bits < PARTS * PART ? (bits + PART - 1) / PART : PARTS;
        for (uint32_t i = 0; i < parts; i++) {
            struct part part = {index, bits * i / parts, bits * (i + 1) / parts};
            if (search_part(e, s, part) != DDZ_OK)
                return DDZ_ERR_CANCELLED;
        }
    }
    return DDZ_OK;
}

ddz_status ddz_preview_choose(ddz_encoder *e)
{
    struct search *s = search_new(e);
    ddz_shift_begin(e);
    ddz_status status = s ? search_all(e, s) : DDZ_ERR_MEMORY;
    if (status == DDZ_OK) {
        e->preview_bits = ddz_mem_alloc(&e->mem, s->bytes, 1);
        if (e->preview_bits)
            memcpy(e->preview_bits, best_of(s->before)->bits, s->bytes);
        else
            status = DDZ_ERR_MEMORY;
    }
    if (s)
        search_free(s);
    return status;
}
