/* Which of the chain's steps are in a stream that arrives, and where their bits are. */
#ifndef DDZ_DECODE_STEP_READER_H
#define DDZ_DECODE_STEP_READER_H

#include <stdint.h>

#include "diffusion/schedule.h"
#include "format/stream_reader.h"

/* Between two steps; all zero before the first. */
struct step_cursor {
    int index;              /* of the next one in the schedule */
    uint64_t preview, main; /* bits behind us in either part */
    int rate_offset;        /* of the last step that has one */
};

/* One step's bits in the stream. */
struct step_bits {
    uint32_t bits;        /* the step's */
    uint32_t known;       /* of them in the stream; less than bits: the last step there is */
    uint64_t side_bits;   /* of side information before them */
    uint64_t offset_bits; /* where the side information begins, framing not counted */
    int register_bits;
    const uint8_t *data; /* part that holds them */
    uint64_t position;   /* first bit there */
};

/*
 * 1 with *out filled and the cursor moved on if the next step of the schedule has arrived in full or in part
 * (more than no bit); 0 if not, or if the chain is over; -1 if the stream is corrupt.
 */
int ddz_step_reader_next(const struct stream_reader *r, const struct schedule *s, struct step_cursor *cursor,
                         struct step_bits *out);

#endif
