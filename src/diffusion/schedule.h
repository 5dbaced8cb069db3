/*
 * The noise schedule and the pyramid: which steps a picture's chain has, and the noise of each.
 *
 * Noise is named by an integer level e: sigma(e) = 0.7 * 2^(-e/32) in units of x_0 in [-1, 1].
 */
#ifndef DDZ_DIFFUSION_SCHEDULE_H
#define DDZ_DIFFUSION_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/limits.h"
#include "model/model.h"

enum {
    LEVELS_PER_OCTAVE = 32,
    LEVEL_LIFT = 32,           /* sigma 0.35: a scale >= 1 ends here, */
    LEVEL_LIFTED = 0,          /* and the next finer one begins here, sigma 0.7 */
    LEVEL_SHOWN = 96,          /* sigma 0.0875, 11 grey levels: quieter noise hardly shows in a small picture, */
    LEVEL_THUMBNAIL = 64,      /* and in the smallest, which have to be there at once, not twice as much */
    THUMBNAIL_SIDE = 256,      /* the longer one of these, at most */
    LEVEL_NOTHING = INT32_MIN, /* sigma infinite: before the first step */
    LEVEL_LOUDEST = -160,      /* where a drawn chain begins, sigma 22.4, */
    LEVEL_QUIETEST = 196,      /* and ends: the range of noise that models are trained for */
    PYRAMID_COARSEST = 8,      /* longer side of the coarsest scale, at most */
    SCHEDULE_CAPACITY = 1024,  /* steps of a stream with the rest of it drawn; MAX_STEPS without */
};

/* sigma(level) in units of x_0 with 8 fractional bits; -320 <= level <= 320. */
int64_t ddz_sigma_q8(int32_t level);

/* Noise level, 256 to a level, of any sigma_q8 >= 1 (floor, from a logarithm of 16 bits). */
int32_t ddz_level_q8_of_sigma(int64_t sigma);

/* 2^(-levels/32) in q30, 0 <= levels <= 640 */
int64_t ddz_ratio_q30(int32_t levels);

struct pyramid {
    int coarsest;                                                           /* K */
    uint32_t width[PYRAMID_MAX_SCALES + 1], height[PYRAMID_MAX_SCALES + 1]; /* of scales 0..K */
};

/* 1 <= width, height <= 65535 */
struct pyramid ddz_pyramid_of(uint32_t width, uint32_t height);

/* A side of the picture at a scale, which may be coarser than the coarsest one of its pyramid: 1 in the end */
static inline uint32_t ddz_side_at(uint32_t side, int scale)
{
    return ((side - 1) >> scale) + 1;
}

/* What the network is told: see HACKING.md. */
int ddz_scale_label(const struct pyramid *p, int scale, int32_t level);

struct step {
    int scale;
    bool lift;                    /* detail bands of `scale`, given scale + 1 */
    int32_t level_from, level_to; /* level_from is LEVEL_NOTHING for the first step */
    int label;                    /* of scale and level_from */
    uint32_t samples;             /* coordinates conveyed: N */
    uint32_t bits;                /* exact if `fixed`, else the model's prediction */
    bool fixed;
    bool update; /* the estimate after it comes from its noise, not from a call */
};

/* How scale 0 is walked; the stream's settings. */
struct walk {
    int32_t end_level; /* LEVEL_MIN_END to LEVEL_MAX_END */
    int calls_log2;    /* 0..5: in the last octave; half as many in the one before, and again before */
    bool uniform;      /* all octaves of scale 0 have as many */
    int updates_log2;  /* 0..3: 2^updates_log2 steps to a call, where levels are fine enough */
};

struct schedule {
    struct step step[SCHEDULE_CAPACITY];
    int steps;
    int preview_steps; /* the first so many have fixed bits and stand in the preview */
};

void ddz_schedule_build(struct schedule *s, const struct ddz_model *model, const struct pyramid *p,
                        struct walk walk);

/* A chain with a short preview ends with the steps of the preview that are of the coarsest scale: keep those. */
void ddz_schedule_shorten(struct schedule *s);

/*
 * A picture that is shown at scale `shown` is averaged from a finer one, because noise fades in averages, by an octave
 * a scale: the chain can stop where what would be left of it at that scale is LEVEL_SHOWN, or LEVEL_THUMBNAIL for a
 * thumbnail, which is what has at most THUMBNAIL_SIDE pixels on a side. Is it one? How
 * many steps there are until then, all of them at full size (0); and the finest scale that such a chain comes to.
 */
bool ddz_schedule_is_thumbnail(const struct pyramid *p, int shown);
int ddz_schedule_enough(const struct schedule *s, const struct pyramid *p, int shown);
int ddz_schedule_finest(const struct pyramid *p, int shown);

/*
 * For a thumbnail: at the chain's two finest scales a call of the network serves half an octave, what is between being
 * updates. y then goes astray from the encoder's, by far less than the noise in it.
 */
void ddz_schedule_save_calls(struct schedule *s, const struct pyramid *p, int shown);

/*
 * Keep the first `made` steps, and put in place of the others those of a chain that is drawn on from
 * there to LEVEL_QUIETEST at full size, a bit a coordinate. 2^steps_log2 an octave (0..5) at full size,
 * twice as many at each coarser scale while levels are fine enough: few pixels, and all depends on them.
 */
void ddz_schedule_draw_rest(struct schedule *s, const struct pyramid *p, int made, int steps_log2);

/* Bits for a predicted step whose factor is 2^(eighths/8), within the step's limits. */
uint32_t ddz_step_bits(const struct step *s, int eighths);

#endif
