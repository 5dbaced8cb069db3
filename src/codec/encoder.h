/*
 * The encoder's insides, shared by its parts: encoder.c (the public calls and the stream), convey.c
 * (the chain, step by step), opening.c (the first steps, tried many times), target.c (where the chain
 * ends).
 */
#ifndef DDZ_CODEC_ENCODER_H
#define DDZ_CODEC_ENCODER_H

#include <stdbool.h>

#include "channel/viterbi.h"
#include "codec/chain.h"
#include "codec/parameters.h"
#include "codec/progress.h"
#include "ddz.h"
#include "ddz/research.h"
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
    ENCODER_CALLS,
    ENCODER_UPDATES,
    ENCODER_IDEAL,
    ENCODER_IDEAL_SEED,
    ENCODER_PARAMETERS
};

/* States of the chain that a target PSNR needs */
enum { ENCODER_BEFORE_STEP, ENCODER_PRESENT, ENCODER_STATES };

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

    /* What they mean for the present picture */
    int threads;
    ddz_isa isa;
    double steering;
    bool ideal;        /* the channel is the ideal one */
    struct walk walk;  /* its end_level is chosen by the target */
    int register_bits; /* of the trellis behind the preview */
    int trials;        /* searches for each part of a step of the preview */

    /* Of one picture */
    bool has_chain;
    struct chain chain;
    struct viterbi *viterbi;
    int32_t *x[PYRAMID_MAX_SCALES + 1];
    uint8_t *alpha;  /* NULL: none */
    int32_t *target; /* of the steps of a call, by ddz_jacobian_target */
    struct schedule schedule;
    uint8_t *bits; /* of one step */
    uint8_t *preview;
    uint8_t *opening_bits; /* of the preview, once they are chosen */
    struct stream_writer writer;
    double views_gain; /* dB that all views add to one: as last seen, at first a guess */

    uint8_t *stream;
    size_t stream_size;
    struct sent_step steps[MAX_STEPS];
    size_t step_count;
};

/* ---- convey.c ------------------------------------------------------------------------------ */

/* Walk the chain and write its bits, until the schedule or the target ends it. MEMORY, CANCELLED. */
ddz_status ddz_encoder_walk(ddz_encoder *e);

/* The shift to convey in a chain's step, q12, into chain->plain; returns the KL in bits. */
double ddz_encoder_step_shift(const ddz_encoder *e, struct chain *chain, const struct step *step);

/* Bits of a step whose shift is in chain->plain, into `bits`, which has the first `given` of them. */
void ddz_encoder_search(struct chain *chain, struct viterbi *viterbi, const struct trellis *t, uint32_t given,
                        uint8_t *bits);

/* PSNR over the three channels of the 8-bit picture that a decoder shows where the bits end. */
double ddz_encoder_psnr(ddz_encoder *e);

/* Bits of the ideal channel's steps so far. */
double ddz_encoder_ideal_bits(const ddz_encoder *e);

/* ---- opening.c ----------------------------------------------------------------------------- */

/* Choose all bits of the preview into e->opening_bits. They serve every walk of the picture: only the
 * steering of one that is a single coarse scale knows where the chain ends. MEMORY, CANCELLED. */
ddz_status ddz_opening_choose(ddz_encoder *e);

/* Bytes that the search takes, about */
uint64_t ddz_opening_memory(const struct ddz_model *model, int threads, int trials);

/* Where the bits of step `index` of the preview begin there. */
size_t ddz_opening_offset(const struct schedule *s, int index);

/* ---- target.c ------------------------------------------------------------------------------ */

/* Choose the level at which the chain ends, by the target, and build the schedule. CANCELLED. */
ddz_status ddz_target_choose_end(ddz_encoder *e);

/* After a walk: if it ended too early for the target, move its end. *moved is false if it did not, or if
 * there is nowhere to go. CANCELLED. */
ddz_status ddz_target_end_later(ddz_encoder *e, bool *moved);

/* Is so little missing of a limit in bits that another walk is not worth it? */
bool ddz_target_is_near(double missing, double limit);

#endif
