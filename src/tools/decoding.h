/* ddpmdec's work on one stream: pictures of all of it, or of ever longer beginnings. */
#ifndef DDZ_TOOLS_DECODING_H
#define DDZ_TOOLS_DECODING_H

#include "ddz.h"
#include "imgio/image.h"
#include "tools/coders.h"
#include "tools/many.h"
#include "tools/models.h"
#include "tools/scale.h"
#include "tools/stream.h"

/* What ddpmdec is to do */
struct decoding_task {
    struct common common;
    struct decoding decoding;
    struct stream_limit limit;
    struct scale_choice scale;
    ddz_recon recon;
    struct many many;
    const struct models *models; /* of several files */
    const char *input, *output, *frames;
    int depth; /* 8 or 16 bits a sample; 0: as the stream is */
    int dither, info, ignore_digest, force, verbose;
};

/* A stream at work; its decoder has been made and fed nothing. */
struct decoding_job {
    const struct decoding_task *task;
    struct stream stream;
    ddz_decoder *decoder;
    struct image image;
    struct cli_progress progress;
};

/* The picture of the stream, or those of its prefixes, into files. Returns an exit status. */
int decoding_make_pictures(struct decoding_job *job);

#endif
