/* A step of the chain, from its bits or its noise. */
#include <assert.h>
#include <string.h>

#include "base/fixed.h"
#include "base/hash.h"
#include "chain/chain.h"
#include "chain/change.h"
#include "chain/fields.h"
#include "channel/impulses.h"
#include "diffusion/lift.h"

static const uint64_t chain_key = 0x64647A2D31u;

struct trellis ddz_chain_trellis(const struct step *step, int index, uint32_t bits, int register_bits)
{
    return (struct trellis){.samples = step->samples,
                            .branches = bits,
                            .register_bits = register_bits,
                            .key = hash_pair(chain_key, (uint64_t)index)};
}

struct reverse_step ddz_chain_reverse_step(const struct step *step)
{
    return step->lift ? ddz_reverse_step_lift(step->level_to)
                      : ddz_reverse_step_of(step->level_from, step->level_to);
}

static struct mixing mixing_of(const struct trellis *t)
{
    return ddz_mix_plan(t->samples, t->branches, t->key);
}

struct coordinates ddz_chain_mix(struct chain *chain, const struct trellis *t, int32_t *shift)
{
    struct mixing m = mixing_of(t);
    ddz_mix_forward(&m, shift, chain->room, chain->parallel);
    return ddz_coordinates_take(shift, ddz_mix_positions(&m), chain->vector, chain->room, chain->parallel);
}

void ddz_chain_draw_bits(uint64_t key, uint8_t *bits, uint32_t count)
{
    for (uint32_t i = 0; i < (count + 7) / 8; i++)
        bits[i] = (uint8_t)hash_pair(key, i);
}

/* Replace the bits from `known` on. */
static void draw_missing(const struct trellis *t, uint8_t *bits, uint32_t known)
{
    for (uint32_t i = known; i < t->branches; i++) {
        uint8_t mask = (uint8_t)(0x80 >> (i & 7));
        bool one = hash_pair(t->key ^ chain_key, i) & 1;
        bits[i >> 3] = (uint8_t)(one ? bits[i >> 3] | mask : bits[i >> 3] & ~mask);
    }
}

/* ---- y ------------------------------------------------------------------------------------- */

/* Of a value of y with this estimate, by noise c */
static inline int32_t change_of(const struct change *change, uint32_t at, int32_t c)
{
    if (!change->estimate)
        return (int32_t)rshift_round(change->step.noise_q8 * c, 20);
    return reverse_step_change(&change->step, change->y[at], change->estimate[at], c);
}

/* Noise of one sample. The samples of a unit are far apart, and a place in memory costs more than what is computed there:
 * so noise that the vector can hold is only put there, for one pass over y from end to end. */
static inline void take_noise(const struct change *change, uint32_t at, int32_t c)
{
    int16_t kept = (int16_t)clamp64(c, INT16_MIN, INT16_MAX);
    change->vector[at] = kept;
    if (change_is_beyond(kept) && change->y)
        change->y[at] += change_of(change, at, c);
}

enum { PASS_PIECE = 1 << 16 };

static size_t pieces_of(size_t samples)
{
    return (samples + PASS_PIECE - 1) / PASS_PIECE;
}

/* The end of a piece */
static size_t piece_end(size_t samples, size_t begin)
{
    return samples - begin < PASS_PIECE ? samples : begin + PASS_PIECE;
}

void ddz_change_pass(const struct change *change, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        if (!change_is_beyond(change->vector[i]))
            change->y[i] += change_of(change, (uint32_t)i, change->vector[i]);
}

static void pass_piece(void *argument, size_t index, int lane)
{
    const struct change *change = argument;
    size_t begin = index * PASS_PIECE;
    (void)lane;
    ddz_change_pass(change, begin, piece_end(change->samples, begin));
}

/* Looked through by all lanes */
struct look {
    const struct change *change;
    bool found[PARALLEL_MAX_THREADS]; /* by each lane */
};

