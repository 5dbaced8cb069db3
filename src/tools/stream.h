/* What programs that read a stream share: how much of it to use, its header, its side layers. */
#ifndef DDZ_TOOLS_STREAM_H
#define DDZ_TOOLS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"
#include "imgio/image.h"
#include "tools/extras.h"
#include "tools/files.h"
#include "tools/options.h"

/* A stream in memory, as far as it has been read */
struct stream {
    const char *name; /* for messages */
    struct file_source source;
    const uint8_t *data; /* the source's */
    size_t size;
    ddz_info info; /* what the header says */
    uint8_t exif[EXTRAS_EXIF_SIZE];
};

/* Read the beginning of a file, "-" is stdin; no model is needed. Pictures that are larger than the limit are refused. To
 * be closed in any case. Functions that return an exit status have said why. */
int stream_open(struct stream *stream, const char *path, const struct common *common);
void stream_close(struct stream *stream);

/* Read the rest, or no more of it than the picture of a scale needs: with side layers, which may stand at the end, and at
 * scale 0, that is all of it. */
int stream_read(struct stream *stream);
int stream_read_for(struct stream *stream, const ddz_model *model, int scale);

/* Feed a decoder the bytes from `from` to `until` - 1. */
int stream_feed(const struct stream *stream, ddz_decoder *decoder, size_t from, size_t until);

/* Say on standard error what is behind the stream's end, and what became of it: a picture in the file `path`. */
void stream_note_trailing(const struct stream *stream, const ddz_decoder *decoder);
void stream_note_outcome(const struct stream *stream, const ddz_decoder *decoder, const char *path);

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

/* How many channels a picture of what has arrived has: grey if it is a grey picture with no colour profile but one
 * of such, and alpha if that has arrived. */
int stream_channels(const ddz_decoder *decoder);

/* The image with the side layers that have arrived; they are the decoder's. */
int stream_view(struct stream *stream, const ddz_decoder *decoder, const struct image *image,
                struct image_view *view);

#endif
