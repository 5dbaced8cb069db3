/* Steering by the network's Jacobian against its formula, with another form of the polynomial. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cpu/cpu.h"
#include "encode/covariance.h"
#include "runner.h"
#include "toy_model.h"

enum { WIDTH = 22, HEIGHT = 17, SAMPLES = 3 * WIDTH * HEIGHT, LEVEL = 90, TERMS = 4 };

static ddz_model *model;
static struct chain *chain;
static int16_t x[SAMPLES], low[SAMPLES];
static uint8_t far[SAMPLES / 8 + 1];
static const struct offset offset = {low, far};
static int32_t room[SAMPLES];

static double sigma(void)
{
    return (double)ddz_sigma_q8(LEVEL) / 256;
}

/* Between -1 and 1 */
static double number(uint64_t key, size_t i)
{
    return (double)(hash_pair(key, i) % 20001) / 10000 - 1;
}

/* Make J what it should be, symmetric and from 0 to 1: the diagonal of twelve of the gates. With an offset J
 * 0 */
static void make_covariance(void)
{
    for (int i = 0; i < model->layers; i++) {
        const struct model_layer *layer = &model->layer[i];
        if (layer->shape.stage != STAGE_UPDATE)
            continue;
        int inputs = 9 * layer->shape.cin;
        memset((int8_t *)layer->weight, 0, (size_t)(layer->shape.cout * inputs));
        memset((int16_t *)layer->gain_weight, 0, (size_t)(2 * layer->shape.cout * model->embedding));
        for (int o = 0; o < layer->shape.cout; o++) {
            ((int16_t *)layer->gain_base)[o] = 1 << MODEL_GAIN_BITS;
            ((uint32_t *)layer->scale)[o] = UINT32_C(1) << (layer->shift - 6);
            if (o < 12)
                ((int8_t *)layer->weight)[o * inputs + 4 * layer->shape.cin + o] = 1 << 6;
        }
    }
}

/* A chain at the full size, and an error of up to sigma of its estimate. */
static void open_chain(const struct toy_shape *shape)
{
    memset(room, 0, sizeof room);
    memset(low, 1, sizeof low);
    memset(far, 1, sizeof far);
    size_t size;
    uint8_t *file = toy_model_shaped(4, shape, &size);
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &model), DDZ_OK);
    free(file);
    if (!shape->wild)
        make_covariance();
    struct mem mem = ddz_mem_init(NULL);
    chain = ddz_chain_new(&mem, model, NET_KEEPS, WIDTH, HEIGHT, 0, NULL, ddz_cpu_allowed(-1));
    ck_assert_ptr_nonnull(chain);
    for (size_t i = 0; i < SAMPLES; i++)
        x[i] = (int16_t)(9000 * number(1, i / 40));
    ddz_chain_place(chain, x, room, LEVEL); /* without noise */
    ddz_chain_next_estimate(chain);
    for (size_t i = 0; i < SAMPLES; i++)
        x[i] = (int16_t)(ddz_chain_estimate(chain)[i] + (int32_t)(sigma() * number(2, i)));
}

static void close_chain(void)
{
    ddz_chain_free(chain);
    ddz_model_free(model);
}

static const struct toy_shape sane = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};

/* v = J v, in the range of noise */
static void multiply(double v[SAMPLES])
{
    static int16_t in[SAMPLES], j0[SAMPLES];
    double peak = 1e-9;
    memset(j0, 0, sizeof j0);
    ddz_chain_times_jacobian(chain, j0);
    for (size_t i = 0; i < SAMPLES; i++)
        peak = fmax(peak, fabs(v[i]));
    for (size_t i = 0; i < SAMPLES; i++)
        in[i] = (int16_t)lrint(v[i] * 8000 / peak);
    ddz_chain_times_jacobian(chain, in);
    for (size_t i = 0; i < SAMPLES; i++)
        v[i] = (in[i] - j0[i]) * peak / 8000;
}

/* W of the header's formula, in units of sigma_t */
static double worth(double c, double rho)
{
    double f = 1 / (1 / c + 1 / rho - 1);
    return c / (c - f + rho);
}

/* Coefficients of 1, lambda, lambda^2 ... of the polynomial through W at Chebyshev's nodes: Lagrange's form
 */
