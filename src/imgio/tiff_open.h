/* libtiff on a file in memory: it prints nothing, and its first error is the reader's message. */
#ifndef DDZ_IMGIO_TIFF_OPEN_H
#define DDZ_IMGIO_TIFF_OPEN_H

#include <stdbool.h>

#include <tiffio.h>

#include "imgio/image.h"

/* What libtiff reads and whom it tells: valid until TIFFClose. */
struct tiff_source {
    const uint8_t *data;
    size_t size, at;
    struct image_messages *messages;
    bool decoding; /* pixels are read: warnings of decoders that fill what is missing are errors */
};

/* The first picture of a file; NULL after an error. */
TIFF *tiff_open(struct tiff_source *source);

/* Returns -1. The first error is the one that is told. */
int tiff_fail(const struct tiff_source *source, const char *text);

#endif
