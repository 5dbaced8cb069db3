/*
 * Side layers stand behind the main frame as records:
 *
 *   u8 kind, length, `length` bytes
 *
 * The length has 7 bits a byte, the low ones first, with the top bit set in all bytes but the last (LEB128);
 * it has the fewest bytes that hold it, at most RECORD_LENGTH_BYTES. The kind's top bit says that a reader
 * which does not know the kind may skip the record; it must refuse any other. Kind RECORD_END has no length:
 * it ends the records.
 */
#ifndef DDZ_FORMAT_RECORDS_H
#define DDZ_FORMAT_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { RECORD_SKIPPABLE = 0x80, RECORD_LENGTH_BYTES = 6, RECORD_HEAD_SIZE = 1 + RECORD_LENGTH_BYTES };

enum record_kind {
    RECORD_END = 0,
    RECORD_ALPHA = DDZ_EXTRA_ALPHA,
    RECORD_ICC = DDZ_EXTRA_ICC | RECORD_SKIPPABLE,
    RECORD_EXIF = DDZ_EXTRA_EXIF | RECORD_SKIPPABLE
};

struct record_head {
    int kind; /* 0 to 255 */
    uint64_t length;
    size_t size; /* of the head itself */
};

/* The kind of an extra's record */
int ddz_record_kind(ddz_extra extra);

/* The extra that a record holds, 0 if the kind is another. */
int ddz_record_extra(int kind);

/* Returns the size of the head; the length is below 2^42. */
size_t ddz_record_write_head(uint8_t out[RECORD_HEAD_SIZE], int kind, uint64_t length);

/* TRUNCATED while bytes are missing; CORRUPT for a length with too many bytes. */
ddz_status ddz_record_read_head(const uint8_t *data, size_t size, struct record_head *head);

#endif
