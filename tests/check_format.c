/* The format: bits, header and settings, zstd frames, records and side layers, whole streams */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "format/bits.h"
#include "format/extras.h"
#include "format/frames.h"
#include "format/header.h"
#include "format/limits.h"
#include "format/records.h"
#include "format/settings.h"
#include "format/step_code.h"
#include "format/stream_reader.h"
#include "format/stream_writer.h"
#include "runner.h"

static struct mem mem;
static uint64_t draws;

static void setup(void)
{
    mem = ddz_mem_init(NULL);
    draws = 0;
}

static uint32_t draw(uint32_t below)
{
    return (uint32_t)((hash_pair(7, draws++) >> 32) * below >> 32);
}

static uint8_t *random_bytes(size_t size)
{
    uint8_t *data = malloc(size + 1);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)draw(256);
    return data;
}

/* For inner loops: Check's own assertions report each success to the parent process. */
#define must_equal(a, b) must_equal_at((uint64_t)(a), (uint64_t)(b), #a " == " #b, __LINE__)

static void must_equal_at(uint64_t a, uint64_t b, const char *what, int line)
{
    if (a != b)
        ck_abort_msg("line %d: %s: %llu, %llu", line, what, (unsigned long long)a, (unsigned long long)b);
}

/* A copy that ends where its block ends, so that sanitizers see any read past it. */
static uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* ---- bits: the reference keeps one bit in a byte ----------------------------------------- */

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
        uint8_t *random = random_bytes(size), *data = exact_copy(random, size);
        struct bit_reader r;
        ddz_bit_reader_init(&r, data, size);
        r.size_bits -= draw((uint32_t)(r.size_bits < 8 ? r.size_bits : 7) + 1); /* need not be whole bytes */
        uint64_t start = draw((uint32_t)r.size_bits + 1), n = draw(170);
        r.position = start;
        uint8_t *out = malloc((n + 7) / 8 + 1);
        memset(out, 0xA5, (n + 7) / 8 + 1);
        ddz_bits_copy_out(&r, n, out);
        for (uint64_t i = 0; i < (n + 7) / 8 * 8; i++)
            must_equal(bit_at(out, i), i < n && start + i < r.size_bits ? bit_at(data, start + i) : 0);
        must_equal(out[(n + 7) / 8], 0xA5);
        must_equal(r.overrun, start + n > r.size_bits);
        must_equal(r.position, start + n > r.size_bits ? r.size_bits : start + n);
        free(out);
        free(data);
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
                uint8_t *src = random_bytes((count + 7) / 8), *exact = exact_copy(src, (count + 7) / 8);
                ddz_bit_append(&w, exact, count);
                for (uint32_t i = 0; i < count; i++)
                    reference[n++] = (uint8_t)bit_at(exact, i);
                free(src);
                free(exact);
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

/* An allocator that fails from its nth call on, and counts what is alive. */
struct budget {
    int left, alive;
};

static void *budget_allocate(void *cookie, size_t size)
{
    struct budget *b = cookie;
    if (b->left-- <= 0)
        return NULL;
    void *p = malloc(size);
    b->alive += p != NULL;
    return p;
}

static void budget_release(void *cookie, void *memory)
{
    struct budget *b = cookie;
    b->alive -= memory != NULL;
    free(memory);
}

static struct mem budget_mem(struct budget *b)
{
    return ddz_mem_init(&(ddz_allocator){budget_allocate, budget_release, b});
}

