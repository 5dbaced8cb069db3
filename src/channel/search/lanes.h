/*
 * What kernels share whose vectors have one or more groups of 8 scores, the vector's parts. Before it is included, there are
 * defined: the macro PART_BITS, for 2^PART_BITS parts, and the type `vec` of so many times 8 int16; vec_load, vec_store,
 * vec_all (one number everywhere), vec_add, vec_sub, vec_max; vec_zip_low and vec_zip_high, which put the lower or the upper
 * halves of two vectors' parts together, one score of the one and one of the other in turn; unless tables are made with the
 * same vectors, `row`, the vector that they are made with, of ROW scores, row_load, and the macros row_zip_low and
 * row_zip_high; and
 *
 *   void row_scatter(int16_t *to, row r)    part i to `to` + 64 i; of a single part, it is vec_store
 *   vec vec_entry(vec a, vec b)    the upper halves of the products of unsigned numbers, times 16, modulo 2^16
 *   vec vec_gather(const int16_t *table, const uint16_t *offset)   parts that begin offset[part] bytes behind `table`
 *   vec vec_spread(const uint16_t *label)                          parts of label[part] everywhere
 *   vec branch_values(const int16_t *values, vec owned, vec label)     what labels name
 *   void put_decisions(uint8_t *to, vec a, vec b, vec c, vec d)    of p where b > a, and of q where d > c
 *   void vec_split(int slot, vec *a, vec *b)    2 PARTS groups in a row into those whose bit `slot`, below PART_BITS, is
 *   void vec_join(int slot, vec *a, vec *b)     clear, and the others; and back. Only where there are several parts
 *
 * Labels of a group are an eighth of all labels apart: so label * owned / 2^13, which has the coordinate and two bits below
 * it the sign, is a multiple of `owned` apart, modulo 8 owned, and that of the first label tells the others. Therefore there
 * is a table of all groups of 8 values, 8 owned of them, and a group is read from it at once. To make it takes some five
 * operations for each; where there are few states for so many coordinates, values are looked up one by one.
 */
#include <string.h>

#include "channel/search/search.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    PARTS = 1 << PART_BITS,
    LANES = PARTS * SEARCH_GROUP,
    WORTH = 64 /* states for each coordinate that are worth a table */
};

#ifndef row_zip_low
typedef vec row;
enum { ROW = LANES };
#define row_load vec_load
#define row_zip_low vec_zip_low
#define row_zip_high vec_zip_high
#if PART_BITS == 0
#define row_scatter vec_store
#endif
#endif

/* ---- Values ------------------------------------------------------------------------------ */

/* Each value four times, and four times with the other sign; all of it twice */
static void spread_values(const struct search_branch *b, int16_t *spread)
{
    for (uint32_t i = 0; i < b->owned; i++, spread += 8)
        for (int j = 0; j < 4; j++) {
            spread[j] = spread[8 * b->owned + j] = b->values[i];
            spread[4 + j] = spread[8 * b->owned + 4 + j] = (int16_t)-b->values[i];
        }
}

/* A third of turning 8 groups of 8 into those of their first scores, of their second, and so on */
INLINE void zip_all(const row *from, row *to)
{
    for (int i = 0; i < 4; i++) {
        to[2 * i] = row_zip_low(from[i], from[i + 4]);
        to[2 * i + 1] = row_zip_high(from[i], from[i + 4]);
    }
}

/* Whole rows: there may be something behind the last entry. */
static void make_table(const struct search_branch *b, const struct search_batch *batch, int16_t *table)
{
    const uint32_t entries = 8 * b->owned;
    int16_t spread[16 * SEARCH_TABLE + ROW];
    const int16_t *from[8];
    spread_values(b, spread);
    memset(spread + 2 * entries, 0, ROW * sizeof *spread);
    for (uint32_t k = 0; k < 8; k++)
        from[k] = spread + search_place_label(b, batch->register_bits, k, batch->backward) * b->owned;
    for (uint32_t i = 0; i < entries; i += ROW) {
        row v[8], t[8];
        for (uint32_t k = 0; k < 8; k++)
            v[k] = row_load(from[k] + i);
        zip_all(v, t);
        zip_all(t, v);
        zip_all(v, t);
        for (uint32_t k = 0; k < 8; k++)
            row_scatter(table + (size_t)(i + k) * SEARCH_GROUP, t[k]);
    }
}

