/* The range coder, and alpha planes as strings that may be cut anywhere */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format/alpha.h"
#include "format/alpha_reader.h"
#include "format/range_coder.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

/* ---- The coder --------------------------------------------------------------------------- */

enum { BITS = 3000, CONTEXTS = 5 };

/* Bits that are rare in some contexts and common in others */
static void draw_bits(uint8_t bits[BITS], uint8_t contexts[BITS])
{
    static const uint32_t rarity[CONTEXTS] = {2, 3, 20, 1000, 1};
    for (int i = 0; i < BITS; i++) {
        contexts[i] = (uint8_t)draw(CONTEXTS);
        bits[i] = draw(rarity[contexts[i]]) == 0;
    }
}

static void write_bits(const uint8_t *bits, const uint8_t *contexts, struct bit_writer *out)
{
    struct bit_context context[CONTEXTS] = {{0, 0}};
    struct range_coder c;
    ddz_bit_writer_init(out, &mem);
    ddz_range_coder_write(&c, out);
    for (int i = 0; i < BITS; i++)
        ck_assert_int_eq(ddz_code_bit(&c, &context[contexts[i]], bits[i]), bits[i]);
    ddz_range_coder_flush(&c);
}

/* Bits that can be told from the first bytes are right, and more bytes tell more of them; all of them tell all. */
START_TEST(bits_of_prefixes)
{
    static uint8_t bits[BITS], contexts[BITS];
    for (int round = 0; round < 20; round++) {
        struct bit_writer out;
        draw_bits(bits, contexts);
        write_bits(bits, contexts, &out);
        size_t size = ddz_bit_writer_bytes(&out);
        int told_before = 0;
        for (size_t cut = 0; cut <= size; cut++) {
            uint8_t *data = guard_copy(out.data, cut);
            struct bit_context context[CONTEXTS] = {{0, 0}};
            struct range_coder c;
            int told = 0;
            ddz_range_coder_read(&c, data, cut, cut == size);
            while (told < BITS) {
                int bit = ddz_code_bit(&c, &context[contexts[told]], 0);
                if (c.ended)
                    break;
                ck_assert_int_eq(bit, bits[told]);
                told++;
            }
            ck_assert_int_ge(told, told_before);
            told_before = told;
            guard_free(data, cut);
        }
        ck_assert_int_eq(told_before, BITS);
        ddz_bit_writer_free(&out);
    }
}
END_TEST

/* The bit that cannot be told could be either: with zeros behind the bytes it is 1, with ones 0. */
START_TEST(no_bit_is_told_too_late)
{
    static uint8_t bits[BITS], contexts[BITS];
    struct bit_writer out;
    draw_bits(bits, contexts);
    write_bits(bits, contexts, &out);
    for (size_t cut = 4; cut < 60; cut++) {
        int told = BITS;
        for (int fill = 2; fill >= 0; fill--) { /* 2: nothing is known of what follows */
            uint8_t data[100];
            struct bit_context context[CONTEXTS] = {{0, 0}};
            struct range_coder c;
            int bit = -1;
            memcpy(data, out.data, cut);
            memset(data + cut, fill ? 0xFF : 0, 20);
            ddz_range_coder_read(&c, data, fill == 2 ? cut : cut + 20, fill < 2);
            for (int i = 0; i <= told && i < BITS && !c.ended; i++) {
                bit = ddz_code_bit(&c, &context[contexts[i]], 0);
                if (c.ended)
                    told = i;
            }
            ck_assert_int_eq(fill == 2 ? c.ended : bit == !fill, 1);
        }
        ck_assert_int_lt(told, BITS);
    }
    ddz_bit_writer_free(&out);
}
END_TEST

/* The price of a sequence is near its entropy. */
START_TEST(price_is_entropy)
{
    static const double shares[] = {0.5, 0.1, 0.01};
    static const double entropies[] = {1, 0.469, 0.0808};
    enum { N = 100000 };
    for (int s = 0; s < 3; s++) {
        struct bit_writer out;
        struct bit_context context = {0, 0};
        struct range_coder c;
        ddz_bit_writer_init(&out, &mem);
        ddz_range_coder_write(&c, &out);
        for (uint64_t i = 0; i < N; i++)
            ddz_code_bit(&c, &context, uniform((uint64_t)s, i) < shares[s]);
        ddz_range_coder_flush(&c);
        double price = 8 * (double)ddz_bit_writer_bytes(&out) / N;
        ck_assert_double_lt(price, entropies[s] * 1.05);
        ck_assert_double_gt(price, entropies[s] * 0.93);
        ddz_bit_writer_free(&out);
    }
}
END_TEST

