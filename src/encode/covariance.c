#include "encode/covariance.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* the same result by any instruction set */
#endif

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

/* ---- An error in the making ---------------------------------------------------------------- */

/* So many that sums do not depend on how many threads there are */
enum { PIECES = 64 };

struct error {
    const int16_t *x, *estimate;
    size_t n;
    double scale;  /* of what the network is given */
    int16_t *zero; /* J 0, which the layers' biases give, where offset.low will be */
    struct offset offset;
    int16_t *v; /* the network's input and output */
    int32_t *z;
    bool credible;
    double node, factor;                  /* of the present term */
    double along[PIECES], square[PIECES]; /* <z, J z> and |J z|^2 */
};

static size_t piece_begin(const struct error *e, size_t index)
{
    return e->n * index / PIECES;
}

/* Within bounds that only a J of no use reaches. The library's functions would keep compilers from making vectors. */
static inline int32_t nearest(double v)
{
    const double most = 1 << 30;
    v = v < -most ? -most : v > most ? most : v;
    return (int32_t)(v + copysign(0.5, v));
}

/* z = factor (x - estimate) */
static void begin_piece(void *argument, size_t index, int lane)
{
    const struct error *e = argument;
    (void)lane;
    for (size_t i = piece_begin(e, index); i < piece_begin(e, index + 1); i++)
        e->z[i] = nearest(e->factor * (e->x[i] - e->estimate[i]));
}

/* v = z in such units that it is like noise */
static void scale_piece(void *argument, size_t index, int lane)
{
    const struct error *e = argument;
    (void)lane;
    for (size_t i = piece_begin(e, index); i < piece_begin(e, index + 1); i++) {
        double v = e->z[i] * e->scale;
        v = v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v;
        e->v[i] = (int16_t)nearest(v);
    }
}

/* Horner's scheme: z = J z - node z + factor (x - estimate) */
static void improve_piece(void *argument, size_t index, int lane)
{
    struct error *e = argument;
    double along = 0, square = 0, unit = 1 / e->scale;
    (void)lane;
    for (size_t i = piece_begin(e, index); i < piece_begin(e, index + 1); i++) {
        double moved = (e->v[i] - e->zero[i]) * unit;
        along += moved * e->z[i];
        square += moved * moved;
        e->z[i] = nearest(moved - e->node * e->z[i] + e->factor * (e->x[i] - e->estimate[i]));
    }
    e->along[index] = along;
    e->square[index] = square;
}

/* Could J be a covariance of at most 1? Then <z, J z> >= |J z|^2. */
static bool improve(struct chain *chain, struct error *e, struct parallel *parallel)
{
    double along = 0, square = 0;
    ddz_parallel_for(parallel, PIECES, scale_piece, e);
    ddz_chain_times_jacobian(chain, e->v);
    ddz_parallel_for(parallel, PIECES, improve_piece, e);
    for (int i = 0; i < PIECES; i++) {
        along += e->along[i];
        square += e->square[i];
    }
    return along >= square;
}

enum { WHOLE_BYTES = 1 << 16 }; /* samples: pieces share no byte of offset.far */

/* aim - x */
static void end_piece(void *argument, size_t index, int lane)
{
    const struct error *e = argument;
    size_t begin = index * WHOLE_BYTES, end = e->n - begin < WHOLE_BYTES ? e->n : begin + WHOLE_BYTES;
    (void)lane;
    for (size_t first = begin; first < end; first += 8) {
        unsigned far = 0;
        for (size_t i = first; i < first + 8 && i < end; i++) {
            int32_t off = e->credible ? e->z[i] + e->estimate[i] - e->x[i] : 0;
            off = off < -OFFSET_MOST ? -OFFSET_MOST : off > OFFSET_MOST ? OFFSET_MOST : off;
            far |= (unsigned)(off < INT16_MIN || off > INT16_MAX) << (i - first);
            e->offset.low[i] = (int16_t)(off < INT16_MIN   ? off + (1 << 16)
                                         : off > INT16_MAX ? off - (1 << 16)
                                                           : off);
        }
        if (e->offset.far[first / 8] != far)
            e->offset.far[first / 8] = (uint8_t)far;
    }
}

static double root_mean_square(const int16_t *x, const int16_t *estimate, size_t n)
{
    uint64_t sum = 1;
    for (size_t i = 0; i < n; i++) {
        int64_t error = x[i] - estimate[i];
        sum += (uint64_t)(error * error);
    }
    return sqrt((double)sum / (double)n);
}

void ddz_covariance_aim(struct chain *chain, const int16_t *x, double noise, struct offset offset,
                        int32_t *room, struct parallel *parallel)
{
    struct chain_position position = ddz_chain_position(chain);
    struct error e = {.x = x,
                      .estimate = ddz_chain_estimate(chain),
                      .n = ddz_chain_samples(chain, position.scale),
                      .zero = offset.low,
                      .offset = offset,
                      .v = ddz_chain_vector(chain),
                      .z = room,
                      .credible = true};
    double sigma = (double)position.sigma_q8 / 256;
    double node[DEGREE + 1], factor[DEGREE + 1];
    e.scale = 2048 / root_mean_square(x, e.estimate, e.n);
    fit(fmin(1, noise * noise / (sigma * sigma)), node, factor);
    memset(e.zero, 0, e.n * sizeof *e.zero);
    ddz_chain_times_jacobian(chain, e.zero);
    e.factor = factor[DEGREE];
    ddz_parallel_for(parallel, PIECES, begin_piece, &e);
    for (int k = DEGREE - 1; k >= 0; k--) {
        e.node = node[k];
        e.factor = factor[k];
        e.credible = improve(chain, &e, parallel) && e.credible;
    }
    ddz_parallel_for(parallel, (e.n + WHOLE_BYTES - 1) / WHOLE_BYTES, end_piece, &e);
}
