/*
 * The layers of a stream as they arrive: what its header says of them, and records. Damage in a layer is noted,
 * and is no reason to stop.
 */
#ifndef DDZ_FORMAT_LAYER_READER_H
#define DDZ_FORMAT_LAYER_READER_H

#include <stdbool.h>

#include "format/alpha_reader.h"
#include "format/exact_layer.h"
#include "format/extras.h"
#include "format/frames.h"
#include "format/header.h"
#include "format/records.h"

enum { RECORD_MAX_PLAIN = 40 /* content of a record that is no frame, at most */ };

struct layer_reader {
    struct mem mem;
    uint32_t width, height;

    /* The present record */
    bool in_main; /* the main frame has it */
    uint8_t bytes[RECORD_HEAD_SIZE];
    size_t have;
    struct record_head head; /* size 0: it is not there yet */
    uint64_t left;
    struct frame_reader *frame; /* NULL: the record has none, or is skipped */
    uint8_t content[RECORD_MAX_PLAIN];

    uint32_t skipped; /* records */
    struct extras extras;
    int from_header;            /* kind of extra that the header's colour space gave, until a record does; 0: none */
    struct alpha_reader *alpha; /* NULL: no piece of it has arrived */
    struct exact_reader exact;
    uint64_t damaged; /* 1 << kind of extras that are known to be */
    uint32_t check;   /* CRC-32 of the header's byte of layers and of records */
};

enum layer_event {
    LAYER_RECORD, /* the bytes were a record's, */
    LAYER_STEPS,  /* the content of one of steps, */
    LAYER_END     /* or the end of the records */
};

/* A stream with this header begins, whose last byte is `byte`; `mem` is copied. MEMORY. */
ddz_status ddz_layer_reader_begin(struct layer_reader *r, const struct mem *mem, const struct header *h,
                                  uint8_t byte);
void ddz_layer_reader_free(struct layer_reader *r);

/* Take the next bytes of records, size > 0; *consumed of them are all the same. CORRUPT, FEATURE, MEMORY. */
ddz_status ddz_layer_reader_take(struct layer_reader *r, bool in_main, const uint8_t *data, size_t size,
                                 size_t *consumed, enum layer_event *event);

/* Are the next bytes the content of a record of steps? */
bool ddz_layer_reader_in_steps(const struct layer_reader *r);

/* A layer as far as it has arrived; *data is NULL and *size 0 if nothing of it has, or if it is damaged and no
 * alpha. Alpha is made now, the reader's until the next call. `ended`: nothing is to come. MEMORY. */
ddz_status ddz_layer_reader_extra(const struct layer_reader *r, ddz_extra kind, bool ended,
                                  const uint8_t **data, size_t *size, ddz_extra_state *state);

/* What is damaged of the layers, 1 << kind; bit 0: what the header or a record's head says. Of a stream that has
 * ended, `check` is what it says the check is. MEMORY. */
ddz_status ddz_layer_reader_damage(const struct layer_reader *r, bool ended, uint32_t check,
                                   uint64_t *damaged);

#endif
