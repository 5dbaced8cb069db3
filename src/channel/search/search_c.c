/* The portable kernel: it defines what the others must compute. */
#include "channel/search/search.h"

/* Loops over a group are written for compilers to make vectors of: 16 bits in, 16 bits out, and look-ups apart. */

/* What new states gain by their middles' labels */
static void branch_values(const struct search_branch *branch, uint32_t middle, int16_t *restrict value)
{
    const uint16_t owned = (uint16_t)branch->owned, mul = (uint16_t)branch->key.mul;
    const uint16_t first = (uint16_t)trellis_label(branch->key, middle);
    uint16_t index[SEARCH_GROUP];
    int16_t flip[SEARCH_GROUP];
    for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
        uint16_t label = (uint16_t)(first + (uint16_t)j * (uint32_t)mul);
        index[j] = (uint16_t)trellis_label_index(label, owned);
        flip[j] = (int16_t) - (int16_t)trellis_label_sign(label, owned);
    }
    for (uint32_t j = 0; j < SEARCH_GROUP; j++)
        value[j] = branch->values[index[j]];
    for (uint32_t j = 0; j < SEARCH_GROUP; j++)
        value[j] = (int16_t)((value[j] ^ flip[j]) - flip[j]);
}

/* Bit j is won[j]: 0 or -1. */
static uint32_t pack_decisions(const int16_t *won)
{
    static const uint16_t bit[] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                   1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    uint16_t low = 0, high = 0;
    for (int j = 0; j < SEARCH_GROUP / 2; j++) {
        low = (uint16_t)(low | (bit[j] & (uint16_t)won[j]));
        high = (uint16_t)(high | (bit[j] & (uint16_t)won[SEARCH_GROUP / 2 + j]));
    }
    return low | (uint32_t)high << 16;
}

static uint32_t select_scores(const int16_t *restrict a, const int16_t *restrict b, int16_t *restrict next)
{
    int16_t won[SEARCH_GROUP];
    for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
        next[j] = b[j] > a[j] ? b[j] : a[j];
        won[j] = (int16_t) - (b[j] > a[j]);
    }
    return pack_decisions(won);
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        int16_t value[SEARCH_GROUP], sum[4][SEARCH_GROUP], even[SEARCH_GROUP], odd[SEARCH_GROUP];
        const int16_t *first = scores + m, *second = scores + half + m;
        branch_values(branch, m, value);
        for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
            sum[0][j] = (int16_t)(first[j] + value[j]);
            sum[1][j] = (int16_t)(second[j] - value[j]);
            sum[2][j] = (int16_t)(first[j] - value[j]);
            sum[3][j] = (int16_t)(second[j] + value[j]);
        }
        decisions[m / SEARCH_GROUP] = select_scores(sum[0], sum[1], even);
        decisions[(half + m) / SEARCH_GROUP] = select_scores(sum[2], sum[3], odd);
        for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
            next[2 * m + 2 * j] = even[j];
            next[2 * m + 2 * j + 1] = odd[j];
        }
    }
}

const struct search_kernel ddz_search_c = {{"portable", 0}, step};
