/* Progress of a call of the library, told as one share of all its work that begins at 0 and never falls. */
#ifndef DDZ_API_PROGRESS_H
#define DDZ_API_PROGRESS_H

#include <stdint.h>

#include "ddz.h"

struct progress {
    ddz_progress callback; /* NULL: none */
    void *cookie;
    double told;        /* the share that was told last */
    double from, until; /* the part of all work that is being done */
};

/* A call begins, all of whose work is one part. Tells 0. CANCELLED. */
ddz_status ddz_progress_begin(struct progress *p);

/* The part that is being done is over; the next one is `percent` of all that remains. */
void ddz_progress_next(struct progress *p, int percent);

/* `done` of `total` units of the present part are done. CANCELLED. */
ddz_status ddz_progress_tell(struct progress *p, uint64_t done, uint64_t total);

/* Nothing new: tells the same share again. CANCELLED. */
ddz_status ddz_progress_again(struct progress *p);

/* All is done: tells 1. CANCELLED. */
ddz_status ddz_progress_end(struct progress *p);

#endif