START_TEST(writer_out_of_memory)
{
    for (int n = 0; n < 5; n++) {
        struct budget b = {n, 0};
        struct mem poor = budget_mem(&b);
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
        ck_assert_int_eq(b.alive, 0);
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

/* ---- header ------------------------------------------------------------------------------ */

/* Bytes of a header, by a table of the sizes that have a shape among the sides tried. */
static size_t expected_size(uint32_t width, uint32_t height)
{
    static const uint32_t shaped[][2] = {{768, 512},   {512, 768},   {4032, 3024}, {3024, 4032},
                                         {1920, 1080}, {1080, 1920}, {1920, 1200}, {16, 16},
                                         {256, 256},   {512, 512},   {768, 768},   {8192, 8192},
                                         {1200, 1200}, {3024, 3024}, {1920, 1920}, {4032, 4032}};
    for (size_t i = 0; i < sizeof shaped / sizeof *shaped; i++)
        if (width == shaped[i][0] && height == shaped[i][1])
            return 3;
    return width <= 16384 && height <= 16384 && !(width == 16384 && height == 16384) ? 5 : 9;
}

START_TEST(header_sizes)
{
    static const uint32_t sides[] = {1,    2,    15,   16,    17,    255,   256,   257,
                                     511,  512,  768,  1080,  1200,  1920,  3024,  4032,
                                     8191, 8192, 8208, 16383, 16384, 16385, 32768, 65535};
    enum { N = sizeof sides / sizeof *sides };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            uint8_t bytes[HEADER_MAX_SIZE];
            struct header h = {.width = sides[i], .height = sides[j], .model_low = (uint8_t)draw(8)}, back;
            size_t size = ddz_header_write(&h, bytes);
            must_equal(size, expected_size(h.width, h.height));
            for (size_t cut = 0; cut < size; cut++) {
                uint8_t *exact = exact_copy(bytes, cut);
                must_equal(ddz_header_read(exact, cut, &back), DDZ_ERR_TRUNCATED);
                free(exact);
            }
            must_equal(ddz_header_read(bytes, size, &back), DDZ_OK);
            must_equal(back.width, h.width);
            must_equal(back.height, h.height);
            must_equal(back.model_low, h.model_low);
            must_equal(back.size, size);
            for (int bit = 0; bit < 8; bit++) {
                bytes[0] ^= (uint8_t)(1 << bit);
                for (size_t cut = 1; cut <= size; cut++)
                    must_equal(ddz_header_read(bytes, cut, &back), DDZ_ERR_FORMAT);
                bytes[0] ^= (uint8_t)(1 << bit);
            }
        }
}
END_TEST

START_TEST(header_bytes_and_refusals)
{
    uint8_t bytes[HEADER_MAX_SIZE];
    static const struct {
        struct header header;
        size_t size;
        uint8_t bytes[HEADER_MAX_SIZE];
    } cases[] = {
        /* shape 1, 48 units: 0 001 000101111 100 */
        {{.width = 768, .height = 512, .model_low = 4}, 3, {0xDD, 0x11, 0x7C}},
        /* 1 00000000100110 00000000011010 111: 39 and 27 */
        {{.width = 39, .height = 27, .model_low = 7}, 5, {0xDD, 0x80, 0x4C, 0x00, 0xD7}},
        {{.width = 16385, .height = 100, .model_low = 2},
         9,
         {0xDD, 0xFF, 0xFF, 0xFF, 0xFA, 0x40, 0x00, 0x00, 0x63}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(ddz_header_write(&cases[i].header, bytes), cases[i].size);
        ck_assert_mem_eq(bytes, cases[i].bytes, cases[i].size);
    }
    for (uint32_t side = 0; side <= 65536; side += 65536) {
        ck_assert_uint_eq(ddz_header_write(&(struct header){.width = side, .height = 5}, bytes), 0);
        ck_assert_uint_eq(ddz_header_write(&(struct header){.width = 5, .height = side}, bytes), 0);
    }
    static const uint8_t corrupt[][HEADER_MAX_SIZE] = {
        {0xDD, 0x11, 0x74},                                     /* 3:2 of 752 */
        {0xDD, 0x85, 0xFE, 0x0F, 0xF8},                         /* 768 x 512 in the form for any sides */
        {0xDD, 0xFF, 0xFF, 0xFF, 0xF8, 0x3F, 0xFF, 0x00, 0x63}, /* 16384 x 100 in the longest */
        {0xDD, 0xFF, 0xFF, 0xFF, 0xF8, 0xFF, 0xFF, 0x00, 0x63}, /* 65536 wide */
    };
    struct header h = {.width = 111};
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++)
        ck_assert_int_eq(ddz_header_read(corrupt[i], HEADER_MAX_SIZE, &h), DDZ_ERR_CORRUPT);
    ck_assert_uint_eq(h.width, 111);
}
END_TEST

/* Whatever is accepted is what ddz_header_write makes. */
START_TEST(header_is_canonical)
{
    int accepted = 0;
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[HEADER_MAX_SIZE] = {0xDD}, again[HEADER_MAX_SIZE];
        for (int k = 1; k < HEADER_MAX_SIZE; k++)
            bytes[k] = (i & 1) && k < 5 ? 0xFF : (uint8_t)(draw(256) & (draw(2) ? 255 : 31));
        struct header h;
        ddz_status status = ddz_header_read(bytes, sizeof bytes, &h);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_CORRUPT);
        if (status != DDZ_OK)
            continue;
        accepted++;
        must_equal(ddz_header_write(&h, again), h.size);
        ck_assert_mem_eq(bytes, again, h.size);
    }
    ck_assert_int_gt(accepted, 150000);
}
END_TEST

static void check_settings(struct settings s)
{
    struct settings back;
    uint8_t bytes[SETTINGS_SIZE], low = ddz_header_model_low(s.model_id);
    int valid = s.trellis_bits >= 8 && s.trellis_bits <= 16 && s.calls_log2 >= 0 && s.calls_log2 <= 5 &&
                s.updates_log2 >= 0 && s.updates_log2 <= 3 && s.end_level >= 32 && s.end_level <= 224;
    must_equal(ddz_settings_write(&s, bytes), valid ? 7 : 0);
    if (!valid)
        return;
    must_equal(bytes[0], (s.trellis_bits - 8) * 16 + s.calls_log2 * 2 + s.uniform);
    must_equal(bytes[1], s.end_level);
    must_equal(bytes[2], s.updates_log2 * 64);
    must_equal(get_le32(bytes + 3), s.model_id);
    for (size_t cut = 0; cut < 7; cut++)
        must_equal(ddz_settings_read(bytes, cut, low, &back), DDZ_ERR_TRUNCATED);
    must_equal(ddz_settings_read(bytes, 7, low ^ 1, &back), DDZ_ERR_CORRUPT);
    must_equal(ddz_settings_read(bytes, 7, low, &back), DDZ_OK);
    ck_assert(back.trellis_bits == s.trellis_bits && back.calls_log2 == s.calls_log2);
    ck_assert(back.updates_log2 == s.updates_log2 && back.uniform == s.uniform);
    ck_assert(back.end_level == s.end_level && back.model_id == s.model_id);
}

