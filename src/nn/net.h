/*
 * The network in integers: F(c_in y; sigma, label) of one picture, and the update of an estimate by the noise
 * of the steps that follow (HACKING.md).
 *
 * Activations are int16, channels last, in one arena allocated with the network; a call allocates
 * nothing. The result is the same for every set of features and number of threads.
 *
 * Memory: the packed weights of all of the model's networks; what grows with the picture's width and the number of
 * lanes, since the layers run down the picture in strips (strips.h), with channels 64, 112, 176 about 8 KB for each pixel
 * of the width, 14 KB where calls and updates run in one go, and 6 KB more for each lane after the first; and, of a network that
 * keeps its calls for later updates, per pixel of the picture half of level 0's channels in bytes (with 64 channels 32), for
 * the stream that becomes the features and gates of updates.
 */
#ifndef DDZ_NN_NET_H
#define DDZ_NN_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "model/model.h"
#include "nn/rows.h"
#include "nn/strips.h" /* FLOW_UPDATES */

struct net;

/* What for */
enum net_use {
    NET_KEEPS, /* calls are kept for later updates */
    NET_ASIDE, /* the same, and others are made aside */
    NET_FLOWS  /* calls with updates in one go, and, while there is room, calls that are kept */
};

/* A network for pictures of up to width x height pixels, computed by the threads of `parallel` (NULL: none but the
 * caller's) with kernels for `features`; NULL if memory is short. `model` and `parallel` must outlive it. */
struct net *ddz_net_new(const struct mem *mem, const struct ddz_model *model, enum net_use use,
                        uint32_t width, uint32_t height, struct parallel *parallel, uint64_t features);
/* Another one, NET_KEEPS, computed by the calling thread alone, which uses the weights of `net`. */
struct net *ddz_net_new_beside(const struct net *net, uint32_t width, uint32_t height);
void ddz_net_free(struct net *net);

/* Of NET_FLOWS: room to keep calls for pictures of this size from now on; 0 x 0 gives it back. What was kept is
 * lost unless there was room before. False: memory is short, and there is no room. */
bool ddz_net_keep(struct net *net, uint32_t width, uint32_t height);
/* Can the last call be updated? It could when it was made, if there was room for its picture. */
bool ddz_net_is_kept(const struct net *net);

/* Bytes that ddz_net_new, with a `parallel` of `lanes` lanes, and ddz_net_new_beside would allocate, SIZE_MAX if not
 * representable; and ddz_net_keep. */
size_t ddz_net_memory(const struct ddz_model *model, enum net_use use, uint32_t width, uint32_t height,
                      int lanes, uint64_t features);
size_t ddz_net_memory_beside(const struct ddz_model *model, uint32_t width, uint32_t height,
                             uint64_t features);
size_t ddz_net_memory_kept(const struct ddz_model *model, uint32_t width, uint32_t height);

/* What is called: a picture no larger than ddz_net_new was told */
struct net_call {
    uint32_t width, height;
    int label;
    int32_t level_q8;
    bool aside; /* it is not kept, and the call that is stays; not of NET_KEEPS */
};

/*
 * give F(take), padded with zeros to a multiple of the U-Net's step. The call is kept if there is room, unless it is aside.
 */
void ddz_net_call(struct net *net, const struct net_call *call, const struct net_rows *rows);

/*
 * The same, and 1 to FLOW_UPDATES updates of the call, as parts 1 to `updates`: give J take. Nothing is kept. NET_FLOWS.
 */
void ddz_net_flow(struct net *net, const struct net_call *call, int updates, const struct net_rows *rows);

/* out[height][width][3] = F(in), both int16 q12. in == out is allowed. */
void ddz_net_forward(struct net *net, const int16_t *in, int16_t *out, const struct net_call *call);

/*
 * out = J in for the noise of a step, both int16 q12 and of the size of the last call's picture: with
 * J = join(gates * sift(.)), gates and conditioning those of that call. in == out is allowed. That call must have
 * been kept. Its first update turns the call's features into gates.
 */
void ddz_net_update(struct net *net, const int16_t *in, int16_t *out);

#endif
