/* The predictor that learns by least squares: its weights against those of a solution in floating point; extremes */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exact/regress.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

enum { WIDTH = 50, INPUTS = 12 };

static struct mem mem;

static void setup(void)
{
    mem = ddz_mem_init(NULL);
}

/* Sums as the header describes them, in floating point, and the weights by Gaussian elimination */
struct reference {
    double sums[WIDTH / REGRESS_BLOCK + 3][INPUTS + 1][INPUTS + 1];
    double whole[INPUTS + 1][INPUTS + 1];
    double weights[INPUTS];
};

static void reference_begin_row(struct reference *r, uint32_t blocks)
{
    memset(r->whole, 0, sizeof r->whole);
    for (uint32_t b = 1; b <= blocks; b++)
        for (int i = 0; i <= INPUTS; i++)
            for (int j = 0; j <= INPUTS; j++) {
                r->sums[b][i][j] *= 15.0 / 16;
                r->whole[i][j] += r->sums[b][i][j];
            }
}

static void reference_solve(struct reference *r, uint32_t block)
{
    double m[INPUTS][INPUTS + 1];
    for (int i = 0; i < INPUTS; i++)
        for (int j = 0; j <= INPUTS; j++)
            m[i][j] = r->sums[block + 1][i][j] + (r->sums[block][i][j] + r->sums[block + 2][i][j]) / 2 +
                      r->whole[i][j] / 64 + (i == j ? 128 : 0);
    for (int p = 0; p < INPUTS; p++)
        for (int i = 0; i < INPUTS; i++) {
            double factor = m[i][p] / m[p][p];
            for (int j = p; j <= INPUTS && i != p; j++)
                m[i][j] -= factor * m[p][j];
        }
    for (int i = 0; i < INPUTS; i++)
        r->weights[i] = m[i][INPUTS] / m[i][i];
}

static void reference_add(struct reference *r, uint32_t block, const int16_t *v)
{
    for (int i = 0; i <= INPUTS; i++)
        for (int j = 0; j <= INPUTS; j++)
            r->sums[block + 1][i][j] += v[i] * v[j];
}

/* Inputs of different sizes that depend on each other, and what follows from them but for noise */
static void make_vector(uint64_t i, uint32_t x, int16_t *v)
{
    double common = 30 * normal(1, i), sum = 0;
    for (int k = 0; k < INPUTS; k++) {
        double value = common + (k + 1) * 6 * normal(2 + (uint64_t)k, i);
        v[k] = (int16_t)lrint(fmax(-REGRESS_LIMIT, fmin(REGRESS_LIMIT, value)));
        sum += v[k] * (k % 3 - 1 + 0.01 * x) / 3;
    }
    v[INPUTS] = (int16_t)lrint(fmax(-REGRESS_LIMIT, fmin(REGRESS_LIMIT, sum + 4 * normal(99, i))));
}

START_TEST(weights_are_those_of_least_squares)
{
    struct regress r;
    struct reference *ref = new_array(1, sizeof *ref);
    double off = 0, size = 0;
    uint64_t n = 0;
    ck_assert_int_eq(ddz_regress_init(&r, &mem, WIDTH, INPUTS), DDZ_OK);
    for (int row = 0; row < 40; row++) {
        ddz_regress_begin_row(&r);
        reference_begin_row(ref, r.blocks);
        for (uint32_t block = 0; block < r.blocks; block++) {
            uint32_t begin = block * REGRESS_BLOCK, left = WIDTH - begin;
            int count = left < REGRESS_BLOCK ? (int)left : REGRESS_BLOCK;
            ddz_regress_begin_block(&r, block);
            if (row > 0) {
                reference_solve(ref, block);
                for (int i = 0; i < INPUTS; i++) {
                    off = fmax(off, fabs(r.weights[i] / 65536.0 - ref->weights[i]));
                    size = fmax(size, fabs(ref->weights[i]));
                }
            }
            for (int i = 0; i < count; i++) {
                make_vector(n++, begin + (uint32_t)i, r.vectors[i]);
                int64_t sum = 0;
                for (int k = 0; k < INPUTS; k++)
                    sum += (int64_t)r.weights[k] * r.vectors[i][k];
                ck_assert_int_eq(ddz_regress_predict(&r, i, 4), sum >> 12);
                reference_add(ref, block, r.vectors[i]);
            }
            ddz_regress_end_block(&r, block, count);
        }
    }
    ck_assert_double_gt(size, 0.5);
    ck_assert_double_lt(off, 0.01);
    ddz_regress_free(&r);
    free(ref);
}
END_TEST

/* Numbers of one kind for an input, where there is nothing to learn, or too much */
static int16_t extreme(int kind, uint32_t x, int k)
{
    switch (kind) {
    case 0:
        return 0;
    case 1:
        return REGRESS_LIMIT;
    case 2:
        return -REGRESS_LIMIT;
    case 3:
        return (x + (uint32_t)k) % 2 ? REGRESS_LIMIT : -REGRESS_LIMIT;
    case 4:
        return (int16_t)(k == 0);
    case 5:
        return (int16_t)(draw(2 * REGRESS_LIMIT + 1) - REGRESS_LIMIT);
    default:
        return draw(2) ? REGRESS_LIMIT : (int16_t)draw(3);
    }
}

START_TEST(extremes_stay_in_bounds)
{
    struct regress r;
    ck_assert_int_eq(ddz_regress_init(&r, &mem, 200, REGRESS_INPUTS), DDZ_OK);
    for (int row = 0; row < 60; row++) {
        ddz_regress_begin_row(&r);
        for (uint32_t block = 0; block < 4; block++) {
            ddz_regress_begin_block(&r, block);
            for (int k = 0; k < REGRESS_INPUTS; k++)
                ck_assert_int_le(abs(r.weights[k]), 1 << 20);
            for (int i = 0; i < REGRESS_BLOCK; i++)
                for (int k = 0; k <= REGRESS_INPUTS; k++)
                    r.vectors[i][k] = extreme(row < 50 ? _i : 5, (uint32_t)i, k);
            ddz_regress_end_block(&r, block, REGRESS_BLOCK);
        }
    }
    ddz_regress_free(&r);
}
END_TEST

START_TEST(nothing_seen_predicts_nothing)
{
    struct regress r;
    ck_assert_int_eq(ddz_regress_init(&r, &mem, 1, 3), DDZ_OK);
    ck_assert_uint_eq(r.blocks, 1);
    ddz_regress_begin_row(&r);
    ddz_regress_begin_block(&r, 0);
    r.vectors[0][0] = r.vectors[0][1] = r.vectors[0][2] = REGRESS_LIMIT;
    ck_assert_int_eq(ddz_regress_predict(&r, 0, 4), 0);
    ddz_regress_free(&r);
}
END_TEST

START_TEST(memory_runs_out)
{
    struct regress r;
    for (int fails_at = 1; fails_at <= 2; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem short_of = ddz_mem_init(&allocator);
        ck_assert_int_eq(ddz_regress_init(&r, &short_of, 100, 5), DDZ_ERR_MEMORY);
        ck_assert_int_eq(ledger.alive, 0);
    }
}
END_TEST

int main(void)
{
    TCase *values =
        CASE("values", weights_are_those_of_least_squares, nothing_seen_predicts_nothing, memory_runs_out);
    TCase *extremes = tcase_create("extremes");
    tcase_add_checked_fixture(values, setup, NULL);
    tcase_add_checked_fixture(extremes, setup, NULL);
    tcase_add_loop_test(extremes, extremes_stay_in_bounds, 0, 7);
    return RUN("regress", 60, values, extremes);
}
