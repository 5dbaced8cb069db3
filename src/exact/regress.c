#include "exact/regress.h"

#include <string.h>

#include "base/fixed.h"

enum {
    MATRIX = REGRESS_STRIDE * REGRESS_STRIDE,
    DECAY_SHIFT = 4,
    WHOLE_SHIFT = 6,
    SCALED_BITS = 30,       /* of the sums on the diagonal, once they are scaled */
    RIDGE = 128,            /* added to the diagonal, in the sums' unit, */
    SCALED_RIDGE = 1 << 14, /* and after scaling */
    FACTOR_BITS = 24,       /* behind the point */
    FACTOR_LIMIT = 1 << 30,
    WEIGHT_LIMIT = 1 << 20
};

ddz_status ddz_regress_init(struct regress *r, const struct mem *mem, uint32_t width, int inputs)
{
    *r = (struct regress){.mem = *mem, .inputs = inputs, .blocks = (width - 1) / REGRESS_BLOCK + 1};
    r->sums = ddz_mem_alloc(mem, ((size_t)r->blocks + 2) * MATRIX, sizeof *r->sums);
    r->whole = ddz_mem_alloc(mem, MATRIX, sizeof *r->whole);
    if (r->sums && r->whole)
        return DDZ_OK;
    ddz_regress_free(r);
    return DDZ_ERR_MEMORY;
}

void ddz_regress_free(struct regress *r)
{
    ddz_mem_free(&r->mem, r->sums);
    ddz_mem_free(&r->mem, r->whole);
    r->sums = NULL;
    r->whole = NULL;
}

uint64_t ddz_regress_memory(uint32_t width)
{
    uint64_t blocks = (width - 1) / REGRESS_BLOCK + 1;
    return (blocks + 2) * MATRIX * sizeof(int32_t) + MATRIX * sizeof(int64_t);
}

/* ---- Sums -------------------------------------------------------------------------------- */

void ddz_regress_begin_row(struct regress *r)
{
    int64_t *whole = r->whole;
    int rows = r->inputs + 1;
    memset(whole, 0, MATRIX * sizeof *whole);
    for (uint32_t block = 1; block <= r->blocks; block++) {
        int32_t *sums = r->sums + (size_t)block * MATRIX;
        for (int i = 0; i < rows * REGRESS_STRIDE; i++) {
            sums[i] -= asr32(sums[i], DECAY_SHIFT);
            whole[i] += sums[i];
        }
    }
}

void ddz_regress_end_block(struct regress *r, uint32_t block, int count)
{
    int32_t *sums = r->sums + ((size_t)block + 1) * MATRIX;
    for (int i = 0; i <= r->inputs; i++) {
        int32_t row[REGRESS_STRIDE] = {0};
        int columns = (i & ~7) + 8; /* the lower triangle, in whole vectors */
        for (int k = 0; k < count; k++) {
            const int16_t *v = r->vectors[k];
            int32_t factor = v[i];
#pragma omp simd
            for (int j = 0; j < columns; j++)
                row[j] += factor * v[j];
        }
        for (int j = 0; j < columns; j++)
            sums[i * REGRESS_STRIDE + j] += row[j];
    }
}

/* ---- The normal equations ---------------------------------------------------------------- */

static int32_t limited(int64_t v, int64_t limit)
{
    return (int32_t)clamp64(v, -limit, limit);
}

/* A row of the matrix of products that a block's weights come from, as far as `columns` */
static void add_up(const struct regress *r, uint32_t block, int i, int columns, int64_t row[REGRESS_STRIDE])
{
    const int32_t *here = r->sums + ((size_t)block + 1) * MATRIX + (size_t)i * REGRESS_STRIDE;
    const int32_t *left = here - MATRIX, *right = here + MATRIX;
    const int64_t *whole = r->whole + (size_t)i * REGRESS_STRIDE;
#pragma omp simd
    for (int j = 0; j < columns; j++)
        row[j] = (int64_t)here[j] + asr64((int64_t)left[j] + right[j], 1) + asr64(whole[j], WHOLE_SHIFT);
}

/* The exponent that brings a sum of squares to SCALED_BITS or one bit less: half of it is each factor's. */
static int half_exponent(int64_t squares)
{
    return asr32(SCALED_BITS - 1 - ddz_ilog2((uint64_t)squares), 1);
}

/*
 * The symmetric matrix of the inputs' products, and below it the row of those with what is predicted; each input, and
 * what is predicted, multiplied by two to the power of halves[i], so that all numbers on the diagonal have about
 * SCALED_BITS. False: there is nothing to predict.
 */
