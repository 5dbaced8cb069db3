#include "exact/guess.h"

#include "base/fetch.h"

enum {
    RUN_MOST = 15,
    STATES = 64,    /* of a slot, for a colour that is asked for */
    FLAG_KINDS = 2, /* the first flag of a pixel, and later ones */
    PATTERNS = 64,
    LEAST_BITS = 6,
    MOST_BITS = 17
};

static const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);

static const struct blend_shape shape = {.counted = GUESS_CONTEXTS + GUESS_SLOTS,
                                         .others = 2,
                                         .first_sets = GUESS_MOST * (GUESS_SLOTS + 1),
                                         .second_sets = FLAG_KINDS * PATTERNS,
                                         .contexts = FLAG_KINDS * PATTERNS,
                                         .rate = 8,
                                         .haste = 40,
                                         .limit = 255};

void ddz_guess_place(struct guess *g, struct arena *arena, uint64_t pixels, uint64_t colour_bits)
{
    g->colour_bits = colour_bits;
    g->size_bits = LEAST_BITS;
    while (g->size_bits < MOST_BITS && UINT64_C(1) << g->size_bits < pixels)
        g->size_bits++;
    size_t size = (size_t)1 << g->size_bits;
    g->slots = arena_carve(arena, GUESS_SLOTS * size, sizeof *g->slots);
    g->flags = arena_carve(arena, GUESS_CONTEXTS * 2 * size, sizeof *g->flags);
    g->states = arena_carve(arena, FLAG_KINDS * GUESS_SLOTS * STATES, sizeof *g->states);
    g->weights = arena_carve(arena, ddz_blend_weights(&shape), sizeof *g->weights);
    g->points = arena_carve(arena, ddz_blend_points(&shape), sizeof *g->points);
}

void ddz_guess_init(struct guess *g, const struct mixing_tables *tables)
{
    size_t flags = (size_t)GUESS_CONTEXTS * 2 << g->size_bits;
    for (size_t i = 0; i < flags; i++)
        g->flags[i] = counter_fresh;
    for (size_t i = 0; i < FLAG_KINDS * GUESS_SLOTS * STATES; i++)
        g->states[i] = counter_fresh;
    g->tables = tables;
    ddz_blend_init(&g->blend, tables, &shape, g->weights, g->points);
}

/* ---- Neighbourhoods ------------------------------------------------------------------------ */

static uint64_t add(uint64_t hash, uint64_t colour)
{
    hash = (hash ^ colour) * odd;
    return hash ^ hash >> 29;
}

/* The pixel `up` rows above and `right` columns to the right */
static uint64_t at(const struct neighbours *n, int up, int right)
{
    return n->row[up][(int64_t)n->x + right];
}

struct place {
    int8_t up, right;
};

/* Each neighbourhood has that before it, up to the first of those that stand alone. */
static const struct place growing[][8] = {
    {{0, -1}, {1, 0}},
    {{1, -1}, {1, 1}},
    {{0, -2}, {2, 0}},
    {{2, -1}, {2, 1}, {1, 2}, {1, -2}},
    {{0, -3}, {3, 0}, {1, 3}, {1, -3}, {2, 2}, {2, -2}},
    {{0, -4}, {0, -5}, {4, 0}, {3, 1}, {3, -1}, {1, 4}, {2, 3}, {2, -3}},
    {{0, -6}, {0, -7}, {3, 2}, {3, -2}, {4, 1}, {4, -1}, {1, 5}, {1, 6}},
};

enum { GROWING = 7 };

/* Differences of the neighbours from the one on the left, and contexts of them */
static void hash_differences(struct guess *g, const struct neighbours *n)
{
    uint64_t w = at(n, 0, -1), *h = g->hash + GROWING;
    uint64_t hash = add(add(add(10, at(n, 1, 0) - w), at(n, 1, -1) - w), at(n, 1, 1) - w);
    g->hash[GUESS_CONTEXTS - 1] = hash;
    h[1] = add(add(hash, at(n, 0, -2) - w), at(n, 2, 0) - w);
    h[0] = add(add(add(add(h[1], at(n, 0, -3) - w), at(n, 1, 2) - w), at(n, 1, -2) - w), at(n, 2, 1) - w);
    g->base[GROWING] = g->base[GROWING + 1] = g->base[GUESS_CONTEXTS - 1] = w;
}

static void hash_neighbourhoods(struct guess *g, const struct neighbours *n)
{
    uint64_t hash = 1;
    for (int i = 0; i < GROWING; i++) {
        for (int k = 0; k < 8 && (growing[i][k].up || growing[i][k].right); k++)
            hash = add(hash, at(n, growing[i][k].up, growing[i][k].right));
        g->hash[GROWING - 1 - i] = hash;
    }
    hash_differences(g, n);
    uint64_t *h = g->hash + GUESS_SLOTS;
    h[0] = 0;
    h[1] = add(1, at(n, 0, -1));
    h[2] = add(2, at(n, 1, 0));
    h[3] = add(add(add(add(3, at(n, 0, -1)), at(n, 0, -2)), at(n, 0, -3)), at(n, 0, -4));
    h[4] = add(add(add(4, at(n, 1, 0)), at(n, 2, 0)), at(n, 3, 0));
    h[5] = add(add(5, (n->x & 7) | (n->y & 7) << 3), at(n, 0, -1) * 3 + at(n, 1, 0));
}

/* ---- Guesses ------------------------------------------------------------------------------- */

