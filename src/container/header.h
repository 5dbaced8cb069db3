/*
 * The two fixed blocks of a stream.
 *
 * Header, first in the stream, most significant bits first:
 *
 *   8 bits      0xDD; another version of the format has another first byte
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
 * picture has the shortest form only; the others are corrupt.
 *
 * Settings, first in the main frame:
 *
 *   byte 0      bits 7-4 trellis_bits - 8 (0..8), bits 3-1 calls_log2 (0..5), bit 0 uniform
 *   byte 1      end_level
 *   bytes 2-5   the model's identity, little-endian, with flags in place of its low 3 bits:
 *               bit 0 extras follow; bits 2-1 updates_log2
 */
#ifndef DDZ_CONTAINER_HEADER_H
#define DDZ_CONTAINER_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { HEADER_MAX_SIZE = 9, HEADER_MAX_SIDE = 65535, HEADER_MODEL_BITS = 3, SETTINGS_SIZE = 6 };

struct header {
    uint32_t width, height; /* each 1..HEADER_MAX_SIDE */
    uint8_t model_low;      /* low HEADER_MODEL_BITS bits of the model's identity */
    size_t size;            /* set by ddz_header_read: bytes that the header takes */
};

/* What a header says of a model. */
uint8_t ddz_header_model_low(uint32_t model_id);

/* Returns the size, 3, 5 or 9; 0 if a side is out of range. */
size_t ddz_header_write(const struct header *header, uint8_t out[HEADER_MAX_SIZE]);

/* FORMAT if the first byte differs, TRUNCATED while bytes are missing, CORRUPT for
 * what ddz_header_write does not make. */
ddz_status ddz_header_read(const uint8_t *data, size_t size, struct header *header);

struct settings {
    int trellis_bits;  /* 8..16 */
    int calls_log2;    /* 0..5: 2^calls_log2 calls of the network in the last octave of scale 0 */
    int uniform;       /* 1: as many in every octave of scale 0 */
    int updates_log2;  /* 0..3: 2^updates_log2 steps to a call */
    int32_t end_level; /* 0..255: level at which scale 0 ends */
    uint32_t model_id;
    int has_extras;
};

/* Returns SETTINGS_SIZE; 0 if a value is out of range. The low bits of model_id go into
 * the header instead. */
size_t ddz_settings_write(const struct settings *settings, uint8_t out[SETTINGS_SIZE]);

/* `model_low` from the header. TRUNCATED while bytes are missing, CORRUPT for values that
 * ddz_settings_write does not make. */
ddz_status ddz_settings_read(const uint8_t *data, size_t size, uint8_t model_low, struct settings *settings);

#endif
