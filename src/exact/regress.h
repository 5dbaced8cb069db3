/*
 * Linear prediction by least squares that follows the picture: a sample is predicted as a weighted sum of what is
 * known around it, with the weights that would have been best in what has been seen near it. Integers only.
 *
 * What has been seen is kept as sums of products, in blocks of REGRESS_BLOCK columns; each row takes a sixteenth off
 * them before it adds its own. A block's weights solve the normal equations of its own sums, half of its neighbours',
 * and 1/64 of all blocks'.
 */
#ifndef DDZ_EXACT_REGRESS_H
#define DDZ_EXACT_REGRESS_H

#include "base/mem.h"

enum {
    REGRESS_BLOCK = 16,
    REGRESS_INPUTS = 36,  /* at most */
    REGRESS_STRIDE = 40,  /* of a vector: inputs, and behind them what they predict */
    REGRESS_LIMIT = 2047, /* of each number's magnitude */
    REGRESS_WEIGHT_BITS = 16
};

struct regress {
    struct mem mem;
    int inputs;
    uint32_t blocks;
    int32_t *sums;  /* of each block and of one beyond either end [STRIDE][STRIDE], its lower triangle */
    int64_t *whole; /* the sum over all blocks when the row began */
    int16_t vectors[REGRESS_BLOCK][REGRESS_STRIDE]; /* of the present block's samples; the caller sets them */
    int32_t weights[REGRESS_STRIDE];                /* of the present block, q16 */
};

/* For rows of `width` samples. 1 <= inputs <= REGRESS_INPUTS. MEMORY. */
ddz_status ddz_regress_init(struct regress *r, const struct mem *mem, uint32_t width, int inputs);
void ddz_regress_free(struct regress *r);
uint64_t ddz_regress_memory(uint32_t width);

void ddz_regress_begin_row(struct regress *r);

/* Before block `block` of the row: its weights. */
void ddz_regress_begin_block(struct regress *r, uint32_t block);

/* The prediction from the inputs of vectors[i], in their unit times 2^bits, 0 <= bits <= REGRESS_WEIGHT_BITS */
int32_t ddz_regress_predict(const struct regress *r, int i, int bits);

/* Behind it: the first `count` of the vectors are added to its sums; what was to be predicted, too, stands in them,
 * at [inputs]. */
void ddz_regress_end_block(struct regress *r, uint32_t block, int count);

#endif