static struct guess_slot *slot_of(const struct guess *g, int context)
{
    uint64_t mixed = g->hash[context] * odd;
    return g->slots + ((size_t)context << g->size_bits) + (mixed >> (64 - g->size_bits));
}

static uint32_t check_of(const struct guess *g, int context)
{
    return (uint32_t)g->hash[context] | 1;
}

bool ddz_guess_has(const struct guess *g, uint64_t colour)
{
    for (int i = 0; i < g->colours; i++)
        if (g->colour[i] == colour)
            return true;
    return false;
}

static void propose(struct guess *g, uint64_t colour)
{
    if (g->colours < GUESS_MOST && (colour & ~g->colour_bits) == 0 && !ddz_guess_has(g, colour))
        g->colour[g->colours++] = colour;
}

/* The flags' counters of a guess */
static void find_flags(struct guess *g, int number)
{
    const uint64_t colour = g->colour[number];
    g->found = number;
    for (int i = 0; i < GUESS_CONTEXTS; i++) {
        uint64_t mixed = (g->hash[i] ^ (colour - g->base[i] + 1) * UINT64_C(0xD1342543DE82EF95)) * odd;
        g->flag[i] = g->flags + ((size_t)i * 2 << g->size_bits) + (mixed >> (63 - g->size_bits));
        fetch(g->flag[i]);
    }
}

void ddz_guess_look(struct guess *g, const struct neighbours *n)
{
    struct guess_slot *slots[GUESS_SLOTS];
    hash_neighbourhoods(g, n);
    for (int i = 0; i < GUESS_SLOTS; i++) {
        slots[i] = slot_of(g, i);
        fetch(slots[i]);
    }
    g->colours = 0;
    g->known = 0;
    for (int i = 0; i < GUESS_SLOTS; i++) {
        struct guess_slot *slot = slots[i];
        g->slot[i] = slot->check == check_of(g, i) ? slot : NULL;
        if (!g->slot[i])
            continue;
        g->known++;
        propose(g, slot->colour[0] + g->base[i]);
    }
    propose(g, at(n, 0, -1));
    propose(g, at(n, 1, 0));
    propose(g, at(n, 1, 1));
    propose(g, at(n, 1, -1));
    for (int i = 0; i < GUESS_SLOTS; i++)
        if (g->slot[i])
            propose(g, g->slot[i]->colour[1] + g->base[i]);
    g->found = -1;
}

void ddz_guess_expect(struct guess *g)
{
    if (g->asked < g->colours)
        find_flags(g, g->asked);
}

void ddz_guess_learn(struct guess *g, uint64_t colour)
{
    for (int i = 0; i < GUESS_SLOTS; i++) {
        struct guess_slot *slot = g->slot[i];
        uint64_t told = colour - g->base[i];
        if (!slot) {
            *slot_of(g, i) = (struct guess_slot){.colour = {told, told}, .check = check_of(g, i)};
        } else if (slot->colour[0] == told) {
            slot->run += slot->run < RUN_MOST;
        } else {
            slot->colour[1] = slot->colour[0];
            slot->colour[0] = told;
            slot->run = 0;
        }
    }
}

/* ---- Flags --------------------------------------------------------------------------------- */

static uint32_t state_of(const struct guess_slot *slot, uint64_t colour)
{
    if (!slot)
        return 0;
    uint32_t kind = slot->colour[0] == colour ? 1 : slot->colour[1] == colour ? 2 : 3;
    return kind << 4 | slot->run;
}

/* How the neighbours stand to the colour that is asked for, and to each other */
static int pattern_of(const struct neighbours *n, uint64_t colour)
{
    uint64_t w = at(n, 0, -1), up = at(n, 1, 0), nw = at(n, 1, -1), ne = at(n, 1, 1);
    return (w == colour) | (up == colour) << 1 | (nw == colour) << 2 | (ne == colour) << 3 | (w == nw) << 4 |
           (up == ne) << 5;
}

static int code_flag(struct guess *g, struct bit_coder *c, const struct neighbours *n, int number, int flag)
{
    uint64_t colour = g->colour[number];
    counter **counters = g->blend.counters;
    if (g->found != number)
        find_flags(g, number);
    for (int i = 0; i < GUESS_CONTEXTS; i++)
        counters[i] = g->flag[i];
    if (number + 1 < g->colours)
        find_flags(g, number + 1);
    counters += GUESS_CONTEXTS;
    int later = number > 0;
    for (int i = 0; i < GUESS_SLOTS; i++)
        counters[i] =
            g->states + ((later * GUESS_SLOTS + i) * STATES + (int)state_of(g->slot[i], colour - g->base[i]));
    ddz_blend_others(&g->blend)[0] = 256;
    ddz_blend_others(&g->blend)[1] = (int16_t)g->odds[number];
    int pattern = later * PATTERNS + pattern_of(n, colour);
    return ddz_blend_code(&g->blend, c, flag, number * (GUESS_SLOTS + 1) + g->known, pattern, pattern);
}

bool ddz_guess_code(struct guess *g, struct bit_coder *c, const struct neighbours *n, uint64_t *colour)
{
    for (; g->asked < g->colours; g->asked++) {
        const uint64_t guess = g->colour[g->asked];
        if (code_flag(g, c, n, g->asked, *colour == guess)) {
            *colour = guess;
            return true;
        }
        if (ddz_code_ended(c))
            return false;
    }
    return false;
}
