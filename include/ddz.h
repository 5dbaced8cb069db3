/*
 * ddz: progressive image codec on a denoising diffusion model
 *
 * The sender conveys the latents x_T ... x_0 of a diffusion chain (DDPM: Ho, Jain, Abbeel 2020,
 * algorithms 3 and 4), each at a cost close to its KL divergence, so that any prefix of a stream
 * decodes to a picture.
 *
 * Pictures are 8-bit sRGB, three bytes a pixel, rows from the top without padding.
 *
 * Conventions
 *   - Every function that can fail returns a ddz_status; outputs are written only on DDZ_OK
 *     unless the function says otherwise.
 *   - Handles are opaque, own all their memory, and are freed by one function that accepts NULL.
 *   - A model is read-only after loading and may be shared by any number of encoders and
 *     decoders in any threads; an encoder or a decoder belongs to one thread at a time.
 *   - The library prints nothing, opens nothing, keeps no global state and never exits.
 */
#ifndef DDZ_H
#define DDZ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DDZ_API __attribute__((visibility("default")))
#else
#define DDZ_API
#endif

#define DDZ_VERSION_MAJOR 0
#define DDZ_VERSION_MINOR 1
#define DDZ_VERSION_PATCH 0

/* Library version as "major.minor.patch"; static storage. */
DDZ_API const char *ddz_version(void);

typedef enum ddz_status {
    DDZ_OK = 0,
    DDZ_ERR_ARGUMENT = 1,    /* a parameter is out of its documented range */
    DDZ_ERR_MEMORY = 2,      /* an allocation failed */
    DDZ_ERR_LIMIT = 3,       /* the picture has more pixels than the caller's limit */
    DDZ_ERR_FORMAT = 4,      /* not a ddz stream, or of an unknown version */
    DDZ_ERR_TRUNCATED = 5,   /* not even the header is there */
    DDZ_ERR_CORRUPT = 6,     /* the stream contradicts itself, or its digest does not match */
    DDZ_ERR_MODEL = 7,       /* not a model file, or a damaged one */
    DDZ_ERR_WRONG_MODEL = 8, /* the stream was made with another model */
    DDZ_ERR_STATE = 9,       /* the call is not valid at this point */
    DDZ_ERR_CANCELLED = 10   /* a callback asked to stop */
} ddz_status;

/* One line of English for any value, known or not; static storage. */
DDZ_API const char *ddz_strerror(ddz_status status);

/*
 * Memory functions for a handle and all it owns. `allocate` returns at least `size` bytes aligned
 * for any type, or NULL. Both are called from the thread that calls the library only.
 */
typedef struct ddz_allocator {
    void *(*allocate)(void *cookie, size_t size);
    void (*release)(void *cookie, void *memory);
    void *cookie;
} ddz_allocator;

/* ---- Model ------------------------------------------------------------------------------- */

typedef struct ddz_model ddz_model;

/*
 * Parse a model file (ddz.5, "MODEL FILE") from memory; `data` is not kept. `allocator` may be
 * NULL (malloc). Errors: DDZ_ERR_MODEL, DDZ_ERR_MEMORY, DDZ_ERR_ARGUMENT.
 */
DDZ_API ddz_status ddz_model_load(const uint8_t *data, size_t size, const ddz_allocator *allocator,
                                  ddz_model **model);
DDZ_API void ddz_model_free(ddz_model *model);

/* Identity that streams carry: CRC-32 of the model's contents. */
DDZ_API uint32_t ddz_model_id(const ddz_model *model);

/* How the model was made, as the file says it: UTF-8 text, owned by the model. */
DDZ_API const char *ddz_model_provenance(const ddz_model *model);

/* Multiply-adds per pixel of one call of the network at full size. */
DDZ_API uint32_t ddz_model_macs_per_pixel(const ddz_model *model);

/* ---- What both sides share --------------------------------------------------------------- */

/* One step of the chain, as it stands in a stream. Bits are conveyed bits, side information
 * included. */
typedef struct ddz_step {
    int scale;            /* 0 is full size, k is 2^k times smaller */
    int lift;             /* 1: detail bands conveyed on climbing to `scale`; 0: a reverse step */
    double sigma_from;    /* noise before, in grey levels (0 to 255); infinite for the first step */
    double sigma_to;      /* and after */
    uint64_t samples;     /* coordinates that the step conveys */
    uint64_t offset_bits; /* where it begins, from the first byte of the stream, framing not counted */
    uint64_t bits;        /* its length */
    double kl_bits;       /* encoder only: KL(q||p) of the step in bits, of a cut one in proportion;
                             else 0 */
    double psnr;          /* encoder only: PSNR (RGB) of the estimate before the step; else 0 */
} ddz_step;

/* Progress: `done` of `total` units of work (both > 0, total may be revised). Return 0 to go on,
 * anything else to stop with DDZ_ERR_CANCELLED. */
typedef int (*ddz_progress)(void *cookie, double done, double total);

/* The chain's estimate of the picture, xhat_0, on its way: `sigma` is the noise of what it was made
 * from, in grey levels of the full size (that at scale k times 2^k; infinite before the first step),
 * and never rises. `rgb` has the size of the picture and is valid during the call. Return 0 to go on,
 * anything else to stop with DDZ_ERR_CANCELLED. */
