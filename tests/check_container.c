/* container: bits, header and settings, zstd frames, side layers */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "container/bits.h"
#include "container/extras.h"
#include "container/frames.h"
#include "container/header.h"
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
    uint8_t bytes[SETTINGS_SIZE];
    int valid = s.trellis_bits >= 8 && s.trellis_bits <= 16 && s.calls_log2 >= 0 && s.calls_log2 <= 5 &&
                s.updates_log2 >= 0 && s.updates_log2 <= 3 && s.end_level >= 0 && s.end_level <= 255;
    must_equal(ddz_settings_write(&s, bytes), valid ? 6 : 0);
    if (!valid)
        return;
    must_equal(bytes[0], (s.trellis_bits - 8) * 16 + s.calls_log2 * 2 + s.uniform);
    must_equal(bytes[1], s.end_level);
    must_equal(bytes[2], (s.model_id & 0xF8) + (unsigned)s.updates_log2 * 2 + (unsigned)s.has_extras);
    for (size_t cut = 0; cut < 6; cut++)
        must_equal(ddz_settings_read(bytes, cut, 0, &back), DDZ_ERR_TRUNCATED);
    must_equal(ddz_settings_read(bytes, 6, ddz_header_model_low(s.model_id), &back), DDZ_OK);
    ck_assert(back.trellis_bits == s.trellis_bits && back.calls_log2 == s.calls_log2);
    ck_assert(back.updates_log2 == s.updates_log2 && back.uniform == s.uniform);
    ck_assert(back.end_level == s.end_level && back.model_id == s.model_id);
    must_equal(back.has_extras, s.has_extras);
}

START_TEST(settings_round_trip)
{
    for (int bits = 7; bits <= 17; bits++)
        for (int calls = -1; calls <= 6; calls++)
            for (int32_t level = -1; level <= 256; level += level < 2 || level > 252 ? 1 : 5)
                for (int updates = -1; updates <= 4; updates++)
                    check_settings((struct settings){.trellis_bits = bits,
                                                     .calls_log2 = calls,
                                                     .uniform = level & 1,
                                                     .updates_log2 = updates,
                                                     .end_level = level,
                                                     .model_id = draw(UINT32_MAX),
                                                     .has_extras = bits & 1});
}
END_TEST

START_TEST(settings_are_canonical)
{
    int accepted = 0;
    for (int first = 0; first < 256; first++)
        for (int flags = 0; flags < 256; flags++) {
            uint8_t bytes[SETTINGS_SIZE] = {(uint8_t)first, (uint8_t)draw(256), (uint8_t)flags, 1, 2, 3},
                    again[6];
            struct settings s;
            int valid = first >> 4 <= 8 && (first >> 1 & 7) <= 5;
            must_equal(ddz_settings_read(bytes, 6, 4, &s), valid ? DDZ_OK : DDZ_ERR_CORRUPT);
            if (!valid)
                continue;
            accepted++;
            must_equal(s.model_id, 0x03020104 | (flags & 0xF8));
            must_equal(s.updates_log2, flags / 2 % 4);
            must_equal(s.has_extras, flags % 2);
            must_equal(ddz_settings_write(&s, again), 6);
            ck_assert_mem_eq(bytes, again, 6);
        }
    must_equal(accepted, 9 * 6 * 2 * 256);
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

static void extras_round_trip(uint32_t width, uint32_t height, int which, int alpha_kind)
{
    struct extras in = {{NULL}, {0}}, out;
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
    uint8_t *frame;
    size_t frame_size, size, consumed;
    ck_assert_int_eq(ddz_extras_compress(&mem, &in, width, height, &frame, &frame_size), DDZ_OK);
    struct frame_reader *r = ddz_frame_reader_new(&mem, ddz_extras_max_content(width, height));
    ck_assert_int_eq(ddz_frame_reader_feed(r, frame, frame_size, &consumed), DDZ_OK);
    ck_assert_int_eq(ddz_frame_reader_complete(r), 1);
    const uint8_t *content = ddz_frame_reader_content(r, &size);
    ck_assert_int_eq(ddz_extras_parse(&mem, content, size, 1, width, height, &out), DDZ_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(out.size[i], in.size[i]);
        ck_assert_int_eq(out.data[i] != NULL, which >> i & 1);
        if (out.data[i])
            ck_assert_mem_eq(out.data[i], in.data[i], in.size[i]);
    }
    ddz_extras_free(&mem, &out);
    ddz_extras_free(&mem, &in);
    ddz_frame_reader_free(r);
    ddz_mem_free(&mem, frame);
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
    uint8_t content[6 + N] = {DDZ_EXTRA_ALPHA, (N + 1) & 255, (N + 1) >> 8, 0, 0, 1};
    int plane[H][W];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int a = x ? plane[y][x - 1] : 0, b = y ? plane[y - 1][x] : 0,
                c = x && y ? plane[y - 1][x - 1] : 0;
            int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
            int prediction = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
            int residual = (int)draw(256);
            content[6 + y * W + x] = (uint8_t)residual;
            plane[y][x] = (prediction + residual) & 255;
        }
    struct extras out;
    ck_assert_int_eq(ddz_extras_parse(&mem, content, sizeof content, 1, W, H, &out), DDZ_OK);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(out.data[0][i], plane[i / W][i % W]);
    ddz_extras_free(&mem, &out);
}
END_TEST

