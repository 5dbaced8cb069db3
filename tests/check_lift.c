/* The lift between scales, and the prediction of detail bands */
#include <check.h>
#include <math.h>
#include <string.h>

#include "assertions.h"
#include "diffusion/lift.h"
#include "guard.h"
#include "inputs.h"
#include "levels.h"
#include "runner.h"

static const uint32_t lift_sizes[][2] = {{1, 1}, {2, 2}, {1, 9}, {9, 1}, {7, 5}, {8, 6}, {13, 10}, {10, 13}};
enum { LIFT_SIZES = sizeof lift_sizes / sizeof *lift_sizes };

/* A picture and its halves, each between guard pages */
struct lifted {
    uint32_t w, h, cw, ch;
    size_t fine_n, coarse_n, bands_n;
    int16_t *fine, *coarse;
    int32_t *below, *bands, *joined; /* what is joined: a coarse picture with its bands */
};

static struct lifted lifted_new(uint32_t w, uint32_t h)
{
    struct lifted l = {.w = w, .h = h, .cw = (w + 1) / 2, .ch = (h + 1) / 2};
    l.fine_n = (size_t)3 * w * h;
    l.coarse_n = (size_t)3 * l.cw * l.ch;
    l.bands_n = 3 * l.coarse_n;
    l.fine = guard_alloc(l.fine_n * sizeof *l.fine);
    l.coarse = guard_alloc(l.coarse_n * sizeof *l.coarse);
    l.below = guard_alloc(l.coarse_n * sizeof *l.below);
    l.bands = guard_alloc(l.bands_n * sizeof *l.bands);
    l.joined = guard_alloc(l.fine_n * sizeof *l.joined);
    return l;
}

static void lifted_free(struct lifted *l)
{
    guard_free(l->fine, l->fine_n * sizeof *l->fine);
    guard_free(l->coarse, l->coarse_n * sizeof *l->coarse);
    guard_free(l->below, l->coarse_n * sizeof *l->below);
    guard_free(l->bands, l->bands_n * sizeof *l->bands);
    guard_free(l->joined, l->fine_n * sizeof *l->joined);
}

/* The fine picture, its last row and column repeated */
static double padded(const struct lifted *l, uint32_t x, uint32_t y, int k)
{
    x = x < l->w ? x : l->w - 1;
    y = y < l->h ? y : l->h - 1;
    return l->fine[((size_t)y * l->w + x) * 3 + (size_t)k];
}

/* Values of a 2x2 square times the signs of a Haar function */
static double haar(const struct lifted *l, size_t i, int sx, int sy)
{
    uint32_t x = 2 * (uint32_t)(i / 3 % l->cw), y = 2 * (uint32_t)(i / 3 / l->cw);
    int k = (int)(i % 3);
    return padded(l, x, y, k) + sx * padded(l, x + 1, y, k) + sy * padded(l, x, y + 1, k) +
           sx * sy * padded(l, x + 1, y + 1, k);
}

START_TEST(lift_of_random_pictures)
{
    for (int i = 0; i < LIFT_SIZES; i++) {
        struct lifted l = lifted_new(lift_sizes[i][0], lift_sizes[i][1]);
        for (size_t k = 0; k < l.fine_n; k++)
            l.fine[k] = (int16_t)spread((uint64_t)i, k, k % 7 ? ONE : INT16_MAX);
        ddz_lift_average(l.fine, l.w, l.h, l.coarse);
        ddz_lift_split(l.fine, l.w, l.h, l.bands);
        double energy = 0, lifted = 0;
        for (size_t k = 0; k < l.coarse_n; k++) {
            const int32_t *b = l.bands + k;
            check_near(l.coarse[k], haar(&l, k, 1, 1) / 4, 0.5, "average");
            check_near(b[0], haar(&l, k, -1, 1) / 2, 0.5, "horizontal");
            check_near(b[l.coarse_n], haar(&l, k, 1, -1) / 2, 0.5, "vertical");
            check_near(b[2 * l.coarse_n], haar(&l, k, -1, -1) / 2, 0.5, "diagonal");
            for (int band = 0; band < 3; band++)
                lifted += pow(b[(size_t)band * l.coarse_n], 2);
            lifted += pow(2.0 * l.coarse[k], 2);
            uint32_t x = 2 * (uint32_t)(k / 3 % l.cw), y = 2 * (uint32_t)(k / 3 / l.cw);
            for (uint32_t q = 0; q < 4; q++)
                energy += pow(padded(&l, x + q % 2, y + q / 2, (int)(k % 3)), 2);
        }
        check_near(lifted, energy, energy * 1e-4, "energy");
        for (size_t k = 0; k < l.coarse_n; k++)
            l.below[k] = l.coarse[k];
        ddz_lift_join(l.below, l.bands, l.joined, l.w, l.h);
        for (size_t k = 0; k < l.fine_n; k++)
            check_near(l.joined[k], l.fine[k], 2, "joined");
        lifted_free(&l);
    }
}
END_TEST