/* The pair that is at a place of search_order */
static uint32_t pair_at(struct search_run run, uint32_t order)
{
    const uint32_t part = PARTS - 1, below = (1u << run.low) - 1, among = (1u << (run.count - 1)) - 1;
    if (run.low < PART_BITS)
        return order;
    return (order & ~(below << (run.count - 1) | among | part)) | (order >> (run.count - 1) & below & ~part) |
           (order >> PART_BITS & among) << run.low | (order & part);
}

/* For all pairs, in order: where the values of the first label are in the table; without one, the label */
static void make_offsets(const struct search_branch *b, const struct search_batch *batch, bool table,
                         uint16_t *offset)
{
    enum { SOME = 64 };
    const int register_bits = batch->register_bits;
    const vec places = vec_all((int16_t)(8 * b->owned));
    int16_t step[SOME];
    for (uint32_t i = 0; i < SOME; i++)
        step[i] = (int16_t)(search_label(b, register_bits, pair_at(batch->run, i)) -
                            search_label(b, register_bits, 0));
    for (uint32_t i = 0; i < 1u << (search_slots(register_bits) - 1); i += SOME) {
        const vec first = vec_all((int16_t)search_label(b, register_bits, pair_at(batch->run, i)));
        for (uint32_t j = 0; j < SOME; j += LANES) {
            vec label = vec_add(vec_load(step + j), first);
            vec_store((int16_t *)offset + i + j, table ? vec_entry(label, places) : label);
        }
    }
}

static bool worth_a_table(const struct search_batch *batch)
{
    uint32_t most = 0;
    for (int i = 0; i < batch->run.count; i++)
        most = batch->branch[i].owned > most ? batch->branch[i].owned : most;
    return most <= SEARCH_TABLE && most <= (1u << batch->register_bits) / WORTH;
}

/* Of branch k, of pairs at places from `order` on; further: without a table, labels of a group's places less the first */
INLINE vec values_of(const struct search_batch *batch, int k, size_t order, bool table, const vec *further)
{
    const struct search_room *room = &batch->room[k];
    if (table)
        return vec_gather(room->table, room->offset + order);
    const struct search_branch *b = &batch->branch[k];
    return branch_values(b->values, vec_all((int16_t)b->owned),
                         vec_add(vec_spread(room->offset + order), further[k]));
}

/* ---- Branches ---------------------------------------------------------------------------- */

/* The bit of a vector's places that has been there for longest changes with the slot. */
INLINE void exchange(vec *x, vec *y)
{
    vec low = vec_zip_low(*x, *y), high = vec_zip_high(*x, *y);
    *x = low;
    *y = high;
}

/* How a batch is searched, constants */
struct way {
    int count;
    bool backward, table;
};

INLINE void change_places(const struct search_batch *batch, struct way way, int k, size_t order,
                          const vec *further, vec *x, vec *y, uint8_t *to)
{
    if (!way.backward)
        exchange(x, y);
    vec v = values_of(batch, k, order, way.table, further);
    vec a = vec_add(*x, v), b = vec_sub(*y, v), c = vec_add(*y, v), d = vec_sub(*x, v);
    put_decisions(to, a, b, c, d);
    *x = vec_max(a, b);
    *y = vec_max(c, d);
    if (way.backward)
        exchange(x, y);
}

/* Number n of the 2^bit-apart pairs among some in a row */
#define FIRST_OF(n, bit) ((n) >> (bit) << ((bit) + 1) | ((n) & ((1 << (bit)) - 1)))

