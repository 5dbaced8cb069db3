/* The portable kernel: it defines what the others must compute. */
#include <string.h>

#include "channel/search/search.h"

/* Loops over groups are written for compilers to make vectors of: 16 bits in, 16 bits out, and look-ups apart. */
typedef int16_t group[SEARCH_GROUP];

/* How much further the labels of a group are than the first one */
struct group_labels {
    uint16_t further[SEARCH_GROUP];
};

static struct group_labels labels_of_group(const struct search_branch *b, const struct search_batch *batch)
{
    struct group_labels labels;
    for (uint32_t i = 0; i < SEARCH_GROUP; i++)
        labels.further[i] = (uint16_t)(search_place_label(b, batch->register_bits, i, batch->backward) << 13);
    return labels;
}

static void group_values(const struct search_branch *b, const struct group_labels *labels, uint32_t first,
                         int16_t *restrict value)
{
    const uint16_t owned = (uint16_t)b->owned;
    uint16_t index[SEARCH_GROUP];
    int16_t flip[SEARCH_GROUP];
    for (int i = 0; i < SEARCH_GROUP; i++) {
        uint16_t label = (uint16_t)(first + labels->further[i]);
        index[i] = (uint16_t)trellis_label_index(label, owned);
        flip[i] = (int16_t) - (int16_t)trellis_label_sign(label, owned);
    }
    for (int i = 0; i < SEARCH_GROUP; i++)
        value[i] = b->values[index[i]];
    for (int i = 0; i < SEARCH_GROUP; i++)
        value[i] = (int16_t)((value[i] ^ flip[i]) - flip[i]);
}

/* Of what is in the place, the bit that has been there for longest changes with the slot. */
static void exchange(int16_t *x, int16_t *y)
{
    group low, high;
    for (int i = 0; i < SEARCH_GROUP / 2; i++) {
        low[2 * i] = x[i];
        low[2 * i + 1] = y[i];
        high[2 * i] = x[SEARCH_GROUP / 2 + i];
        high[2 * i + 1] = y[SEARCH_GROUP / 2 + i];
    }
    memcpy(x, low, sizeof low);
    memcpy(y, high, sizeof high);
}

/* Returns where the other one is better. */
static uint8_t choose(const int16_t *restrict own, const int16_t *restrict other, int16_t *restrict best)
{
    uint8_t won = 0;
    for (int i = 0; i < SEARCH_GROUP; i++)
        best[i] = other[i] > own[i] ? other[i] : own[i];
    for (int i = 0; i < SEARCH_GROUP; i++)
        won = (uint8_t)(won | (other[i] > own[i]) << i);
    return won;
}

static void change_places(const int16_t *restrict value, uint8_t *decisions, int16_t *x, int16_t *y)
{
    group sum[4];
    for (int i = 0; i < SEARCH_GROUP; i++) {
        sum[0][i] = (int16_t)(x[i] + value[i]);
        sum[1][i] = (int16_t)(y[i] - value[i]);
        sum[2][i] = (int16_t)(y[i] + value[i]);
        sum[3][i] = (int16_t)(x[i] - value[i]);
    }
    decisions[0] = choose(sum[0], sum[1], x);
    decisions[1] = choose(sum[2], sum[3], y);
}

static void take(const struct search_batch *batch, const struct search_branch *b, uint8_t *decisions)
{
    const uint32_t pairs = 1u << (search_slots(batch->register_bits) - 1), below = (1u << b->slot) - 1;
    const struct group_labels further = labels_of_group(b, batch);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        uint32_t p = (pair & ~below) << 1 | (pair & below), q = p | 1u << b->slot;
        int16_t *x = batch->scores + (size_t)p * SEARCH_GROUP, *y = batch->scores + (size_t)q * SEARCH_GROUP;
        group value;
        group_values(b, &further, search_label(b, batch->register_bits, pair), value);
        if (!batch->backward)
            exchange(x, y);
        change_places(value, decisions + (size_t)2 * search_order(&ddz_search_c, batch->run, pair), x, y);
        if (batch->backward)
            exchange(x, y);
    }
}

static void step(const struct search_batch *batch)
{
    for (int k = 0; k < batch->run.count; k++)
        take(batch, &batch->branch[k], batch->decisions + ((size_t)k << batch->register_bits >> 3));
}

const struct search_kernel ddz_search_c = {{"portable", 0}, step, 0, SEARCH_GROUP_BITS};
