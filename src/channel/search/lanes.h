/*
 * What kernels share whose vectors have 8 or 16 scores. Before it is included, there are defined: LANES and the type `vec`
 * of so many int16; vec_load, vec_store, vec_all (one number everywhere), vec_add, vec_sub, vec_max and vec_greater (-1
 * where it is so, else 0); and
 *
 *   vec branch_values(const int16_t *values, vec owned, vec label)
 *   void vec_split(int bit, vec *a, vec *b)     2 LANES numbers in a row into those whose place has the bit clear, and the
 *   void vec_join(int bit, vec *a, vec *b)      others, in any order that keeps the pairs; and back
 *   void put_decisions(uint8_t *first, uint8_t *second, vec won_first, vec won_second)
 */
#include "channel/search/search.h"

/* All pairs of two vectors: the new scores in place, and who won them */
static inline void butterflies(vec v, vec *x, vec *y, vec *won_x, vec *won_y)
{
    vec a = vec_add(*x, v), b = vec_sub(*y, v), c = vec_add(*y, v), d = vec_sub(*x, v);
    *won_x = vec_greater(b, a);
    *won_y = vec_greater(d, c);
    *x = vec_max(a, b);
    *y = vec_max(c, d);
}

/* Pairs within 2 LANES scores */
static void step_inner(const struct search_branch *branch, int register_bits, int16_t *scores,
                       uint8_t *decisions)
{
    int bit = branch->bit;
    int16_t labels[2 * LANES];
    for (uint32_t i = 0; i < 2 * LANES; i++)
        labels[i] = (int16_t)search_label(branch, register_bits, i & ~(1u << bit));
    vec label = vec_load(labels), rest = vec_load(labels + LANES);
    vec_split(bit, &label, &rest);
    vec owned = vec_all((int16_t)branch->owned),
        advance = vec_all((int16_t)(branch->key.mul * (2 * LANES >> (bit + 1))));
    for (uint32_t p = 0; p < 1u << register_bits; p += 2 * LANES) {
        vec x = vec_load(scores + p), y = vec_load(scores + p + LANES), won_x, won_y;
        vec_split(bit, &x, &y);
        butterflies(branch_values(branch->values, owned, label), &x, &y, &won_x, &won_y);
        vec_join(bit, &x, &y);
        vec_join(bit, &won_x, &won_y);
        vec_store(scores + p, x);
        vec_store(scores + p + LANES, y);
        put_decisions(decisions + p / 8, decisions + (p + LANES) / 8, won_x, won_y);
        label = vec_add(label, advance);
    }
}

/* Pairs that are at least a vector apart */
static void step_outer(const struct search_branch *branch, int register_bits, int16_t *scores,
                       uint8_t *decisions)
{
    uint32_t apart = 1u << branch->bit;
    int16_t labels[LANES];
    uint32_t stride = branch->key.mul << (register_bits - 1 - branch->bit);
    for (uint32_t i = 0; i < LANES; i++)
        labels[i] = (int16_t)(i * stride);
    vec order = vec_load(labels), owned = vec_all((int16_t)branch->owned),
        advance = vec_all((int16_t)(LANES * stride));
    for (uint32_t above = 0; above < 1u << register_bits; above += 2 * apart) {
        vec label = vec_add(order, vec_all((int16_t)search_label(branch, register_bits, above)));
        for (uint32_t p = above, q = above + apart; p < above + apart; p += LANES, q += LANES) {
            vec x = vec_load(scores + p), y = vec_load(scores + q), won_x, won_y;
            butterflies(branch_values(branch->values, owned, label), &x, &y, &won_x, &won_y);
            vec_store(scores + p, x);
            vec_store(scores + q, y);
            put_decisions(decisions + p / 8, decisions + q / 8, won_x, won_y);
            label = vec_add(label, advance);
        }
    }
}

static void step(const struct search_branch *branch, int count, int register_bits, int16_t *scores,
                 uint8_t *decisions)
{
    for (int i = 0; i < count; i++, decisions += 1u << register_bits >> 3)
        if (1 << branch[i].bit < LANES)
            step_inner(&branch[i], register_bits, scores, decisions);
        else
            step_outer(&branch[i], register_bits, scores, decisions);
}
