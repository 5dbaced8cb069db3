/*
 * Reading a stream as it arrives: header, layer 0, the main frame, extras, digest; and which of the
 * chain's steps are there. Knows nothing of pictures.
 */
#ifndef DDZ_CODEC_LAYERS_H
#define DDZ_CODEC_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "container/bits.h"
#include "container/extras.h"
#include "container/frames.h"
#include "container/header.h"
#include "ddz.h"
#include "diffusion/schedule.h"

enum layer { LAYER_HEADER, LAYER_OPENING, LAYER_MAIN, LAYER_EXTRAS, LAYER_DIGEST, LAYER_END };

/* The walk that is assumed while the settings have not arrived. */
extern const struct walk ddz_default_walk;

struct layers {
    struct mem mem;
    const struct ddz_model *model;
    uint64_t max_pixels;
    ddz_status error; /* sticky */
    enum layer layer; /* that arrives now */
    int absent;       /* bits of the present layer's last byte that do not count, 0 to 7 */

    uint8_t header_bytes[HEADER_MAX_SIZE];
    size_t header_have;
    struct header header;
    struct pyramid pyramid;

    struct schedule schedule; /* for ddz_default_walk until the settings are there */
    uint8_t *opening;         /* layer 0 */
    size_t opening_have, opening_size;

    struct frame_reader *main, *extra;
    bool has_settings;
    struct settings settings;
    struct extras extras;
    uint8_t digest[4];
    size_t digest_have;
};

void ddz_layers_init(struct layers *l, const struct mem *mem, const struct ddz_model *model,
                     uint64_t max_pixels);
void ddz_layers_free(struct layers *l);

/* Take bytes. `last_bits`, 1 to 8, says how many bits of the last one count; nothing may follow
 * unless it is 8. */
ddz_status ddz_layers_feed(struct layers *l, const uint8_t *data, size_t size, int last_bits);

/* Where the next step's bits are; start with ddz_layers_first(). */
struct step_cursor {
    int index;              /* in the schedule */
    uint64_t opening, main; /* bits behind us in either layer */
    int eighths;            /* factor of the last predicted step's bits */
};

struct step_cursor ddz_layers_first(void);

/* One step's bits in the stream. */
struct step_bits {
    uint32_t bits;        /* the step's */
    uint32_t known;       /* of them in the stream; less than bits: the last step there is */
    uint64_t side_bits;   /* of side information before them */
    uint64_t offset_bits; /* where the side information begins, framing not counted */
    int register_bits;
    const uint8_t *data; /* layer that holds them */
    uint64_t position;   /* first bit there */
};

/*
 * 1 with *out filled and the cursor moved on if the next step has arrived in full or in part (more
 * than no bit); 0 if not, or if the chain is over; -1 if the stream is corrupt.
 */
int ddz_layers_next_step(const struct layers *l, struct step_cursor *cursor, struct step_bits *out);

#endif