typedef int (*ddz_observer)(void *cookie, double sigma, const uint8_t *rgb);

typedef enum ddz_extra {
    DDZ_EXTRA_ALPHA = 1, /* width * height bytes, 255 opaque */
    DDZ_EXTRA_ICC = 2,   /* ICC profile, as in a PNG iCCP chunk, uncompressed */
    DDZ_EXTRA_EXIF = 3   /* Exif block, as in a PNG eXIf chunk */
} ddz_extra;

/* Kernels that the library may use; all give the same bytes. */
typedef enum ddz_isa { DDZ_ISA_PORTABLE = 0, DDZ_ISA_AVX2 = 1, DDZ_ISA_AVX512 = 2, DDZ_ISA_BEST = 255 } ddz_isa;

/* ---- Encoder ----------------------------------------------------------------------------- */

typedef enum ddz_target {
    DDZ_TARGET_QUALITY = 0, /* value: 0 to 100 */
    DDZ_TARGET_BYTES = 1,   /* value: size of the whole stream, at least that of its header (3, 5
                               or 9 bytes); reached to the byte unless the chain ends before */
    DDZ_TARGET_PSNR = 2,    /* value: dB over the three channels, of the decoded 8-bit picture */
    DDZ_TARGET_SIGMA = 3    /* value: noise at which the chain ends, in grey levels (0 to 255): 0.7
                               to 44.6, taken to the nearest 1/32 octave. A model knows the noise
                               that it was trained on, the shipped one down to 1.28 (quality 100);
                               below that it extrapolates */
} ddz_target;

typedef enum ddz_channel {
    DDZ_CHANNEL_TRELLIS = 0, /* a real stream */
    DDZ_CHANNEL_IDEAL = 1    /* exact draws from the posterior, KL bits counted, no stream:
                                for measurement */
} ddz_channel;

typedef struct ddz_encoder_settings {
    size_t struct_size;       /* sizeof(ddz_encoder_settings), set by the defaults function */
    ddz_target target;        /* default DDZ_TARGET_QUALITY */
    double target_value;      /* default 60 */
    int effort;               /* 1 (fast) to 9 (small), default 5: calls of the network an octave,
                                 steps to a call, states, and searches for the first steps */
    int trellis_bits;         /* 0: by effort; else 8 to 16: the search has 2^trellis_bits states */
    int calls_per_octave;     /* of the network; 0: by effort; else a power of two, 2 to 32, for
                                 every octave of the full size scale */
    int updates;              /* steps to a call: 1, 2, 4 or 8; 0: by effort, or 1 if
                                 calls_per_octave is set */
    double steering;          /* 0 to 4, default 1: errors weaker than this share of the noise at
                                 which the chain ends are held back; 0 aims at the picture itself */
    uint32_t seed;            /* of the ideal channel; default 1 */
    ddz_channel channel;      /* default DDZ_CHANNEL_TRELLIS */
    int threads;              /* 0: as many as OpenMP gives; else 1 to 256 */
    ddz_isa isa;              /* default DDZ_ISA_BEST */
    uint64_t max_pixels;      /* default 2^26, at most 2^28 */
    ddz_allocator allocator;  /* zero: malloc */
    ddz_progress progress;    /* NULL: none */
    void *progress_cookie;
} ddz_encoder_settings;

DDZ_API void ddz_encoder_defaults(ddz_encoder_settings *settings);

typedef struct ddz_encoder ddz_encoder;

/* `model` must outlive the encoder. `settings` may be NULL (defaults); it is copied. */
DDZ_API ddz_status ddz_encoder_new(const ddz_model *model, const ddz_encoder_settings *settings,
                                   ddz_encoder **encoder);
DDZ_API void ddz_encoder_free(ddz_encoder *encoder);

/* Attach a side layer to the next picture; `data` is copied. A second call with the same kind
 * replaces the first, size 0 removes it. Alpha is checked against the picture by
 * ddz_encoder_encode. */
DDZ_API ddz_status ddz_encoder_set_extra(ddz_encoder *encoder, ddz_extra kind, const uint8_t *data,
                                         size_t size);

/* Encode one picture of width x height pixels (each 1 to 65535), 3 * width * height bytes of RGB.
 * Errors: ARGUMENT, LIMIT, MEMORY, CANCELLED. The encoder may be used again. */
DDZ_API ddz_status ddz_encoder_encode(ddz_encoder *encoder, const uint8_t *rgb, uint32_t width,
                                      uint32_t height);

/* The stream made last; owned by the encoder until its next call. DDZ_ERR_STATE before. With the
 * ideal channel *size is the number of bytes that the KLs add up to and *data is NULL. */
DDZ_API ddz_status ddz_encoder_stream(const ddz_encoder *encoder, const uint8_t **data, size_t *size);

/* Steps of the picture encoded last; owned by the encoder. */
DDZ_API size_t ddz_encoder_steps(const ddz_encoder *encoder, const ddz_step **steps);

