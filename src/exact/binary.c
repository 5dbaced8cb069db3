#include "exact/binary.h"

#include <string.h>

enum { TOP_SHIFT = 24, FIRST_CAPACITY = 256 };

static const uint32_t full_range = 0xFFFFFFFF;

/* The part of ones: at least 1/2^24 of what is there, and never all of it, because range >= 2^24. */
static uint32_t part_of_ones(uint32_t range, uint32_t p)
{
    return (uint32_t)((uint64_t)range * p >> 16);
}

/* ---- Writing ----------------------------------------------------------------------------- */

void ddz_binary_encoder_init(struct binary_encoder *enc, const struct mem *mem)
{
    *enc = (struct binary_encoder){.mem = mem, .range = full_range};
}

void ddz_binary_encoder_free(struct binary_encoder *enc)
{
    ddz_mem_free(enc->mem, enc->data);
    *enc = (struct binary_encoder){.mem = enc->mem};
}

static void grow(struct binary_encoder *enc)
{
    size_t capacity = enc->capacity ? ddz_size_mul(enc->capacity, 2) : FIRST_CAPACITY;
    uint8_t *data = ddz_mem_alloc(enc->mem, capacity, 1);
    if (!data) {
        enc->failed = true;
        return;
    }
    if (enc->size)
        memcpy(data, enc->data, enc->size);
    ddz_mem_free(enc->mem, enc->data);
    enc->data = data;
    enc->capacity = capacity;
}

static void put(struct binary_encoder *enc, uint32_t byte)
{
    if (enc->size == enc->capacity && !enc->failed)
        grow(enc);
    if (!enc->failed)
        enc->data[enc->size++] = (uint8_t)byte;
}

/* Take the top byte off `low`; bytes go out as soon as no carry can reach them. */
static void shift_low(struct binary_encoder *enc)
{
    uint32_t carry = (uint32_t)(enc->low >> 32);
    if (carry || enc->pending == 0 || enc->low < UINT64_C(0xFF) << TOP_SHIFT) {
        for (uint64_t i = 0; i < enc->pending; i++)
            put(enc, (i == 0 ? enc->first : 0xFF) + carry);
        enc->first = (uint8_t)(enc->low >> TOP_SHIFT);
        enc->pending = 0;
    }
    enc->pending++;
    enc->low = (enc->low & ((UINT64_C(1) << TOP_SHIFT) - 1)) << 8;
}

void ddz_binary_encode(struct binary_encoder *enc, int bit, uint32_t p)
{
    uint32_t ones = part_of_ones(enc->range, p);
    if (bit) {
        enc->range = ones;
    } else {
        enc->low += ones;
        enc->range -= ones;
    }
    for (; enc->range >> TOP_SHIFT == 0; enc->range <<= 8)
        shift_low(enc);
}

void ddz_binary_finish(struct binary_encoder *enc)
{
    /* of all numbers in the interval one that ends in zeros: a carry alone, or else a byte */
    uint64_t carry = UINT64_C(1) << 32, unit = UINT64_C(1) << TOP_SHIFT;
    if (enc->low > 0 && enc->low <= carry && carry - enc->low < enc->range)
        enc->low = carry;
    else
        enc->low = (enc->low + unit - 1) / unit * unit;
    shift_low(enc);
    shift_low(enc);
    while (enc->size > 0 && enc->data[enc->size - 1] == 0)
        enc->size--;
}

/* ---- Reading ----------------------------------------------------------------------------- */

enum { FIRST_BYTES = 4 };

/* A byte of the data, or what stands for one that is not there. No encoder writes the one number beyond the range, four
 * bytes of 0xFF at the beginning: the fourth counts as less. */
static uint32_t byte_at(const struct binary_decoder *dec, size_t at, uint32_t unknown)
{
    uint32_t byte = at < dec->size ? dec->data[at] : unknown;
    bool all = at == FIRST_BYTES - 1 && byte == 0xFF;
    for (size_t i = 0; all && i < FIRST_BYTES - 1; i++)
        all = i < dec->size ? dec->data[i] == 0xFF : unknown == 0xFF;
    return all ? 0xFE : byte;
}

/* Bytes that were missing are put in their places, as far as they are there now. */
static void fill(struct binary_decoder *dec)
{
    const size_t first = dec->position;
    const int missing = dec->missing;
    dec->most = dec->code;
    for (int i = 0; i < missing; i++) {
        const int shift = 8 * (missing - 1 - i);
        dec->code += byte_at(dec, first + (size_t)i, 0) << shift;
        dec->most += byte_at(dec, first + (size_t)i, dec->whole ? 0 : 0xFF) << shift;
        dec->position += dec->position < dec->size;
    }
    dec->missing = dec->whole ? 0 : missing - (int)(dec->position - first);
}

static void take_byte(struct binary_decoder *dec)
{
    uint32_t least = 0, greatest = 0;
    if (dec->position < dec->size) {
        least = greatest = dec->data[dec->position++];
    } else if (!dec->whole) {
        greatest = 0xFF;
        dec->missing++;
    }
    dec->code = dec->code << 8 | least;
    dec->most = dec->most << 8 | greatest;
}

void ddz_binary_decoder_init(struct binary_decoder *dec, const uint8_t *data, size_t size, bool whole)
{
    *dec = (struct binary_decoder){
        .data = data, .size = size, .missing = FIRST_BYTES, .whole = whole, .range = full_range};
    fill(dec);
}

void ddz_binary_decoder_extend(struct binary_decoder *dec, const uint8_t *data, size_t size, bool whole)
{
    dec->data = data;
    dec->size = size;
    dec->whole = whole;
    dec->ended = false;
    fill(dec);
}

int ddz_binary_decode(struct binary_decoder *dec, uint32_t p)
{
    uint32_t ones = part_of_ones(dec->range, p);
    int bit = dec->code < ones;
    if (dec->ended || (bit && dec->most >= ones)) {
        dec->ended = true;
        return 0;
    }
    if (bit) {
        dec->range = ones;
    } else {
        dec->code -= ones;
        dec->most -= ones;
        dec->range -= ones;
    }
    for (; dec->range >> TOP_SHIFT == 0; dec->range <<= 8)
        take_byte(dec);
    return bit;
}
