/*
 * Bits in byte buffers, most significant bit of a byte first: the order in which a stream cut after
 * any byte keeps whole prefixes.
 *
 * Signed numbers of unknown size are exp-Golomb codes (order 0): v + 1 in binary after as many zeros
 * as it has bits beyond the first; signed values go 0, 1, -1, 2, -2 ... onto 0, 1, 2, 3, 4 ...
 */
#ifndef DDZ_FORMAT_BITS_H
#define DDZ_FORMAT_BITS_H

#include "base/mem.h"

/* Reads past the end give zeros and set `overrun`, which stays. `position` may be set freely. */
struct bit_reader {
    const uint8_t *data; /* not owned */
    uint64_t size_bits;
    uint64_t position;
    int overrun;
};

void ddz_bit_reader_init(struct bit_reader *r, const uint8_t *data, size_t size);
uint64_t ddz_bits_left(const struct bit_reader *r);

/* 0 <= n <= 32 */
uint32_t ddz_bit_read(struct bit_reader *r, int n);

/* TRUNCATED when the buffer ends inside the code, CORRUPT when no code of 32 bits' value begins so;
 * in both cases nothing is consumed, `overrun` is not set and *value is not written. */
ddz_status ddz_bit_read_ue(struct bit_reader *r, uint32_t *value);
ddz_status ddz_bit_read_se(struct bit_reader *r, int32_t *value);

/* Copy n bits to the ceil(n / 8) bytes at dst, first bit on top of the first byte, the last byte's
 * free bits zero. */
void ddz_bits_copy_out(struct bit_reader *r, uint64_t n, uint8_t *dst);

/*
 * Buffer that grows. `failed` is sticky: out of memory; later writes do nothing. Invariant: bits of
 * the buffer from `position` on are zero, so data is ready to be stored at any time.
 */
struct bit_writer {
    const struct mem *mem; /* must outlive the writer */
    uint8_t *data;         /* owned; (position + 7) / 8 bytes are in use */
    size_t capacity;
    uint64_t position;
    int failed;
};

void ddz_bit_writer_init(struct bit_writer *w, const struct mem *mem);
void ddz_bit_writer_free(struct bit_writer *w);
size_t ddz_bit_writer_bytes(const struct bit_writer *w);

/* The low n bits of value, 0 <= n <= 32. */
void ddz_bit_write(struct bit_writer *w, uint32_t value, int n);

/* value < UINT32_MAX; value > INT32_MIN */
void ddz_bit_write_ue(struct bit_writer *w, uint32_t value);
void ddz_bit_write_se(struct bit_writer *w, int32_t value);

/* Length in bits of the code that ddz_bit_write_se makes. */
int ddz_bit_length_se(int32_t value);

/* Append n bits from a buffer that starts on top of its first byte. */
void ddz_bit_append(struct bit_writer *w, const uint8_t *src, uint64_t n);

/* Forget all but the first n bits; nothing happens if there are no more than n. */
void ddz_bit_truncate(struct bit_writer *w, uint64_t n);

#endif
