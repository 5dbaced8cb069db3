/*
 * Inner loop of the Viterbi search: some branches, all states.
 *
 * The register's bits stay where they are while it shifts: `state` s of the register of L bits, t branches behind the
 * segment's first, is at position p, which is s rotated to the right by t. So of each branch's states two and two change
 * places with each other at most, and scores are replaced where they are. Positions are told apart by the bit that a branch
 * takes from the register and puts its own into: bit L - 1 - t mod L.
 *
 * Backwards it is the same: where a path to state s came from has one bit of two, and so has where it goes to.
 *
 * Scores are int16. Any state can be reached from any other in L branches, so no two scores differ
 * by more than 2 L times the largest value: viterbi.c scales the values to fit, and brings the
 * scores back to the middle every L branches.
 */
#ifndef DDZ_CHANNEL_SEARCH_SEARCH_H
#define DDZ_CHANNEL_SEARCH_SEARCH_H

#include <stdint.h>

#include "channel/trellis.h"
#include "cpu/cpu.h"

enum {
    SEARCH_BATCH = 5,  /* branches at a time, at most */
    SEARCH_SLACK = 256 /* values readable past those owned */
};

struct search_branch {
    struct branch_key key;
    uint32_t owned;
    const int16_t *values; /* scaled amplitude * delta of the coordinates owned */
    int bit;               /* of positions, that the branch changes */
};

/* Label of a pair of positions, of which p has the branch's bit clear: that of the L - 1 bits that stay */
static inline uint32_t search_label(const struct search_branch *b, int register_bits, uint32_t p)
{
    uint32_t below = p & ((1u << b->bit) - 1);
    return trellis_label(b->key, below << (register_bits - 1 - b->bit) | p >> (b->bit + 1));
}

/*
 * For branch after branch, for each two positions p and q that differ in the branch's bit, which is clear in p, with v
 * the value that their label names:
 *
 *   p's score = max(p's + v, q's - v)
 *   q's score = max(q's + v, p's - v)
 *
 * Bit p % 8 of decisions[p / 8] is set where the second is greater, so that the best path changes places. The decisions
 * of the next branch follow, 2^L / 8 bytes on. The branches' bits are one below the other, or one above the other, and
 * either below SEARCH_INNER or not.
 */
typedef void search_step_fn(const struct search_branch *branch, int count, int register_bits, int16_t *scores,
                            uint8_t *decisions);
enum { SEARCH_INNER = 5 };

struct search_kernel {
    struct kernel kernel;
    search_step_fn *step;
};

/* The table, the fastest first; NULL ends it. */
extern const struct search_kernel *const ddz_search_kernels[];
extern const struct search_kernel ddz_search_c, ddz_search_sse2, ddz_search_avx2, ddz_search_avx512,
    ddz_search_neon, ddz_search_simd128;

/* The fastest for a set of features that the machine has. */
const struct search_kernel *ddz_search_choose(uint64_t features);

#endif
