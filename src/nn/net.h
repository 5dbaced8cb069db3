/*
 * The network in integers: F(c_in y; sigma, label) of one picture.
 *
 * Activations are int16, channels last, in one arena allocated with the network; a call allocates
 * nothing. The result is the same for every instruction set and number of threads.
 *
 * Memory: twice the weights of all of the model's networks, and per pixel of the picture 2 bytes times the
 * sum over levels of channels / 4^(level + 1), plus the largest of these terms again for scratch: with
 * channels 64, 112, 176, 32 + 14 + 5.5 + 32 = 83.5 bytes a pixel.
 */
#ifndef DDZ_NN_NET_H
#define DDZ_NN_NET_H

#include <stdint.h>

#include "base/mem.h"
#include "ddz.h"
#include "model/model.h"

struct net;

/* A network for pictures of up to width x height pixels, computed by so many threads (0: as many as
 * OpenMP gives); NULL if memory is short. `model` must outlive it. */
struct net *net_new(const struct mem *mem, const struct ddz_model *model, uint32_t width, uint32_t height,
                    int threads, ddz_isa isa);
void net_free(struct net *net);

/* Bytes that net_new would allocate, SIZE_MAX if not representable. */
size_t net_memory(const struct ddz_model *model, uint32_t width, uint32_t height);

/*
 * out[height][width][3] = F(in), both int16 q12, for a picture no larger than net_new was told.
 * `in` is padded with zeros to a multiple of the U-Net's step. in == out is allowed.
 */
void net_forward(struct net *net, const int16_t *in, int16_t *out, uint32_t width, uint32_t height, int label,
                 int32_t level_q8);

#endif
