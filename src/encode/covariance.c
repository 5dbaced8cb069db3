#include "encode/covariance.h"

#include <math.h>
#include <stdbool.h>

#include "base/fixed.h"

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

/* chain->activations = J z + J 0, z in such units that it is like noise; J 0 is what the layers' biases give
 */
static void update(struct chain *chain, const int32_t *z, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++)
        chain->activations[i] = (int16_t)lrint(fmin(fmax(z[i] * scale, INT16_MIN), INT16_MAX));
    ddz_net_update(chain->net, chain->activations, chain->activations);
}

/* Could J be a covariance of at most 1? Then <z, J z> >= |J z|^2. product = J z */
static bool multiply(struct chain *chain, const int32_t *z, int32_t *product, const int32_t *offset, size_t n,
                     double scale)
{
    double along = 0, square = 0;
    update(chain, z, n, scale);
    for (size_t i = 0; i < n; i++) {
        double moved = (chain->activations[i] - offset[i]) / scale;
        along += moved * z[i];
        square += moved * moved;
        product[i] = (int32_t)lrint(moved);
    }
    return along >= square;
}

static double root_mean_square(const int32_t *x, const int32_t *estimate, size_t n)
{
    double sum = 1;
    for (size_t i = 0; i < n; i++) {
        double error = x[i] - estimate[i];
        sum += error * error;
    }
    return sqrt(sum / (double)n);
}

void ddz_covariance_target(struct chain *chain, const int32_t *x, double noise, int32_t *target)
{
    size_t n = ddz_chain_samples(chain, chain->scale);
    const int32_t *estimate = chain->estimate;
    int32_t *offset = chain->scratch, *product = chain->shift; /* J 0, J z */
    double sigma = (double)chain->sigma_q8 / 256, scale = 2048 / root_mean_square(x, estimate, n);
    double node[DEGREE + 1], factor[DEGREE + 1];
    fit(fmin(1, noise * noise / (sigma * sigma)), node, factor);
    update(chain, x, n, 0);
    for (size_t i = 0; i < n; i++)
        offset[i] = chain->activations[i];
    /* Horner's scheme; z is in `target` */
    bool credible = true;
    for (size_t i = 0; i < n; i++)
        target[i] = (int32_t)lrint(factor[DEGREE] * (x[i] - estimate[i]));
    for (int k = DEGREE - 1; k >= 0; k--) {
        credible = multiply(chain, target, product, offset, n, scale) && credible;
        for (size_t i = 0; i < n; i++)
            target[i] = (int32_t)lrint(product[i] - node[k] * target[i] + factor[k] * (x[i] - estimate[i]));
    }
    for (size_t i = 0; i < n; i++)
        target[i] = credible ? target[i] + estimate[i] : x[i];
}
