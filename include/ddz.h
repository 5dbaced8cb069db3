/*
 * ddz: progressive image codec on a denoising diffusion model.
 *
 * The encoder conveys the latents x_T ... x_0 of a diffusion chain (Ho, Jain, Abbeel 2020, algorithms 3 and
 * 4), each at a cost close to its KL divergence, so that any prefix of a stream decodes to a picture.
 *
 * Conventions
 *   - Every function that can fail returns a ddz_status; outputs are written only on DDZ_OK unless the
 *     function says otherwise.
 *   - Handles are opaque, own all their memory, and are freed by one function that accepts NULL.
 *   - A model is read-only after loading and may be shared by any number of encoders and decoders in any
 *     threads; an encoder or a decoder belongs to one thread at a time.
 *   - The library prints nothing, opens nothing, keeps no global state and never exits.
 *
 * Growth
 *   A program compiled against this header runs unchanged with a later library. Settings are parameters with
 *   numbers: one that the library does not know is DDZ_ERR_UNSUPPORTED, and nothing changes. Where the
 *   library fills in a structure, the caller says how large its own is: the library writes no more than that,
 *   and sets to zero what it does not know. Enumerations may get more values, streams more kinds of records.
 *   Statuses, memory functions, instruction sets and threads are in <ddz/base.h>, which this header includes; what is for
 *   measurement only, and may change, is in <ddz/research.h>.
 */
#ifndef DDZ_H
#define DDZ_H

#include <stddef.h>
#include <stdint.h>

#include "ddz/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Model ------------------------------------------------------------------------------- */

typedef struct ddz_model ddz_model;

/*
 * Parse a model file (ddz.5, "MODEL FILE") from memory; `data` is not kept. `allocator` may be NULL (malloc).
 * Errors: DDZ_ERR_MODEL, DDZ_ERR_MEMORY, DDZ_ERR_ARGUMENT.
 */
DDZ_API ddz_status ddz_model_load(const uint8_t *data, size_t size, const ddz_allocator *allocator,
                                  ddz_model **model);
DDZ_API void ddz_model_free(ddz_model *model);

/* Identity that streams carry: CRC-32 of the model's contents. */
DDZ_API uint32_t ddz_model_id(const ddz_model *model);

/* 1 if the low `id_bits` bits (0 to 32) of the model's identity are those of `id`, else 0: can the model have
 * made a stream of which ddz_info says model_id and model_id_bits? */
DDZ_API int ddz_model_matches(const ddz_model *model, uint32_t id, int id_bits);

/* How the model was made, as the file says it: UTF-8 text, owned by the model. */
DDZ_API const char *ddz_model_provenance(const ddz_model *model);

/* ---- What both sides share --------------------------------------------------------------- */

