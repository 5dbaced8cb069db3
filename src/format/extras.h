/*
 * Side layers of a picture, and those that are packed as one zstd frame: ICC profile, Exif block and XMP packet
 * as they are; an exact alpha plane as a predictor (0 none, 1 Paeth's of PNG, RFC 2083 section 6.6, with one
 * byte a pixel), then width * height samples less their prediction, modulo 256.
 */
#ifndef DDZ_FORMAT_EXTRAS_H
#define DDZ_FORMAT_EXTRAS_H

#include <stdbool.h>

#include "base/mem.h"

enum { EXTRA_KINDS = DDZ_EXTRA_ORIENTATION };

/* Indexed by kind - 1. All zero is a valid, empty value. */
struct extras {
    uint8_t *data[EXTRA_KINDS]; /* owned; NULL: not there */
    size_t size[EXTRA_KINDS];
};

void ddz_extras_free(const struct mem *mem, struct extras *extras);
bool ddz_extras_any(const struct extras *extras);

/* Copy `data` in; replaces; size 0 removes. ARGUMENT: no kind, or content that
 * it cannot have; UNSUPPORTED: unknown kind. */
ddz_status ddz_extras_set(const struct mem *mem, struct extras *extras, int kind, const uint8_t *data,
                          size_t size);

/* An extra that is there as a frame. *frame is freed with ddz_mem_free. */
ddz_status ddz_extra_pack(const struct mem *mem, const struct extras *extras, int kind, uint32_t width,
                          uint32_t height, uint8_t **frame, size_t *frame_size);

/* Largest content that the record of such an extra, or its frame, can have: the limit for its reader. */
uint64_t ddz_extra_max_content(int kind, uint32_t width, uint32_t height);

/* Take the whole content of a kind's record or frame. CORRUPT: not a possible one, or the kind is there already. */
ddz_status ddz_extra_parse(const struct mem *mem, int kind, const uint8_t *content, size_t size,
                           uint32_t width, uint32_t height, struct extras *extras);

#endif
