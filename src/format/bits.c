#include "format/bits.h"

#include <string.h>

#include "base/fixed.h"

enum { GOLOMB_MAX_ZEROS = 31, WRITER_FIRST = 256, WRITER_SLACK = 8 };

/* ---- Reader ------------------------------------------------------------------------------ */

void ddz_bit_reader_init(struct bit_reader *r, const uint8_t *data, size_t size)
{
    *r = (struct bit_reader){.data = data, .size_bits = (uint64_t)size * 8};
}

uint64_t ddz_bits_left(const struct bit_reader *r)
{
    return r->position < r->size_bits ? r->size_bits - r->position : 0;
}

/* 1 <= n <= 32 bits that are known to be there */
static uint32_t peek(const struct bit_reader *r, int n)
{
    const uint8_t *p = r->data + r->position / 8;
    int last = (int)(r->position % 8) + n; /* bits from the first byte's top to the end */
    uint64_t window = 0;
    for (int have = 0; have < last; have += 8)
        window = window << 8 | *p++;
    window >>= (8 - last % 8) % 8;
    return (uint32_t)(window & (((uint64_t)1 << n) - 1));
}

uint32_t ddz_bit_read(struct bit_reader *r, int n)
{
    int known = ddz_bits_left(r) < (uint64_t)n ? (int)ddz_bits_left(r) : n;
    if (known < n)
        r->overrun = 1;
    if (known == 0)
        return 0;
    uint32_t value = peek(r, known) << (n - known);
    r->position += (uint64_t)known;
    return value;
}

ddz_status ddz_bit_read_ue(struct bit_reader *r, uint32_t *value)
{
    struct bit_reader at = *r;
    int zeros = 0;
    while (ddz_bits_left(&at) > 0 && ddz_bit_read(&at, 1) == 0)
        if (++zeros > GOLOMB_MAX_ZEROS)
            return DDZ_ERR_CORRUPT;
    at.position = r->position + (uint64_t)zeros;
    if (ddz_bits_left(&at) < (uint64_t)zeros + 1)
        return DDZ_ERR_TRUNCATED;
    *value = ddz_bit_read(&at, zeros + 1) - 1;
    r->position = at.position;
    return DDZ_OK;
}

ddz_status ddz_bit_read_se(struct bit_reader *r, int32_t *value)
{
    uint32_t folded;
    ddz_status status = ddz_bit_read_ue(r, &folded);
    if (status == DDZ_OK)
        *value = folded & 1 ? (int32_t)(folded / 2 + 1) : -(int32_t)(folded / 2);
    return status;
}

/* Clear what stands below the first n bits in the last of their bytes. */
static void clear_tail(uint8_t *data, uint64_t n)
{
    if (n % 8)
        data[n / 8] &= (uint8_t)(0xFF00 >> (n % 8));
}

void ddz_bits_copy_out(struct bit_reader *r, uint64_t n, uint8_t *dst)
{
    uint64_t known = ddz_bits_left(r) < n ? ddz_bits_left(r) : n;
    size_t bytes = (size_t)((n + 7) / 8), known_bytes = (size_t)((known + 7) / 8);
    int shift = (int)(r->position % 8);
    if (known_bytes > 0) {
        const uint8_t *src = r->data + r->position / 8;
        if (shift == 0) {
            memcpy(dst, src, known_bytes);
        } else {
            size_t i = 0;
            for (; i + 1 < known_bytes; i++)
                dst[i] = (uint8_t)(src[i] << shift | src[i + 1] >> (8 - shift));
            int rest = (int)(known - 8 * (uint64_t)i); /* 1..8 bits, in one byte of src or in two */
            dst[i] = (uint8_t)(src[i] << shift);
            if (rest > 8 - shift)
                dst[i] |= (uint8_t)(src[i + 1] >> (8 - shift));
        }
        clear_tail(dst, known);
    }
    if (bytes > known_bytes)
        memset(dst + known_bytes, 0, bytes - known_bytes);
    r->position += known;
    if (known < n)
        r->overrun = 1;
}