/* Settings of an encoder or a decoder. Each is a whole number; a value out of range is DDZ_ERR_ARGUMENT. */
typedef enum ddz_parameter {
    /* Of both: threads that work on a picture. 1 to 256; default 0: as many as there are processors */
    DDZ_PARAM_THREADS = 1,
    /* A set of ddz_cpu_feature that may be used, if the machine has them. 0: plain C; default -1: all */
    DDZ_PARAM_CPU_FEATURES = 2,
    /* Larger pictures are refused. 1 to 2^28, default 2^26 */
    DDZ_PARAM_MAX_PIXELS = 3,
    /* Bytes that a handle and all it owns may take, the model not counted; beyond, DDZ_ERR_MEMORY_LIMIT.
     * Default 0: no limit */
    DDZ_PARAM_MEMORY_LIMIT = 4,

    /* Of an encoder: 1 (fast) to 9 (small), default 5 */
    DDZ_PARAM_EFFORT = 100,
    /* The search has 2 to the power of this many states: 8 to 16; default 0: by effort */
    DDZ_PARAM_TRELLIS_BITS = 101,
    /* Errors weaker than this many thousandths of the final noise are held back: 0 to 4000, default 700. 0
     * aims at the picture itself */
    DDZ_PARAM_STEERING = 102,
    /* 1: keep the colours where alpha is 0, which nobody sees; default 0: make them cheap */
    DDZ_PARAM_KEEP_INVISIBLE = 103,
    /* 1 or 2: behind the chain, a layer makes all samples exact, of 8 or 16 bits, also of invisible pixels. The target (bytes
     * do not count layers) says where the chain ends; with 1 that is after the preview or, of a photograph, 1/48 of the stream,
     * if the stream is smaller so. Half of DDZ_PARAM_STEERING applies. 0: none. Default -1: a layer behind the preview, if no
     * larger than the target's chain; or one of the blocks that are no part of a photograph, if the chain would take more
     * bytes of them: the target is then that of the others, and bytes are all */
    DDZ_PARAM_EXACT = 104,
    /* With DDZ_PARAM_EXACT: by how much a sample may be off, 0 to 127 levels of the picture's own depth; default 0 */
    DDZ_PARAM_MAX_ERROR = 105,

    /* Of a decoder: use only the first bits of the stream. Default and at most 2^63 - 1 */
    DDZ_PARAM_MAX_BITS = 200,
    /* Of DDZ_RECON_SAMPLE: 0 to 2^32 - 1, default 1 */
    DDZ_PARAM_SEED = 201,
    /* Of DDZ_RECON_SAMPLE, in an octave of noise at full size: a power of two, 1 to 32, default 8 */
    DDZ_PARAM_SAMPLE_STEPS = 202,
    /* Write the picture 2 to the power of this many times smaller, sides rounded up: 0 (default) to 16. The chain stops where
     * more of it would hardly show, which takes a part of the bytes, the time and the memory */
    DDZ_PARAM_SCALE = 203
} ddz_parameter;

/*
 * How pixels lie in the caller's memory: interleaved samples of sRGB, rows from the top. 16-bit samples are
 * uint16_t in the machine's byte order. `stride` is the number of bytes from one row to the next, 0 if rows
 * follow each other without a gap; `size` is the length of the whole buffer in bytes. A buffer that is too
 * short is DDZ_ERR_ARGUMENT.
 *
 * In: grey becomes R = G = B, and what is so in all pixels stays so; 16-bit samples are coded with full precision, but for alpha,
 * which is rounded to 8 bits. Out: grey is the luminance (54 R + 183 G + 19 B) / 256; 16-bit samples are the estimate
 * itself, which has 256 units to an 8-bit grey level; alpha is opaque unless the stream has it.
 */
typedef enum ddz_pixel_format {
    DDZ_PIXELS_GREY8 = 1,
    DDZ_PIXELS_GREY_ALPHA8 = 2,
    DDZ_PIXELS_RGB8 = 3,
    DDZ_PIXELS_RGBA8 = 4,
    DDZ_PIXELS_GREY16 = 17,
    DDZ_PIXELS_GREY_ALPHA16 = 18,
    DDZ_PIXELS_RGB16 = 19,
    DDZ_PIXELS_RGBA16 = 20
} ddz_pixel_format;

/* One step of the chain, as it stands in a stream. Bits are conveyed bits, side information included. */
typedef struct ddz_step {
    int scale;              /* 0 is full size, k is 2^k times smaller */
    int lift;               /* 1: detail bands conveyed on climbing to `scale`; 0: a reverse step */
    double sigma_from;      /* noise before, in grey levels (0 to 255); infinite for the first step */
    double sigma_to;        /* and after */
    uint64_t samples;       /* coordinates that the step conveys */
    uint64_t offset_bits;   /* where it begins, from the first byte of the stream, framing not counted */
    uint64_t bits, missing; /* of its length: what is there, and what was cut, or lies beyond the target */
} ddz_step;

/* Progress: the share of the work that is done. It begins at 0, never falls, and ends at 1. Return 0 to go
 * on, anything else to stop with DDZ_ERR_CANCELLED. */
typedef int (*ddz_progress)(void *cookie, double share);

