/* The reader and writer of bits, against a reference that keeps one bit in a byte */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "format/bits.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

static int bit_at(const uint8_t *data, uint64_t i)
{
    return data[i / 8] >> (7 - i % 8) & 1;
}

START_TEST(reads_match_single_bits)
{
    uint8_t *data = random_bytes(64);
    for (int n = 0; n <= 32; n++)
        for (uint64_t at = 0; at <= 512; at++) {
            struct bit_reader r;
            ddz_bit_reader_init(&r, data, 64);
            r.position = at;
            uint32_t expected = 0;
            for (int i = 0; i < n; i++)
                expected = expected << 1 | (at + i < 512 ? (uint32_t)bit_at(data, at + i) : 0);
            must_equal(ddz_bit_read(&r, n), expected);
            must_equal(r.overrun, at + n > 512);
            must_equal(r.position, at + n > 512 ? 512 : at + n);
            must_equal(ddz_bits_left(&r), 512 - r.position);
        }
    free(data);
}
END_TEST

START_TEST(copies_out_match_single_bits)
{
    for (int round = 0; round < 20000; round++) {
        size_t size = draw(20);
        uint8_t *random = random_bytes(size), *data = guard_copy(random, size);
        struct bit_reader r;
        ddz_bit_reader_init(&r, data, size);
        r.size_bits -= draw((uint32_t)(r.size_bits < 8 ? r.size_bits : 7) + 1); /* need not be whole bytes */
        uint64_t start = draw((uint32_t)r.size_bits + 1), n = draw(170);
        r.position = start;
        uint8_t *out = guard_alloc((n + 7) / 8 + 1);
        memset(out, 0xA5, (n + 7) / 8 + 1);
        ddz_bits_copy_out(&r, n, out);
        for (uint64_t i = 0; i < (n + 7) / 8 * 8; i++)
            must_equal(bit_at(out, i), i < n && start + i < r.size_bits ? bit_at(data, start + i) : 0);
        must_equal(out[(n + 7) / 8], 0xA5);
        must_equal(r.overrun, start + n > r.size_bits);
        must_equal(r.position, start + n > r.size_bits ? r.size_bits : start + n);
        guard_free(out, (n + 7) / 8 + 1);
        guard_free(data, size);
        free(random);
    }
}
END_TEST

START_TEST(empty_reader)
{
    struct bit_reader r;
    uint32_t ue;
    int32_t se;
    ddz_bit_reader_init(&r, NULL, 0);
    ck_assert_int_eq(ddz_bit_read_ue(&r, &ue), DDZ_ERR_TRUNCATED);
    ck_assert_int_eq(ddz_bit_read_se(&r, &se), DDZ_ERR_TRUNCATED);
    ck_assert_uint_eq(ddz_bit_read(&r, 0), 0);
    ddz_bits_copy_out(&r, 0, NULL);
    ck_assert_int_eq(r.overrun, 0);
    ck_assert_uint_eq(ddz_bit_read(&r, 32), 0);
    ck_assert_int_eq(r.overrun, 1);
}
END_TEST

/* Random writes of all kinds against an array of single bits. */
START_TEST(writes_match_single_bits)
{
    enum { MOST = 20000 };
    static uint8_t reference[MOST + 700];
    for (int round = 0; round < 60; round++) {
        struct bit_writer w;
        uint64_t n = 0;
        ddz_bit_writer_init(&w, &mem);
        while (n < MOST && draw(500) > 0) {
            uint32_t kind = draw(20), count = draw(kind < 14 ? 33 : 600);
            if (kind < 14) {
                uint32_t value = draw(UINT32_MAX); /* bits above `count` must be ignored */
                ddz_bit_write(&w, value, (int)count);
                for (uint32_t i = 0; i < count; i++)
                    reference[n++] = value >> (count - 1 - i) & 1;
            } else if (kind < 19) {
                uint8_t *src = random_bytes((count + 7) / 8), *exact = guard_copy(src, (count + 7) / 8);
                ddz_bit_append(&w, exact, count);
                for (uint32_t i = 0; i < count; i++)
                    reference[n++] = (uint8_t)bit_at(exact, i);
                free(src);
                guard_free(exact, (count + 7) / 8);
            } else {
                uint64_t kept = draw((uint32_t)n + 20);
                ddz_bit_truncate(&w, kept);
                n = kept < n ? kept : n;
            }
            must_equal(w.position, n);
        }
        must_equal(w.failed, 0);
        must_equal(ddz_bit_writer_bytes(&w), (n + 7) / 8);
        for (uint64_t i = 0; i < w.capacity * 8; i++)
            must_equal(bit_at(w.data, i), i < n ? reference[i] : 0);
        ddz_bit_writer_free(&w);
    }
}
END_TEST