START_TEST(settings_round_trip)
{
    for (int bits = 7; bits <= 17; bits++)
        for (int calls = -1; calls <= 6; calls++)
            for (int32_t level = -1; level <= 256; level += level < 34 || level > 220 ? 1 : 5)
                for (int updates = -1; updates <= 4; updates++)
                    check_settings((struct settings){.trellis_bits = bits,
                                                     .calls_log2 = calls,
                                                     .uniform = level & 1,
                                                     .updates_log2 = updates,
                                                     .end_level = level,
                                                     .model_id = draw(UINT32_MAX)});
}
END_TEST

/* All values of the bytes that say something: which are accepted, which need a newer reader, and that the
 * features that may be ignored are. */
START_TEST(settings_are_canonical)
{
    int accepted = 0;
    for (int first = 0; first < 256; first++)
        for (int third = 0; third < 256; third++) {
            uint8_t level = (uint8_t)draw(256), again[SETTINGS_SIZE];
            uint8_t bytes[SETTINGS_SIZE] = {(uint8_t)first, level, (uint8_t)third, 4, 1, 2, 3};
            struct settings s;
            int valid = first >> 4 <= 8 && (first >> 1 & 7) <= 5 && level >= 32 && level <= 224;
            ddz_status expected = third & 0x38 ? DDZ_ERR_FEATURE : valid ? DDZ_OK : DDZ_ERR_CORRUPT;
            must_equal(ddz_settings_read(bytes, 7, 4, &s), expected);
            if (expected != DDZ_OK)
                continue;
            accepted++;
            must_equal(s.model_id, 0x03020104);
            must_equal(s.updates_log2, third >> 6);
            must_equal(ddz_settings_write(&s, again), 7);
            bytes[2] &= 0xC0;
            ck_assert_mem_eq(bytes, again, 7);
        }
    ck_assert_int_gt(accepted, 1500);
}
END_TEST

/* ---- steps ------------------------------------------------------------------------------- */

/* All offsets after all others come back, in the bits that are announced; no code leads beyond the limit. */
START_TEST(rate_offsets)
{
    for (int last = -96; last <= 96; last++)
        for (int offset = -96; offset <= 96; offset++) {
            struct bit_writer w;
            struct bit_reader r;
            int found = last;
            ddz_bit_writer_init(&w, &mem);
            ddz_step_code_write(&w, last, offset);
            must_equal(w.position, ddz_step_code_length(last, offset));
            ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
            must_equal(ddz_step_code_read(&r, &found), DDZ_OK);
            must_equal(found, offset);
            must_equal(r.position, w.position);
            for (uint64_t cut = 0; cut < w.position; cut++) {
                ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
                r.size_bits = cut;
                found = last;
                must_equal(ddz_step_code_read(&r, &found), DDZ_ERR_TRUNCATED);
                must_equal(found, last);
                must_equal(r.position, 0);
            }
            ddz_bit_writer_free(&w);
        }
    for (int beyond = 97; beyond < 300; beyond++)
        for (int last = -96; last <= 96; last += 96)
            for (int sign = -1; sign <= 1; sign += 2) {
                struct bit_writer w;
                struct bit_reader r;
                int found = last;
                ddz_bit_writer_init(&w, &mem);
                ddz_bit_write_se(&w, sign * beyond - last);
                ddz_bit_reader_init(&r, w.data, ddz_bit_writer_bytes(&w));
                must_equal(ddz_step_code_read(&r, &found), DDZ_ERR_CORRUPT);
                must_equal(found, last);
                ddz_bit_writer_free(&w);
            }
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------ */

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
        /* zstd itself cannot do better on such data, nor does it take more */
        ck_assert_int_eq(ddz_frame_compress(&mem, data, size, 1, &packed, &packed_size), DDZ_OK);
        ck_assert_uint_eq(packed_size, frame_size);
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
            uint8_t *exact = exact_copy(frame + at, piece);
            ck_assert_int_eq(ddz_frame_reader_feed(r, exact, piece, &consumed), DDZ_OK);
            ck_assert_uint_eq(consumed, piece);
            free(exact);
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
    uint8_t *exact = exact_copy(frame, size);
    ddz_status status = ddz_frame_reader_feed(r, exact, size, &consumed);
    must_equal(ddz_frame_reader_feed(r, exact, 0, &consumed), status);
    (void)ddz_frame_reader_content(r, got);
    must_equal(*got <= limit, 1);
    free(exact);
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

/* Largest single request and sum of what is alive, to see that a header alone allocates little. */
struct meter {
    size_t largest;
};

static void *meter_allocate(void *cookie, size_t size)
{
    struct meter *m = cookie;
    m->largest = size > m->largest ? size : m->largest;
    return malloc(size);
}

static void meter_release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

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
            struct meter meter = {0};
            struct mem metered = ddz_mem_init(&(ddz_allocator){meter_allocate, meter_release, &meter});
            struct frame_reader *r = ddz_frame_reader_new(&metered, 200000);
            ddz_status status = DDZ_OK;
            for (size_t at = 0; at < cases[i].size && status == DDZ_OK; at += piece) {
                size_t consumed;
                status = ddz_frame_reader_feed(r, cases[i].bytes + at, piece, &consumed);
            }
            ck_assert_msg(status == cases[i].status, "%s: status %d", cases[i].what, (int)status);
            ck_assert_msg(meter.largest < 9 << 20, "%s: %zu bytes", cases[i].what, meter.largest);
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
        uint8_t *bad = exact_copy(frame, frame_size);
        for (uint32_t flips = 1 + draw(3); flips > 0; flips--)
            bad[draw((uint32_t)frame_size)] ^= (uint8_t)(1 << draw(8));
        ddz_status status = read_all(bad, frame_size, size, &got);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_CORRUPT);
        refused += status != DDZ_OK;
        free(bad);
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
        struct budget b = {n, 0};
        struct mem poor = budget_mem(&b);
        ddz_status status = ddz_frame_compress(&poor, data, size, 3, &out, &got);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        successes += status == DDZ_OK;
        if (status == DDZ_OK)
            ddz_mem_free(&poor, out);
        ck_assert_int_eq(b.alive, 0);
        b.left = n;
        struct frame_reader *r = ddz_frame_reader_new(&poor, size);
        if (r) {
            status = ddz_frame_reader_feed(r, frame, made, &consumed);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
            successes += status == DDZ_OK;
            ck_assert_int_eq(ddz_frame_reader_feed(r, frame, made, &consumed), status);
        }
        ddz_frame_reader_free(r);
        ck_assert_int_eq(b.alive, 0);
    }
    ck_assert_int_gt(successes, 10);
    ck_assert_int_lt(successes, 38);
    ddz_mem_free(&mem, frame);
    free(data);
}
END_TEST

