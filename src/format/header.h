/*
 * The first bytes of a stream, most significant bits first:
 *
 *   8 bits      0xDD, or 0xDE for a stream with layers beside the picture; 0xDB or 0xD7 if the preview is short;
 *               another version of the format has another first byte
 *   then, for most pictures that cameras and screens have, 3 bytes in all:
 *     1 bit     0
 *     3 bits    shape: 1:1, 3:2, 2:3, 4:3, 3:4, 16:9, 9:16, 16:10
 *     9 bits    longer side / 16 - 1
 *     3 bits    low bits of the model's identity
 *   or, 5 bytes in all:
 *     1 bit     1
 *     28 bits   width - 1, height - 1, 14 bits each
 *     3 bits    low bits of the model's identity
 *
 * If the 28 bits are all ones, the sides follow, less 1, as two 16-bit numbers: 9 bytes in all. A
 * picture has the shortest form only; the others are corrupt. Behind it, of a stream with layers:
 *
 *   3 bits      orientation, as in Exif, less 1
 *   1 bit       1: the picture is grey
 *   1 bit       0; who sees 1 cannot read on
 *   3 bits      the colour space, a number of colours.h
 */
#ifndef DDZ_FORMAT_HEADER_H
#define DDZ_FORMAT_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { HEADER_MAX_SIZE = 10, HEADER_MODEL_BITS = 3 };

struct header {
    uint32_t width, height; /* each 1..MAX_SIDE */
    uint8_t model_low;      /* low HEADER_MODEL_BITS bits of the model's identity */
    bool short_preview;     /* the chain ends with the coarsest scale's preview */
    bool layered;           /* the stream has layers, and these: */
    uint8_t orientation;    /* 1..8; 0 where it has none, too */
    bool grey;              /* R = G = B */
    uint8_t colours;        /* 0..7 */
    size_t size;            /* set by ddz_header_read: bytes that the header takes */
};

/* What a header says of a model. */
uint8_t ddz_header_model_low(uint32_t model_id);

/* Returns the size, 3, 5 or 9, one more of a stream with layers; 0 if a side is out of range. */
size_t ddz_header_write(const struct header *header, uint8_t out[HEADER_MAX_SIZE]);

/* FORMAT if the first byte differs, TRUNCATED while bytes are missing, FEATURE for what this version does not
 * know, CORRUPT for what ddz_header_write does not make. */
ddz_status ddz_header_read(const uint8_t *data, size_t size, struct header *header);

#endif
