/* The binary arithmetic coder: round trips, its cost, prefixes, pieces, damage */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "exact/binary.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

/* Bits and their probabilities; a bit is as probable as it is said to be, or the opposite where that is `wrong`. */
struct bits {
    size_t count;
    uint8_t *bit;
    uint32_t *p;
    double cost; /* in bits */
};

static uint32_t draw_p(int kind)
{
    static const uint32_t extremes[] = {1, 2, 65534, 65535, 32768, 255, 256, 257, 65280};
    switch (kind) {
    case 0:
        return 1 + draw(65535);
    case 1:
        return extremes[draw(9)];
    case 2:
        return 1;
    case 3:
        return 65535;
    default:
        return 1 + draw(1U << (1 + draw(16))) % 65535;
    }
}

enum { KINDS = 5 };

static struct bits make_bits(size_t count, int kind, bool wrong)
{
    struct bits bits = {.count = count, .bit = new_array(count, 1), .p = new_array(count, sizeof *bits.p)};
    for (size_t i = 0; i < count; i++) {
        bits.p[i] = draw_p(kind);
        bits.bit[i] = (draw(65536) < bits.p[i]) != wrong;
        bits.cost -= log2((bits.bit[i] ? bits.p[i] : 65536 - bits.p[i]) / 65536.0);
    }
    return bits;
}

static void free_bits(struct bits *bits)
{
    free(bits->bit);
    free(bits->p);
}

static struct binary_encoder encode(const struct bits *bits)
{
    struct binary_encoder enc;
    ddz_binary_encoder_init(&enc, &mem);
    for (size_t i = 0; i < bits->count; i++)
        ddz_binary_encode(&enc, bits->bit[i], bits->p[i]);
    ddz_binary_finish(&enc);
    ck_assert(!enc.failed);
    return enc;
}

/* How many bits can be told; they are the right ones. */
static size_t decode(const struct bits *bits, const uint8_t *data, size_t size, bool whole)
{
    struct binary_decoder dec;
    ddz_binary_decoder_init(&dec, data, size, whole);
    for (size_t i = 0; i < bits->count; i++) {
        int bit = ddz_binary_decode(&dec, bits->p[i]);
        if (dec.ended)
            return i;
        must_equal(bit, bits->bit[i]);
    }
    return bits->count;
}

START_TEST(round_trips)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int wrong = 0; wrong <= 1; wrong++)
            for (size_t count = 0; count < 3000; count = count * 5 / 4 + 1) {
                struct bits bits = make_bits(count, kind, wrong);
                struct binary_encoder enc = encode(&bits);
                uint8_t *copy = guard_copy(enc.data, enc.size);
                must_equal(decode(&bits, copy, enc.size, true), count);
                ck_assert_double_le((double)enc.size, bits.cost / 8 * 1.01 + 2);
                guard_free(copy, enc.size);
                ddz_binary_encoder_free(&enc);
                free_bits(&bits);
            }
}
END_TEST

/* Less than 0.1 % is lost to rounding, also where all bits are nearly certain; a million such cost 3 bytes. */
START_TEST(cost)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct bits bits = make_bits(400000, kind, false);
        struct binary_encoder enc = encode(&bits);
        ck_assert_double_le((double)enc.size, bits.cost / 8 * 1.001 + 2);
        ck_assert_double_ge((double)enc.size, bits.cost / 8 * 0.999 - 2);
        ddz_binary_encoder_free(&enc);
        free_bits(&bits);
    }
    struct binary_encoder enc;
    ddz_binary_encoder_init(&enc, &mem);
    for (int i = 0; i < 1000000; i++)
        ddz_binary_encode(&enc, i % 2, i % 2 ? 65535 : 1);
    ddz_binary_finish(&enc);
    ck_assert_uint_le(enc.size, 3);
    ddz_binary_encoder_free(&enc);
}
END_TEST

/* No prefix gives another bit than the whole, longer ones give more, and few bytes are in flight. */
START_TEST(prefixes)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int wrong = 0; wrong <= 1; wrong++) {
            struct bits bits = make_bits(2000, kind, wrong);
            struct binary_encoder enc = encode(&bits);
            size_t before = 0;
            double told_cost = 0;
            for (size_t cut = 0; cut <= enc.size; cut++) {
                uint8_t *copy = guard_copy(enc.data, cut);
                size_t told = decode(&bits, copy, cut, false);
                ck_assert_uint_ge(told, before);
                for (; before < told; before++)
                    told_cost -= log2((bits.bit[before] ? bits.p[before] : 65536 - bits.p[before]) / 65536.0);
                if (told < bits.count)
                    ck_assert_double_ge(told_cost + 40, 8 * (double)cut);
                guard_free(copy, cut);
            }
            ddz_binary_encoder_free(&enc);
            free_bits(&bits);
        }
}
END_TEST