/* The chain's estimate of the picture, xhat_0, on its way: `sigma` is the noise of what it was made from, in
 * grey levels of the full size (that at scale k times 2^k; infinite before the first step), and never rises.
 * `pixels` has the size of the picture that is written, rows follow each other without a gap, and it is valid during the
 * call. Return 0 to go on, anything else to stop with DDZ_ERR_CANCELLED. */
typedef int (*ddz_observer)(void *cookie, double sigma, const void *pixels);

/* Side layers of a picture */
typedef enum ddz_extra {
    DDZ_EXTRA_ALPHA = 1, /* width * height bytes, 255 opaque */
    DDZ_EXTRA_ICC = 2,   /* ICC profile, as in a PNG iCCP chunk, uncompressed */
    DDZ_EXTRA_EXIF = 3,  /* Exif block, as in a PNG eXIf chunk */
    DDZ_EXTRA_XMP = 4,   /* XMP packet, as in a PNG iTXt chunk with the keyword XML:com.adobe.xmp */
    /* Code points of ITU-T H.273, as in a PNG cICP chunk: primaries, transfer function, matrix (0), full range */
    DDZ_EXTRA_CICP = 5,
    /* As in a PNG gAMA chunk and, behind it, those of a cHRM chunk: big-endian numbers of 32 bits in 1/100000.
     * 4 bytes, the gamma alone; or 36, with white, red, green and blue, x and y. A gamma of 0 is not known */
    DDZ_EXTRA_CHROMATICITIES = 6,
    /* As in a PNG pHYs chunk: pixels a unit across and down, big-endian numbers of 32 bits; unit, 1: metre */
    DDZ_EXTRA_RESOLUTION = 7,
    /* One byte, 1 to 8, as in Exif: how to turn the picture before it is shown */
    DDZ_EXTRA_ORIENTATION = 8
} ddz_extra;

/* What became of a side layer */
typedef enum ddz_extra_state {
    DDZ_EXTRA_ABSENT = 0,
    DDZ_EXTRA_EXACT = 1,       /* all of it is there */
    DDZ_EXTRA_APPROXIMATE = 2, /* of alpha: the target in bytes left no room for more */
    DDZ_EXTRA_PARTIAL = 3,     /* of alpha in a decoder: more of it is to come */
    DDZ_EXTRA_DAMAGED =
        4, /* in a decoder: its check disagrees. Alpha is given out all the same, others not */
    DDZ_EXTRA_LEFT_OUT = 5 /* in an encoder: the target in bytes left no room for it */
} ddz_extra_state;

/* ---- Encoder ----------------------------------------------------------------------------- */

typedef enum ddz_target {
    DDZ_TARGET_QUALITY = 0, /* value: 0 to 100 */
    DDZ_TARGET_BYTES = 1,   /* value: size of the whole stream, at least that of its header (3 to
                               10 bytes); reached to the byte unless the chain ends before */
    DDZ_TARGET_PSNR = 2,    /* value: dB over the three channels, of the decoded 8-bit picture */
    DDZ_TARGET_SIGMA = 3    /* value: noise at which the chain ends, in grey levels (0 to 255): 0.7
                               to 44.6, taken to the nearest 1/32 octave. A model knows the noise
                               that it was trained on, the shipped one down to 1.28 (quality 100);
                               below that it extrapolates */
} ddz_target;

typedef struct ddz_encoder ddz_encoder;

/* `model` must outlive the encoder. `allocator` may be NULL (malloc). */
DDZ_API ddz_status ddz_encoder_new(const ddz_model *model, const ddz_allocator *allocator,
                                   ddz_encoder **encoder);
DDZ_API void ddz_encoder_free(ddz_encoder *encoder);

/* Settings take effect with the next picture. */
DDZ_API ddz_status ddz_encoder_set(ddz_encoder *encoder, int parameter, int64_t value);

/* Where the stream ends; by default at quality 60. */
DDZ_API ddz_status ddz_encoder_set_target(ddz_encoder *encoder, ddz_target target, double value);

/* NULL: none */
DDZ_API ddz_status ddz_encoder_set_progress(ddz_encoder *encoder, ddz_progress progress, void *cookie);