/* ---- extras ------------------------------------------------------------------------------ */

static void fill_alpha(uint8_t *alpha, uint32_t width, uint32_t height, int kind)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            int edge = x > width / 3 && y > height / 4 ? 255 : 0;
            int slope = (int)(2 * x + 3 * y + (x * y >> 4));
            alpha[(size_t)y * width + x] = (uint8_t)(kind == 0 ? edge : kind == 1 ? slope : (int)draw(256));
        }
}

/* The extra that one record holds, into `out`; returns the bytes that the record takes. */
static size_t take_record(const uint8_t *data, size_t size, uint32_t width, uint32_t height,
                          struct extras *out)
{
    struct record_head head;
    size_t content_size, consumed;
    ck_assert_int_eq(ddz_record_read_head(data, size, &head), DDZ_OK);
    int kind = ddz_record_extra(head.kind);
    ck_assert_int_gt(kind, 0);
    ck_assert_uint_le(head.size + head.length, size);
    struct frame_reader *r = ddz_frame_reader_new(&mem, ddz_extra_max_content(kind, width, height));
    ck_assert_int_eq(ddz_frame_reader_feed(r, data + head.size, head.length, &consumed), DDZ_OK);
    ck_assert_int_eq(ddz_frame_reader_complete(r), 1);
    ck_assert_uint_eq(consumed, head.length);
    const uint8_t *content = ddz_frame_reader_content(r, &content_size);
    ck_assert_int_eq(ddz_extra_parse(&mem, kind, content, content_size, width, height, out), DDZ_OK);
    ck_assert_int_eq(ddz_extra_parse(&mem, kind, content, content_size, width, height, out), DDZ_ERR_CORRUPT);
    ddz_frame_reader_free(r);
    return head.size + head.length;
}

static void extras_round_trip(uint32_t width, uint32_t height, int which, int alpha_kind)
{
    struct extras in = {{NULL}, {0}}, out = {{NULL}, {0}};
    size_t pixels = (size_t)width * height, sizes[3] = {pixels, 1 + draw(3000), 1 + draw(500)};
    for (int kind = 1; kind <= 3; kind++) {
        if (!(which >> (kind - 1) & 1))
            continue;
        uint8_t *data = random_bytes(sizes[kind - 1]);
        if (kind == DDZ_EXTRA_ALPHA)
            fill_alpha(data, width, height, alpha_kind);
        ck_assert_int_eq(ddz_extras_set(&mem, &in, kind, data, sizes[kind - 1]), DDZ_OK);
        free(data);
    }
    uint8_t *records;
    size_t size;
    ck_assert_int_eq(ddz_extras_compress(&mem, &in, width, height, &records, &size), DDZ_OK);
    for (size_t at = 0; at < size;)
        at += take_record(records + at, size - at, width, height, &out);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(out.size[i], in.size[i]);
        ck_assert_int_eq(out.data[i] != NULL, which >> i & 1);
        if (out.data[i])
            ck_assert_mem_eq(out.data[i], in.data[i], in.size[i]);
    }
    ddz_extras_free(&mem, &out);
    ddz_extras_free(&mem, &in);
    ddz_mem_free(&mem, records);
}

START_TEST(extras_come_back)
{
    static const uint32_t sides[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {17, 5}, {64, 48}, {129, 67}};
    for (int s = 0; s < 7; s++)
        for (int which = 1; which < 8; which++)
            for (int kind = 0; kind < 3; kind++)
                extras_round_trip(sides[s][0], sides[s][1], which, kind);
}
END_TEST

/* A smooth plane gains from prediction; a plane of two values does not lose. */
START_TEST(alpha_prediction_pays)
{
    enum { W = 200, H = 150 };
    static uint8_t alpha[W * H];
    for (int kind = 0; kind < 2; kind++) {
        struct extras in = {{NULL}, {0}};
        uint8_t *frame, *plain;
        size_t frame_size, plain_size;
        fill_alpha(alpha, W, H, kind);
        ck_assert_int_eq(ddz_extras_set(&mem, &in, DDZ_EXTRA_ALPHA, alpha, sizeof alpha), DDZ_OK);
        ck_assert_int_eq(ddz_extras_compress(&mem, &in, W, H, &frame, &frame_size), DDZ_OK);
        ck_assert_int_eq(ddz_frame_compress(&mem, alpha, sizeof alpha, 19, &plain, &plain_size), DDZ_OK);
        ck_assert_uint_le(frame_size, kind == 0 ? plain_size + 16 : plain_size / 2);
        ddz_mem_free(&mem, plain);
        ddz_mem_free(&mem, frame);
        ddz_extras_free(&mem, &in);
    }
}
END_TEST

