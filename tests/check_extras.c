/* Side layers: alpha, profile, Exif; packed into records and taken out again */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format/extras.h"
#include "format/frames.h"
#include "format/limits.h"
#include "format/records.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

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
        struct ledger l = {.fails_at = n + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        uint8_t *frame;
        size_t size;
        ddz_status status = ddz_extras_compress(&poor, &e, 2, 2, &frame, &size);
        ck_assert(status == DDZ_OK || status == DDZ_ERR_MEMORY);
        if (status == DDZ_OK)
            ddz_mem_free(&poor, frame);
        successes += status == DDZ_OK;
        ck_assert_int_eq(l.alive, 0);
        l.fails_at = l.calls + n + 1;
        struct extras out = {{NULL}, {0}};
        status = ddz_extra_parse(&poor, DDZ_EXTRA_ALPHA, content, sizeof content, 2, 2, &out);
        ck_assert_int_eq(status, n < 1 ? DDZ_ERR_MEMORY : DDZ_OK);
        ddz_extras_free(&poor, &out);
        ck_assert_int_eq(l.alive, 0);
    }
    ck_assert_int_gt(successes, 5);
    ck_assert_int_lt(successes, 28);
    ddz_extras_free(&mem, &e);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("extras", 60,
               CASE("extras", extras_come_back, alpha_prediction_pays, paeth_is_pngs, extras_hostile,
                    extras_arguments, extras_out_of_memory));
}