/* From the next picture on, work runs on the runner's threads, 1 to 256, in place of DDZ_PARAM_THREADS of the
 * encoder's own. NULL: the encoder's own. */
DDZ_API ddz_status ddz_encoder_set_runner(ddz_encoder *encoder, ddz_runner runner, void *cookie, int threads);

/* Attach a side layer to the pictures that follow; `data` is copied. A second call with the same kind
 * replaces the first, size 0 removes it. Alpha is checked against the picture by ddz_encoder_encode. */
DDZ_API ddz_status ddz_encoder_set_extra(ddz_encoder *encoder, ddz_extra kind, const uint8_t *data,
                                         size_t size);

/*
 * Encode one picture of width x height pixels, each 1 to 65535. The alpha of a format that has it takes the
 * place of DDZ_EXTRA_ALPHA; if all of it is opaque, there is none. The encoder may be used again.
 * Errors: ARGUMENT, UNSUPPORTED, PIXEL_LIMIT, MEMORY, MEMORY_LIMIT, CANCELLED.
 */
DDZ_API ddz_status ddz_encoder_encode(ddz_encoder *encoder, uint32_t width, uint32_t height,
                                      ddz_pixel_format format, const void *pixels, size_t stride,
                                      size_t size);

/* Bytes that encoding a width x height picture takes with the present settings, the model not counted; the stream itself
 * takes up to four times its size more, and side layers four times theirs. Unless DDZ_PARAM_EXACT is 0, up to 66 million
 * that a picture may take if it is no photograph are counted for any: a small photograph takes fewer. Nothing is
 * allocated. */
DDZ_API ddz_status ddz_encoder_memory(const ddz_encoder *encoder, uint32_t width, uint32_t height,
                                      uint64_t *bytes);

/* The stream made last; owned by the encoder until its next call. DDZ_ERR_STATE before. */
DDZ_API ddz_status ddz_encoder_stream(const ddz_encoder *encoder, const uint8_t **data, size_t *size);

/* What became of a side layer of the picture encoded last: with a target in bytes, alpha may be approximated and
 * others left out. */
DDZ_API ddz_status ddz_encoder_extra_state(const ddz_encoder *encoder, ddz_extra kind,
                                           ddz_extra_state *state);

/* Steps of the picture encoded last: how many, and number `index` from 0. `step_size` is sizeof *step. */
DDZ_API ddz_status ddz_encoder_step_count(const ddz_encoder *encoder, size_t *count);
DDZ_API ddz_status ddz_encoder_step(const ddz_encoder *encoder, size_t index, ddz_step *step,
                                    size_t step_size);

/* The picture that a decoder would show for the whole stream. */
DDZ_API ddz_status ddz_encoder_picture(ddz_encoder *encoder, ddz_pixel_format format, void *pixels,
                                       size_t stride, size_t size);

/* ---- Decoder ----------------------------------------------------------------------------- */

typedef enum ddz_recon {
    DDZ_RECON_MEAN = 0,  /* the estimate xhat_0: least squares */
    DDZ_RECON_SAMPLE = 1 /* the rest of the chain drawn from pseudo-random bits, down to the lowest noise that
                            models are trained for (the end of quality 100): realistic */
} ddz_recon;

typedef struct ddz_decoder ddz_decoder;

/* `model` must outlive the decoder; it may be NULL, and be given later. `allocator` may be NULL (malloc). */
DDZ_API ddz_status ddz_decoder_new(const ddz_model *model, const ddz_allocator *allocator,
                                   ddz_decoder **decoder);
DDZ_API void ddz_decoder_free(ddz_decoder *decoder);

/* DDZ_PARAM_SEED and DDZ_PARAM_SAMPLE_STEPS can be set at any time, the others before the first byte is fed
 * (DDZ_ERR_STATE). A new seed gives another continuation of the same bits, which are not decoded again. */
DDZ_API ddz_status ddz_decoder_set(ddz_decoder *decoder, int parameter, int64_t value);

/* NULL: none */
DDZ_API ddz_status ddz_decoder_set_progress(ddz_decoder *decoder, ddz_progress progress, void *cookie);

