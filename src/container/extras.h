/*
 * Side layers of a picture: alpha plane, ICC profile, Exif block, in one frame.
 *
 * Content of the frame: records in ascending order of kind, each at most once, at least one:
 *
 *   u8 kind (ddz_extra), u32 little-endian size (above 0), bytes
 *
 * The bytes of an alpha record are a predictor (0 none, 1 Paeth's of PNG, RFC 2083 section 6.6, with
 * one byte a pixel), then width * height samples less their prediction, modulo 256.
 */
#ifndef DDZ_CONTAINER_EXTRAS_H
#define DDZ_CONTAINER_EXTRAS_H

#include "base/mem.h"

enum { EXTRA_KINDS = 3, EXTRA_MAX_SIZE = 16 << 20 /* of ICC and of Exif */ };

/* Indexed by kind - 1. All zero is a valid, empty value. */
struct extras {
    uint8_t *data[EXTRA_KINDS]; /* owned; NULL: not there */
    size_t size[EXTRA_KINDS];
};

void ddz_extras_free(const struct mem *mem, struct extras *extras);
int ddz_extras_any(const struct extras *extras);

/* Copy `data` in; replaces; size 0 removes. ARGUMENT: unknown kind, or too large. */
ddz_status ddz_extras_set(const struct mem *mem, struct extras *extras, int kind, const uint8_t *data,
                          size_t size);

/* Make the frame. ARGUMENT: alpha is not of width * height bytes, or there is nothing. *out is freed
 * with ddz_mem_free. */
ddz_status ddz_extras_compress(const struct mem *mem, const struct extras *extras, uint32_t width,
                               uint32_t height, uint8_t **out, size_t *out_size);

/* Largest content that extras of such a picture can have: the limit for the frame's reader. */
uint64_t ddz_extras_max_content(uint32_t width, uint32_t height);

/* Parse a frame's content. With `complete` 0 the content is a prefix, and a record that has not
 * arrived wholly is left out; with 1 it is CORRUPT. *extras is written on DDZ_OK only; the caller
 * frees it. */
ddz_status ddz_extras_parse(const struct mem *mem, const uint8_t *content, size_t size, int complete,
                            uint32_t width, uint32_t height, struct extras *extras);

#endif
