/*
 * The chain of one picture: what encoder and decoder do alike. Both walk the same schedule, call
 * the network for xhat_0, and apply conveyed bits to y; the encoder first searches for the bits.
 */
#ifndef DDZ_CHAIN_CHAIN_H
#define DDZ_CHAIN_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/pixels.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "channel/coordinates.h"
#include "channel/trellis.h"
#include "ddz.h"
#include "diffusion/posterior.h"
#include "diffusion/schedule.h"
#include "exact/residual.h"
#include "format/limits.h"
#include "model/model.h"
#include "nn/net.h" /* enum net_use */

enum { MAX_VIEWS = 1 << MAX_VIEWS_LOG2 }; /* of y: as it is, and mirrored */

/* What an estimate comes from: nothing yet, the update after a step, or a call of the network. */
enum estimate_kind { ESTIMATE_NONE, ESTIMATE_UPDATED, ESTIMATE_CALLED };

struct chain;

/* ---- Life ---------------------------------------------------------------------------------- */

/* A chain that comes no further than scale `finest`, 0 being the picture's full size. NULL if memory is short. `parallel`
 * and `model` must outlive the chain. The picture's size has been checked against MAX_PIXELS. NET_FLOWS: steps can be
 * deferred, and ddz_chain_prepare_update has to precede those that are not. */
struct chain *ddz_chain_new(const struct mem *mem, const struct ddz_model *model, enum net_use use,
                            uint32_t width, uint32_t height, int finest, struct parallel *parallel,
                            uint64_t features);
/* Another one of the same picture, computed by the calling thread alone, which comes no further than scale `finest`
 * and uses the network's weights of `whole`, which must outlive it. */
struct chain *ddz_chain_new_coarse(const struct chain *whole, int finest);
/* Of a grey picture: its x_0 has no colour, and so estimates have none. Before the first step, and before others are made of
 * the chain. */
void ddz_chain_set_grey(struct chain *chain);
/* Of a thumbnail: at the finest scale, where most of the time goes, one view of y makes an estimate, and two the last one. */
void ddz_chain_set_few_views(struct chain *chain);
/* From now on, calls leave alone what is kept of the last one before, which updates go on from. The network is NET_ASIDE. */
void ddz_chain_set_aside(struct chain *chain, bool aside);
/* Give the network's memory back: the estimate is as it is, and no other is asked for until the network is there again. */
void ddz_chain_forget_network(struct chain *chain);
/* Make the network anew, if it is not there. False: memory is short. */
bool ddz_chain_recall_network(struct chain *chain);
void ddz_chain_free(struct chain *chain);

/* No step of a chain whose finest scale has this size has more samples, no lift either. */
size_t ddz_chain_capacity(uint32_t width, uint32_t height);

/* Bytes that a chain takes whose finest scale has this size, computed by `lanes` lanes, and one of ddz_chain_new_coarse. */
uint64_t ddz_chain_memory(const struct ddz_model *model, enum net_use use, uint32_t width, uint32_t height,
                          int lanes, uint64_t features);
/* What NET_FLOWS takes beside that once it comes to a scale that has this size and label, where up to `updates` steps with
 * an update follow one another, deferred or not */
uint64_t ddz_chain_updates_memory(const struct ddz_model *model, uint32_t width, uint32_t height, int label,
                                  int updates, bool deferred);
uint64_t ddz_chain_memory_coarse(const struct ddz_model *model, uint32_t width, uint32_t height,
                                 uint64_t features);

/* ---- Where it is --------------------------------------------------------------------------- */

const struct pyramid *ddz_chain_pyramid(const struct chain *chain);

/* Samples of the picture at a scale */
size_t ddz_chain_samples(const struct chain *chain, int scale);

struct chain_position {
    int scale;                   /* of y and estimate */
    int64_t sigma_q8;            /* noise of y; 0 before the first step */
    enum estimate_kind estimate; /* for y */
};
struct chain_position ddz_chain_position(const struct chain *chain);

/* xhat_0, [h][w][3] at the present scale; it changes with the next call or step. */
const int16_t *ddz_chain_estimate(const struct chain *chain);

/* CRC-32 of y as little-endian int32. */
uint32_t ddz_chain_digest(const struct chain *chain);

/* ---- Estimates ----------------------------------------------------------------------------- */

/* Before the first step: y unknown, the estimate is the model's mean. */
void ddz_chain_start(struct chain *chain);

/* y = x + sigma(level) noise at full size, as if the chain had come there; x and noise (q12) are [h][w][3]. */
void ddz_chain_place(struct chain *chain, const int16_t *x, const int32_t *noise, int32_t level);

/* estimate = xhat_0(y) at the present scale and noise (before the first step: the mean colour): the mean of
 * what calls of the network say of 1, 2 or MAX_VIEWS views of y, unless it is there. */
void ddz_chain_call(struct chain *chain, int views);

/* What the next step starts from: the estimate that the last one's update left, or the call's. */
void ddz_chain_next_estimate(struct chain *chain);

