/*
 * Inner loop of the Viterbi search: one branch, all states.
 *
 * Scores are int16. Any state can be reached from any other in L branches, so no two scores differ
 * by more than 2 L times the largest value: viterbi.c scales the values to fit, and brings the
 * scores back to the middle every few branches.
 */
#ifndef DDZ_CHANNEL_SEARCH_SEARCH_H
#define DDZ_CHANNEL_SEARCH_SEARCH_H

#include <stdint.h>

#include "channel/trellis.h"
#include "cpu/cpu.h"

enum {
    SEARCH_GROUP = 32, /* middles that share a word of decisions */
    SEARCH_SLACK = 256 /* values readable past those owned */
};

struct search_branch {
    struct branch_key key;
    int register_bits;
    uint32_t owned;
    const int16_t *values; /* scaled amplitude * delta of the coordinates owned; aligned */
};

/*
 * For each middle m, with H = 2^(L-1) and v the value its label names:
 *
 *   next[2m]     = max(scores[m] + v, scores[m + H] - v)
 *   next[2m + 1] = max(scores[m] - v, scores[m + H] + v)
 *
 * Bit m % 32 of decisions[m / 32] is set where the second won next[2m], of decisions[(H + m) / 32]
 * where it won next[2m + 1]; the first wins when they are equal.
 */
typedef void search_step_fn(const struct search_branch *branch, const int16_t *scores, int16_t *next,
                            uint32_t *decisions);

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
