#include "format/range_coder.h"

enum {
    TOP_SHIFT = 24, /* the range stays at 2^24 and above */
    HALF = 1 << 15,
    RAREST = 32,     /* least share of ones and of zeros */
    REMEMBERED = 126 /* bits of a context */
};

static const uint32_t full_range = 0xFFFFFFFF;

/* ---- Contexts ---------------------------------------------------------------------------- */

static uint32_t ones_of(const struct bit_context *context)
{
    return context->seen ? context->ones : HALF;
}

static void learn(struct bit_context *context, int bit)
{
    uint32_t ones = ones_of(context), rate = 65536 / (context->seen + 2U);
    if (bit)
        ones += (65536 - ones) * rate >> 16;
    else
        ones -= ones * rate >> 16;
    if (ones < RAREST)
        ones = RAREST;
    if (ones > 65536 - RAREST)
        ones = 65536 - RAREST;
    context->ones = (uint16_t)ones;
    if (context->seen < REMEMBERED)
        context->seen++;
}

/* ---- Writing ----------------------------------------------------------------------------- */

void ddz_range_coder_write(struct range_coder *c, struct bit_writer *out)
{
    *c = (struct range_coder){.range = full_range, .writing = true, .out = out};
}

/* Take the top byte off `low`; bytes go out as soon as no carry can reach them. */
static void shift_low(struct range_coder *c)
{
    bool carry = c->low >> 32;
    if (carry || c->pending == 0 || c->low < UINT32_C(0xFF) << TOP_SHIFT) {
        for (uint64_t i = 0; i < c->pending; i++)
            ddz_bit_write(c->out, (uint32_t)((i == 0 ? c->first : 0xFF) + carry), 8);
        c->first = (uint8_t)(c->low >> TOP_SHIFT);
        c->pending = 0;
    }
    c->pending++;
    c->low = (c->low & ((UINT32_C(1) << TOP_SHIFT) - 1)) << 8;
}

void ddz_range_coder_flush(struct range_coder *c)
{
    /* of all values in the range the one with the most zeros: it has one byte */
    uint64_t unit = UINT64_C(1) << TOP_SHIFT;
    c->low = (c->low + unit - 1) / unit * unit;
    shift_low(c);
    shift_low(c);
    size_t size = ddz_bit_writer_bytes(c->out);
    while (size > 0 && !c->out->failed && c->out->data[size - 1] == 0)
        size--;
    ddz_bit_truncate(c->out, 8 * (uint64_t)size);
}

static void write_bit(struct range_coder *c, uint32_t bound, int bit)
{
    if (bit) {
        c->range = bound;
    } else {
        c->low += bound;
        c->range -= bound;
    }
    for (; c->range >> TOP_SHIFT == 0; c->range <<= 8)
        shift_low(c);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void take_byte(struct range_coder *c)
{
    bool there = c->position < c->size;
    c->code = c->code << 8 | (there ? c->data[c->position] : 0);
    c->unknown = c->unknown << 8 | (there || c->whole ? 0 : 0xFF);
    c->position += there;
}

void ddz_range_coder_read(struct range_coder *c, const uint8_t *data, size_t size, bool whole)
{
    *c = (struct range_coder){.range = full_range, .data = data, .size = size, .whole = whole};
    for (int i = 0; i < 4; i++)
        take_byte(c);
}

static int read_bit(struct range_coder *c, uint32_t bound)
{
    int bit = c->code < bound;
    if (c->ended || (bit && c->code + c->unknown >= bound)) {
        c->ended = true;
        return 0;
    }
    if (bit) {
        c->range = bound;
    } else {
        c->code -= bound;
        c->range -= bound;
        /* the code is within the range, whatever its last bytes are */
        if (c->code + c->unknown >= c->range)
            c->unknown = c->code < c->range ? c->range - 1 - c->code : 0;
    }
    for (; c->range >> TOP_SHIFT == 0; c->range <<= 8)
        take_byte(c);
    return bit;
}

int ddz_code_bit(struct range_coder *c, struct bit_context *context, int bit)
{
    uint32_t bound = (c->range >> 16) * ones_of(context);
    if (c->writing)
        write_bit(c, bound, bit);
    else
        bit = read_bit(c, bound);
    learn(context, bit);
    return bit;
}