/* The picture that a decoder would show for the whole stream: 3 * width * height bytes. */
DDZ_API ddz_status ddz_encoder_picture(ddz_encoder *encoder, uint8_t *rgb);

/* The same before it is rounded to 8 bits, for measurement: 3 * width * height values in 1/256 of a
 * grey level, 0 to 65280. DDZ_ERR_STATE before the first picture. */
DDZ_API ddz_status ddz_encoder_estimate(ddz_encoder *encoder, int32_t *estimate);

/* ---- Decoder ----------------------------------------------------------------------------- */

typedef enum ddz_recon {
    DDZ_RECON_MEAN = 0,  /* the estimate xhat_0: least squares */
    DDZ_RECON_SAMPLE = 1 /* the rest of the chain drawn from bits that nobody sent, down to the quietest
                            noise that models are trained for (the end of quality 100): realistic */
} ddz_recon;

typedef struct ddz_decoder_settings {
    size_t struct_size;      /* sizeof(ddz_decoder_settings), set by the defaults function */
    uint64_t max_bits;       /* use only so many bits of the stream; default UINT64_MAX */
    uint32_t seed;           /* of DDZ_RECON_SAMPLE; default 1 */
    int sample_steps;        /* of DDZ_RECON_SAMPLE, an octave of noise at full size: a power of two,
                                1 to 32, default 8 */
    int threads;             /* 0: as many as OpenMP gives; else 1 to 256 */
    ddz_isa isa;             /* default DDZ_ISA_BEST */
    uint64_t max_pixels;     /* default 2^26, at most 2^28 */
    ddz_allocator allocator; /* zero: malloc */
    ddz_progress progress;   /* NULL: none */
    void *progress_cookie;
    ddz_observer observer;   /* NULL: none; else called before each step that is made, and at the end */
    void *observer_cookie;
} ddz_decoder_settings;

DDZ_API void ddz_decoder_defaults(ddz_decoder_settings *settings);

typedef struct ddz_decoder ddz_decoder;

/* `model` must outlive the decoder; NULL is allowed for ddz_decoder_info and ddz_decoder_steps
 * only when the stream needs no model to be read, that is, for the header. */
DDZ_API ddz_status ddz_decoder_new(const ddz_model *model, const ddz_decoder_settings *settings,
                                   ddz_decoder **decoder);
DDZ_API void ddz_decoder_free(ddz_decoder *decoder);

/* Take the next `size` bytes of the stream (copied). Bytes after an error are refused with the
 * same error. Cheap: no network call happens here. */
DDZ_API ddz_status ddz_decoder_feed(ddz_decoder *decoder, const uint8_t *data, size_t size);

/* As if the header of a stream of a width x height picture (each 1 to 65535) had been fed, made with the
 * decoder's model: with no bits after it, DDZ_RECON_SAMPLE draws a picture from nothing.
 * DDZ_ERR_STATE if bytes have been fed or there is no model; LIMIT, MEMORY. */
DDZ_API ddz_status ddz_decoder_begin(ddz_decoder *decoder, uint32_t width, uint32_t height);

/* Seed of the next DDZ_RECON_SAMPLE: several continuations of the same bits without decoding them
 * again. */
DDZ_API ddz_status ddz_decoder_set_seed(ddz_decoder *decoder, uint32_t seed);

typedef struct ddz_info {
    uint32_t width, height;
    uint32_t model_id;      /* what is known of it: the low 3 bits in a short prefix */
    int model_id_bits;      /* 3 or 32 */
    int scales;             /* levels of the pyramid below full size */
    int trellis_bits;       /* 0 until the settings have arrived */
    int calls_per_octave;   /* of the network in the last octave, and steps to a call; */
    int updates;            /* 0 until the settings have arrived */
    double sigma_end;       /* noise at which the chain ends, in grey levels; 0 until then */
    uint64_t bits;          /* bits that have arrived and are used */
    int complete;           /* 1 when the whole stream is there, digest included */
    int digest_agrees;      /* 1 when the whole chain was walked and the digest agreed */
} ddz_info;

/* DDZ_ERR_TRUNCATED until the header has arrived (3 bytes for most pictures, at most 9). */
DDZ_API ddz_status ddz_decoder_info(const ddz_decoder *decoder, ddz_info *info);

/* Steps that have arrived, wholly or in part, without decoding them; owned by the decoder until
 * its next call. */
DDZ_API ddz_status ddz_decoder_steps(ddz_decoder *decoder, const ddz_step **steps, size_t *count);

/* Best picture from what has arrived: 3 * width * height bytes. May be called again after more
 * bytes; work already done is kept. Verifies the digest when the whole stream is there
 * (DDZ_ERR_CORRUPT, and the picture is written all the same). */
DDZ_API ddz_status ddz_decoder_picture(ddz_decoder *decoder, ddz_recon recon, uint8_t *rgb);

/* A side layer, if it has arrived: *data is NULL and *size 0 if there is none (yet). Owned by the
 * decoder. */
DDZ_API ddz_status ddz_decoder_extra(const ddz_decoder *decoder, ddz_extra kind, const uint8_t **data,
                                     size_t *size);

#ifdef __cplusplus
}
#endif

#endif
