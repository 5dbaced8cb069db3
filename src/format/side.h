/*
 * What travels beside a picture in a stream in the making: the header's byte of layers, and records with the
 * places where they stand among the steps, so that a prefix has a little of everything. If the stream has a
 * limit, so much of the layers as fits.
 */
#ifndef DDZ_FORMAT_SIDE_H
#define DDZ_FORMAT_SIDE_H

#include <stdbool.h>

#include "format/extras.h"
#include "format/header.h"

enum { SIDE_MAX_RECORDS = 48 };

struct side_record {
    uint64_t at;         /* bytes of steps that stand before it; never falls from one record to the next */
    size_t offset, size; /* in `bytes`, its head included */
};

struct side {
    uint8_t *bytes; /* owned; the records, in order */
    size_t size, capacity;
    struct side_record record[SIDE_MAX_RECORDS];
    int count;
    ddz_extra_state state[EXTRA_KINDS]; /* by kind - 1: ABSENT, EXACT, APPROXIMATE, LEFT_OUT */
};

void ddz_side_free(struct side *side, const struct mem *mem);

/*
 * Layers of a picture whose header has its size, as records and in the header, which becomes layered if there
 * are any. `room` bytes are left for records and steps (UINT64_MAX: as many as it takes). An orientation that is
 * not given is that of the Exif block. Alpha that is approximated is replaced by its approximation, one that is
 * left out stays. ARGUMENT: alpha is not of width * height bytes. MEMORY.
 */
ddz_status ddz_side_make(struct side *side, const struct mem *mem, struct extras *extras, uint64_t room,
                         struct header *header);

/* One more record behind all others and behind the steps. MEMORY. */
ddz_status ddz_side_append(struct side *side, const struct mem *mem, int kind, const uint8_t *content,
                           size_t size);

/* CRC-32 of the header's byte of layers and of all records but those of steps, as `bytes` has them */
uint32_t ddz_side_check(const struct side *side, const struct header *header);

#endif