/* Branches whose slots are of whole vectors. Scores are read and written once for all of them. */
INLINE void outer(const struct search_batch *batch, struct way way, const vec *further)
{
    const int low = batch->run.low, count = way.count;
    const uint32_t groups = 1u << search_slots(batch->register_bits);
    const size_t apart = (size_t)SEARCH_GROUP << low, bytes = (size_t)1 << batch->register_bits >> 3;
    uint8_t *to = batch->decisions;
    size_t order = 0;
    for (uint32_t above = 0; above < groups; above += 1u << (low + count))
        for (uint32_t below = 0; below < 1u << low; below += PARTS) {
            int16_t *at = batch->scores + (size_t)(above + below) * SEARCH_GROUP;
            vec s[1 << SEARCH_BATCH];
#define LOAD(i)                                                                                              \
    if ((i) < 1 << count)                                                                                    \
    s[i] = vec_load(at + (i)*apart)
#define STORE(i)                                                                                             \
    if ((i) < 1 << count)                                                                                    \
    vec_store(at + (i)*apart, s[i])
#define PAIR(k, n, bit)                                                                                      \
    if ((n) < 1 << (count - 1))                                                                              \
    change_places(batch, way, k, order + (n)*PARTS, further, &s[FIRST_OF(n, bit)],                           \
                  &s[FIRST_OF(n, bit) + (1 << (bit))], to + (k)*bytes + (n)*2 * PARTS)
#define BRANCH(k)                                                                                            \
    if ((k) < count) {                                                                                       \
        const int bit = way.backward ? (k) : count - 1 - (k);                                                \
        PAIR(k, 0, bit);                                                                                     \
        PAIR(k, 1, bit);                                                                                     \
        PAIR(k, 2, bit);                                                                                     \
        PAIR(k, 3, bit);                                                                                     \
    }
            LOAD(0);
            LOAD(1);
            LOAD(2);
            LOAD(3);
            LOAD(4);
            LOAD(5);
            LOAD(6);
            LOAD(7);
            BRANCH(0)
            BRANCH(1)
            BRANCH(2)
            STORE(0);
            STORE(1);
            STORE(2);
            STORE(3);
            STORE(4);
            STORE(5);
            STORE(6);
            STORE(7);
            order += PARTS << (count - 1);
            to += 2 * PARTS << (count - 1);
#undef LOAD
#undef STORE
#undef PAIR
#undef BRANCH
        }
}

/* A branch whose slot tells parts of vectors apart */
INLINE void inner(const struct search_batch *batch, struct way way, const vec *further)
{
#if PART_BITS > 0
    const size_t groups = (size_t)1 << search_slots(batch->register_bits);
    for (size_t group = 0; group < groups; group += 2 * PARTS) {
        int16_t *at = batch->scores + group * SEARCH_GROUP;
        vec x = vec_load(at), y = vec_load(at + LANES);
        vec_split(batch->run.low, &x, &y);
        change_places(batch, way, 0, group / 2, further, &x, &y, batch->decisions + group);
        vec_join(batch->run.low, &x, &y);
        vec_store(at, x);
        vec_store(at + LANES, y);
    }
#else
    (void)batch, (void)way, (void)further;
#endif
}

/* ---- Batches ----------------------------------------------------------------------------- */

INLINE void step_way(const struct search_batch *batch, bool backward, bool table, const vec *further)
{
    if (batch->run.low < PART_BITS)
        inner(batch, (struct way){1, backward, table}, further);
    else if (batch->run.count == 1)
        outer(batch, (struct way){1, backward, table}, further);
    else if (batch->run.count == 2)
        outer(batch, (struct way){2, backward, table}, further);
    else
        outer(batch, (struct way){3, backward, table}, further);
}

static void step(const struct search_batch *batch)
{
    const bool table = worth_a_table(batch);
    vec further[SEARCH_BATCH];
    for (int k = 0; k < batch->run.count; k++) {
        make_offsets(&batch->branch[k], batch, table, batch->room[k].offset);
        if (table)
            make_table(&batch->branch[k], batch, batch->room[k].table);
        int16_t labels[LANES];
        for (uint32_t i = 0; i < LANES; i++)
            labels[i] = (int16_t)(search_place_label(&batch->branch[k], batch->register_bits,
                                                     i % SEARCH_GROUP, batch->backward)
                                  << 13);
        further[k] = vec_load(labels);
    }
    if (batch->backward)
        table ? step_way(batch, true, true, further) : step_way(batch, true, false, further);
    else
        table ? step_way(batch, false, true, further) : step_way(batch, false, false, further);
}
