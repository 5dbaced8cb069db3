/* Steering against the sums that it is defined by. */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "crew.h"
#include "encode/shrink.h"
#include "runner.h"

enum { MAX_SIDE = 40, SAMPLES = 3 * MAX_SIDE * MAX_SIDE };

static int32_t aim[SAMPLES], error[SAMPLES], other[SAMPLES];
static int16_t x[SAMPLES], low[SAMPLES], estimate[SAMPLES];
static uint8_t far[SAMPLES / 8 + 1];
static const struct offset offset = {low, far};

/* An error of given strength, in 1/256 grey level, about an arbitrary estimate. */
static void make_pictures(int width, int height, int strength)
{
    for (int i = 0; i < 3 * width * height; i++) {
        estimate[i] = (int16_t)((int32_t)(hash_pair(1, (uint64_t)i) % 65280) - 32640);
        aim[i] = estimate[i] + (int32_t)(hash_pair(2, (uint64_t)i) % (2 * (unsigned)strength + 1)) - strength;
        x[i] = (int16_t)((int32_t)(hash_pair(3, (uint64_t)i) % 48001) - 24000);
        int32_t off = aim[i] - x[i];
        bool beyond = off < INT16_MIN || off > INT16_MAX;
        low[i] = (int16_t)(!beyond ? off : off < 0 ? off + 65536 : off - 65536);
        far[i / 8] = (uint8_t)((far[i / 8] & ~(1 << i % 8)) | beyond << i % 8);
        ck_assert_int_eq(offset_at(&offset, (size_t)i), off);
    }
}

static int within(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static double basis(int k, int i)
{
    return sqrt((k ? 2.0 : 1.0) / 8) * cos(M_PI * (2 * i + 1) * k / 16);
}

/* Share of one pixel's error that comes from the block at (left, top): sums as they are written. */
static void slow_block(int width, int height, double noise, int left, int top, int row, int column,
                       double rgb[3])
{
    static const double colours[3][3] = {
        {1 / 1.7320508075688772, 1 / 1.7320508075688772, 1 / 1.7320508075688772},
        {M_SQRT1_2, 0, -M_SQRT1_2},
        {1 / 2.449489742783178, -2 / 2.449489742783178, 1 / 2.449489742783178}};
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 8; k++)
            for (int l = 0; l < 8; l++) {
                double z = 0;
                for (int i = 0; i < 8; i++)
                    for (int j = 0; j < 8; j++)
                        for (int s = 0; s < 3; s++) {
                            int at = 3 * (within(top + i, height) * width + within(left + j, width)) + s;
                            z += basis(k, i) * basis(l, j) * colours[c][s] * (aim[at] - estimate[at]);
                        }
                z *= z * z / (z * z + noise * noise);
                for (int s = 0; s < 3; s++)
                    rgb[s] += colours[c][s] * basis(k, row - top) * basis(l, column - left) * z;
            }
}

START_TEST(test_against_sums)
{
    static const int sizes[][2] = {{16, 16}, {13, 9}, {1, 1}, {3, 21}, {130, 2}};
    int width = sizes[_i][0], height = sizes[_i][1];
    const double noise = 700;
    make_pictures(width, height, 1500);
    ddz_shrink_error(x, &offset, estimate, (uint32_t)width, (uint32_t)height, noise, error, NULL);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            double rgb[3] = {0};
            for (int shift = 0; shift < 4; shift++) {
                int dx = shift & 1 ? 4 : 0, dy = shift & 2 ? 4 : 0;
                slow_block(width, height, noise, (column + dx) / 8 * 8 - dx, (row + dy) / 8 * 8 - dy, row,
                           column, rgb);
            }
            for (int s = 0; s < 3; s++) {
                int at = 3 * (row * width + column) + s;
                ck_assert_double_eq_tol(error[at], rgb[s] / 4, 2);
            }
        }
}
END_TEST

START_TEST(test_extremes)
{
    make_pictures(40, 24, 3000);
    ddz_shrink_error(x, &offset, estimate, 40, 24, 1e-3, error, NULL);
    for (int i = 0; i < 3 * 40 * 24; i++)
        ck_assert_int_le(abs(estimate[i] + error[i] - aim[i]), 1);
    ddz_shrink_error(x, &offset, estimate, 40, 24, 1e9, error, NULL);
    for (int i = 0; i < 3 * 40 * 24; i++)
        ck_assert_int_le(abs(error[i]), 1);
    for (int i = 0; i < 3 * 40 * 24; i++)
        x[i] = estimate[i];
    ddz_shrink_error(x, NULL, estimate, 40, 24, 100, error, NULL); /* nothing to say */
    for (int i = 0; i < 3 * 40 * 24; i++)
        ck_assert_int_eq(error[i], 0);
}
END_TEST

START_TEST(test_threads)
{
    make_pictures(37, 40, 2000);
    ddz_shrink_error(x, &offset, estimate, 37, 40, 900, error, NULL);
    for (int threads = 2; threads <= 5; threads++) {
        ddz_shrink_error(x, &offset, estimate, 37, 40, 900, other, crew(threads));
        ck_assert_mem_eq(error, other, 3 * 37 * 40 * sizeof *error);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("shrink");
    tcase_add_loop_test(tests, test_against_sums, 0, 5);
    tcase_add_test(tests, test_extremes);
    tcase_add_test(tests, test_threads);
    return run_cases("shrink", 4, &tests, 1);
}
