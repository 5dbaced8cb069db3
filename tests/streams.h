/*
 * What the tests of the whole codec share: pictures, and their streams by a small model of random
 * weights. Its estimates are poor, but what encoder and decoder owe each other does not depend on that.
 *
 * All fail the running test when something fails; what they return is released with free(), or with the
 * library's own functions.
 */
#ifndef DDZ_TESTS_STREAMS_H
#define DDZ_TESTS_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"
#include "ddz/research.h"

struct buffer {
    uint8_t *data;
    size_t size;
};

void *alloc(size_t size);
struct buffer copy_of(const uint8_t *data, size_t size);

/* The toy model, loaded once; each test runs in a process of its own. */
const ddz_model *model(void);

/* Width and height of all kinds of pictures */
enum { SIZES = 10 };
extern const uint32_t sizes[SIZES][2];

/* A picture with smooth parts, edges and some noise, 8-bit RGB */
struct buffer picture(uint32_t width, uint32_t height);

/* The same, with something like letters of few colours in its first `drawn` columns */
struct buffer mixed_picture(uint32_t width, uint32_t height, uint32_t drawn);

double psnr(const uint8_t *a, const uint8_t *b, size_t n);

/* All that can be set of an encoder and a decoder, as values */
struct encoder_settings {
    ddz_target target;
    double target_value;
    int64_t threads, features, max_pixels, effort, trellis_bits, steering, exact, calls_per_octave, updates,
        ideal, seed, step_psnr;
    ddz_allocator allocator;
    ddz_progress progress;
    void *progress_cookie;
};
struct decoder_settings {
    int64_t threads, features, max_pixels, max_bits, seed, sample_steps, scale;
    ddz_allocator allocator;
    ddz_progress progress;
    void *progress_cookie;
    ddz_observer observer; /* is shown 8-bit RGB */
    void *observer_cookie;
};

/* One thread; few searches, and fast ones */
struct encoder_settings encoder_settings(ddz_target target, double value);
struct decoder_settings decoder_settings(void);

/* A handle with these settings; of a status other than DDZ_OK there is none. */
ddz_status encoder_make(const ddz_model *m, const struct encoder_settings *s, ddz_encoder **e);
ddz_status decoder_make(const ddz_model *m, const struct decoder_settings *s, ddz_decoder **d);

/* With the toy model */
ddz_encoder *encoder_new(const struct encoder_settings *s);
ddz_decoder *decoder_new(const struct decoder_settings *s);

/* The library's calls for pictures of 8-bit RGB without gaps. The pixels that the library reads are a copy that
 * ends at a guard page and is gone afterwards; those that it makes are written before such a page, and copied. `size` is
 * the length of what sent_rgb writes to. */
ddz_status encode_rgb(ddz_encoder *e, const uint8_t *rgb, uint32_t w, uint32_t h);
ddz_status sent_rgb(ddz_encoder *e, uint8_t *rgb, size_t size);
ddz_status decode_rgb(ddz_decoder *d, ddz_recon recon, uint8_t *rgb);

/* Feed a copy that ends at a guard page and is gone afterwards. */
ddz_status feed(ddz_decoder *d, const uint8_t *data, size_t size);

ddz_info info_of(const ddz_decoder *d);

/* The steps that an encoder has sent (psnr: with step_psnr), and those that a decoder has found, whose last two are 0 */
struct told_step {
    ddz_step step;
    double kl_bits, psnr;
};
size_t sent_steps(const ddz_encoder *e, struct told_step **steps);
size_t found_steps(ddz_decoder *d, struct told_step **steps);

/* Stream of an encoder that has just encoded, and that of a picture */
struct buffer stream_of(const ddz_encoder *e);
struct buffer encode(const struct buffer *rgb, uint32_t w, uint32_t h, const struct encoder_settings *s);

/* A stream of a 24 x 17 picture, from which many tests start: two calls an octave, four steps to a call,
 * or `updates` of them */
enum { SMALL_W = 24, SMALL_H = 17, SMALL_BYTES = 3 * SMALL_W * SMALL_H };
struct buffer small_stream(void);
struct buffer small_stream_of(int updates);

/* Picture of the first `size` bytes of a stream, in one piece; returns the picture's status. */
ddz_status decode_prefix(const struct decoder_settings *s, const uint8_t *data, size_t size, uint8_t *rgb);

/* Where a complete stream's conveyed bits stand */
struct stream_layout {
    size_t preview, preview_end, frame, frame_end;
};
struct stream_layout layout_of(const struct buffer *stream);

/* Encodes as it is by default (DDZ_PARAM_EXACT -1), with no more memory than is announced; any allocation may fail. Returns
 * the stream. */
struct buffer check_automatic_memory(const struct buffer *rgb, uint32_t w, uint32_t h, double quality);

/* Encode a picture, decode the stream: the pictures of both sides are the same, and what they say of bits
 * and steps agrees. The first takes picture(w, h). */
void check_round_trip(uint32_t w, uint32_t h, const struct encoder_settings *es);
void check_round_trip_of(struct buffer rgb, uint32_t w, uint32_t h, const struct encoder_settings *es);

#endif