/* Paeth's predictor written out as the PNG specification words it. */
START_TEST(paeth_is_pngs)
{
    enum { W = 31, H = 23, N = W * H };
    uint8_t content[1 + N] = {1};
    int plane[H][W];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int a = x ? plane[y][x - 1] : 0, b = y ? plane[y - 1][x] : 0,
                c = x && y ? plane[y - 1][x - 1] : 0;
            int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
            int prediction = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
            int residual = (int)draw(256);
            content[1 + y * W + x] = (uint8_t)residual;
            plane[y][x] = (prediction + residual) & 255;
        }
    struct extras out = {{NULL}, {0}};
    ck_assert_int_eq(ddz_extra_parse(&mem, DDZ_EXTRA_ALPHA, content, sizeof content, W, H, &out), DDZ_OK);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(out.data[0][i], plane[i / W][i % W]);
    ddz_extras_free(&mem, &out);
}
END_TEST

START_TEST(extras_hostile)
{
    static const struct {
        const char *what;
        int kind;
        uint8_t bytes[8];
        size_t size;
    } cases[] = {
        {"empty ICC", 2, {0}, 0},
        {"empty Exif", 3, {0}, 0},
        {"empty alpha", 1, {0}, 0},
        {"alpha too small", 1, {0, 1, 2, 3}, 4},
        {"alpha too large", 1, {0, 1, 2, 3, 4, 5}, 6},
        {"unknown predictor", 1, {2, 1, 2, 3, 4}, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct extras out = {{NULL}, {0}};
        ddz_status status = ddz_extra_parse(&mem, cases[i].kind, cases[i].bytes, cases[i].size, 2, 2, &out);
        ck_assert_msg(status == DDZ_ERR_CORRUPT, "%s: status %d", cases[i].what, (int)status);
        ck_assert_int_eq(ddz_extras_any(&out), 0);
    }
    /* readers of frames give no more than this */
    ck_assert_uint_eq(ddz_extra_max_content(DDZ_EXTRA_ALPHA, 7, 9), 64);
    ck_assert_uint_eq(ddz_extra_max_content(DDZ_EXTRA_ICC, 7, 9), EXTRA_MAX_SIZE);
    ck_assert_uint_eq(ddz_extra_max_content(DDZ_EXTRA_EXIF, 7, 9), EXTRA_MAX_SIZE);
}
END_TEST

START_TEST(extras_arguments)
{
    struct extras e = {{NULL}, {0}};
    uint8_t *frame;
    size_t size;
    ck_assert_int_eq(ddz_extras_compress(&mem, &e, 2, 2, &frame, &size), DDZ_OK);
    ck_assert(frame == NULL && size == 0);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 0, (const uint8_t *)"a", 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 4, (const uint8_t *)"a", 1), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ICC, NULL, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ICC, (const uint8_t *)"a", EXTRA_MAX_SIZE + 1),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_any(&e), 0);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, (const uint8_t *)"abc", 3), DDZ_OK);
    ck_assert_int_eq(ddz_extras_compress(&mem, &e, 2, 2, &frame, &size), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, (const uint8_t *)"wxyz", 4), DDZ_OK);
    ck_assert_int_eq(ddz_extras_compress(&mem, &e, 2, 2, &frame, &size), DDZ_OK);
    ddz_mem_free(&mem, frame);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, NULL, 0), DDZ_OK);
    ck_assert_int_eq(ddz_extras_any(&e), 0);
    ddz_extras_free(&mem, &e);
}
END_TEST

START_TEST(extras_out_of_memory)
{
    static const uint8_t content[] = {1, 10, 20, 30, 40};
    struct extras e = {{NULL}, {0}};
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, (const uint8_t *)"wxyz", 4), DDZ_OK);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ICC, (const uint8_t *)"profile", 7), DDZ_OK);
    int successes = 0;
    for (int n = 0; n < 30; n++) {
        struct budget b = {n, 0};
        struct mem poor = budget_mem(&b);
        uint8_t *frame;
        size_t size;
        ddz_status status = ddz_extras_compress(&poor, &e, 2, 2, &frame, &size);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        if (status == DDZ_OK)
            ddz_mem_free(&poor, frame);
        successes += status == DDZ_OK;
        ck_assert_int_eq(b.alive, 0);
        b.left = n;
        struct extras out = {{NULL}, {0}};
        status = ddz_extra_parse(&poor, DDZ_EXTRA_ALPHA, content, sizeof content, 2, 2, &out);
        ck_assert_int_eq(status, n < 1 ? DDZ_ERR_MEMORY : DDZ_OK);
        ddz_extras_free(&poor, &out);
        ck_assert_int_eq(b.alive, 0);
    }
    ck_assert_int_gt(successes, 5);
    ck_assert_int_lt(successes, 28);
    ddz_extras_free(&mem, &e);
}
END_TEST

