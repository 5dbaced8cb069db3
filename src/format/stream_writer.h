/*
 * A stream in the making: header, preview, the main frame, records, digest. The bits of preview and main
 * frame are written step by step, and cut to a size that the whole stream must not exceed. Records are put
 * between them at the end.
 */
#ifndef DDZ_FORMAT_STREAM_WRITER_H
#define DDZ_FORMAT_STREAM_WRITER_H

#include <stdbool.h>

#include "format/bits.h"
#include "format/header.h"
#include "format/settings.h"
#include "format/side.h"

struct stream_writer {
    const struct mem *mem;
    struct header header;
    struct side side;
    int inside;                         /* records that the main frame may have; the others stand behind it */
    struct bit_writer preview, main;    /* main: the frame's content, without records */
    uint64_t preview_limit, main_limit; /* bits of either */
    uint64_t max_size;                  /* bytes of the whole stream, */
    uint64_t beyond;                    /* but for the exact layer's */
    int rate_offset;                    /* of the last step that has one */
};

/* A step to be written */
struct step_record {
    bool preview;    /* in the preview; else in the main frame, */
    bool has_offset; /* with a rate offset before its bits, */
    int rate_offset; /* this one */
    uint32_t bits;   /* of the step */
};

/* What became of it */
struct step_place {
    uint32_t known; /* of its bits that there is room for */
    int side_bits;  /* bits of side information */
    uint64_t at;    /* position in its part, in bits, before the side information */
};

/* `mem` must outlive the writer. */
void ddz_stream_writer_init(struct stream_writer *w, const struct mem *mem);
void ddz_stream_writer_free(struct stream_writer *w);

/* The picture's header, and its layers, for as much of which as fits there will be room in a stream of at most
 * `max_size` bytes (UINT64_MAX: any size), with a preview of `preview_bits`. `exact`: all of the layers, which the size
 * does not count then. ARGUMENT: there is no room for the header; others as ddz_side_make, which says what becomes of
 * `extras`. */
ddz_status ddz_stream_writer_open(struct stream_writer *w, const struct header *header, struct extras *extras,
                                  uint64_t preview_bits, uint64_t max_size, bool exact);

/* Begin (again) with the first step of a preview of `preview_bits`. */
void ddz_stream_writer_begin(struct stream_writer *w, const struct settings *settings, uint64_t preview_bits);

/* Bits that are left for a step in the preview or in the main frame */
uint64_t ddz_stream_writer_room(const struct stream_writer *w, bool preview);

/* Bits of steps so far, settings included */
uint64_t ddz_stream_writer_position(const struct stream_writer *w);

/* Write a step's side information. False: there is no room for even one bit behind it; the stream is then
 * filled to the byte. Else the bits follow, by ddz_stream_writer_put_bits, in number place->known. */
bool ddz_stream_writer_put_step(struct stream_writer *w, const struct step_record *step,
                                struct step_place *place);
void ddz_stream_writer_put_bits(struct stream_writer *w, bool preview, const uint8_t *bits, uint32_t count);

/* Cut the main frame's content to its first bits. */
void ddz_stream_writer_cut(struct stream_writer *w, uint64_t main_bits);

/* Put a record of the exact layer, of one of its two kinds, behind all others, which no limit counts: none but this call may come before the next
 * ddz_stream_writer_open or _finish. MEMORY. */
ddz_status ddz_stream_writer_put_exact(struct stream_writer *w, int kind, const uint8_t *content,
                                       size_t size);

/* Was there too little memory for what has been written? */
bool ddz_stream_writer_failed(const struct stream_writer *w);

/* The whole stream in one buffer, freed with ddz_mem_free; cut to max_size. MEMORY. */
ddz_status ddz_stream_writer_finish(const struct stream_writer *w, uint32_t digest, uint8_t **stream,
                                    size_t *size);

#endif