/* Bytes that arrive in pieces, or none but the news that no more will, tell the bits that they tell at once, the first
 * bytes being what no encoder writes, too. */
START_TEST(pieces)
{
    for (int trial = 0; trial < 500; trial++) {
        struct bits bits = make_bits(40 + draw(400), trial % KINDS, trial % 7 == 0);
        struct binary_encoder enc = encode(&bits);
        size_t size = enc.size, told = 0;
        uint8_t *data = new_array(size + 8, 1);
        struct binary_decoder dec;
        if (size)
            memcpy(data, enc.data, size);
        for (uint32_t i = 0; trial % 3 == 0 && i < 5 && i < size; i++) /* damage */
            data[i] = i < 4 && draw(9) ? 0xFF : (uint8_t)draw(256);
        ddz_binary_decoder_init(&dec, NULL, 0, false);
        for (size_t cut = 0, last = 0; !last; cut += draw(trial % 4 ? 3 : 9)) {
            last = cut > size;
            size_t there = last ? size : cut;
            uint8_t *copy = guard_copy(data, there);
            struct binary_decoder at_once;
            ddz_binary_decoder_init(&at_once, copy, there, last);
            for (size_t i = 0; i < told; i++)
                ddz_binary_decode(&at_once, bits.p[i]);
            ck_assert(!at_once.ended);
            ddz_binary_decoder_extend(&dec, copy, there, last);
            for (; told < bits.count; told++) {
                int bit = ddz_binary_decode(&dec, bits.p[told]);
                must_equal(bit, ddz_binary_decode(&at_once, bits.p[told]));
                must_equal(dec.ended, at_once.ended);
                if (dec.ended)
                    break;
                must_equal(dec.code, at_once.code);
                must_equal(dec.most, at_once.most);
            }
            guard_free(copy, there);
        }
        must_equal(told, bits.count);
        free(data);
        ddz_binary_encoder_free(&enc);
        free_bits(&bits);
    }
}
END_TEST

/* The first bit that cannot be told is one that zeros and 0xFF behind the prefix decide differently. */
START_TEST(untold_bits_are_open)
{
    for (int trial = 0; trial < 3000; trial++) {
        uint8_t data[64];
        struct binary_decoder cut, low, high;
        size_t size = draw(6);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)(draw(3) ? draw(256) : draw(2) * 0xFF);
        memset(data + size, 0xFF, sizeof data - size);
        ddz_binary_decoder_init(&cut, data, size, false);
        ddz_binary_decoder_init(&low, data, size, true);
        ddz_binary_decoder_init(&high, data, sizeof data, true);
        for (;;) {
            uint32_t p = draw_p(trial % KINDS);
            int told = ddz_binary_decode(&cut, p), least = ddz_binary_decode(&low, p);
            int most = ddz_binary_decode(&high, p);
            if (high.position == sizeof data)
                break;
            must_equal(cut.ended, least != most);
            if (cut.ended)
                break;
            must_equal(told, least);
        }
        if (cut.ended)
            must_equal(ddz_binary_decode(&cut, 65535), 0);
    }
}
END_TEST

/* Any bytes decode to some bits, and none beyond them are read. */
START_TEST(damage)
{
    for (int trial = 0; trial < 300; trial++) {
        size_t size = draw(40);
        uint8_t *data = guard_alloc(size);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)(trial % 3 ? draw(256) : 0xFF);
        struct binary_decoder dec;
        ddz_binary_decoder_init(&dec, data, size, trial % 2);
        for (int i = 0; i < 2000; i++) {
            int bit = ddz_binary_decode(&dec, draw_p(trial % KINDS));
            must_equal(bit, bit & !dec.ended);
            ck_assert(dec.code <= dec.most && dec.most < dec.range);
        }
        guard_free(data, size);
    }
}
END_TEST

/* Whatever allocation fails, the encoder says so, and all is given back. */
START_TEST(memory_is_short)
{
    struct bits bits = make_bits(20000, 0, true);
    for (int fails_at = 1; fails_at <= 4; fails_at++) {
        struct ledger ledger = {.fails_at = fails_at, .once = fails_at % 2};
        ddz_allocator allocator = ledger_allocator(&ledger);
        struct mem short_mem = ddz_mem_init(&allocator);
        struct binary_encoder enc;
        ddz_binary_encoder_init(&enc, &short_mem);
        for (size_t i = 0; i < bits.count; i++)
            ddz_binary_encode(&enc, bits.bit[i], bits.p[i]);
        ddz_binary_finish(&enc);
        ck_assert(enc.failed);
        ddz_binary_encoder_free(&enc);
        ck_assert_int_eq(ledger.alive, 0);
    }
    free_bits(&bits);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("binary", 60, CASE("coder", round_trips, cost, memory_is_short),
               CASE("incomplete", prefixes, pieces, untold_bits_are_open, damage));
}