/* As ddz_encoder_set_runner, before the first byte is fed (DDZ_ERR_STATE). */
DDZ_API ddz_status ddz_decoder_set_runner(ddz_decoder *decoder, ddz_runner runner, void *cookie, int threads);

/* NULL: none; else called before each step that is made, and at the end, with pixels in this format. */
DDZ_API ddz_status ddz_decoder_set_observer(ddz_decoder *decoder, ddz_observer observer, void *cookie,
                                            ddz_pixel_format format);

/*
 * The model for what has been fed and will be. Until then the decoder keeps what it is fed, and says what the
 * header says; which model that may need, ddz_model_matches tells. Another one may be given, also after
 * DDZ_ERR_WRONG_MODEL, until the stream's settings have shown that the present one made it (then
 * DDZ_ERR_STATE). Returns what is known to be wrong with the stream: DDZ_OK, DDZ_ERR_WRONG_MODEL, or another
 * status of ddz_decoder_feed.
 */
DDZ_API ddz_status ddz_decoder_set_model(ddz_decoder *decoder, const ddz_model *model);

/* Take the next `size` bytes of the stream (copied). Bytes after an error are refused with the
 * same error. Cheap: no network call happens here. */
DDZ_API ddz_status ddz_decoder_feed(ddz_decoder *decoder, const uint8_t *data, size_t size);

/* Bytes that decoding a width x height picture takes with the present settings, the model not counted; the
 * stream itself takes up to three times its size more. That is for a stream of which a part has arrived, and for
 * DDZ_RECON_SAMPLE; one that has arrived in full takes 12 bytes a pixel less, and one that ends before its steps at
 * full size another 12. An exact layer takes more: it is counted once it has begun to arrive. Nothing is allocated. DDZ_ERR_STATE without a model. */
DDZ_API ddz_status ddz_decoder_memory(const ddz_decoder *decoder, uint32_t width, uint32_t height,
                                      uint64_t *bytes);

/* As if the header of a stream of a width x height picture (each 1 to 65535) had been fed, made with the
 * decoder's model: with no bits after it, DDZ_RECON_SAMPLE draws a picture from nothing.
 * DDZ_ERR_STATE if bytes have been fed or there is no model; PIXEL_LIMIT, MEMORY. */
DDZ_API ddz_status ddz_decoder_begin(ddz_decoder *decoder, uint32_t width, uint32_t height);

typedef struct ddz_info {
    uint32_t width, height;
    uint32_t model_id;        /* what is known of it: the low 3 bits in a short prefix */
    int model_id_bits;        /* 3 or 32 */
    int scales;               /* levels of the pyramid below full size */
    int trellis_bits;         /* 0 until the settings have arrived, and so the next three */
    int calls_per_octave;     /* of the network, in the last octave */
    int updates;              /* steps to a call */
    double sigma_end;         /* noise at which the chain ends, in grey levels */
    uint64_t bits;            /* bits that have arrived and are used */
    int complete;             /* 1 when the whole stream is there, digest included */
    int digest_agrees;        /* 1 when the whole chain was walked and the digest agreed */
    uint64_t skipped_records; /* side layers of kinds that this library does not know */
    uint64_t trailing_bytes;  /* behind the stream's end: ignored */
    uint64_t damaged_extras; /* side layers that are known to be: 1 << ddz_extra; bit 0: one of those that are
                                 described in a few bytes, or what is said of one */
    int grey, orientation;   /* 1: R = G = B in all pixels; as in Exif, 1 to 8: how to turn them */
    uint32_t picture_width, picture_height; /* of what is written; if smaller, no digest is compared */
    /* Of the exact layer, 0 if there is none or it has not begun to arrive: */
    int exact_channels;    /* 1: grey, 3: R, G, B; one more: alpha, too */
    int exact_depth;       /* bits a sample, 1 to 16 */
    int exact_error;       /* by how much samples may be off */
    uint32_t exact_rows;   /* rows from the top that are exact, or near it, in the picture decoded last */
    uint64_t side_layers;  /* 1: the stream has side layers, or room for them; they may stand at its end */
    uint64_t exact_blocks; /* 1: the exact layer has some blocks, and the chain shows the others */
} ddz_info;

