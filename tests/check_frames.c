/* zstd frames: written, and read as far as they have arrived */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "assertions.h"
#include "format/frames.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

static const size_t content_sizes[] = {0,      1,      2,      3,      4,      5,     6,      7,
                                       8,      100,    255,    256,    257,    4095,  4096,   4097,
                                       65535,  65536,  65791,  65792,  99999,  99999, 131071, 131072,
                                       131073, 200000, 262143, 262144, 262145, 400000};
enum { CONTENT_SIZES = sizeof content_sizes / sizeof *content_sizes };

/* zstd's own one-call decompressor as the reference. */
static void check_with_zstd(const uint8_t *frame, size_t frame_size, const uint8_t *data, size_t size)
{
    uint8_t *back = malloc(size + 1);
    size_t made = ZSTD_decompress(back, size + 1, frame, frame_size);
    ck_assert(!ZSTD_isError(made));
    ck_assert_uint_eq(made, size);
    ck_assert_mem_eq(back, data, size);
    free(back);
}

START_TEST(stored_frames)
{
    for (int i = 0; i < CONTENT_SIZES; i++) {
        size_t size = content_sizes[i], frame_size, packed_size;
        uint8_t *data = random_bytes(size), *frame, *packed;
        ck_assert_int_eq(ddz_frame_store(&mem, data, size, &frame, &frame_size), DDZ_OK);
        ck_assert_uint_eq(frame_size, size + ddz_frame_overhead(size));
        check_with_zstd(frame, frame_size, data, size);
        /* zstd itself cannot do better on such data, nor does it take more, but for its checksum */
        ck_assert_int_eq(ddz_frame_compress(&mem, data, size, 1, &packed, &packed_size), DDZ_OK);
        ck_assert_uint_eq(packed_size, frame_size + 4);
        check_with_zstd(packed, packed_size, data, size);
        ddz_mem_free(&mem, packed);
        ddz_mem_free(&mem, frame);
        free(data);
    }
}
END_TEST

START_TEST(content_for_inverts_overhead)
{
    uint64_t content = 0; /* the largest that fits, found by trying one more byte each time */
    for (uint64_t total = 0; total < 600000; total++) {
        while (content + 1 + ddz_frame_overhead(content + 1) <= total)
            content++;
        must_equal(ddz_frame_content_for(total), content);
    }
    must_equal(ddz_frame_overhead(0), 9);
}
END_TEST

/* Stored content that a cut frame holds, by walking its blocks. */
static size_t stored_before(size_t cut)
{
    size_t content = 0;
    for (cut = cut > 6 ? cut - 6 : 0; cut > 3;) {
        size_t n = cut - 3 < 131072 ? cut - 3 : 131072;
        content += n;
        cut -= 3 + n;
    }
    return content;
}

/* Feed byte by byte: after every byte exactly the content that is there has come out. */
START_TEST(cut_after_every_byte)
{
    static const size_t sizes[] = {0, 1, 2, 50, 5000, 131072, 131080, 140000};
    for (int i = 0; i < 8; i++) {
        size_t size = sizes[i], frame_size, got, consumed;
        uint8_t *data = random_bytes(size), *frame;
        must_equal(ddz_frame_store(&mem, data, size, &frame, &frame_size), DDZ_OK);
        struct frame_reader *r = ddz_frame_reader_new(&mem, size);
        ck_assert_ptr_nonnull(r);
        for (size_t cut = 1; cut <= frame_size; cut++) {
            must_equal(ddz_frame_reader_feed(r, frame + cut - 1, 1, &consumed), DDZ_OK);
            must_equal(consumed, 1);
            const uint8_t *content = ddz_frame_reader_content(r, &got);
            must_equal(got, stored_before(cut));
            must_equal(ddz_frame_reader_complete(r), cut == frame_size);
            if (got < 300 || cut % 1000 == 0 || cut == frame_size)
                ck_assert_mem_eq(content, data, got);
        }
        ddz_frame_reader_free(r);
        ddz_mem_free(&mem, frame);
        free(data);
    }
}
END_TEST

/* The same with one feed of the whole prefix, and with pieces of random sizes. */
START_TEST(cut_anywhere_fed_in_pieces)
{
    size_t frame_size, got, consumed;
    uint8_t *data = random_bytes(300000), *frame;
    ck_assert_int_eq(ddz_frame_store(&mem, data, 300000, &frame, &frame_size), DDZ_OK);
    for (int round = 0; round < 300; round++) {
        size_t cut = round < 40 ? (size_t)round : draw((uint32_t)frame_size + 1);
        struct frame_reader *r = ddz_frame_reader_new(&mem, 1000000);
        for (size_t at = 0; at < cut; at += consumed) {
            size_t piece = round % 3 == 0 ? cut : draw(70000);
            piece = piece < cut - at ? piece : cut - at;
            uint8_t *exact = guard_copy(frame + at, piece);
            ck_assert_int_eq(ddz_frame_reader_feed(r, exact, piece, &consumed), DDZ_OK);
            ck_assert_uint_eq(consumed, piece);
            guard_free(exact, piece);
        }
        const uint8_t *content = ddz_frame_reader_content(r, &got);
        ck_assert_uint_eq(got, stored_before(cut));
        ck_assert_mem_eq(content, data, got);
        ck_assert_int_eq(ddz_frame_reader_complete(r), cut == frame_size);
        ddz_frame_reader_free(r);
    }
    ddz_mem_free(&mem, frame);
    free(data);
}
END_TEST