/* What is shown where the bits end: at labels 0 and 1 the estimate from `views` views (1, 2 or MAX_VIEWS), else from
 * MAX_VIEWS. */
void ddz_chain_last_estimate(struct chain *chain, int views);

/* An array of int16 for all samples of the present scale, which the chain itself uses in calls and steps only. */
int16_t *ddz_chain_vector(struct chain *chain);

/* v = J v for a vector like noise, q12, J being that of the last call: ddz_net_update; grey if the chain is. */
void ddz_chain_times_jacobian(struct chain *chain, int16_t *v);

/* ---- Steps --------------------------------------------------------------------------------- */

/* The trellis of step `index`, which has `bits` bits. */
struct trellis ddz_chain_trellis(const struct step *step, int index, uint32_t bits, int register_bits);

struct reverse_step ddz_chain_reverse_step(const struct step *step);

/* Mix a shift of the trellis' samples in place; returns its coordinates, for its search, which the chain's vector has. */
struct coordinates ddz_chain_mix(struct chain *chain, const struct trellis *t, int32_t *shift);

/* The bands that the estimate predicts for a lift from the present scale; where the chain itself makes those of its step. */
const int32_t *ddz_chain_predict_bands(struct chain *chain);

/*
 * Make the step from `known` of its bits (MSB first; bits beyond may be overwritten up to
 * t->branches). Reverse steps leave the coordinates of unknown branches as they are; for the first
 * step and lifts, which have no y to fall back on, missing bits are drawn from a hash. The estimate
 * must be that of y.
 */
void ddz_chain_apply(struct chain *chain, const struct step *step, const struct trellis *t, uint8_t *bits,
                     uint32_t known);

/*
 * Make a step, all of whose bits are known, when the next estimate is asked for: it and others that follow it are then made
 * together with the call of the network that they begin with, so that nothing of the call has to be kept. `updates`: how many
 * steps with an update there are from this one on. False: it has to be made by ddz_chain_apply, for it is not of that kind,
 * or memory is short, or its noise is too large. Until an estimate is asked for, only further steps may follow.
 */
bool ddz_chain_defer(struct chain *chain, const struct step *step, int updates, const struct trellis *t,
                     const uint8_t *bits);

/* Before the estimate for a step with an update that is made by ddz_chain_apply: that the call will be kept. False: memory is short. */
bool ddz_chain_prepare_update(struct chain *chain);

/* The step for a noise that is all known, q12, in the order of its samples. */
void ddz_chain_apply_noise(struct chain *chain, const struct step *step, const int32_t *noise);

/* Bits of a prior draw: `count` of them, a function of key. */
void ddz_chain_draw_bits(uint64_t key, uint8_t *bits, uint32_t count);

/* ---- Pictures ------------------------------------------------------------------------------ */

/* Row y of a picture, [width][3] in 1/256 of a grey level less CENTRE, which may be beyond black and white. */
typedef void chain_row(void *cookie, uint32_t y, const int32_t *row);

/* The estimate at scale `shown`, row by row from the top: interpolated up from a coarser scale, or averaged down from a
 * finer one, by boxes. The chain's finest scale is no coarser; `shown` may be coarser than the pyramid's coarsest. */
void ddz_chain_show(struct chain *chain, int shown, chain_row *show, void *cookie);

/* The same as pixels of any layout (alpha, of that scale: see ddz_pixels_write_row). */
void ddz_chain_pixels(struct chain *chain, int shown, const struct layout *layout, const uint8_t *alpha,
                      void *pixels);

/* What the exact layer is conditioned on, as long as the chain stays where it is. *enlarged is what has to be freed with
 * ddz_mem_free afterwards: the estimate, if it had to be enlarged, else NULL. MEMORY. */
ddz_status ddz_chain_known(struct chain *chain, struct residual_known *known, int16_t **enlarged);

/* ---- States -------------------------------------------------------------------------------- */

/* What of a chain is kept aside, beside where it is; or-ed. What is not kept is not restored. */
enum chain_part {
    CHAIN_Y = 1,
    CHAIN_ESTIMATE = 2 /* without it, a restored chain has none */
};

struct chain_state;

/* Room for parts of the chain's state, or of another chain's of the same picture that comes no further; NULL if memory
 * is short. */
struct chain_state *ddz_chain_state_new(const struct chain *chain, int parts);
void ddz_chain_state_free(struct chain_state *state);
/* y is kept, too, in memory of the caller's, which has to stay: values for all samples of the chain's finest scale. */
void ddz_chain_state_lend_y(struct chain_state *state, int32_t *y);
/* Bytes of that for a chain whose finest scale has this size */
uint64_t ddz_chain_state_memory(uint32_t width, uint32_t height, int parts);

/* Keep the chain's state aside, and take it back. */
void ddz_chain_save(const struct chain *chain, struct chain_state *state);
void ddz_chain_restore(struct chain *chain, const struct chain_state *state);

#endif
