/*
 * The discretised decoder of Ho et al. 2020, eq. 13: bits that x_0 takes given x_1, when a sample
 * is Gaussian around the estimate and all that counts is in which grey level's bin it falls,
 *
 *   p(x_0 | x_1) = integral of N(v; xhat_0, s^2) dv from x_0 - 1/2 to x_0 + 1/2,
 *
 * the bins of 0 and 255 reaching to infinity. s and all errors are in grey levels.
 */
#ifndef DDZ_TOOLS_CODELENGTH_H
#define DDZ_TOOLS_CODELENGTH_H

#include <stddef.h>
#include <stdint.h>

/* Histogram of |x_0 - xhat_0|; a sample of 0 or 255 errs in one direction only, so that the absolute
 * value tells all that the codelength depends on. */
struct residuals {
    uint32_t (*count)[2]; /* [error in 1/256 grey level][1: x_0 is 0 or 255] */
    size_t bins;
    uint64_t samples;
};

/* `n` >= 1 samples and their estimates in 1/256 grey level, 0 to 65280. 0, or -1 if memory is short. */
int residuals_count(struct residuals *residuals, const uint8_t *x, const int32_t *estimate, size_t n);
void residuals_free(struct residuals *residuals);

/* Mean square of the error */
double residuals_square(const struct residuals *residuals);

/* Mean codelength of a sample in bits, for the decoder's standard deviation s > 0 */
double decoder_bits(const struct residuals *residuals, double s);

/* The s between 1/64 and 256 that makes the mean over the pictures smallest */
double decoder_fit(const struct residuals *pictures, size_t count);

#endif