static void look_at_piece(void *argument, size_t index, int lane)
{
    struct look *look = argument;
    size_t begin = index * PASS_PIECE, end = piece_end(look->change->samples, begin);
    bool found = false;
    for (size_t i = begin; i < end; i++)
        found |= change_is_beyond(look->change->vector[i]);
    look->found[lane] |= found;
}

bool ddz_change_has_beyond(const struct chain *chain, const struct change *change)
{
    struct look look = {.change = change};
    bool found = false;
    ddz_parallel_for(chain->parallel, pieces_of(change->samples), look_at_piece, &look);
    for (int lane = 0; lane < ddz_parallel_lanes(chain->parallel); lane++)
        found |= look.found[lane];
    return found;
}

static void gather_impulses(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = change->impulses.value[change->vector[c.at] - IMPULSE_FIRST];
}

static void spread_impulses(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    ddz_impulse_list_spread(change->list, m, unit, values);
}

/* A unit's impulses into its noise, in linear order */
static void unmix(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    (void)argument;
    ddz_mix_unit_inverse(m, unit, values);
}

static void take_noise_of(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        take_noise(change, c.at, mix_sign(&c, values[i]));
}

/* ---- A part of a step: the part of the change that known coordinates have --------------------- */

static void change_noise(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        values[i] = mix_sign(&c, change_of(change, c.at, mix_sign(&c, values[i])));
}

static void mix_change(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    (void)argument;
    ddz_mix_unit_forward(m, unit, values);
}

static void drop_unknown(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        if (change->vector[c.at] == IMPULSE_UNKNOWN)
            values[i] = 0;
}

static void add_change(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct change *change = argument;
    struct mix_cursor c = mix_begin(m, unit);
    for (uint32_t i = 0; i < unit.count; i++, mix_advance(&c))
        change->y[c.at] += mix_sign(&c, values[i]);
}

static void take_part(struct chain *chain, const struct mixing *m, struct change *change)
{
    static const struct mix_phase phases[] = {
        {gather_impulses, false}, {unmix, true}, {change_noise, false}, {mix_change, true},
        {drop_unknown, false},    {unmix, true}, {add_change, false}};
    ddz_mix_units(m, chain->room, chain->parallel, phases, 7, change);
}

/* ---- Beginning and end ------------------------------------------------------------------------ */

static int32_t *predict_bands(struct chain *chain)
{
    int32_t *bands = chain->y + ddz_chain_samples(chain, chain->scale);
    ddz_lift_predict(chain->estimate, chain->pyramid.width[chain->scale], chain->pyramid.height[chain->scale],
                     bands);
    return bands;
}

const int32_t *ddz_chain_predict_bands(struct chain *chain)
{
    return predict_bands(chain);
}

/* The step begins: a lift's bands, behind the coarse y, are those that the estimate predicts. */
static struct change begin_change(struct chain *chain, const struct step *step)
{
    struct change change = {.step = ddz_chain_reverse_step(step),
                            .y = chain->y,
                            .estimate = chain->estimate,
                            .vector = chain->vector,
                            .samples = step->samples};
    if (!step->lift)
        return change;
    change.y = predict_bands(chain);
    change.estimate = NULL;
    return change;
}

/* A lift joins its bands to the coarse y, where estimate and vector were. */
static void join_bands(struct chain *chain, const struct step *step, const int32_t *bands)
{
    int32_t *fine = (int32_t *)(void *)chain->estimate;
    ddz_lift_join(chain->y, bands, fine, chain->pyramid.width[step->scale],
                  chain->pyramid.height[step->scale]);
    chain->estimate = (int16_t *)(void *)chain->y;
    chain->vector = chain->estimate + chain->capacity;
    chain->y = fine;
}

static void end_change(struct chain *chain, const struct step *step, const struct change *change,
                       int64_t sigma_q8)
{
    if (step->lift)
        join_bands(chain, step, change->y);
    chain_move(chain, step->scale, sigma_q8);
}

/* ---- Steps --------------------------------------------------------------------------------- */