START_TEST(bytes_after_the_frame_are_left)
{
    static const int levels[] = {0, 1, 3, 9, 19}; /* 0: stored */
    size_t size = 150000, frame_size, got, consumed;
    uint8_t *data = malloc(size), *frame;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(draw(4) + i / 10000);
    for (int i = 0; i < 5; i++) {
        if (levels[i] == 0)
            ck_assert_int_eq(ddz_frame_store(&mem, data, size, &frame, &frame_size), DDZ_OK);
        else
            ck_assert_int_eq(ddz_frame_compress(&mem, data, size, levels[i], &frame, &frame_size), DDZ_OK);
        ck_assert(levels[i] == 0 || frame_size < size / 2);
        uint8_t *longer = random_bytes(frame_size + 10);
        memcpy(longer, frame, frame_size);
        struct frame_reader *r = ddz_frame_reader_new(&mem, size);
        ck_assert_int_eq(ddz_frame_reader_feed(r, longer, frame_size + 10, &consumed), DDZ_OK);
        ck_assert_uint_eq(consumed, frame_size);
        ck_assert_int_eq(ddz_frame_reader_complete(r), 1);
        const uint8_t *content = ddz_frame_reader_content(r, &got);
        ck_assert_uint_eq(got, size);
        ck_assert_mem_eq(content, data, size);
        ck_assert_int_eq(ddz_frame_reader_feed(r, longer, 10, &consumed), DDZ_OK);
        ck_assert_uint_eq(consumed, 0);
        ddz_frame_reader_free(r);
        free(longer);
        ddz_mem_free(&mem, frame);
    }
    free(data);
}
END_TEST

static ddz_status read_all(const uint8_t *frame, size_t size, uint64_t limit, size_t *got)
{
    size_t consumed;
    struct frame_reader *r = ddz_frame_reader_new(&mem, limit);
    ck_assert_ptr_nonnull(r);
    uint8_t *exact = guard_copy(frame, size);
    ddz_status status = ddz_frame_reader_feed(r, exact, size, &consumed);
    must_equal(ddz_frame_reader_feed(r, exact, 0, &consumed), status);
    (void)ddz_frame_reader_content(r, got);
    must_equal(*got <= limit, 1);
    guard_free(exact, size);
    ddz_frame_reader_free(r);
    return status;
}

START_TEST(content_limit)
{
    size_t size = 10000, frame_size, got;
    uint8_t *data = random_bytes(size), *frame;
    for (int packed = 0; packed < 2; packed++) {
        if (packed)
            memset(data, 3, size);
        must_equal(packed ? ddz_frame_compress(&mem, data, size, 19, &frame, &frame_size)
                          : ddz_frame_store(&mem, data, size, &frame, &frame_size),
                   DDZ_OK);
        for (uint64_t limit = 0; limit < 10000; limit += limit < 9990 ? 37 : 1)
            must_equal(read_all(frame, frame_size, limit, &got), DDZ_ERR_CORRUPT);
        must_equal(read_all(frame, frame_size, 10000, &got), DDZ_OK);
        must_equal(got, 10000);
        must_equal(read_all(frame, frame_size, UINT64_MAX, &got), DDZ_OK);
        ddz_mem_free(&mem, frame);
    }
    free(data);
}
END_TEST