/* ---- Planes ------------------------------------------------------------------------------ */

enum { EDGE, SLOPE, NOISE, TWO_VALUES, FLAT, SOFT, KINDS };

static void fill_plane(uint8_t *plane, uint32_t width, uint32_t height, int kind)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            int64_t dx = 2 * (int64_t)x - width, dy = 2 * (int64_t)y - height;
            int64_t inside = (int64_t)width * height - dx * dx - dy * dy;
            int64_t soft = 128 + inside * 300 / ((int64_t)width * height);
            int value[KINDS] = {inside > 0 ? 255 : 0,
                                (int)((2 * x + 3 * y) % 256),
                                (int)draw(256),
                                draw(2) ? 255 : 0,
                                77,
                                (int)(soft < 0     ? 0
                                      : soft > 255 ? 255
                                                   : soft)};
            plane[(size_t)y * width + x] = (uint8_t)value[kind];
        }
}

static const uint32_t sides[][2] = {{1, 1}, {1, 2}, {2, 1},   {1, 37},  {41, 1},
                                    {2, 2}, {3, 5}, {64, 48}, {129, 67}};
enum { SIDES = sizeof sides / sizeof *sides };

START_TEST(planes_come_back)
{
    for (int s = 0; s < SIDES; s++)
        for (int kind = 0; kind < KINDS; kind++) {
            uint32_t w = sides[s][0], h = sides[s][1];
            size_t n = (size_t)w * h, size;
            uint8_t *plane = guard_alloc(n), *back = guard_alloc(n), *string;
            fill_plane(plane, w, h, kind);
            ck_assert_int_eq(ddz_alpha_write(&mem, plane, w, h, &string, &size), DDZ_OK);
            ck_assert_uint_ge(size, 1);
            ck_assert_uint_le(size, ddz_alpha_max_size(w, h));
            ck_assert_int_eq(ddz_alpha_read(&mem, string, size, true, w, h, back), DDZ_OK);
            ck_assert_mem_eq(back, plane, n);
            ddz_mem_free(&mem, string);
            guard_free(plane, n);
            guard_free(back, n);
        }
}
END_TEST

static double error(const uint8_t *a, const uint8_t *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)n;
}

/* Every prefix is a plane. The error falls as bytes grow: never much above what it has been, and by half with
 * each few times as many bytes; with nothing the plane is opaque. */
START_TEST(error_falls)
{
    for (int kind = 0; kind < KINDS; kind++) {
        enum { W = 96, H = 80, N = W * H };
        static uint8_t plane[N], back[N];
        uint8_t *string;
        size_t size;
        fill_plane(plane, W, H, kind);
        ck_assert_int_eq(ddz_alpha_write(&mem, plane, W, H, &string, &size), DDZ_OK);
        double least = 65025, at_half = 0;
        for (size_t cut = 0; cut <= size; cut++) {
            uint8_t *prefix = guard_copy(string, cut);
            ck_assert_int_eq(ddz_alpha_read(&mem, prefix, cut, cut == size, W, H, back), DDZ_OK);
            guard_free(prefix, cut);
            double now = error(plane, back, N);
            for (int i = 0; i < N && cut == 0; i++)
                ck_assert_int_eq(back[i], 255);
            if (cut >= 5) /* the first bytes are the mean of all samples */
                ck_assert_double_le(now, 1.1 * least + 1);
            least = now < least ? now : least;
            if (cut == size / 2)
                at_half = now;
        }
        ck_assert_double_eq(least, 0);
        /* noise has no order in which much of it comes first */
        ck_assert_double_le(at_half, kind == NOISE || kind == TWO_VALUES ? 12000 : 500);
        ddz_mem_free(&mem, string);
    }
}
END_TEST