static void coefficients(double rho, double a[TERMS])
{
    double node[TERMS];
    memset(a, 0, TERMS * sizeof *a);
    for (int i = 0; i < TERMS; i++)
        node[i] = (1 + cos(M_PI * (i + 0.5) / TERMS)) / 2;
    for (int i = 0; i < TERMS; i++) {
        double p[TERMS] = {worth(node[i], rho)};
        int degree = 0;
        for (int j = 0; j < TERMS; j++)
            if (j != i) {
                double scale = 1 / (node[i] - node[j]);
                p[degree + 1] = 0;
                for (int k = ++degree; k >= 0; k--)
                    p[k] = scale * ((k ? p[k - 1] : 0) - node[j] * p[k]);
            }
        for (int k = 0; k < TERMS; k++)
            a[k] += p[k];
    }
}

START_TEST(test_against_formula)
{
    static const double noises[] = {0.3, 0.5, 0.8, 1, 1.4};
    static double power[SAMPLES], expected[SAMPLES];
    double a[TERMS], noise = noises[_i], moved = 0;
    open_chain(&sane);
    for (size_t i = 0; i < SAMPLES; i++)
        power[i] = x[i] - ddz_chain_estimate(chain)[i];
    coefficients(fmin(1, noise * noise), a);
    for (int k = 0; k < TERMS; k++) {
        if (k)
            multiply(power);
        for (size_t i = 0; i < SAMPLES; i++)
            expected[i] = (k ? expected[i] : 0) + a[k] * power[i];
    }
    ddz_covariance_aim(chain, x, noise * sigma(), offset, room, NULL);
    for (size_t i = 0; i < SAMPLES; i++) {
        ck_assert_double_eq_tol(x[i] + offset_at(&offset, i) - ddz_chain_estimate(chain)[i], expected[i],
                                0.01 * sigma());
        moved = fmax(moved, fabs(expected[i]));
    }
    ck_assert_double_gt(moved, 0.1 * sigma());
    close_chain();
}
END_TEST

/* An error of most of the range, of which the noise at the end leaves little: more than 16 bits */
START_TEST(test_far_off)
{
    open_chain(&sane);
    for (size_t i = 0; i < SAMPLES; i++)
        x[i] = ddz_chain_estimate(chain)[i] > 0 ? -32640 : 32640;
    ddz_covariance_aim(chain, x, 100 * sigma(), offset, room, NULL);
    int beyond = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        int32_t off = offset_at(&offset, i), error = x[i] - ddz_chain_estimate(chain)[i];
        ck_assert_int_ne(off > 0, error > 0);
        ck_assert_int_le(abs(off), abs(error) + abs(error) / 8);
        beyond += off != low[i];
    }
    ck_assert_int_gt(beyond, 0);
    ck_assert_int_lt(beyond, SAMPLES);
    close_chain();
}
END_TEST

/* A file that ends with next to no noise needs all of the error; where there is none, nothing moves. */
START_TEST(test_extremes)
{
    open_chain(&sane);
    ddz_covariance_aim(chain, x, 1e-4 * sigma(), offset, room, NULL);
    for (size_t i = 0; i < SAMPLES; i++)
        ck_assert_int_le(abs(offset_at(&offset, i)), 4);
    ddz_covariance_aim(chain, ddz_chain_estimate(chain), 0.5 * sigma(), offset, room, NULL);
    for (size_t i = 0; i < SAMPLES; i++)
        ck_assert_int_eq(offset_at(&offset, i), 0);
    close_chain();
}
END_TEST

/* What a network says that cannot be a covariance is not believed. */
START_TEST(test_no_covariance)
{
    const struct toy_shape wild = {.levels = 1, .embedding = 3, .channels = {16}, .blocks = {1}, .wild = 1};
    open_chain(&wild);
    double norm = 0, before = 0;
    static double v[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        v[i] = x[i] - ddz_chain_estimate(chain)[i];
        before += v[i] * v[i];
    }
    multiply(v);
    for (size_t i = 0; i < SAMPLES; i++)
        norm += v[i] * v[i];
    ck_assert_double_gt(norm, before);
    ddz_covariance_aim(chain, x, 0.7 * sigma(), offset, room, NULL);
    for (size_t i = 0; i < SAMPLES; i++)
        ck_assert_int_eq(offset_at(&offset, i), 0);
    close_chain();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("covariance");
    tcase_add_loop_test(tests, test_against_formula, 0, 5);
    tcase_add_test(tests, test_far_off);
    tcase_add_test(tests, test_extremes);
    tcase_add_test(tests, test_no_covariance);
    return run_cases("covariance", 4, &tests, 1);
}