/* Noise sigma / 2 below and sigma in the bands: noise sigma above, white. */
START_TEST(lift_of_white_noise)
{
    enum { W = 200, H = 151, SIGMA = 5000 };
    struct lifted l = lifted_new(W, H);
    for (size_t i = 0; i < l.coarse_n; i++)
        l.below[i] = (int32_t)lrint(SIGMA / 2 * normal(11, i));
    for (size_t i = 0; i < l.bands_n; i++)
        l.bands[i] = (int32_t)lrint(SIGMA * normal(12, i));
    ddz_lift_join(l.below, l.bands, l.joined, l.w, l.h);
    double parity[4] = {0}, across = 0, down = 0, diagonal = 0, colour = 0;
    size_t counts[4] = {0};
    for (size_t y = 1; y < H; y++)
        for (size_t x = 1; x < W; x++) {
            const int32_t *p = l.joined + 3 * (y * W + x);
            double v = p[0] / (double)SIGMA, n = (W - 1) * (H - 1);
            parity[y % 2 * 2 + x % 2] += v * v;
            counts[y % 2 * 2 + x % 2]++;
            across += v * p[-3] / SIGMA / n;
            down += v * p[-3 * W] / SIGMA / n;
            diagonal += v * p[-3 * W - 3] / SIGMA / n;
            colour += v * p[1] / SIGMA / n;
        }
    for (int i = 0; i < 4; i++)
        check_near(parity[i] / (double)counts[i], 1, 0.08, "variance");
    check_near(across, 0, 0.03, "correlation across");
    check_near(down, 0, 0.03, "correlation down");
    check_near(diagonal, 0, 0.03, "correlation along the diagonal");
    check_near(colour, 0, 0.03, "correlation of colours");
    lifted_free(&l);
}
END_TEST

/* Average of q over the pixel at x, y, q = c0 + c1 x + c2 y + c3 x^2 + c4 x y + c5 y^2 */
static double pixel_of_quadratic(const double *c, double x, double y)
{
    return c[0] + c[1] * x + c[2] * y + c[3] * (x * x + 1 / 12.0) + c[4] * x * y + c[5] * (y * y + 1 / 12.0);
}

START_TEST(prediction_of_quadratics)
{
    for (uint64_t key = 0; key < 20; key++) {
        struct lifted l = lifted_new(24, 18);
        int32_t *predicted = guard_alloc(l.bands_n * sizeof *predicted);
        for (size_t i = 0; i < l.fine_n; i++) {
            double c[6];
            for (uint64_t j = 0; j < 6; j++)
                c[j] = spread(key, 6 * (i % 3) + j, j == 0 ? 3000 : j < 3 ? 300 : 15);
            l.fine[i] = (int16_t)lrint(pixel_of_quadratic(c, (double)(i / 3 % l.w), (double)(i / 3 / l.w)));
        }
        ddz_lift_average(l.fine, l.w, l.h, l.coarse);
        ddz_lift_split(l.fine, l.w, l.h, l.bands);
        ddz_lift_predict(l.coarse, l.cw, l.ch, predicted);
        for (size_t i = 0; i < l.bands_n; i++) {
            size_t pixel = i % l.coarse_n / 3, x = pixel % l.cw, y = pixel / l.cw;
            if (x > 0 && y > 0 && x + 1 < l.cw && y + 1 < l.ch)
                check_near(predicted[i], l.bands[i], 2, "band");
        }
        guard_free(predicted, l.bands_n * sizeof *predicted);
        lifted_free(&l);
    }
}
END_TEST

/* Where there is no neighbour the picture's own value stands in: a flat picture has no detail. */
START_TEST(prediction_at_borders)
{
    for (int i = 0; i < LIFT_SIZES; i++) {
        struct lifted l = lifted_new(2 * lift_sizes[i][0], 2 * lift_sizes[i][1]);
        for (size_t k = 0; k < l.coarse_n; k++)
            l.coarse[k] = (int16_t)(1000 * (int)(k % 3) - 32640);
        memset(l.bands, 1, l.bands_n * sizeof *l.bands);
        ddz_lift_predict(l.coarse, l.cw, l.ch, l.bands);
        for (size_t k = 0; k < l.bands_n; k++)
            ck_assert_int_eq(l.bands[k], 0);
        /* a ramp: half of its slope at both ends */
        for (size_t k = 0; k < l.coarse_n; k++)
            l.coarse[k] = (int16_t)(400 * (int)(k / 3 % l.cw));
        ddz_lift_predict(l.coarse, l.cw, l.ch, l.bands);
        for (size_t k = 0; k < l.coarse_n; k++) {
            size_t x = k / 3 % l.cw;
            int neighbours = (x > 0) + (x + 1 < l.cw);
            ck_assert_int_eq(l.bands[k], -100 * neighbours);
            ck_assert_int_eq(l.bands[l.coarse_n + k], 0);
            ck_assert_int_eq(l.bands[2 * l.coarse_n + k], 0);
        }
        lifted_free(&l);
    }
}
END_TEST

/* A picture is enlarged by its predicted bands: row by row what both functions do one after the other. */
START_TEST(enlargement)
{
    for (int i = 0; i < LIFT_SIZES; i++) {
        struct lifted l = lifted_new(lift_sizes[i][0], lift_sizes[i][1]);
        const size_t row_size = (size_t)3 * l.w * sizeof(int32_t);
        int32_t *row = guard_alloc(row_size);
        for (size_t k = 0; k < l.coarse_n; k++)
            l.below[k] = l.coarse[k] = (int16_t)spread((uint64_t)i, k, INT16_MAX);
        ddz_lift_predict(l.coarse, l.cw, l.ch, l.bands);
        ddz_lift_join(l.below, l.bands, l.joined, l.w, l.h);
        for (uint32_t y = 0; y < l.h; y++) {
            ddz_lift_enlarge_row(l.below, l.w, l.h, y, row);
            ck_assert_mem_eq(row, l.joined + (size_t)3 * l.w * y, row_size);
        }
        guard_free(row, row_size);
        lifted_free(&l);
    }
}
END_TEST

int main(void)
{
    return RUN("lift", 120,
               CASE("lift", lift_of_random_pictures, lift_of_white_noise, prediction_of_quadratics,
                    prediction_at_borders, enlargement));
}
