/* The portable kernel: it defines what the others must compute. */
#include <string.h>

#include "base/bytes.h"
#include "channel/search/search.h"

/* Loops over a group are written for compilers to make vectors of: 16 bits in, 16 bits out, and look-ups apart. */
enum { GROUP = 32 };

/* Pairs, those whose position has the branch's bit clear first; who won: 0 or -1 */
struct pairs {
    uint16_t label[GROUP];
    int16_t first[GROUP], second[GROUP], won_first[GROUP], won_second[GROUP];
};

/* What pairs gain by their labels */
static void branch_values(const struct search_branch *branch, const uint16_t *restrict label,
                          int16_t *restrict value)
{
    const uint16_t owned = (uint16_t)branch->owned;
    uint16_t index[GROUP];
    int16_t flip[GROUP];
    for (uint32_t j = 0; j < GROUP; j++) {
        index[j] = (uint16_t)trellis_label_index(label[j], owned);
        flip[j] = (int16_t) - (int16_t)trellis_label_sign(label[j], owned);
    }
    for (uint32_t j = 0; j < GROUP; j++)
        value[j] = branch->values[index[j]];
    for (uint32_t j = 0; j < GROUP; j++)
        value[j] = (int16_t)((value[j] ^ flip[j]) - flip[j]);
}

static void choose(const int16_t *restrict own, const int16_t *restrict other, int16_t *restrict best,
                   int16_t *restrict won)
{
    for (uint32_t j = 0; j < GROUP; j++) {
        best[j] = other[j] > own[j] ? other[j] : own[j];
        won[j] = (int16_t) - (other[j] > own[j]);
    }
}

static void change_places(const struct search_branch *branch, struct pairs *pairs)
{
    int16_t value[GROUP], sum[4][GROUP];
    branch_values(branch, pairs->label, value);
    for (uint32_t j = 0; j < GROUP; j++) {
        sum[0][j] = (int16_t)(pairs->first[j] + value[j]);
        sum[1][j] = (int16_t)(pairs->second[j] - value[j]);
        sum[2][j] = (int16_t)(pairs->second[j] + value[j]);
        sum[3][j] = (int16_t)(pairs->first[j] - value[j]);
    }
    choose(sum[0], sum[1], pairs->first, pairs->won_first);
    choose(sum[2], sum[3], pairs->second, pairs->won_second);
}

/* Bit j is won[j]. */
static void put_decisions(const int16_t *won, uint8_t *decisions)
{
    static const uint16_t bit[] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                   1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    uint16_t low = 0, high = 0;
    for (int j = 0; j < GROUP / 2; j++) {
        low = (uint16_t)(low | (bit[j] & (uint16_t)won[j]));
        high = (uint16_t)(high | (bit[j] & (uint16_t)won[GROUP / 2 + j]));
    }
    put_le16(decisions, low);
    put_le16(decisions + 2, high);
}

/* Those of 2 GROUP numbers in a row whose place has the bit clear, and the others; and back */
static void split(int bit, const int16_t *from, int16_t *first, int16_t *second)
{
    for (int i = 0, run = 1 << bit; i < GROUP; i += run) {
        memcpy(first + i, from + 2 * i, (size_t)run * sizeof *first);
        memcpy(second + i, from + 2 * i + run, (size_t)run * sizeof *second);
    }
}

static void join(int bit, const int16_t *first, const int16_t *second, int16_t *to)
{
    for (int i = 0, run = 1 << bit; i < GROUP; i += run) {
        memcpy(to + 2 * i, first + i, (size_t)run * sizeof *first);
        memcpy(to + 2 * i + run, second + i, (size_t)run * sizeof *second);
    }
}

static void step_inner(const struct search_branch *branch, int register_bits, int16_t *scores,
                       uint8_t *decisions)
{
    int run = 1 << branch->bit;
    struct pairs pairs;
    int16_t won[2 * GROUP];
    for (uint32_t p = 0; p < 1u << register_bits; p += 2 * GROUP) {
        for (int i = 0; i < GROUP; i++)
            pairs.label[i] = (uint16_t)search_label(branch, register_bits, p + (uint32_t)(2 * i - i % run));
        split(branch->bit, scores + p, pairs.first, pairs.second);
        change_places(branch, &pairs);
        join(branch->bit, pairs.first, pairs.second, scores + p);
        join(branch->bit, pairs.won_first, pairs.won_second, won);
        put_decisions(won, decisions + p / 8);
        put_decisions(won + GROUP, decisions + p / 8 + GROUP / 8);
    }
}

static void step_outer(const struct search_branch *branch, int register_bits, int16_t *scores,
                       uint8_t *decisions)
{
    struct pairs pairs;
    const uint16_t stride = (uint16_t)(branch->key.mul << (register_bits - 1 - branch->bit));
    for (uint32_t p = 0; p < 1u << register_bits; p += p >> branch->bit & 1 ? 1u << branch->bit : 0) {
        uint32_t q = p + (1u << branch->bit);
        for (uint32_t end = q; p < end; p += GROUP, q += GROUP) {
            const uint16_t label = (uint16_t)search_label(branch, register_bits, p);
            for (uint32_t i = 0; i < GROUP; i++)
                pairs.label[i] = (uint16_t)(label + (uint16_t)i * (uint32_t)stride);
            memcpy(pairs.first, scores + p, sizeof pairs.first);
            memcpy(pairs.second, scores + q, sizeof pairs.second);
            change_places(branch, &pairs);
            memcpy(scores + p, pairs.first, sizeof pairs.first);
            memcpy(scores + q, pairs.second, sizeof pairs.second);
            put_decisions(pairs.won_first, decisions + p / 8);
            put_decisions(pairs.won_second, decisions + q / 8);
        }
    }
}

static void step(const struct search_branch *branch, int count, int register_bits, int16_t *scores,
                 uint8_t *decisions)
{
    for (int i = 0; i < count; i++, decisions += 1u << register_bits >> 3)
        if (branch[i].bit < SEARCH_INNER)
            step_inner(&branch[i], register_bits, scores, decisions);
        else
            step_outer(&branch[i], register_bits, scores, decisions);
}

const struct search_kernel ddz_search_c = {{"portable", 0}, step};