/* What the first bytes of a stream say: DDZ_ERR_TRUNCATED if there are too few (3 bytes are enough for most
 * pictures, 10 for all), DDZ_ERR_FORMAT if it is no ddz stream. `info_size` is sizeof *info. */
DDZ_API ddz_status ddz_probe(const uint8_t *data, size_t size, ddz_info *info, size_t info_size);

/* Of how many of its first bytes a decoder with DDZ_PARAM_SCALE `scale`, 1 to 16, makes the picture that it makes of all of
 * them; only alpha, side layers and what an exact layer has may be better with more. `allocator` may be NULL (malloc).
 * DDZ_ERR_TRUNCATED if the stream ends before, DDZ_ERR_WRONG_MODEL or another status of ddz_decoder_feed if it is not read
 * so far. */
DDZ_API ddz_status ddz_scale_bytes(const ddz_model *model, const ddz_allocator *allocator,
                                   const uint8_t *data, size_t size, int scale, size_t *bytes);

/* DDZ_ERR_TRUNCATED until the header has arrived. `info_size` is sizeof *info. */
DDZ_API ddz_status ddz_decoder_info(const ddz_decoder *decoder, ddz_info *info, size_t info_size);

/* Steps that have arrived, wholly or in part, without decoding them: how many, and number `index` from 0.
 * DDZ_ERR_CORRUPT if the stream is damaged behind them; *count is written all the same. `step_size` is
 * sizeof *step. */
DDZ_API ddz_status ddz_decoder_step_count(ddz_decoder *decoder, size_t *count);
DDZ_API ddz_status ddz_decoder_step(ddz_decoder *decoder, size_t index, ddz_step *step, size_t step_size);

/*
 * The best picture from what has arrived, of picture_width x picture_height pixels (ddz_info), may be asked for again after
 * more bytes; work already done is kept.
 *
 * The picture is written on DDZ_OK, and also on DDZ_ERR_DIGEST (bits of the picture or of a side layer were
 * damaged: digest_agrees and damaged_extras of ddz_info tell which), DDZ_ERR_CORRUPT (the picture of what came
 * before the damage) and DDZ_ERR_FEATURE (that of what this library knows). On any other status it is not. */
DDZ_API ddz_status ddz_decoder_picture(ddz_decoder *decoder, ddz_recon recon, ddz_pixel_format format,
                                       void *pixels, size_t stride, size_t size);

/* A side layer, if it has arrived: *data is NULL and *size 0 if there is none (yet). Alpha is what the bytes so
 * far say of it. Owned by the decoder, until its next call. MEMORY. */
DDZ_API ddz_status ddz_decoder_extra(const ddz_decoder *decoder, ddz_extra kind, const uint8_t **data,
                                     size_t *size);
DDZ_API ddz_status ddz_decoder_extra_state(const ddz_decoder *decoder, ddz_extra kind,
                                           ddz_extra_state *state);

/* ---- Both ----------------------------------------------------------------------------------- */

/* Makes a stream exact that is not, from the picture that it was made of: its first *kept bytes, and behind them the
 * *tail_size bytes at *tail, are a stream with an exact layer, whose samples are off by `max_error` (0 to 127) at most.
 * The decoder has been fed all of the stream, and has made its picture (DDZ_RECON_MEAN) last. *tail is the decoder's
 * until its next call. Errors: ARGUMENT, UNSUPPORTED, MEMORY, MEMORY_LIMIT, CANCELLED; STATE, if there is no such
 * picture, or an exact layer already. */
DDZ_API ddz_status ddz_append_exact(ddz_decoder *decoder, ddz_pixel_format format, const void *pixels,
                                    size_t stride, size_t size, int max_error, const uint8_t **tail,
                                    size_t *tail_size, uint64_t *kept);

#ifdef __cplusplus
}
#endif

#endif
