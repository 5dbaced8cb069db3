/* The portable kernel: it defines what the others must compute. */
#include "channel/search/search.h"

static void branch_values(const struct search_branch *branch, uint32_t middle, int16_t *value,
                          int16_t *negative)
{
    for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
        uint32_t label = trellis_label(branch->key, middle + j);
        int v = branch->values[trellis_label_index(label, branch->owned)];
        int flip = -(int)trellis_label_sign(label, branch->owned);
        value[j] = (int16_t)((v ^ flip) - flip);
        negative[j] = (int16_t)-value[j];
    }
}

/* Bit j is won[j]. */
static uint32_t pack_decisions(const uint32_t *won)
{
    uint32_t bits = 0;
#pragma omp simd reduction(| : bits)
    for (uint32_t j = 0; j < SEARCH_GROUP; j++)
        bits |= won[j] << j;
    return bits;
}

/* The new states of one parity: `stay` is what the first of two old states gains, the second
 * loses it. */
static uint32_t select_scores(const int16_t *stay, const int16_t *first, const int16_t *second, int16_t *next)
{
    uint32_t won[SEARCH_GROUP];
#pragma omp simd
    for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
        int32_t a = first[j] + stay[j], b = second[j] - stay[j];
        next[j] = (int16_t)(b > a ? b : a);
        won[j] = b > a;
    }
    return pack_decisions(won);
}

static void interleave(const int16_t *even, const int16_t *odd, int16_t *next)
{
    for (uint32_t j = 0; j < SEARCH_GROUP; j++) {
        next[2 * j] = even[j];
        next[2 * j + 1] = odd[j];
    }
}

static void step(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                 uint32_t *decisions)
{
    uint32_t half = 1u << (branch->register_bits - 1);
    for (uint32_t m = 0; m < half; m += SEARCH_GROUP) {
        int16_t value[SEARCH_GROUP], negative[SEARCH_GROUP], even[SEARCH_GROUP], odd[SEARCH_GROUP];
        const int16_t *first = scores + m, *second = scores + half + m;
        branch_values(branch, m, value, negative);
        decisions[m / SEARCH_GROUP] = select_scores(value, first, second, even);
        decisions[(half + m) / SEARCH_GROUP] = select_scores(negative, first, second, odd);
        interleave(even, odd, next + 2 * m);
    }
}

const struct search_kernel ddz_search_c = {{"portable", 0}, step};