/* The closed form: floor(log2(v + 1)) zeros, then v + 1. */
static void check_golomb(int32_t value)
{
    uint64_t folded = value > 0 ? 2 * (uint64_t)value - 1 : 2 * (uint64_t)(-(int64_t)value);
    int zeros = 0;
    while ((folded + 1) >> (zeros + 1))
        zeros++;
    must_equal(ddz_bit_length_se(value), 2 * zeros + 1);
    struct bit_writer w;
    ddz_bit_writer_init(&w, &mem);
    uint32_t shift = draw(9);
    ddz_bit_write(&w, 0xFFFFFFFF, (int)shift);
    ddz_bit_write_se(&w, value);
    must_equal(w.position, shift + 2 * zeros + 1);
    struct bit_reader r;
    ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
    ddz_bit_read(&r, (int)shift);
    for (int i = 0; i < zeros; i++)
        must_equal(ddz_bit_read(&r, 1), 0);
    must_equal(ddz_bit_read(&r, zeros + 1), folded + 1);
    for (uint64_t end = shift; end <= w.position; end++) { /* cut at every bit */
        int32_t back = 12345;
        r.overrun = 0;
        r.position = shift;
        r.size_bits = end;
        ddz_status status = ddz_bit_read_se(&r, &back);
        must_equal(status, end == w.position ? DDZ_OK : DDZ_ERR_TRUNCATED);
        must_equal(back, end == w.position ? value : 12345);
        must_equal(r.position, end == w.position ? end : shift);
        must_equal(r.overrun, 0);
    }
    ddz_bit_writer_free(&w);
}

START_TEST(exp_golomb)
{
    for (int32_t v = -2000; v <= 2000; v++)
        check_golomb(v);
    for (int i = 0; i < 3000; i++)
        check_golomb((int32_t)draw(UINT32_MAX) >> draw(31) | 1);
    check_golomb(INT32_MAX);
    check_golomb(-INT32_MAX);
    /* the first codes, as ITU-T H.264 table 9-2 has them */
    static const char *const codes[] = {"1", "010", "011", "00100", "00101", "00110", "00111", "0001000"};
    for (uint32_t v = 0; v < 8; v++) {
        struct bit_writer w;
        ddz_bit_writer_init(&w, &mem);
        ddz_bit_write_ue(&w, v);
        ck_assert_uint_eq(w.position, strlen(codes[v]));
        for (uint64_t i = 0; i < w.position; i++)
            ck_assert_int_eq(bit_at(w.data, i), codes[v][i] == '1');
        ddz_bit_writer_free(&w);
    }
}
END_TEST

START_TEST(exp_golomb_hostile)
{
    uint8_t zeros[9] = {0};
    struct bit_reader r;
    uint32_t value = 99;
    ddz_bit_reader_init(&r, zeros, sizeof zeros);
    ck_assert_int_eq(ddz_bit_read_ue(&r, &value), DDZ_ERR_CORRUPT);
    r.size_bits = 32;
    ck_assert_int_eq(ddz_bit_read_ue(&r, &value), DDZ_ERR_CORRUPT);
    r.size_bits = 31;
    ck_assert_int_eq(ddz_bit_read_ue(&r, &value), DDZ_ERR_TRUNCATED);
    ck_assert_uint_eq(r.position, 0);
    ck_assert_uint_eq(value, 99);
    memset(zeros + 4, 0xFF, 5); /* 32 zeros, ones: one bit more than any value has */
    ddz_bit_reader_init(&r, zeros, sizeof zeros);
    ck_assert_int_eq(ddz_bit_read_ue(&r, &value), DDZ_ERR_CORRUPT);
    r.position = 1; /* 31 zeros, 32 ones */
    ck_assert_int_eq(ddz_bit_read_ue(&r, &value), DDZ_OK);
    ck_assert_uint_eq(value, UINT32_MAX - 1);
    ck_assert_uint_eq(r.position, 64);
}
END_TEST

START_TEST(writer_out_of_memory)
{
    for (int n = 0; n < 5; n++) {
        struct ledger l = {.fails_at = n + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        struct bit_writer w;
        ddz_bit_writer_init(&w, &poor);
        for (int i = 0; i < 5000; i++)
            ddz_bit_write(&w, (uint32_t)i, 32);
        ck_assert_int_eq(w.failed, 1);
        uint64_t position = w.position;
        ck_assert_uint_lt(position, 160000);
        ddz_bit_write(&w, 1, 1);
        ddz_bit_append(&w, (const uint8_t *)"abc", 24);
        ck_assert_uint_eq(w.position, position);
        for (uint64_t i = 0; i < position / 32; i++) {
            struct bit_reader r;
            ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
            r.position = 32 * i;
            ck_assert_uint_eq(ddz_bit_read(&r, 32), i);
        }
        ddz_bit_writer_free(&w);
        ck_assert_int_eq(l.alive, 0);
    }
    struct bit_writer w;
    ddz_bit_writer_init(&w, &mem);
    ddz_bit_write(&w, 5, 3);
    ddz_bit_append(&w, (const uint8_t *)"", UINT64_MAX - 1); /* the sum does not fit */
    ck_assert_int_eq(w.failed, 1);
    ck_assert_uint_eq(w.position, 3);
    ddz_bit_writer_free(&w);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("bits", 60,
               CASE("bits", reads_match_single_bits, copies_out_match_single_bits, empty_reader,
                    writes_match_single_bits, exp_golomb, exp_golomb_hostile, writer_out_of_memory));
}
