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
#include "channel/mix.h"
#include "channel/trellis.h"
#include "ddz.h"
#include "diffusion/posterior.h"
#include "diffusion/schedule.h"
#include "model/model.h"
#include "nn/net.h"

enum { MAX_VIEWS = 4 }; /* of y: as it is, and mirrored */

/* What an estimate comes from: nothing yet, the update after a step, or a call of the network. */
enum estimate_kind { ESTIMATE_NONE, ESTIMATE_UPDATED, ESTIMATE_CALLED };

/* Arrays hold `capacity` int32 each. Those that are used one after the other share their memory; each has a
 * name for each of its meanings. */
struct chain {
    struct mem mem;
    const struct ddz_model *model;
    struct net *net;
    struct parallel *parallel; /* NULL: none but the calling thread */
    struct pyramid pyramid;
    size_t capacity;

    int scale;                        /* that y and estimate have now */
    int64_t sigma_q8;                 /* noise of y; 0 before the first step */
    enum estimate_kind estimate_kind; /* for y */
    int views;                        /* of which a called estimate is the mean */

    int32_t *y;     /* [h][w][3] */
    int32_t *bands; /* within a lift, what y is elsewhere */
    union {
        int32_t *estimate;        /* xhat_0 */
        int32_t *predicted_bands; /* within a lift: its estimate of them */
    };
    union {                /* of a step, in the order of its samples: */
        int32_t *shift;    /* what it has to convey, q12 (encoder), */
        int32_t *noise;    /* what is conveyed, c, q12, */
        int32_t *change;   /* and what that changes y by; */
        int32_t *enlarged; /* at other times, a picture on its way to full size */
    };
    union {
        int32_t *mixed;            /* shift or noise in the order of the trellis; */
        int32_t *aim;              /* before, what the step is aimed at (encoder); */
        int32_t *enlarged_further; /* at other times, a picture on its way to full size */
    };
    int32_t *scratch;
    int16_t *activations;
};

/* A chain's state, kept aside. All zero: none, and no memory. */
struct chain_state {
    int32_t *y, *estimate;
    uint8_t *net; /* what updates need; NULL: none will follow */
    int scale;
    int64_t sigma_q8;
    enum estimate_kind estimate_kind;
    int views;
};

/* MEMORY only. `parallel` must outlive the chain. The picture's size has been checked against MAX_PIXELS.
 * `chain` is zeroed on failure. */
ddz_status ddz_chain_init(struct chain *chain, const struct mem *mem, const struct ddz_model *model,
                          uint32_t width, uint32_t height, struct parallel *parallel, uint64_t features);
/* Another one of the same picture, computed by the calling thread alone, which comes no further than scale `finest` and uses
 * the network's weights of `whole`. MEMORY. */
ddz_status ddz_chain_init_coarse(struct chain *chain, const struct chain *whole, int finest);
void ddz_chain_free(struct chain *chain);

/* Bytes that a chain of such a picture takes, with `states` of them kept aside; and about what one of
 * ddz_chain_init_coarse takes beside another. */
uint64_t ddz_chain_memory(const struct ddz_model *model, uint32_t width, uint32_t height, int states,
                          uint64_t features);
uint64_t ddz_chain_memory_coarse(const struct ddz_model *model, uint32_t width, uint32_t height,
                                 uint64_t features);

/* Samples of the picture at a scale */
size_t ddz_chain_samples(const struct chain *chain, int scale);

/* Before the first step: y unknown, the estimate is the model's mean. */
void ddz_chain_start(struct chain *chain);

/* estimate = xhat_0(y) at the present scale and noise (before the first step: the mean colour): the mean of
 * what calls of the network say of 1, 2 or MAX_VIEWS views of y, unless it is there. */
void ddz_chain_call(struct chain *chain, int views);

/* What the next step starts from: the estimate that the last one's update left, or the call's. */
void ddz_chain_next_estimate(struct chain *chain);

/* What is shown where the bits end: the estimate from all views. */
void ddz_chain_last_estimate(struct chain *chain);

/* Before a lift, once the estimate is there: turn it into the prediction of the bands. */
void ddz_chain_enter_lift(struct chain *chain, const struct step *step);

/* The trellis of step `index`, which has `bits` bits. */
struct trellis ddz_chain_trellis(const struct step *step, int index, uint32_t bits, int register_bits);

struct reverse_step ddz_chain_reverse_step(const struct step *step);

/*
 * Make the step from `known` of its bits (MSB first; bits beyond may be overwritten up to
 * t->branches). Reverse steps leave the coordinates of unknown branches as they are; for the first
 * step and lifts, which have no y to fall back on, missing bits are drawn from a hash.
 */
void ddz_chain_apply(struct chain *chain, const struct step *step, const struct trellis *t, uint8_t *bits,
                     uint32_t known);

/* The step for the noise that is already in chain->noise, all of it known. */
void ddz_chain_apply_noise(struct chain *chain, const struct step *step);

/* Bits of a prior draw: `count` of them, a function of key. */
void ddz_chain_draw_bits(uint64_t key, uint8_t *bits, uint32_t count);

/* The estimate at full size, interpolated up from a coarser scale: in 1/256 grey level, 0 to 65280; as an
 * 8-bit RGB picture; and as pixels of any layout (alpha: see ddz_pixels_write). All use the work arrays, and
 * keep y and estimate. */
void ddz_chain_full_estimate(struct chain *chain, int32_t *full);
void ddz_chain_picture(struct chain *chain, uint8_t *rgb);
void ddz_chain_pixels(struct chain *chain, const struct layout *layout, const uint8_t *alpha, void *pixels);

/* Room for a state of the chain, unless it is there already; `updates`: the chain may go on from it with
 * updates. MEMORY: nothing is lost that has to be freed by another call than ddz_chain_state_free. */
ddz_status ddz_chain_state_reserve(struct chain_state *state, const struct chain *chain, bool updates);
void ddz_chain_state_free(struct chain_state *state, const struct mem *mem);

/* Keep the chain's state aside, and take it back: y, the estimate, and what updates need. */
void ddz_chain_save(struct chain *chain, struct chain_state *state);
void ddz_chain_restore(struct chain *chain, const struct chain_state *state);

/* y = x + sigma(level) * chain->noise at full size, as if the chain had come there. */
void ddz_chain_place(struct chain *chain, const int32_t *x, int32_t level);

/* CRC-32 of y as little-endian int32. */
uint32_t ddz_chain_digest(const struct chain *chain);

#endif
