#include "encode/covariance.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { DEGREE = 3 }; /* of the polynomial in J that stands for W */

/* W for an eigenvalue of J, with rho = (sigma_f / sigma_t)^2 */
static double share_worth(double lambda, double rho)
{
    double final = lambda * rho / (rho + lambda * (1 - rho)); /* C_f / sigma_t^2 */
    return lambda / (lambda - final + rho);
}

/* Newton's form of the polynomial that agrees with W at Chebyshev's nodes in [0, 1]. */
static void fit(double rho, double node[DEGREE + 1], double factor[DEGREE + 1])
{
    const double pi = 3.14159265358979323846;
    for (int i = 0; i <= DEGREE; i++) {
        node[i] = 0.5 + 0.5 * cos(pi * (2 * i + 1) / (2 * DEGREE + 2));
        factor[i] = share_worth(node[i], rho);
    }
    for (int j = 1; j <= DEGREE; j++)
        for (int i = DEGREE; i >= j; i--)
            factor[i] = (factor[i] - factor[i - 1]) / (node[i] - node[i - j]);
}

/* v = J z + J 0, z in such units that it is like noise; J 0 is what the layers' biases give */
static void update(struct chain *chain, const int32_t *z, size_t n, double scale, int16_t *v)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (int16_t)lrint(fmin(fmax(z[i] * scale, INT16_MIN), INT16_MAX));
    ddz_chain_times_jacobian(chain, v);
}

/* An error x - estimate in the making */
struct error {
    const int16_t *x, *estimate;
    size_t n;
    double scale;          /* of what the network is given */
    const int16_t *offset; /* J 0 */
};

/* Horner's scheme: z = J z - node z + factor (x - estimate). Could J be a covariance of at most 1? Then
 * <z, J z> >= |J z|^2. */
static bool improve(struct chain *chain, const struct error *e, double node, double factor, int32_t *z)
{
    double along = 0, square = 0;
    int16_t *v = ddz_chain_vector(chain);
    update(chain, z, e->n, e->scale, v);
    for (size_t i = 0; i < e->n; i++) {
        double moved = (v[i] - e->offset[i]) / e->scale;
        along += moved * z[i];
        square += moved * moved;
        z[i] = (int32_t)lrint((double)lrint(moved) - node * z[i] + factor * (e->x[i] - e->estimate[i]));
    }
    return along >= square;
}

static double root_mean_square(const int16_t *x, const int16_t *estimate, size_t n)
{
    double sum = 1;
    for (size_t i = 0; i < n; i++) {
        double error = x[i] - estimate[i];
        sum += error * error;
    }
    return sqrt(sum / (double)n);
}

void ddz_covariance_target(struct chain *chain, const int16_t *x, double noise, int32_t *target,
                           int16_t *offset)
{
    struct chain_position position = ddz_chain_position(chain);
    struct error e = {x, ddz_chain_estimate(chain), ddz_chain_samples(chain, position.scale), 0, offset};
    double sigma = (double)position.sigma_q8 / 256;
    double node[DEGREE + 1], factor[DEGREE + 1];
    e.scale = 2048 / root_mean_square(x, e.estimate, e.n);
    fit(fmin(1, noise * noise / (sigma * sigma)), node, factor);
    memset(offset, 0, e.n * sizeof *offset);
    ddz_chain_times_jacobian(chain, offset);
    bool credible = true;
    for (size_t i = 0; i < e.n; i++)
        target[i] = (int32_t)lrint(factor[DEGREE] * (x[i] - e.estimate[i]));
    for (int k = DEGREE - 1; k >= 0; k--)
        credible = improve(chain, &e, node[k], factor[k], target) && credible;
    for (size_t i = 0; i < e.n; i++)
        target[i] = credible ? target[i] + e.estimate[i] : x[i];
}
