/*
 * Inner loop of the Viterbi search: some branches, all states.
 *
 * While the register shifts, few of its bits move in memory. Scores lie in groups of 8: three bits of the state are the
 * place in its group, and the others the group's number, of G = L - 3 bits; the branch's `slot` is one of those. Of the
 * window of L + 1 bits, with the L - 1 in its middle that name the label, the two states that a branch leads to from two
 * others differ in the newest bit, and those two in the oldest. Forward, and with m a middle's bits from the oldest on:
 *
 *   before the branch   place: oldest, m0, m1     slot: m2     slots below, the last one behind the first: m3, m4 ...
 *   in between          place: m0, m1, m2         slot: oldest
 *   after the branch    place: m0, m1, m2         slot: newest
 *
 * so that the next branch's slot is the next one below. Backward, from a state to those that it may come from:
 *
 *   before the branch   place: m2, m1, m0         slot: newest     slots below: m3, m4 ...
 *   in between          place: m2, m1, m0         slot: oldest
 *   after the branch    place: m1, m0, oldest     slot: m2
 *
 * and the next one's slot is the next one above. In between the 8 labels of a group have the same bits but for their upper three:
 * they are an eighth of all labels apart, and one number names all their values (lanes.h).
 *
 * Scores are int16. Any state can be reached from any other in L branches, so no two scores differ
 * by more than 2 L times the largest value: viterbi.c scales the values to fit, and brings the
 * scores back to the middle every L branches.
 */
#ifndef DDZ_CHANNEL_SEARCH_SEARCH_H
#define DDZ_CHANNEL_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "channel/trellis.h"
#include "cpu/cpu.h"

enum {
    SEARCH_GROUP_BITS = 3,
    SEARCH_GROUP = 1 << SEARCH_GROUP_BITS,
    SEARCH_BATCH = 3,  /* branches at a time, at most */
    SEARCH_SLACK = 1,  /* values readable past those owned */
    SEARCH_TABLE = 512 /* coordinates of a branch for which a kernel may have a table, at most */
};

struct search_branch {
    struct branch_key key;
    uint32_t owned;
    const int16_t *values; /* scaled amplitude * delta of the coordinates owned */
    int slot;
};

/* The number of slots, G */
static inline int search_slots(int register_bits)
{
    return register_bits - SEARCH_GROUP_BITS;
}

/* In between, groups are pairs that differ in the slot: number `pair` of those has the others' bits. The label of its first
 * place, where m0, m1 and m2 are 0 */
static inline uint32_t search_label(const struct search_branch *b, int register_bits, uint32_t pair)
{
    uint32_t below = pair & ((1u << b->slot) - 1);
    return trellis_label(b->key, below << (search_slots(register_bits) - 1 - b->slot) | pair >> b->slot);
}

/* m0, m1 and m2, as a number, of a place in between */
static inline uint32_t search_place_bits(uint32_t place, bool backward)
{
    return backward ? place >> 2 | (place & 2) | (place & 1) << 2 : place;
}

/* How much further than that of the first place a label is, in eighths of all labels, modulo 8 */
static inline uint32_t search_place_label(const struct search_branch *b, int register_bits, uint32_t place,
                                          bool backward)
{
    return search_place_bits(place, backward) * (b->key.mul >> (17 - register_bits)) & 7;
}

/* What kernels keep of a branch */
struct search_room {
    _Alignas(64) int16_t table[(SEARCH_TABLE + 4) * SEARCH_GROUP * SEARCH_GROUP];
    _Alignas(64) uint16_t offset[1 << (TRELLIS_MAX_BITS - SEARCH_GROUP_BITS - 1)];
};

/* The slots of a batch of branches */
struct search_run {
    int low, count;
};

/* A batch of branches, each one's slot next to that of the one before: below it, or backward above it. Those that are
 * below the kernel's part_bits come alone. */
struct search_batch {
    struct search_branch branch[SEARCH_BATCH];
    struct search_run run;
    int register_bits;
    bool backward;
    struct search_room *room; /* SEARCH_BATCH of them, aligned to 64 bytes */
    int16_t *scores;          /* 2^L */
    uint8_t *decisions;       /* 2^L bits for each branch, one branch's behind the other's */
};

/*
 * For branch after branch, for each two places in between that differ in the slot's bit, p where it is clear and q where it
 * is set, with v the value that their label names:
 *
 *   p's score = max(p's + v, q's - v)
 *   q's score = max(q's + v, p's - v)
 *
 * Decisions say where the second is greater, so that the best path changes places: search_decision tells which bit is whose.
 */
typedef void search_step_fn(const struct search_batch *batch);

struct search_kernel {
    struct kernel kernel;
    search_step_fn *step;
    int part_bits; /* vectors have 2^part_bits groups */
    int pair_bit; /* of the numbers of decisions: the bit that tells p and q apart; at least SEARCH_GROUP_BITS */
};

/* Decisions are in the order in which kernels come to them: vectors of pairs that differ only in slots of the batch are one
 * behind the other. The place of a pair */
static inline uint32_t search_order(const struct search_kernel *kernel, struct search_run run, uint32_t pair)
{
    const uint32_t part = (1u << kernel->part_bits) - 1, below = (1u << run.low) - 1,
                   among = (1u << (run.count - 1)) - 1;
    if (run.low < kernel->part_bits)
        return pair;
    return (pair & ~(below | among << run.low)) | (pair & below & ~part) << (run.count - 1) |
           (pair >> run.low & among) << kernel->part_bits | (pair & part);
}

/* The number of a decision among those of a branch; slot_bit: 0 of p, 1 of q */
static inline uint32_t search_decision(const struct search_kernel *kernel, struct search_run run,
                                       uint32_t pair, uint32_t place, uint32_t slot_bit)
{
    uint32_t rest = search_order(kernel, run, pair) << SEARCH_GROUP_BITS | place,
             low = (1u << kernel->pair_bit) - 1;
    return (rest & ~low) << 1 | slot_bit << kernel->pair_bit | (rest & low);
}

/* The table, the fastest first; NULL ends it. */
extern const struct search_kernel *const ddz_search_kernels[];
extern const struct search_kernel ddz_search_c, ddz_search_sse2, ddz_search_avx2, ddz_search_avx512,
    ddz_search_neon, ddz_search_simd128;

/* The fastest for a set of features that the machine has. */
const struct search_kernel *ddz_search_choose(uint64_t features);

#endif
