/*
 * The two fixed blocks of a stream.
 *
 * Header, first in the stream:
 *
 *   bytes 0-1   0xDD, then 'z' (0x7A) for version 1: another version has another second byte
 *   bytes 2-4   width - 1, then height - 1, 12 bits each, most significant bit first
 *   byte 5      low 8 bits of the model's identity
 *
 * If width or height is above 4096, or both are 4096, the 24 bits are all ones, and width - 1 and
 * height - 1 follow as 16-bit little-endian numbers before the model byte: 10 bytes. A picture has
 * one form only; the other one is corrupt.
 *
 * Settings, first in the main frame:
 *
 *   byte 0      bits 7-4 trellis_bits - 8 (0..8), bits 3-1 steps_log2 (0..5), bit 0 uniform
 *   byte 1      end_level
 *   bytes 2-4   bits 8..31 of the model's identity, little-endian
 *   byte 5      flags: bit 0 extras follow; others must be 0
 */
#ifndef DDZ_CONTAINER_HEADER_H
#define DDZ_CONTAINER_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { HEADER_MAX_SIZE = 10, HEADER_MAX_SIDE = 65535, SETTINGS_SIZE = 6 };

struct header {
    uint32_t width, height; /* each 1..HEADER_MAX_SIDE */
    uint8_t model_low;      /* low 8 bits of the model's identity */
    size_t size;            /* set by header_read: bytes that the header takes */
};

/* Returns the size, 6 or 10; 0 if a side is out of range. */
size_t header_write(const struct header *header, uint8_t out[HEADER_MAX_SIZE]);

/* FORMAT as soon as a byte of the magic differs, TRUNCATED while bytes are missing, CORRUPT for a
 * long form that is not allowed. */
ddz_status header_read(const uint8_t *data, size_t size, struct header *header);

struct settings {
    int trellis_bits;  /* 8..16 */
    int steps_log2;    /* 0..5: 2^steps_log2 steps in the last octave of scale 0 */
    int uniform;       /* 1: as many in every octave of scale 0 */
    int32_t end_level; /* 0..255: level at which scale 0 ends */
    uint32_t model_id;
    int has_extras;
};

/* Returns SETTINGS_SIZE; 0 if a value is out of range. The low 8 bits of model_id go into the
 * header instead. */
size_t settings_write(const struct settings *settings, uint8_t out[SETTINGS_SIZE]);

/* `model_low` from the header. TRUNCATED while bytes are missing, CORRUPT for values that
 * settings_write does not make. */
ddz_status settings_read(const uint8_t *data, size_t size, uint8_t model_low, struct settings *settings);

#endif