/* ---- records ----------------------------------------------------------------------------- */

START_TEST(record_heads)
{
    static const struct {
        uint64_t length;
        size_t size;
        uint8_t bytes[RECORD_HEAD_SIZE];
    } cases[] = {
        {0, 2, {0x83, 0}},         {1, 2, {0x83, 1}},
        {127, 2, {0x83, 127}},     {128, 3, {0x83, 0x80, 1}},
        {300, 3, {0x83, 0xAC, 2}}, {((uint64_t)1 << 42) - 1, 7, {0x83, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}}};
    uint8_t bytes[RECORD_HEAD_SIZE];
    struct record_head head;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(ddz_record_write_head(bytes, RECORD_EXIF, cases[i].length), cases[i].size);
        ck_assert_mem_eq(bytes, cases[i].bytes, cases[i].size);
        for (size_t cut = 0; cut < cases[i].size; cut++) {
            uint8_t *exact = exact_copy(bytes, cut);
            ck_assert_int_eq(ddz_record_read_head(exact, cut, &head), DDZ_ERR_TRUNCATED);
            free(exact);
        }
        ck_assert_int_eq(ddz_record_read_head(bytes, cases[i].size, &head), DDZ_OK);
        ck_assert(head.kind == RECORD_EXIF && head.length == cases[i].length && head.size == cases[i].size);
    }
    ck_assert_uint_eq(ddz_record_write_head(bytes, RECORD_END, 0), 1);
    ck_assert_int_eq(ddz_record_read_head(bytes, 1, &head), DDZ_OK);
    ck_assert(head.kind == RECORD_END && head.size == 1);
    static const uint8_t corrupt[][8] = {
        {5, 0x80, 0}, {5, 0xFF, 0x80, 0}, {5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}};
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++)
        ck_assert_int_eq(ddz_record_read_head(corrupt[i], 8, &head), DDZ_ERR_CORRUPT);
}
END_TEST

START_TEST(record_kinds)
{
    for (int kind = 0; kind < 256; kind++) {
        int extra = ddz_record_extra(kind);
        ck_assert(extra == 0 || ddz_record_kind((ddz_extra)extra) == kind);
    }
    ck_assert_int_eq(ddz_record_kind(DDZ_EXTRA_ALPHA), 0x01);
    ck_assert_int_eq(ddz_record_kind(DDZ_EXTRA_ICC), 0x82);
    ck_assert_int_eq(ddz_record_kind(DDZ_EXTRA_EXIF), 0x83);
    ck_assert_int_eq(ddz_record_extra(RECORD_END), 0);
}
END_TEST

/* ---- whole streams ------------------------------------------------------------------------ */

/* A stream of a 40 x 30 picture with a preview of 20 bits and a step of 100 bits behind it, and these bytes
 * as records */
static uint8_t *make_stream(const uint8_t *records, size_t records_size, size_t *size)
{
    const struct header header = {.width = 40, .height = 30, .model_low = 5};
    const struct settings settings = {.trellis_bits = 12, .end_level = 100, .model_id = 0xABCD};
    const struct step_record steps[] = {{.preview = true, .bits = 20},
                                        {.has_offset = true, .rate_offset = -3, .bits = 100}};
    static const uint8_t bits[16] = {0xA5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xC0};
    struct step_place place;
    struct stream_writer w;
    uint8_t *copy = ddz_mem_alloc(&mem, records_size, 1), *stream;
    if (records_size)
        memcpy(copy, records, records_size);
    ddz_stream_writer_init(&w, &mem);
    ck_assert_int_eq(ddz_stream_writer_open(&w, &header, copy, records_size, UINT64_MAX), DDZ_OK);
    ddz_stream_writer_begin(&w, &settings, 20);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ddz_stream_writer_put_step(&w, &steps[i], &place), 1);
        ck_assert_uint_eq(place.known, steps[i].bits);
        ddz_stream_writer_put_bits(&w, steps[i].preview, bits, place.known);
    }
    ck_assert_int_eq(ddz_stream_writer_finish(&w, 0x12345678, &stream, size), DDZ_OK);
    ddz_stream_writer_free(&w);
    return stream;
}

/* Read it in pieces, telling the size of the preview when `told` bytes have been fed. */
static ddz_status read_stream(struct stream_reader *r, const uint8_t *stream, size_t size, size_t piece,
                              size_t told)
{
    bool known = false;
    ddz_stream_reader_init(r, &mem, 1 << 20);
    for (size_t at = 0, n; at < size; at += n) {
        n = piece < size - at ? piece : size - at;
        uint8_t *exact = exact_copy(stream + at, n);
        ddz_stream_reader_feed(r, exact, n, 8);
        free(exact);
        if (!known && at + n >= told && r->part != PART_HEADER && r->error == DDZ_OK) {
            ddz_stream_reader_set_preview(r, 20);
            known = true;
        }
    }
    return r->error;
}

