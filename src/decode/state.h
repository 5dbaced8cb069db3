/* The decoder's state, which its parts share: decoder.c, the public calls but for pictures, and picture.c. */
#ifndef DDZ_DECODE_STATE_H
#define DDZ_DECODE_STATE_H

#include <stdbool.h>

#include "api/progress.h"
#include "chain/chain.h"
#include "ddz.h"
#include "decode/step_reader.h"
#include "diffusion/schedule.h"
#include "exact/blocks.h"
#include "format/stream_reader.h"

enum {
    DECODER_THREADS,
    DECODER_CPU_FEATURES,
    DECODER_MAX_PIXELS,
    DECODER_MEMORY_LIMIT,
    DECODER_MAX_BITS,
    DECODER_SEED,
    DECODER_SAMPLE_STEPS,
    DECODER_SCALE,
    DECODER_PARAMETERS
};

/* What is kept of the exact layer from one picture to the next, so that each of its rows is decoded once. `samples`
 * being there says that rows are kept, and not forgotten with the picture. */
struct exact_kept {
    struct residual *residual; /* the coders, while they have rows to come; else NULL */
    struct graphics *graphics; /* of colours, or of alpha where that is coded apart */
    struct blocks blocks;      /* of a layer that has some */
    uint16_t *samples;         /* [height][width][channels] of what is coded together, */
    uint16_t *alpha;           /* and of alpha apart */
    uint32_t rows, alpha_rows; /* that there are */
};

struct ddz_decoder {
    struct mem mem;
    struct mem_account account;
    int64_t value[DECODER_PARAMETERS];
    const struct ddz_model *model; /* NULL: not given yet */
    struct stream_reader reader;
    bool begun; /* bytes have been fed, if only none */
    uint64_t bits_taken;
    bool wrong_model;
    struct pyramid pyramid; /* once header and model are there */
    struct schedule
        schedule; /* for default_walk until the settings are there; as far as the scale needs it */

    struct progress progress;
    uint64_t work_done, work; /* of the present call */
    ddz_observer observer;    /* NULL: none */
    void *observer_cookie;
    ddz_pixel_format observer_format;

    struct parallel_runner runner;

    struct parallel *parallel;   /* NULL until there has been a chain */
    struct chain *chain;         /* NULL until there has been a picture */
    struct chain_state *arrived; /* y where it can go on, while a picture goes on from elsewhere */
    struct step_cursor cursor;   /* behind the steps that y has made, all of them whole */
    bool ended;                  /* no step is to come, and y or the estimate is beyond the cursor for good */
    bool digest_agrees;
    int views; /* of y as it is, whose estimate was made last; 0: of another y, or not a last one */
    struct exact_kept exact;
    uint32_t exact_rows; /* of the picture decoded last */
    bool exact_agrees;   /* its check, once all of it is there */

    uint8_t *tail; /* of the stream with an exact layer, once one was made */
    size_t tail_size;
    uint8_t *bits;  /* of one step */
    void *observed; /* picture for the observer, once there was one */
    size_t observed_size;
    uint16_t *small_alpha;    /* where alpha is averaged down, once it was */
    struct schedule sampling; /* of the picture that was drawn last */
    ddz_step steps[MAX_STEPS];
};

/* Of the picture that is written: its scale, and a side of it, given that of the full size */
static inline int decoder_scale(const ddz_decoder *d)
{
    return (int)d->value[DECODER_SCALE];
}

static inline uint32_t decoder_side(const ddz_decoder *d, uint32_t side)
{
    return ddz_side_at(side, decoder_scale(d));
}

/* Can steps wait for the call that they follow? The observer wants the estimate before each of them, and a thumbnail has
 * too many to a call. */
static inline bool decoder_defers(const ddz_decoder *d, const struct pyramid *p)
{
    return !d->observer && !ddz_schedule_is_thumbnail(p, decoder_scale(d));
}

/* Of a lack of memory, the caller wants to know whether it was the limit. */
static inline ddz_status decoder_status(const ddz_decoder *d, ddz_status status)
{
    return status == DDZ_ERR_MEMORY && d->account.exceeded ? DDZ_ERR_MEMORY_LIMIT : status;
}

/* What is wrong with the stream so far */
static inline ddz_status stream_error(const ddz_decoder *d)
{
    return d->wrong_model ? DDZ_ERR_WRONG_MODEL : decoder_status(d, d->reader.error);
}

#endif