/* ---- Writer ------------------------------------------------------------------------------ */

void ddz_bit_writer_init(struct bit_writer *w, const struct mem *mem)
{
    *w = (struct bit_writer){.mem = mem};
}

void ddz_bit_writer_free(struct bit_writer *w)
{
    ddz_mem_free(w->mem, w->data);
    *w = (struct bit_writer){.mem = w->mem};
}

size_t ddz_bit_writer_bytes(const struct bit_writer *w)
{
    return (size_t)((w->position + 7) / 8);
}

/* Room for n more bits and some bytes, so that writers may touch whole words. */
static int reserve(struct bit_writer *w, uint64_t n)
{
    if (w->failed)
        return 0;
    uint64_t bits = w->position + n;
    if (bits < n || bits / 8 > SIZE_MAX / 2) {
        w->failed = 1;
        return 0;
    }
    size_t needed = (size_t)(bits / 8) + WRITER_SLACK;
    if (needed <= w->capacity)
        return 1;
    size_t capacity = ddz_size_mul(w->capacity, 2);
    if (capacity < WRITER_FIRST)
        capacity = WRITER_FIRST;
    if (capacity < needed)
        capacity = needed;
    uint8_t *data = ddz_mem_alloc(w->mem, capacity, 1);
    if (!data) {
        w->failed = 1;
        return 0;
    }
    if (w->data)
        memcpy(data, w->data, ddz_bit_writer_bytes(w));
    ddz_mem_free(w->mem, w->data);
    w->data = data;
    w->capacity = capacity;
    return 1;
}

void ddz_bit_write(struct bit_writer *w, uint32_t value, int n)
{
    if (!reserve(w, (uint64_t)n))
        return;
    uint8_t *p = w->data + w->position / 8;
    uint64_t bits = value & (((uint64_t)1 << n) - 1);
    bits <<= 40 - (int)(w->position % 8) - n;
    for (int i = 0; i < 5; i++)
        p[i] |= (uint8_t)(bits >> (32 - 8 * i));
    w->position += (uint64_t)n;
}

void ddz_bit_write_ue(struct bit_writer *w, uint32_t value)
{
    int zeros = ddz_ilog2((uint64_t)value + 1);
    ddz_bit_write(w, 0, zeros);
    ddz_bit_write(w, value + 1, zeros + 1);
}

static uint32_t fold(int32_t value)
{
    return value > 0 ? 2 * (uint32_t)value - 1 : 2 * (0 - (uint32_t)value);
}

void ddz_bit_write_se(struct bit_writer *w, int32_t value)
{
    ddz_bit_write_ue(w, fold(value));
}

int ddz_bit_length_se(int32_t value)
{
    return 2 * ddz_ilog2((uint64_t)fold(value) + 1) + 1;
}

void ddz_bit_append(struct bit_writer *w, const uint8_t *src, uint64_t n)
{
    if (n == 0 || !reserve(w, n))
        return;
    uint8_t *p = w->data + w->position / 8;
    size_t bytes = (size_t)((n + 7) / 8);
    int shift = (int)(w->position % 8);
    if (shift == 0) {
        memcpy(p, src, bytes);
    } else {
        uint8_t carry = p[0];
        for (size_t i = 0; i < bytes; i++) {
            p[i] = (uint8_t)(carry | src[i] >> shift);
            carry = (uint8_t)(src[i] << (8 - shift));
        }
        p[bytes] = carry;
    }
    /* src's last byte may have put stray bits into this byte and the next */
    w->position += n;
    clear_tail(w->data, w->position);
    w->data[(w->position + 7) / 8] = 0;
}

void ddz_bit_truncate(struct bit_writer *w, uint64_t n)
{
    if (n >= w->position)
        return;
    size_t bytes = ddz_bit_writer_bytes(w);
    size_t kept = (size_t)((n + 7) / 8);
    w->position = n;
    clear_tail(w->data, n);
    memset(w->data + kept, 0, bytes - kept);
}