/* Whenever the preview's size becomes known, and in whatever pieces, the same is found. */
START_TEST(streams_come_back)
{
    size_t size;
    uint8_t *stream = make_stream(NULL, 0, &size);
    for (size_t piece = 1; piece <= size; piece += piece < 10 ? 1 : 7)
        for (size_t told = 0; told <= size; told += 3) {
            struct stream_reader r;
            const uint8_t *preview, *content;
            ck_assert_int_eq(read_stream(&r, stream, size, piece, told), DDZ_OK);
            ck_assert(r.part == PART_END && r.has_settings && r.header.width == 40 && r.header.height == 30);
            ck_assert_uint_eq(r.settings.model_id, 0xABCD);
            ck_assert_uint_eq(get_le32(r.digest), 0x12345678);
            ck_assert_uint_eq(ddz_stream_reader_preview(&r, &preview), 24);
            ck_assert(preview[0] == 0xA5 && preview[1] == 1 && preview[2] == 0);
            /* settings, the code of -3, 100 bits, up to a whole byte */
            ck_assert_uint_eq(ddz_stream_reader_main(&r, &content),
                              8 * ((7 * 8 + (uint64_t)ddz_step_code_length(0, -3) + 100 + 7) / 8));
            struct bit_reader bits;
            int offset = 0;
            ddz_bit_reader_init(&bits, content, 7 + 14);
            bits.position = 7 * 8;
            ck_assert_int_eq(ddz_step_code_read(&bits, &offset), DDZ_OK);
            ck_assert_int_eq(offset, -3);
            ck_assert_uint_eq(ddz_bit_read(&bits, 8), 0xA5);
            ddz_stream_reader_free(&r);
        }
    ddz_mem_free(&mem, stream);
}
END_TEST

/* What a reader knows of a stream can be told again with another preview, until it is settled. */
START_TEST(another_preview)
{
    size_t size;
    uint8_t *stream = make_stream(NULL, 0, &size);
    for (uint64_t wrong = 0; wrong < 100; wrong += 9) {
        struct stream_reader r;
        ddz_stream_reader_init(&r, &mem, 1 << 20);
        ddz_stream_reader_feed(&r, stream, 11, 8);
        ddz_stream_reader_set_preview(&r, wrong);
        ddz_stream_reader_feed(&r, stream + 11, size - 11, 8);
        bool right = (wrong + 7) / 8 == 3;
        ck_assert_int_eq(r.part == PART_END, right);
        ck_assert_int_eq(ddz_stream_reader_set_preview(&r, 20), DDZ_OK);
        ck_assert_int_eq(r.part, PART_END);
        ck_assert_ptr_nonnull(r.kept);
        ddz_stream_reader_settle(&r);
        ck_assert_ptr_null(r.kept);
        ck_assert_int_eq(ddz_stream_reader_feed(&r, stream, 1, 8), DDZ_ERR_TRAILING);
        ddz_stream_reader_free(&r);
    }
    ddz_mem_free(&mem, stream);
}
END_TEST