static bool gather(const struct regress *r, uint32_t block, int32_t matrix[MATRIX],
                   int halves[REGRESS_STRIDE])
{
    int64_t row[REGRESS_STRIDE] = {0};
    for (int i = 0; i <= r->inputs; i++) {
        int32_t *scaled = matrix + (size_t)i * REGRESS_STRIDE;
        add_up(r, block, i, i + 1, row);
        row[i] = (row[i] > 0 ? row[i] : 0) + RIDGE;
        halves[i] = half_exponent(row[i]);
        for (int j = 0; j <= i; j++) {
            int bits = halves[i] + halves[j];
            int64_t value = bits < 0 ? asr64(row[j], -bits) : row[j] * ((int64_t)1 << bits);
            scaled[j] = limited(value, INT32_MAX);
        }
        scaled[i] += SCALED_RIDGE;
    }
    return row[r->inputs] > RIDGE;
}

/* Sums of products of a positive definite matrix' factors stay below its diagonal; those of a damaged stream's may
 * wrap. */
static int64_t dot(const int32_t *a, const int32_t *b, int n)
{
    uint64_t sum = 0;
    for (int k = 0; k < n; k++)
        sum += (uint64_t)((int64_t)a[k] * b[k]);
    return (int64_t)sum;
}

/*
 * Matrix = L D L^T with ones on L's diagonal, in place: of the rows of the inputs, and of the row below, for which it
 * gives L^-1 b / D. Where what earlier inputs leave of one is nothing but rounding errors, it is left out.
 */
static void factorise(int n, int32_t *matrix)
{
    int32_t times_pivot[REGRESS_STRIDE]; /* row j of L, times D */
    int64_t pivots[REGRESS_STRIDE];
    for (int j = 0; j < n; j++) {
        const int32_t *row = matrix + (size_t)j * REGRESS_STRIDE;
        for (int k = 0; k < j; k++)
            times_pivot[k] = limited(asr64(row[k] * pivots[k], FACTOR_BITS), INT32_MAX);
        pivots[j] = limited(row[j] - asr64(dot(row, times_pivot, j), FACTOR_BITS), INT32_MAX);
        bool used = pivots[j] >= SCALED_RIDGE / 2;
        pivots[j] = used ? pivots[j] : 1;
        int bits = ddz_ilog2((uint64_t)pivots[j]);
        int64_t reciprocal = ((int64_t)1 << (SCALED_BITS + bits)) / pivots[j];
        for (int i = j + 1; i <= n; i++) {
            int32_t *of = matrix + (size_t)i * REGRESS_STRIDE;
            int64_t rest = limited(of[j] - asr64(dot(of, times_pivot, j), FACTOR_BITS), INT32_MAX);
            of[j] =
                used ? limited(asr64(rest * reciprocal, SCALED_BITS + bits - FACTOR_BITS), FACTOR_LIMIT) : 0;
        }
    }
}

void ddz_regress_begin_block(struct regress *r, uint32_t block)
{
    int32_t matrix[MATRIX];
    int64_t rest[REGRESS_STRIDE];
    int halves[REGRESS_STRIDE], n = r->inputs;
    memset(r->weights, 0, sizeof r->weights);
    if (!gather(r, block, matrix, halves))
        return;
    factorise(n, matrix);
    const int32_t *last = matrix + (size_t)n * REGRESS_STRIDE;
    for (int i = 0; i < n; i++)
        rest[i] = last[i];
    for (int i = n - 1; i >= 0; i--) {
        const int32_t *row = matrix + (size_t)i * REGRESS_STRIDE;
        int64_t weight = limited(rest[i], FACTOR_LIMIT);
        int down = FACTOR_BITS - REGRESS_WEIGHT_BITS + halves[n] - halves[i];
        int64_t unscaled = down >= 0 ? asr64(weight, down) : weight * ((int64_t)1 << -down);
        r->weights[i] = limited(unscaled, WEIGHT_LIMIT);
        for (int k = 0; k < i; k++)
            rest[k] -= asr64(weight * row[k], FACTOR_BITS);
    }
}

int32_t ddz_regress_predict(const struct regress *r, int i, int bits)
{
    int64_t sum = 0;
    for (int j = 0; j < r->inputs; j++)
        sum += (int64_t)r->weights[j] * r->vectors[i][j];
    return (int32_t)clamp64(asr64(sum, REGRESS_WEIGHT_BITS - bits), INT32_MIN, INT32_MAX);
}