void ddz_change_move(int64_t noise_q8, const int16_t *moved, int16_t *estimate, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t sum = estimate[i] + rshift_round(noise_q8 * moved[i], 20);
        estimate[i] = (int16_t)clamp64(sum, -CENTRE, CENTRE);
    }
}

struct update {
    int64_t noise_q8;
    const int16_t *moved; /* J c */
    int16_t *estimate;
    size_t samples;
};

static void update_piece(void *argument, size_t index, int lane)
{
    const struct update *u = argument;
    size_t begin = index * PASS_PIECE, end = piece_end(u->samples, begin);
    (void)lane;
    ddz_change_move(u->noise_q8, u->moved + begin, u->estimate + begin, end - begin);
}

void ddz_change_pass_all(struct chain *chain, struct change *change)
{
    ddz_parallel_for(chain->parallel, pieces_of(change->samples), pass_piece, change);
}

void ddz_change_update(struct chain *chain, const struct change *change)
{
    struct update update = {change->step.noise_q8, change->vector, chain->estimate, change->samples};
    ddz_chain_times_jacobian(chain, change->vector);
    ddz_parallel_for(chain->parallel, pieces_of(update.samples), update_piece, &update);
    chain->estimate_kind = ESTIMATE_UPDATED;
}

static void end_step(struct chain *chain, const struct step *step, struct change *change)
{
    ddz_change_pass_all(chain, change);
    end_change(chain, step, change, ddz_sigma_q8(step->level_to));
    if (step->update)
        ddz_change_update(chain, change);
}

void ddz_chain_apply_noise(struct chain *chain, const struct step *step, const int32_t *noise)
{
    struct change change = begin_change(chain, step);
    for (uint32_t i = 0; i < step->samples; i++)
        take_noise(&change, i, noise[i]);
    end_step(chain, step, &change);
}

/* The known bits' impulses, into the vector */
static void walk(struct chain *chain, const struct trellis *t, const struct mixing *m, const uint8_t *bits,
                 uint32_t known, struct change *change)
{
    change->impulses = ddz_trellis_impulses(t);
    ddz_trellis_walk(t, bits, known, ddz_mix_positions(m), change->vector, chain->parallel);
}

/* What a call keeps of its views has room for the impulses, unless the bits are many. */
void ddz_change_take(struct chain *chain, const struct trellis *t, const uint8_t *bits, struct change *change)
{
    struct mixing m = mixing_of(t);
    static const struct mix_phase few[] = {{spread_impulses, true}, {unmix, true}, {take_noise_of, false}},
                                  many[] = {{gather_impulses, false}, {unmix, true}, {take_noise_of, false}};
    struct impulse_list list;
    if (ddz_impulse_list_room(t, &m) <= chain->capacity / 4 / sizeof(uint32_t)) {
        list = ddz_impulse_list_make(t, bits, &m, (uint32_t *)(void *)chain->remainders, chain->parallel);
        change->list = &list;
    } else {
        walk(chain, t, &m, bits, t->branches, change);
    }
    ddz_mix_units(&m, chain->room, chain->parallel, change->list ? few : many, 3, change);
    change->list = NULL;
}

void ddz_chain_apply(struct chain *chain, const struct step *step, const struct trellis *t, uint8_t *bits,
                     uint32_t known)
{
    assert(chain->deferred == 0);
    bool fresh = step->lift || step->level_from == LEVEL_NOTHING;
    if (fresh && known < t->branches) {
        draw_missing(t, bits, known);
        known = t->branches;
    }
    struct change change = begin_change(chain, step);
    if (known == t->branches) {
        ddz_change_take(chain, t, bits, &change);
        end_step(chain, step, &change);
    } else {
        struct mixing m = mixing_of(t);
        walk(chain, t, &m, bits, known, &change);
        take_part(chain, &m, &change);
        end_change(chain, step, &change,
                   ddz_sigma_between_q8(step->level_from, step->level_to, known, t->branches));
    }
}
