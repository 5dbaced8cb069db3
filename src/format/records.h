/*
 * Side layers are records, which stand between the settings and the steps, among these, and behind the main
 * frame:
 *
 *   u8 kind, length, `length` bytes
 *
 * The length has 7 bits a byte, the low ones first, with the top bit set in all bytes but the last (LEB128);
 * it has the fewest bytes that hold it, at most RECORD_LENGTH_BYTES. The kind's top bit says that a reader
 * which does not know the kind may skip the record; it must refuse any other. Kind RECORD_END has no length:
 * it ends the records.
 *
 * Layers of bytes are zstd frames; those of fixed size stand as they are. Alpha comes in pieces of its string,
 * alpha.h, and at last either as an exact plane, or with what the pieces together are. Steps that stand between
 * records are a record, too.
 */
#ifndef DDZ_FORMAT_RECORDS_H
#define DDZ_FORMAT_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { RECORD_SKIPPABLE = 0x80, RECORD_LENGTH_BYTES = 6, RECORD_HEAD_SIZE = 1 + RECORD_LENGTH_BYTES };

enum record_kind {
    RECORD_END = 0,
    RECORD_ALPHA_PIECE = 1,
    RECORD_ALPHA_PLANE = 2, /* a zstd frame, extras.h */
    RECORD_ALPHA_END = 3,   /* u8: 1 if the pieces are the whole string, else 0; CRC-32 of their plane */
    RECORD_STEPS = 4,
    RECORD_EXACT = 0x10 | RECORD_SKIPPABLE, /* exact_layer.h; behind the main frame */
    RECORD_EXACT_BLOCKS = 0x10,             /* the same, of a picture that the chain shows only in part */
    RECORD_ICC = DDZ_EXTRA_ICC | RECORD_SKIPPABLE,
    RECORD_EXIF = DDZ_EXTRA_EXIF | RECORD_SKIPPABLE,
    RECORD_XMP = DDZ_EXTRA_XMP | RECORD_SKIPPABLE,
    RECORD_CICP = DDZ_EXTRA_CICP | RECORD_SKIPPABLE,
    RECORD_CHROMATICITIES = DDZ_EXTRA_CHROMATICITIES | RECORD_SKIPPABLE,
    RECORD_RESOLUTION = DDZ_EXTRA_RESOLUTION | RECORD_SKIPPABLE
};

enum { ALPHA_END_SIZE = 5 };

struct record_head {
    int kind; /* 0 to 255 */
    uint64_t length;
    size_t size; /* of the head itself */
};

/* The extra that is all of a record's content, 0 if there is none. */
int ddz_record_extra(int kind);

/* Is that a zstd frame? */
bool ddz_record_is_frame(int kind);

/* Returns the size of the head; the length is below 2^42. */
size_t ddz_record_write_head(uint8_t out[RECORD_HEAD_SIZE], int kind, uint64_t length);

/* TRUNCATED while bytes are missing; CORRUPT for a length with too many bytes. */
ddz_status ddz_record_read_head(const uint8_t *data, size_t size, struct record_head *head);

#endif