START_TEST(hostile_frames)
{
    static const struct {
        const char *what;
        uint8_t bytes[24];
        size_t size;
        ddz_status status;
    } cases[] = {
        {"2^60 bytes declared, single segment",
         {0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0},
         16,
         DDZ_ERR_CORRUPT},
        {"16 MiB declared, single segment",
         {0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 1, 1, 0, 0},
         12,
         DDZ_ERR_CORRUPT},
        {"window of 2^24", {0x28, 0xB5, 0x2F, 0xFD, 0x00, 14 << 3, 1, 0, 0}, 9, DDZ_ERR_CORRUPT},
        {"window of 2^23 * 9/8", {0x28, 0xB5, 0x2F, 0xFD, 0x00, 13 << 3 | 1, 1, 0, 0}, 9, DDZ_ERR_CORRUPT},
        {"window of 2^23, empty", {0x28, 0xB5, 0x2F, 0xFD, 0x00, 13 << 3, 1, 0, 0}, 9, DDZ_OK},
        {"reserved block type", {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38, 7, 0, 0}, 9, DDZ_ERR_CORRUPT},
        {"block above 128 KiB", {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38, 0x09, 0, 0x10}, 9, DDZ_ERR_CORRUPT},
        {"reserved bit", {0x28, 0xB5, 0x2F, 0xFD, 0x08, 0x38, 1, 0, 0}, 9, DDZ_ERR_CORRUPT},
        {"dictionary", {0x28, 0xB5, 0x2F, 0xFD, 0x01, 0x38, 5, 1, 0, 0}, 10, DDZ_ERR_CORRUPT},
        {"skippable frame", {0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9}, 9, DDZ_ERR_CORRUPT},
        {"zstd 0.5", {0x25, 0xB5, 0x2F, 0xFD, 0x00, 0, 0, 0, 0}, 9, DDZ_ERR_CORRUPT},
        {"wrong first byte", {0x29}, 1, DDZ_ERR_CORRUPT},
        {"wrong last byte of the magic", {0x28, 0xB5, 0x2F, 0xFC}, 4, DDZ_ERR_CORRUPT},
        {"RLE bomb beyond the limit",
         {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38, 2, 0, 0x10, 9, 3, 0, 0x10, 9},
         14,
         DDZ_ERR_CORRUPT},
        {"content size is wrong",
         {0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0x21, 0, 0, 1, 2, 3, 4},
         13,
         DDZ_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece <= cases[i].size; piece += cases[i].size - 1 ? cases[i].size - 1 : 1) {
            struct ledger l = {0};
            ddz_allocator functions = ledger_allocator(&l);
            struct mem metered = ddz_mem_init(&functions);
            struct frame_reader *r = ddz_frame_reader_new(&metered, 200000);
            ddz_status status = DDZ_OK;
            for (size_t at = 0; at < cases[i].size && status == DDZ_OK; at += piece) {
                size_t consumed;
                status = ddz_frame_reader_feed(r, cases[i].bytes + at, piece, &consumed);
            }
            ck_assert_msg(status == cases[i].status, "%s: status %d", cases[i].what, (int)status);
            ck_assert_msg(l.largest < 9 << 20, "%s: %zu bytes", cases[i].what, l.largest);
            ddz_frame_reader_free(r);
        }
}
END_TEST

/* Any damage: no crash, no more content than the limit; errors stay. */
START_TEST(damaged_frames)
{
    size_t size = 3000, frame_size, got;
    uint8_t *data = malloc(size), *frame;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(draw(3) * draw(5));
    must_equal(ddz_frame_compress(&mem, data, size, 19, &frame, &frame_size), DDZ_OK);
    int refused = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t *bad = guard_copy(frame, frame_size);
        for (uint32_t flips = 1 + draw(3); flips > 0; flips--)
            bad[draw((uint32_t)frame_size)] ^= (uint8_t)(1 << draw(8));
        ddz_status status = read_all(bad, frame_size, size, &got);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_CORRUPT);
        refused += status != DDZ_OK;
        guard_free(bad, frame_size);
    }
    ck_assert_int_gt(refused, 1000);
    ddz_mem_free(&mem, frame);
    free(data);
}
END_TEST

START_TEST(frames_out_of_memory)
{
    size_t size = 30000, made, got, consumed;
    uint8_t *data = random_bytes(size), *out, *frame;
    ck_assert_int_eq(ddz_frame_store(&mem, data, size, &frame, &made), DDZ_OK);
    int successes = 0;
    for (int n = 0; n < 20; n++) {
        struct ledger l = {.fails_at = n + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        ddz_status status = ddz_frame_compress(&poor, data, size, 3, &out, &got);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        successes += status == DDZ_OK;
        if (status == DDZ_OK)
            ddz_mem_free(&poor, out);
        ck_assert_int_eq(l.alive, 0);
        l.fails_at = l.calls + n + 1;
        struct frame_reader *r = ddz_frame_reader_new(&poor, size);
        if (r) {
            status = ddz_frame_reader_feed(r, frame, made, &consumed);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
            successes += status == DDZ_OK;
            ck_assert_int_eq(ddz_frame_reader_feed(r, frame, made, &consumed), status);
        }
        ddz_frame_reader_free(r);
        ck_assert_int_eq(l.alive, 0);
    }
    ck_assert_int_gt(successes, 10);
    ck_assert_int_lt(successes, 38);
    ddz_mem_free(&mem, frame);
    free(data);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("frames", 60,
               CASE("frames", stored_frames, content_for_inverts_overhead, cut_after_every_byte,
                    cut_anywhere_fed_in_pieces, bytes_after_the_frame_are_left, content_limit, hostile_frames,
                    damaged_frames, frames_out_of_memory));
}
