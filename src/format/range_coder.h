/*
 * An adaptive binary range coder: bits, each with the probability that those before it in the same context
 * suggest. What has been written may be cut after any byte: a reader knows which bits the rest cannot change.
 */
#ifndef DDZ_FORMAT_RANGE_CODER_H
#define DDZ_FORMAT_RANGE_CODER_H

#include <stdbool.h>

#include "format/bits.h"

/* A context: the share of ones among its bits, and how many there were. All zero is a fresh one. */
struct bit_context {
    uint16_t seen; /* up to a limit, behind which old bits are forgotten */
    uint16_t ones; /* in 1/65536; 0 stands for one half while none was seen */
};

struct range_coder {
    uint32_t range;
    bool writing;

    /* Writing */
    struct bit_writer *out; /* not owned */
    uint64_t low;
    uint64_t pending; /* bytes that a carry may change: one, and 0xFF behind it; 0: none yet */
    uint8_t first;    /* of them */

    /* Reading */
    const uint8_t *data; /* not owned */
    size_t size, position;
    bool whole;             /* zeros follow the data; else nobody knows what does */
    uint64_t code, unknown; /* code + unknown is the most that the code can be */
    bool ended;             /* a bit could not be told; from there on all are 0 */
};

void ddz_range_coder_write(struct range_coder *c, struct bit_writer *out);
void ddz_range_coder_read(struct range_coder *c, const uint8_t *data, size_t size, bool whole);

/* Code a bit; returns it. When reading, `bit` does not matter. Cheapest where ones are rare. */
int ddz_code_bit(struct range_coder *c, struct bit_context *context, int bit);

/* Write what is still held back; zeros at the end are left out. */
void ddz_range_coder_flush(struct range_coder *c);

#endif
