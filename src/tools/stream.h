/* What programs that read a stream share: how much of it to use, its header, its side layers. */
#ifndef DDZ_TOOLS_STREAM_H
#define DDZ_TOOLS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"
#include "imgio/png.h"

/* A stream in memory. */
struct stream {
    const char *name; /* for messages */
    uint8_t *data;
    size_t size;
    ddz_info info; /* what the header says */
};

/* Read a file, "-" is stdin, up to its header; no model is needed. To be closed in any case. Functions
 * that return an exit status have said why. */
int stream_open(struct stream *stream, const char *path);
void stream_close(struct stream *stream);

/* How much of it to use: --bits, --bytes or --bpp, of which one can be given. */
struct stream_limit {
    int given;
    uint64_t bits;
    double bpp; /* 0: `bits` says it */
};

/* `option` is the name of one of the three. */
int stream_limit_read(struct stream_limit *limit, const char *option, const char *text);

/* Bits to use of a stream of such a picture; UINT64_MAX if nothing was given. */
uint64_t stream_limit_bits(const struct stream_limit *limit, const ddz_info *info);

/* Lend the side layers that have arrived to an image; they stay the decoder's. */
int stream_extras(const struct stream *stream, const ddz_decoder *decoder, struct image *image);

#endif