/* Records of kinds that do not exist yet: skipped if they say so, else refused; and what no reader takes. */
START_TEST(unknown_records)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t size;
        ddz_status status;
        uint32_t skipped;
    } cases[] = {
        {"skippable", {0x84, 3, 1, 2, 3}, 5, DDZ_OK, 1},
        {"empty, skippable", {0xFF, 0}, 2, DDZ_OK, 1},
        {"two", {0x84, 1, 9, 0x84, 1, 9}, 6, DDZ_OK, 2},
        {"not skippable", {0x04, 3, 1, 2, 3}, 5, DDZ_ERR_FEATURE, 1},
        {"alpha's number, skippable", {0x81, 1, 7}, 3, DDZ_OK, 1},
        {"the profile's number, not skippable", {0x02, 1, 7}, 3, DDZ_ERR_FEATURE, 1},
        {"end's number, skippable", {0x80, 1, 7}, 3, DDZ_OK, 1},
        {"length in too many bytes", {0x84, 0x81, 0x00, 7}, 4, DDZ_ERR_CORRUPT, 0},
        {"Exif that is no frame", {0x83, 3, 1, 2, 3}, 5, DDZ_ERR_CORRUPT, 0},
        {"empty Exif", {0x83, 0}, 2, DDZ_ERR_CORRUPT, 0},
        {"empty alpha", {0x01, 0}, 2, DDZ_ERR_CORRUPT, 0},
        /* one raw block of a byte, whole; with a byte too many; cut */
        {"Exif", {0x83, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M'}, 12, DDZ_OK, 0},
        {"a byte behind the frame",
         {0x83, 11, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M', 0},
         13,
         DDZ_ERR_CORRUPT,
         0},
        {"half a frame", {0x83, 9, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0}, 11, DDZ_ERR_CORRUPT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 200; piece += 37) {
            struct stream_reader r;
            size_t size;
            uint8_t *stream = make_stream(cases[i].bytes, cases[i].size, &size);
            ddz_status status = read_stream(&r, stream, size, piece, 0);
            ck_assert_msg(status == cases[i].status, "%s: status %d", cases[i].what, (int)status);
            ck_assert_uint_eq(r.skipped, cases[i].skipped);
            ck_assert_int_eq(r.part == PART_END, status == DDZ_OK);
            ck_assert_int_eq(r.has_settings, 1); /* and all of the picture's bits */
            ck_assert(status != DDZ_OK || get_le32(r.digest) == 0x12345678);
            ddz_stream_reader_free(&r);
            ddz_mem_free(&mem, stream);
        }
    /* the same kind twice */
    uint8_t twice[24];
    memcpy(twice, cases[11].bytes, 12);
    memcpy(twice + 12, cases[11].bytes, 12);
    struct stream_reader r;
    size_t size;
    uint8_t *stream = make_stream(twice, sizeof twice, &size);
    ck_assert_int_eq(read_stream(&r, stream, size, 1000, 0), DDZ_ERR_CORRUPT);
    ddz_stream_reader_free(&r);
    ddz_mem_free(&mem, stream);
}
END_TEST

/* A size that is asked for is met to the byte, and what is there are the first bytes of the longer stream. */
START_TEST(streams_of_a_size)
{
    const struct header header = {.width = 40, .height = 30, .model_low = 5};
    const struct settings settings = {.trellis_bits = 12, .end_level = 100, .model_id = 0xABCD};
    uint8_t bits[400], *stream;
    memset(bits, 0x5A, sizeof bits);
    for (size_t most = 5; most < 420; most++) {
        struct stream_writer w;
        struct step_place place;
        size_t size;
        ddz_stream_writer_init(&w, &mem);
        ck_assert_int_eq(ddz_stream_writer_open(&w, &header, NULL, 0, 4), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_stream_writer_open(&w, &header, NULL, 0, most), DDZ_OK);
        ddz_stream_writer_begin(&w, &settings, 30);
        for (int i = 0; i < 400; i++) {
            struct step_record step = {
                .preview = i == 0, .has_offset = i > 0, .rate_offset = i % 7 - 3, .bits = i ? 50 : 30};
            if (!ddz_stream_writer_put_step(&w, &step, &place))
                break;
            ck_assert(place.known >= 1 && place.known <= step.bits);
            ddz_stream_writer_put_bits(&w, step.preview, bits, place.known);
            if (place.known < step.bits)
                break;
        }
        ck_assert_int_eq(ddz_stream_writer_finish(&w, 0, &stream, &size), DDZ_OK);
        ck_assert_uint_eq(size, most);
        ddz_mem_free(&mem, stream);
        ddz_stream_writer_free(&w);
    }
}
END_TEST

/* Damage anywhere, and prefixes: an error or none, and never more than was there. */
START_TEST(hostile_streams)
{
    static const uint8_t records[] = {0x84, 3,    1, 2,    3, 0x83, 10, 0x28, 0xB5,
                                      0x2F, 0xFD, 0, 0x38, 9, 0,    0,  'M'};
    size_t size;
    uint8_t *stream = make_stream(records, sizeof records, &size);
    int refused = 0;
    for (int round = 0; round < 30000; round++) {
        uint8_t *bad = exact_copy(stream, size);
        struct stream_reader r;
        const uint8_t *data;
        for (uint32_t flips = draw(4); flips > 0; flips--)
            bad[draw((uint32_t)size)] ^= (uint8_t)(1 << draw(8));
        size_t cut = draw(2) ? size : draw((uint32_t)size + 1);
        refused += read_stream(&r, bad, cut, 1 + draw(60), draw(40)) != DDZ_OK;
        ck_assert_uint_le(ddz_stream_reader_preview(&r, &data), 24);
        ddz_stream_reader_free(&r);
        free(bad);
    }
    ck_assert_int_gt(refused, 3000);
    ddz_mem_free(&mem, stream);
}
END_TEST

START_TEST(streams_out_of_memory)
{
    size_t size;
    uint8_t *stream = make_stream((const uint8_t *)"\x84\1x", 3, &size);
    int successes = 0;
    for (int n = 0; n < 20; n++) {
        struct budget b = {n, 0};
        struct mem poor = budget_mem(&b);
        struct stream_reader r;
        ddz_stream_reader_init(&r, &poor, 1 << 20);
        ddz_stream_reader_feed(&r, stream, 20, 8);
        if (r.error == DDZ_OK)
            ddz_stream_reader_set_preview(&r, 20);
        ddz_stream_reader_feed(&r, stream + 20, size - 20, 8);
        ck_assert(r.error == DDZ_ERR_MEMORY || r.part == PART_END);
        successes += r.error == DDZ_OK;
        ddz_stream_reader_free(&r);
        ck_assert_int_eq(b.alive, 0);
    }
    ck_assert_int_gt(successes, 5);
    ck_assert_int_lt(successes, 20);
    ddz_mem_free(&mem, stream);
}
END_TEST

static TCase *new_case(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, setup, NULL);
    tcase_add_checked_fixture(tcase, setup, NULL);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    return tcase;
}

#define CASE(name, ...)                                                                                      \
    new_case(name, (const TTest *const[]){__VA_ARGS__},                                                      \
             sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))

int main(void)
{
    TCase *all[] = {
        CASE("bits", reads_match_single_bits, copies_out_match_single_bits, empty_reader,
             writes_match_single_bits, exp_golomb, exp_golomb_hostile, writer_out_of_memory),
        CASE("header", header_sizes, header_bytes_and_refusals, header_is_canonical, settings_round_trip,
             settings_are_canonical),
        CASE("frames", stored_frames, content_for_inverts_overhead, cut_after_every_byte,
             cut_anywhere_fed_in_pieces, bytes_after_the_frame_are_left, content_limit, hostile_frames,
             damaged_frames, frames_out_of_memory),
        CASE("steps", rate_offsets),
        CASE("extras", extras_come_back, alpha_prediction_pays, paeth_is_pngs, extras_hostile,
             extras_arguments, extras_out_of_memory),
        CASE("records", record_heads, record_kinds),
        CASE("streams", streams_come_back, another_preview, unknown_records, streams_of_a_size,
             hostile_streams, streams_out_of_memory),
    };
    return run_cases("format", 60, all, sizeof all / sizeof *all);
}
