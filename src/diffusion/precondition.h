/*
 * From the chain's y to the network's input and from its output to the estimate (Karras et al.
 * 2022, table 1, sigma_data = 0.5):
 *   xhat_0 = c_skip y + c_out F(c_in y)
 */
#ifndef DDZ_DIFFUSION_PRECONDITION_H
#define DDZ_DIFFUSION_PRECONDITION_H

#include <stddef.h>
#include <stdint.h>

struct precondition {
    int64_t in_q36;   /* c_in / 32640, for input in q12 */
    int64_t skip_q30; /* c_skip */
    int64_t out_q8;   /* c_out * 32640 */
};

struct precondition ddz_precondition_of(int64_t sigma_q8);

/* in[i] = c_in y[i] in q12, clamped to int16 */
void ddz_precondition_input(const struct precondition *p, const int32_t *y, int16_t *in, size_t n);

/* estimate[i] = c_skip y + c_out f[i] (q12), clamped to the range of x_0. f == estimate is
 * allowed. */
void ddz_precondition_output(const struct precondition *p, const int32_t *y, const int16_t *f,
                             int16_t *estimate, size_t n);

#endif