START_TEST(extras_in_part)
{
    /* alpha of 2 x 2, ICC of 3 bytes, Exif of 2 */
    static const uint8_t content[] = {1, 5, 0,   0,   0,   0, 10, 20, 30, 40, 2,   3,  0,
                                      0, 0, 'i', 'c', 'c', 3, 2,  0,  0,  0,  'M', 'M'};
    static const size_t ends[] = {10, 18, 25};
    for (size_t cut = 0; cut <= sizeof content; cut++) {
        struct extras out = {{NULL}, {0}};
        uint8_t *exact = exact_copy(content, cut);
        ck_assert_int_eq(ddz_extras_parse(&mem, exact, cut, 0, 2, 2, &out), DDZ_OK);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(out.data[i] != NULL, cut >= ends[i]);
        ck_assert_int_eq(ddz_extras_any(&out), cut >= ends[0]);
        ddz_extras_free(&mem, &out);
        int whole = cut == ends[0] || cut == ends[1] || cut == ends[2];
        ck_assert_int_eq(ddz_extras_parse(&mem, exact, cut, 1, 2, 2, &out), whole ? DDZ_OK : DDZ_ERR_CORRUPT);
        if (whole)
            ddz_extras_free(&mem, &out);
        free(exact);
    }
}
END_TEST

START_TEST(extras_hostile)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t size;
    } cases[] = {
        {"kind 0", {0, 1, 0, 0, 0, 9}, 6},
        {"kind 4", {4, 1, 0, 0, 0, 9}, 6},
        {"kind twice", {2, 1, 0, 0, 0, 9, 2, 1, 0, 0, 0, 9}, 12},
        {"descending", {3, 1, 0, 0, 0, 9, 2, 1, 0, 0, 0, 9}, 12},
        {"empty ICC", {2, 0, 0, 0, 0}, 5},
        {"ICC above the limit", {2, 1, 0, 0, 1, 9}, 6},
        {"Exif of 4 GiB", {3, 0xFF, 0xFF, 0xFF, 0xFF, 9}, 6},
        {"alpha too small", {1, 4, 0, 0, 0, 0, 1, 2, 3}, 9},
        {"alpha too large", {1, 6, 0, 0, 0, 0, 1, 2, 3, 4, 5}, 11},
        {"unknown predictor", {1, 5, 0, 0, 0, 2, 1, 2, 3, 4}, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int complete = 0; complete < 2; complete++) {
            struct extras out = {{NULL}, {77, 0, 0}};
            ddz_status status = ddz_extras_parse(&mem, cases[i].bytes, cases[i].size, complete, 2, 2, &out);
            ck_assert_msg(status == DDZ_ERR_CORRUPT, "%s: status %d", cases[i].what, (int)status);
            ck_assert_uint_eq(out.size[0], 77);
        }
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[40];
        size_t size = draw(41);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)draw(draw(4) ? 6 : 256);
        struct extras out;
        uint8_t *exact = exact_copy(bytes, size);
        if (ddz_extras_parse(&mem, exact, size, (int)draw(2), 2, 2, &out) == DDZ_OK)
            ddz_extras_free(&mem, &out);
        free(exact);
    }
}
END_TEST

START_TEST(extras_arguments)
{
    struct extras e = {{NULL}, {0}};
    uint8_t *frame;
    size_t size;
    ck_assert_int_eq(ddz_extras_compress(&mem, &e, 2, 2, &frame, &size), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 0, (const uint8_t *)"a", 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 4, (const uint8_t *)"a", 1), DDZ_ERR_ARGUMENT);
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
    static const uint8_t content[] = {1, 5, 0, 0, 0, 1, 10, 20, 30, 40, 2, 3, 0, 0, 0, 'i', 'c', 'c'};
    struct extras e = {{NULL}, {0}}, out;
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, (const uint8_t *)"wxyz", 4), DDZ_OK);
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
        status = ddz_extras_parse(&poor, content, sizeof content, 1, 2, 2, &out);
        ck_assert_int_eq(status, n < 2 ? DDZ_ERR_MEMORY : DDZ_OK);
        if (status == DDZ_OK)
            ddz_extras_free(&poor, &out);
        ck_assert_int_eq(b.alive, 0);
    }
    ck_assert_int_gt(successes, 5);
    ck_assert_int_lt(successes, 28);
    ddz_extras_free(&mem, &e);
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
        CASE("extras", extras_come_back, alpha_prediction_pays, paeth_is_pngs, extras_in_part, extras_hostile,
             extras_arguments, extras_out_of_memory),
    };
    return run_cases("container", 60, all, sizeof all / sizeof *all);
}
