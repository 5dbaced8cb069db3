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

double psnr(const uint8_t *a, const uint8_t *b, size_t n);

/* One thread; few searches, and fast ones */
ddz_encoder_settings encoder_settings(ddz_target target, double value);
ddz_decoder_settings decoder_settings(void);

/* With the toy model */
ddz_encoder *encoder_new(const ddz_encoder_settings *s);
ddz_decoder *decoder_new(const ddz_decoder_settings *s);

/* Stream of an encoder that has just encoded, and that of a picture */
struct buffer stream_of(const ddz_encoder *e);
struct buffer encode(const struct buffer *rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *s);

/* A stream of a 24 x 17 picture, from which many tests start: two calls an octave, four steps to a call,
 * or `updates` of them */
enum { SMALL_W = 24, SMALL_H = 17, SMALL_BYTES = 3 * SMALL_W * SMALL_H };
struct buffer small_stream(void);
struct buffer small_stream_of(int updates);

/* Picture of the first `size` bytes of a stream, in one piece; returns the picture's status. */
ddz_status decode_prefix(const ddz_decoder_settings *s, const uint8_t *data, size_t size, uint8_t *rgb);

/* Where a complete stream's conveyed bits stand */
struct layout {
    size_t opening, opening_end, frame, frame_end;
};
struct layout layout_of(const struct buffer *stream);

/* Encode a picture, decode the stream: the pictures of both sides are the same, and what they say of bits
 * and steps agrees. The first takes picture(w, h). */
void check_round_trip(uint32_t w, uint32_t h, const ddz_encoder_settings *es);
void check_round_trip_of(struct buffer rgb, uint32_t w, uint32_t h, const ddz_encoder_settings *es);

#endif