/* Sizes: nothing for what is all the same; little for an edge; for noise hardly more than it has. */
START_TEST(sizes_of_strings)
{
    enum { W = 256, H = 256 };
    static uint8_t plane[W * H];
    static const size_t most[KINDS] = {1800, 30000, 68200, 68200, 40, 12000};
    for (int kind = 0; kind < KINDS; kind++) {
        uint8_t *string;
        size_t size;
        fill_plane(plane, W, H, kind);
        ck_assert_int_eq(ddz_alpha_write(&mem, plane, W, H, &string, &size), DDZ_OK);
        ck_assert_msg(size <= most[kind], "plane %d takes %zu bytes", kind, size);
        ddz_mem_free(&mem, string);
    }
}
END_TEST

/* Any bytes give a plane. */
START_TEST(any_bytes)
{
    for (int round = 0; round < 2000; round++) {
        uint32_t w = 1 + draw(20), h = 1 + draw(20);
        size_t size = draw(200), n = (size_t)w * h;
        uint8_t *bytes = random_bytes(size), *data = guard_copy(bytes, size), *plane = guard_alloc(n);
        if (round % 3 == 0)
            memset(data, round % 2 ? 0 : 0xFF, size);
        ck_assert_int_eq(ddz_alpha_read(&mem, data, size, round % 2, w, h, plane), DDZ_OK);
        guard_free(plane, n);
        guard_free(data, size);
        free(bytes);
    }
}
END_TEST

START_TEST(alpha_out_of_memory)
{
    uint8_t plane[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, back[12], *string;
    size_t size;
    int successes = 0;
    for (int n = 1; n < 10; n++) {
        struct ledger l = {.fails_at = n};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        ddz_status status = ddz_alpha_write(&poor, plane, 4, 3, &string, &size);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        if (status == DDZ_OK)
            ddz_mem_free(&poor, string);
        successes += status == DDZ_OK;
        ck_assert_int_eq(l.alive, 0);
        l.fails_at = l.calls + n;
        status = ddz_alpha_read(&poor, plane, 12, true, 4, 3, back);
        ck_assert_int_eq(status, n <= 2 ? DDZ_ERR_MEMORY : DDZ_OK);
        ck_assert_int_eq(l.alive, 0);
    }
    ck_assert(successes > 0 && successes < 9);
}
END_TEST

/* Of a string that is too long, and of bytes behind its end, as much is taken in whatever pieces they come. */
START_TEST(strings_that_are_too_long)
{
    enum { W = 3, H = 2, MOST = 64 + 4 * W * H, LONG = MOST + 40 };
    uint8_t *string = random_bytes(LONG), expected[W * H] = {0};
    for (size_t piece = LONG; piece > 0; piece -= piece > 30 ? 9 : 1) {
        struct alpha_reader *r = ddz_alpha_reader_new(&mem, W, H);
        const uint8_t *plane;
        ddz_extra_state state;
        for (size_t at = 0, n; at < LONG; at += n) {
            n = piece < LONG - at ? piece : LONG - at;
            uint8_t *exact = guard_copy(string + at, n);
            ck_assert_int_eq(ddz_alpha_reader_add(r, exact, n), at + n <= MOST ? DDZ_OK : DDZ_ERR_CORRUPT);
            guard_free(exact, n);
        }
        ck_assert_int_eq(ddz_alpha_reader_end(r, (const uint8_t[]){0, 1, 2, 3, 4}, 5), DDZ_OK);
        ck_assert_int_eq(ddz_alpha_reader_add(r, string, 1), DDZ_ERR_CORRUPT);
        ck_assert_int_eq(ddz_alpha_reader_plane(r, &plane, &state), DDZ_OK);
        ck_assert_int_eq(state, DDZ_EXTRA_DAMAGED);
        if (piece == LONG)
            ck_assert_int_eq(ddz_alpha_read(&mem, string, MOST, false, W, H, expected), DDZ_OK);
        ck_assert_mem_eq(plane, expected, W * H);
        ddz_alpha_reader_free(r);
    }
    free(string);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("alpha", 120, CASE("coder", bits_of_prefixes, no_bit_is_told_too_late, price_is_entropy),
               CASE("planes", planes_come_back, error_falls, sizes_of_strings, any_bytes,
                    strings_that_are_too_long, alpha_out_of_memory));
}
