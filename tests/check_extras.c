/* Side layers: alpha, profile, Exif; packed into records and taken out again */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format/extras.h"
#include "format/frames.h"
#include "format/limits.h"
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

/* Through a frame and back */
static void frame_round_trip(uint32_t width, uint32_t height, int kind, int alpha_kind)
{
    struct extras in = {{NULL}, {0}}, out = {{NULL}, {0}};
    size_t size = kind == DDZ_EXTRA_ALPHA ? (size_t)width * height : 1 + draw(3000), frame_size, consumed, n;
    uint8_t *data = random_bytes(size), *frame;
    if (kind == DDZ_EXTRA_ALPHA)
        fill_alpha(data, width, height, alpha_kind);
    ck_assert_int_eq(ddz_extras_set(&mem, &in, kind, data, size), DDZ_OK);
    ck_assert_int_eq(ddz_extra_pack(&mem, &in, kind, width, height, &frame, &frame_size), DDZ_OK);
    struct frame_reader *r = ddz_frame_reader_new(&mem, ddz_extra_max_content(kind, width, height));
    ck_assert_int_eq(ddz_frame_reader_feed(r, frame, frame_size, &consumed), DDZ_OK);
    ck_assert_int_eq(ddz_frame_reader_complete(r), 1);
    ck_assert_uint_eq(consumed, frame_size);
    const uint8_t *content = ddz_frame_reader_content(r, &n);
    ck_assert_int_eq(ddz_extra_parse(&mem, kind, content, n, width, height, &out), DDZ_OK);
    ck_assert_int_eq(ddz_extra_parse(&mem, kind, content, n, width, height, &out), DDZ_ERR_CORRUPT);
    ck_assert_uint_eq(out.size[kind - 1], size);
    ck_assert_mem_eq(out.data[kind - 1], data, size);
    ddz_frame_reader_free(r);
    ddz_mem_free(&mem, frame);
    ddz_extras_free(&mem, &out);
    ddz_extras_free(&mem, &in);
    free(data);
}

START_TEST(extras_come_back)
{
    static const uint32_t sides[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {17, 5}, {64, 48}, {129, 67}};
    for (int s = 0; s < 7; s++)
        for (int kind = DDZ_EXTRA_ALPHA; kind <= DDZ_EXTRA_XMP; kind++)
            for (int alpha = 0; alpha < 3; alpha++)
                frame_round_trip(sides[s][0], sides[s][1], kind, alpha);
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
        ck_assert_int_eq(ddz_extra_pack(&mem, &in, DDZ_EXTRA_ALPHA, W, H, &frame, &frame_size), DDZ_OK);
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
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 0, (const uint8_t *)"a", 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, 9, (const uint8_t *)"a", 1), DDZ_ERR_UNSUPPORTED);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ICC, NULL, 1), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ICC, (const uint8_t *)"a", EXTRA_MAX_SIZE + 1),
                     DDZ_ERR_ARGUMENT);
    static const struct {
        int kind;
        size_t size;
    } fixed[] = {{DDZ_EXTRA_CICP, 4},
                 {DDZ_EXTRA_CHROMATICITIES, 4},
                 {DDZ_EXTRA_CHROMATICITIES, 36},
                 {DDZ_EXTRA_RESOLUTION, 9},
                 {DDZ_EXTRA_ORIENTATION, 1}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        static const uint8_t content[40] = {8};
        for (size_t more = 1; more <= 3; more++)
            ck_assert_int_eq(ddz_extras_set(&mem, &e, fixed[i].kind, content, fixed[i].size + more),
                             DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_extras_set(&mem, &e, fixed[i].kind, content, fixed[i].size), DDZ_OK);
        ck_assert_int_eq(ddz_extras_set(&mem, &e, fixed[i].kind, NULL, 0), DDZ_OK);
    }
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ORIENTATION, (const uint8_t *)"\0", 1),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ORIENTATION, (const uint8_t *)"\11", 1),
                     DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_extras_any(&e), 0);
    ck_assert_int_eq(ddz_extras_set(&mem, &e, DDZ_EXTRA_ALPHA, (const uint8_t *)"wxyz", 4), DDZ_OK);
    ck_assert_int_eq(ddz_extras_any(&e), 1);
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
    int successes = 0;
    for (int n = 0; n < 30; n++) {
        struct ledger l = {.fails_at = n + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        uint8_t *frame;
        size_t size;
        ddz_status status = ddz_extra_pack(&poor, &e, DDZ_EXTRA_ALPHA, 2, 2, &frame, &size);
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
