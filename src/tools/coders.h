/* Encoders and decoders with all that the programs' options set. */
#ifndef DDZ_TOOLS_CODERS_H
#define DDZ_TOOLS_CODERS_H

#include <stdint.h>

#include "ddz.h"
#include "imgio/image.h"
#include "tools/message.h"
#include "tools/options.h"

struct encoding {
    ddz_target target;
    double target_value;
    int effort, trellis_bits, calls, updates; /* 0: by effort, but for the effort itself */
    double steering;
    int keep_invisible; /* 1: the colours where alpha is 0, too */
    int exact;          /* DDZ_PARAM_EXACT: a layer, */
    int max_error;      /* which may be off by so much */
    int ideal;          /* 1: on the ideal channel, */
    uint32_t seed;      /* with these draws */
    int step_psnr;      /* 1: the PSNR of every step's estimate is measured */
};

struct decoding {
    uint64_t max_bits; /* UINT64_MAX: all */
    uint32_t seed;
    int sample_steps;
    int scale; /* 2^scale times smaller */
};

/* What the library has by default */
struct encoding encoding_usual(void);
struct decoding decoding_usual(void);

/* A handle with these settings and this progress (NULL: none). It is the caller's to free whatever is returned, NULL
 * if there is none. */
ddz_status encoder_open(const ddz_model *model, const struct common *common, const struct encoding *how,
                        struct cli_progress *progress, ddz_encoder **encoder);
ddz_status decoder_open(const ddz_model *model, const struct common *common, const struct decoding *how,
                        struct cli_progress *progress, ddz_decoder **decoder);

/* Whether a picture of this size is within the limits, given the bytes that it takes; else a line about `name` that
 * says how to raise the limit. Both return an exit status. */
int check_pixels(const char *name, const struct common *common, uint32_t width, uint32_t height);
int check_memory(const char *name, const struct common *common, uint64_t bytes);

/* check_memory for what a handle and an image of this kind take together; `stream` has the size of the stream's picture, of
 * which the image may be a smaller one. */
int encoder_check_memory(const char *name, const struct common *common, const ddz_encoder *encoder,
                         const struct image_view *image);
int decoder_check_memory(const char *name, const struct common *common, const ddz_decoder *decoder,
                         const ddz_info *stream, const struct image *image);

/* The library's name for the pixels of an image */
ddz_pixel_format pixel_format(int channels, int depth);

/* The library's calls for images; decode_image writes the pixels of one that was allocated. */
ddz_status encode_image(ddz_encoder *encoder, const struct image_view *image);
ddz_status decode_image(ddz_decoder *decoder, ddz_recon recon, struct image *image);

/* KL bits of the steps that the first `bits` bits of an encoder's stream hold, a cut step in proportion. */
double encoder_kl_bits(const ddz_encoder *encoder, uint64_t bits);

#endif
