/*
 * A stream as it arrives: header, preview, the main frame, records, digest. Records among the steps are taken
 * out of the main frame, and damage in a layer is noted, and no reason to stop. It knows bytes and bits, and no
 * model: where the preview ends, only the model's plan says, and whoever has it tells
 * ddz_stream_reader_set_preview. All bytes are kept until then, and on until ddz_stream_reader_settle, so
 * that another model can be tried.
 */
#ifndef DDZ_FORMAT_STREAM_READER_H
#define DDZ_FORMAT_STREAM_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "format/frames.h"
#include "format/header.h"
#include "format/layer_reader.h"
#include "format/settings.h"

enum stream_part { PART_HEADER, PART_PREVIEW, PART_MAIN, PART_RECORDS, PART_DIGEST, PART_END };

struct stream_reader {
    struct mem mem;
    uint64_t max_pixels;
    ddz_status error;      /* sticky */
    enum stream_part part; /* that arrives now */
    int absent;            /* bits of the present part's last byte that do not count, 0 to 7 */

    uint8_t header_bytes[HEADER_MAX_SIZE];
    size_t header_have;
    struct header header;

    /* What came behind the header, while another model may be tried */
    bool settled;
    uint8_t *kept;
    size_t kept_size, kept_capacity;
    int kept_last_bits; /* of its last byte, 1 to 8 */

    bool has_preview; /* its size is known */
    uint8_t *preview;
    size_t preview_have, preview_size;

    struct frame_reader *main;
    bool has_settings;
    struct settings settings;

    /* Of a stream with layers: the main frame's content without its records */
    uint8_t *steps;
    size_t steps_size, steps_capacity;
    size_t separated; /* bytes of the content that have been looked at */
    bool steps_only;  /* no record follows in it */

    struct layer_reader layers;

    uint8_t digest[8]; /* of y, and that of the layers */
    size_t digest_have;
    uint64_t trailing; /* bytes behind the end, which are ignored */
};

void ddz_stream_reader_init(struct stream_reader *r, const struct mem *mem, uint64_t max_pixels);
void ddz_stream_reader_free(struct stream_reader *r);

/* Take bytes; all of them are taken unless there is an error, which stays. `last_bits`, 1 to 8, says how many
 * bits of the last one count; nothing may follow unless it is 8. FORMAT, PIXEL_LIMIT, CORRUPT, FEATURE,
 * MEMORY. */
ddz_status ddz_stream_reader_feed(struct stream_reader *r, const uint8_t *data, size_t size, int last_bits);

/* The preview has this many bits. Valid once the header is there, and again, with another size, until the
 * reader is settled; takes all that has been fed behind the header, whatever error it led to but MEMORY.
 * Errors as above. */
ddz_status ddz_stream_reader_set_preview(struct stream_reader *r, uint64_t bits);

/* The model is the right one: no other will be tried. */
void ddz_stream_reader_settle(struct stream_reader *r);

/* Bits that have arrived of the preview and of the main frame's content, settings included, records not. *data is valid
 * until the next call, and not NULL if there are any. */
uint64_t ddz_stream_reader_preview(const struct stream_reader *r, const uint8_t **data);
uint64_t ddz_stream_reader_main(const struct stream_reader *r, const uint8_t **data);

/* A layer as far as it has arrived; *data is NULL and *size 0 if nothing of it has, or if it is damaged and no
 * alpha. Alpha is made now, the reader's until the next call. MEMORY. */
ddz_status ddz_stream_reader_extra(const struct stream_reader *r, ddz_extra kind, const uint8_t **data,
                                   size_t *size, ddz_extra_state *state);

/* What is damaged of the layers, 1 << kind; bit 0: what the header or a record says of them. MEMORY. */
ddz_status ddz_stream_reader_damage(const struct stream_reader *r, uint64_t *damaged);

#endif
