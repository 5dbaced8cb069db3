/* The encoder's state, which its parts share: each has a header of its own. */
#ifndef DDZ_ENCODE_STATE_H
#define DDZ_ENCODE_STATE_H

#include <stdbool.h>

#include "api/parameters.h"
#include "api/progress.h"
#include "chain/chain.h"
#include "channel/viterbi.h"
#include "ddz.h"
#include "ddz/research.h"
#include "encode/exact.h"
#include "encode/offset.h"
#include "encode/partial.h"
#include "format/extras.h"
#include "format/stream_writer.h"

enum {
    ENCODER_THREADS,
    ENCODER_CPU_FEATURES,
    ENCODER_MAX_PIXELS,
    ENCODER_MEMORY_LIMIT,
    ENCODER_EFFORT,
    ENCODER_TRELLIS_BITS,
    ENCODER_STEERING,
    ENCODER_KEEP_INVISIBLE,
    ENCODER_EXACT,
    ENCODER_MAX_ERROR,
    ENCODER_CALLS,
    ENCODER_UPDATES,
    ENCODER_IDEAL,
    ENCODER_IDEAL_SEED,
    ENCODER_STEP_PSNR,
    ENCODER_PARAMETERS
};

/* What of the chain is kept for a target PSNR, before a step and at present; y before a step has the place of the step's shift,
 * once that has been searched for. */
enum { ENCODER_STATE = CHAIN_ESTIMATE };

/* The step that was sent last */
struct sent {
    uint32_t bits; /* of the step */
    struct step_place place;
};

/* Where a step's shift is made, each for a chain's samples */
struct shift_room {
    int32_t *shift;
    struct offset offset; /* of the aim, by ddz_covariance_aim: of the steps of a call, at full size */
};

/* What is told of a step that was sent */
struct sent_step {
    ddz_step step;
    ddz_research_step research;
};

struct ddz_encoder {
    struct mem mem;
    struct mem_account account;
    const struct ddz_model *model;
    struct extras extras;

    /* Settings, for the next picture */
    int64_t value[ENCODER_PARAMETERS];
    ddz_target target_kind;
    double target_value;
    struct progress progress;
    struct parallel_runner runner;

    /* What they mean for the present picture */
    uint64_t features;
    double steering;
    bool ideal;        /* the channel is the ideal one */
    struct walk walk;  /* its end_level is chosen by the target */
    int views;         /* of y, for the picture */
    int register_bits; /* of the trellis behind the preview */
    int trials;        /* searches for each part of a step of the preview */

    /* Of one picture */
    struct parallel *parallel;
    struct chain *chain;                       /* NULL: there is no picture */
    struct chain_state *before_step, *present; /* of a target PSNR: before the last step, and now */
    struct viterbi *viterbi;
    /* x_0 at every scale; the coarser ones in room.offset.low, see ddz_shift_begin */
    int16_t *x[PYRAMID_MAX_SCALES + 1];
    uint8_t *alpha; /* NULL: none */
    bool grey;      /* R = G = B in x */
    struct shift_room room;
    struct schedule schedule;
    uint8_t *bits;         /* of one step */
    uint8_t *preview_bits; /* of the preview, once they are chosen */
    struct stream_writer writer;
    struct exact_layer exact;
    struct partial partial; /* the stream has it, unless it has an exact layer of the whole picture */
    bool automatic;         /* the exact picture takes the chain's place where it is smaller */
    bool with_exact;        /* the stream has an exact layer, */
    bool exact_alone;       /* which does not need the chain */
    bool preview_only;      /* the chain ends with the preview, */
    bool short_preview;     /* which is short; */
    uint64_t
        chain_room; /* or it has at most so many bytes, if they are enough for the preview; 0: any number */
    uint64_t most;  /* bytes of the whole stream: one of as many, or more, need not be made */
    bool too_long;  /* the chain's has as many */
    double views_gain; /* dB that all views add to one: as last seen, at first a guess */

    uint8_t *stream;
    size_t stream_size;
    struct sent_step steps[MAX_STEPS];
    size_t step_count;
};

/* Allocate what is needed to walk the chain and not to show it, and free it. MEMORY. */
ddz_status ddz_encoder_take_room(ddz_encoder *e);
void ddz_encoder_forget_room(ddz_encoder *e);

#endif
