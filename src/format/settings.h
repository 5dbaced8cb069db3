/*
 * The settings of a stream, first in the main frame:
 *
 *   byte 0      bits 7-4 trellis_bits - 8 (0..8), bits 3-1 calls_log2 (0..5), bit 0 uniform
 *   byte 1      end_level
 *   byte 2      bits 7-6 updates_log2, bits 5-2 features: who does not know one of bits 5-3 cannot read on, bit 2 may
 *               be ignored; all are 0 so far; bits 1-0 2 - log2(views)
 *   bytes 3-6   the model's identity, little-endian
 */
#ifndef DDZ_FORMAT_SETTINGS_H
#define DDZ_FORMAT_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { SETTINGS_SIZE = 7 };

struct settings {
    int trellis_bits;  /* 8..16 */
    int calls_log2;    /* 0..5: 2^calls_log2 calls of the network in the last octave of scale 0 */
    int uniform;       /* 1: as many in every octave of scale 0 */
    int updates_log2;  /* 0..3: 2^updates_log2 steps to a call */
    int views_log2;    /* 0..2: 2^views_log2 views of y for the picture, where it is large */
    int32_t end_level; /* LEVEL_MIN_END..LEVEL_MAX_END: level at which scale 0 ends */
    uint32_t model_id;
};

/* Returns SETTINGS_SIZE; 0 if a value is out of range. */
size_t ddz_settings_write(const struct settings *settings, uint8_t out[SETTINGS_SIZE]);

/* TRUNCATED while bytes are missing, FEATURE if there is one that has to be known, CORRUPT for values out of
 * range and for a model whose low bits are not those of the header. */
ddz_status ddz_settings_read(const uint8_t *data, size_t size, uint8_t model_low, struct settings *settings);

#endif
