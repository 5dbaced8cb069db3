/*
 * Where the encoder aims the chain, by what the network says of its own error. Encoder only; the decoder
 * never learns of it.
 */
#ifndef DDZ_ENCODE_COVARIANCE_H
#define DDZ_ENCODE_COVARIANCE_H

#include <stdint.h>

#include "chain/chain.h"
#include "encode/offset.h"

/*
 * aim = estimate + W(J) (x - estimate), all [h][w][3] at the chain's scale, in units of 1/256 grey level;
 * the estimate is a call's. offset = aim - x; what only a J of no use reaches is cut. J is the network's (ddz_net_update): C_t = sigma_t^2 J is the covariance of x_0
 * given y_t. For a file that ends at noise sigma_f,
 *     W = C_t (C_t - C_f + sigma_f^2)^-1,   1/C_f = 1/C_t + 1/sigma_f^2 - 1/sigma_t^2,
 * brings the chain to the picture at least cost (Gaussian errors): 1 for what is uncertain by more than
 * sigma_f, and nothing for what is known. `noise` is sigma_f, above 0. Where J could not be a covariance
 * (very smooth pictures in high noise), the aim is x. `room` is for as many samples as x has. Overwrites
 * the chain's vector. The result does not depend on `parallel`.
 */
void ddz_covariance_aim(struct chain *chain, const int16_t *x, double noise, struct offset offset,
                        int32_t *room, struct parallel *parallel);

#endif
