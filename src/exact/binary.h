/*
 * An arithmetic coder for bits whose probabilities others know: 32 bits of range, carries propagated. What has been
 * written may be cut after any byte: a reader knows which bits the rest cannot change.
 *
 * An interval [low, low + range) is divided in the proportion of the probabilities, the part of ones below that of
 * zeros, and the part of the bit is taken; bytes go out from the top when range falls below 2^24.
 */
#ifndef DDZ_EXACT_BINARY_H
#define DDZ_EXACT_BINARY_H

#include "base/mem.h"

/* Of one: a probability is a number from 1 to this - 1. */
enum { BINARY_ONE = 1 << 16 };

/* ---- Writing ----------------------------------------------------------------------------- */

/* `failed` is sticky: out of memory; later bits go nowhere. */
struct binary_encoder {
    const struct mem *mem; /* must outlive the encoder */
    uint8_t *data;         /* owned */
    size_t size, capacity;
    bool failed;

    uint64_t low;     /* 33 bits: the top one is a carry */
    uint64_t pending; /* bytes that a carry may change: one, and 0xFF behind it; 0: none yet */
    uint32_t range;
    uint8_t first; /* of the pending bytes */
};

void ddz_binary_encoder_init(struct binary_encoder *enc, const struct mem *mem);
void ddz_binary_encoder_free(struct binary_encoder *enc);

/* p: how probable a 1 is, of BINARY_ONE */
void ddz_binary_encode(struct binary_encoder *enc, int bit, uint32_t p);

/* Write what is still held back; zeros at the end are left out. No bit may follow. */
void ddz_binary_finish(struct binary_encoder *enc);

/* ---- Reading ----------------------------------------------------------------------------- */

struct binary_decoder {
    const uint8_t *data; /* not owned */
    size_t size, position;
    int missing; /* bytes at the end of `code` that were not there, and may come */
    bool whole;  /* zeros follow the data; else nobody knows what does */
    bool ended;  /* the last bit could not be told from the bytes there are; it and all later ones are 0 */
    uint32_t range;
    uint32_t code, most; /* the number read, and the greatest that it can be: code <= most < range */
};

/* `size` bytes at `data`, which has to stay as long as the decoder is used. */
void ddz_binary_decoder_init(struct binary_decoder *dec, const uint8_t *data, size_t size, bool whole);

/* More bytes have arrived: `size` at `data`, the first of them those that were there before; or no more will. The bit
 * at which the decoder ended is asked for again. */
void ddz_binary_decoder_extend(struct binary_decoder *dec, const uint8_t *data, size_t size, bool whole);

/* The next bit. After it, `ended` says that some continuation of the data would have made another one of it. */
int ddz_binary_decode(struct binary_decoder *dec, uint32_t p);

/* ---- Both ------------------------------------------------------------------------------- */

/* Either side of the coder, so that one walk serves both. */
struct bit_coder {
    bool writing;
    struct binary_encoder encoder; /* if writing */
    struct binary_decoder decoder; /* else */
};

/* Codes a bit, and returns it; when reading, `bit` does not matter. Where the data ended, nothing may be learnt from the
 * bit: it is asked for again once there are more of them. */
static inline int ddz_code(struct bit_coder *c, int bit, uint32_t p)
{
    if (!c->writing)
        return ddz_binary_decode(&c->decoder, p);
    ddz_binary_encode(&c->encoder, bit, p);
    return bit;
}

/* The data that there are do not tell the last bit. */
static inline bool ddz_code_ended(const struct bit_coder *c)
{
    return c->decoder.ended;
}

#endif
