/* The decoder's state, which its parts share: decoder.c, the public calls but for pictures, and picture.c. */
#ifndef DDZ_DECODE_STATE_H
#define DDZ_DECODE_STATE_H

#include <stdbool.h>

#include "api/progress.h"
#include "chain/chain.h"
#include "ddz.h"
#include "decode/step_reader.h"
#include "diffusion/schedule.h"
#include "format/stream_reader.h"

enum {
    DECODER_THREADS,
    DECODER_CPU_FEATURES,
    DECODER_MAX_PIXELS,
    DECODER_MEMORY_LIMIT,
    DECODER_MAX_BITS,
    DECODER_SEED,
    DECODER_SAMPLE_STEPS,
    DECODER_PARAMETERS
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
    struct pyramid pyramid;   /* once header and model are there */
    struct schedule schedule; /* for default_walk until the settings are there */

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
    bool ended; /* the stream is complete, and y or the estimate beyond the cursor for good */
    bool digest_agrees;

    uint8_t *bits;  /* of one step */
    void *observed; /* picture for the observer, once there was one */
    size_t observed_size;
    struct schedule sampling; /* of the picture that was drawn last */
    ddz_step steps[MAX_STEPS];
};

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
