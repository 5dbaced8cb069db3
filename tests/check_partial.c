/* Exact layers of some blocks: of pictures that are photographs in part, and drawn in part */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "ddz.h"
#include "encode/partial.h"
#include "encode/sort_blocks.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"
#include "streams.h"

/* A photograph, and on its left letters: whole blocks of them */
enum { W = 120, H = 88, DRAWN = 64, BYTES = 3 * W * H };

static struct buffer encode_mixed(const struct buffer *rgb, ddz_target target, double value, int exact)
{
    struct encoder_settings s = encoder_settings(target, value);
    s.exact = exact;
    return encode(rgb, W, H, &s);
}

/* What a decoder makes of the stream's first bytes; what the stream says of itself. */
static ddz_status decode(const struct buffer *stream, size_t size, uint8_t *rgb, ddz_info *info)
{
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    ck_assert_int_eq(feed(d, stream->data, size), DDZ_OK);
    ddz_status status = decode_rgb(d, DDZ_RECON_MEAN, rgb);
    *info = info_of(d);
    ddz_decoder_free(d);
    return status;
}

/* Columns begin to end - 1 of the first rows of two pictures */
static double psnr_within(const uint8_t *a, const uint8_t *b, uint32_t begin, uint32_t end, uint32_t rows)
{
    double sum = 0;
    for (uint32_t i = 0; i < 3 * W * rows; i++)
        sum += i / 3 % W >= begin && i / 3 % W < end ? pow(a[i] - (double)b[i], 2) : 0;
    return 10 * log10(255.0 * 255 * 3 * (end - begin) * rows / fmax(sum, 1e-9));
}

static const double exactly = 100; /* dB, and more */

/* What is drawn is exact, the photograph as good as from the chain alone, and the file smaller. */
START_TEST(by_quality)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN);
    for (int quality = 30; quality <= 70; quality += 20) {
        uint8_t got[BYTES], plain[BYTES], sent[BYTES];
        ddz_info info;
        struct buffer chain = encode_mixed(&rgb, DDZ_TARGET_QUALITY, quality, 0);
        struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, quality);
        es.exact = -1;
        es.threads = 3;
        ddz_encoder *e = encoder_new(&es);
        ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
        ck_assert_int_eq(sent_rgb(e, sent, sizeof sent), DDZ_OK);
        struct buffer stream = stream_of(e), again = encode_mixed(&rgb, DDZ_TARGET_QUALITY, quality, -1);
        must_equal(stream.size, again.size);
        ck_assert_mem_eq(stream.data, again.data, stream.size);
        ck_assert_int_eq(decode(&chain, chain.size, plain, &info), DDZ_OK);
        must_equal(info.exact_channels, 0);
        ck_assert_int_eq(decode(&stream, stream.size, got, &info), DDZ_OK);
        must_equal(info.exact_blocks, 1);
        must_equal(info.exact_channels, 3);
        must_equal(info.exact_rows, H);
        must_equal(info.digest_agrees, 1);
        ck_assert_mem_eq(got, sent, BYTES);
        ck_assert_double_gt(psnr_within(got, rgb.data, 0, DRAWN, H), exactly);
        ck_assert_double_ge(psnr_within(got, rgb.data, DRAWN, W, H),
                            psnr_within(plain, rgb.data, DRAWN, W, H) - 0.5);
        ck_assert_uint_lt(stream.size, chain.size);
        ddz_encoder_free(e);
        free(stream.data);
        free(again.data);
        free(chain.data);
    }
    free(rgb.data);
}
END_TEST

/* As many bytes as were asked for, also where the layer would take too much of them */
START_TEST(by_size)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN);
    int with = 0, without = 0;
    for (int bytes = 300; bytes < 6000; bytes += bytes / 2) {
        struct buffer stream = encode_mixed(&rgb, DDZ_TARGET_BYTES, bytes, -1);
        uint8_t got[BYTES];
        ddz_info info;
        must_equal(stream.size, bytes);
        ck_assert_int_eq(decode(&stream, stream.size, got, &info), DDZ_OK);
        *(info.exact_blocks ? &with : &without) += 1;
        if (info.exact_blocks)
            ck_assert_double_gt(psnr_within(got, rgb.data, 0, DRAWN, H), exactly);
        free(stream.data);
    }
    ck_assert_int_gt(with, 0);
    ck_assert_int_gt(without, 0);
    free(rgb.data);
}
END_TEST

/* The PSNR is that of the photograph. */
START_TEST(by_psnr)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN);
    for (int target = 20; target <= 30; target += 10) {
        struct buffer stream = encode_mixed(&rgb, DDZ_TARGET_PSNR, target, -1);
        uint8_t got[BYTES];
        ddz_info info;
        ck_assert_int_eq(decode(&stream, stream.size, got, &info), DDZ_OK);
        must_equal(info.exact_blocks, 1);
        double found = psnr_within(got, rgb.data, DRAWN, W, H);
        ck_assert_double_ge(found, target - 0.01);
        ck_assert_double_le(found, target + 1.5);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* A part of the stream has as many exact rows as it says; damage is noticed. */
START_TEST(parts)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN), stream = encode_mixed(&rgb, DDZ_TARGET_QUALITY, 40, -1);
    uint32_t before = 0;
    for (size_t cut = stream.size / 3; cut < stream.size; cut += 1 + stream.size / 30) {
        uint8_t got[BYTES];
        ddz_info info;
        ck_assert_int_eq(decode(&stream, cut, got, &info), DDZ_OK);
        ck_assert_uint_ge(info.exact_rows, before);
        if (info.exact_rows > 0)
            ck_assert_double_gt(psnr_within(got, rgb.data, 0, DRAWN, info.exact_rows), exactly);
        before = info.exact_rows;
    }
    ck_assert_uint_gt(before, 0);
    for (size_t i = 0; i < 24; i++) {
        struct decoder_settings s = decoder_settings();
        struct buffer damaged = copy_of(stream.data, stream.size);
        uint8_t got[BYTES];
        damaged.data[stream.size - 12 - i * i] ^= (uint8_t)(1 << i % 8);
        ddz_decoder *d = decoder_new(&s);
        ddz_status fed = feed(d, damaged.data, damaged.size), status = decode_rgb(d, DDZ_RECON_MEAN, got);
        ck_assert(fed != DDZ_OK || status != DDZ_OK);
        ddz_decoder_free(d);
        free(damaged.data);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* In smaller pictures boxes that are wholly in the blocks are means of the exact pixels. */
START_TEST(smaller)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN), stream = encode_mixed(&rgb, DDZ_TARGET_QUALITY, 40, -1);
    for (int scale = 1; scale <= 5; scale++) {
        struct decoder_settings s = decoder_settings();
        uint32_t side = 1U << scale, w = (W + side - 1) / side, h = (H + side - 1) / side;
        size_t size = (size_t)3 * w * h;
        uint8_t *got = alloc(size);
        s.scale = scale;
        ddz_decoder *d = decoder_new(&s);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, DDZ_PIXELS_RGB8, got, 0, size), DDZ_OK);
        for (uint32_t i = 0; i < 3 * w * h; i++) {
            uint32_t x = i / 3 % w * side, y = i / 3 / w * side, sum = 0, n = 0;
            for (uint32_t v = y; v < y + side && v < H; v++)
                for (uint32_t u = x; u < x + side && u < W; u++, n++)
                    sum += rgb.data[3 * (v * W + u) + i % 3];
            ck_assert(x + side > DRAWN || got[i] == (sum + n / 2) / n);
        }
        ddz_decoder_free(d);
        free(got);
    }
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* Letters in colour on a grey photograph stay in colour; samples of 16 bits stay so; 8-bit alpha is a layer of its own. */
START_TEST(kinds_of_pixels)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN);
    for (int kind = 0; kind < 2; kind++) {
        uint16_t deep[4 * W * H], got[4 * W * H];
        struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 10);
        struct decoder_settings ds = decoder_settings();
        ddz_pixel_format format = kind ? DDZ_PIXELS_RGBA16 : DDZ_PIXELS_RGB16;
        size_t channels = kind ? 4 : 3, size = channels * W * H * sizeof *deep;
        for (size_t i = 0; i < channels * W * H; i++) {
            size_t pixel = i / channels, c = i % channels, x = pixel % W;
            uint16_t v = rgb.data[3 * pixel + (x < DRAWN && c < 3 ? c : 0)];
            deep[i] = c == 3 ? (uint16_t)(x > 80 ? 257 * 100 : 65535)
                      : kind ? (uint16_t)(257 * v)
                             : (uint16_t)(250 * v);
        }
        es.exact = -1;
        ddz_encoder *e = encoder_new(&es);
        ck_assert_int_eq(ddz_encoder_encode(e, W, H, format, deep, 0, size), DDZ_OK);
        struct buffer stream = stream_of(e);
        ddz_decoder *d = decoder_new(&ds);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, format, got, 0, size), DDZ_OK);
        ddz_info info = info_of(d);
        must_equal(info.exact_blocks, 1);
        must_equal(info.exact_depth, kind ? 8 : 16);
        must_equal(info.grey, 0);
        for (size_t i = 0; i < channels * W * H; i++)
            ck_assert(i / channels % W >= DRAWN || got[i] == deep[i]);
        ddz_decoder_free(d);
        ddz_encoder_free(e);
        free(stream.data);
    }
    free(rgb.data);
}
END_TEST

/* No more memory than is announced, of either side; any allocation may fail. */
START_TEST(memory)
{
    struct buffer rgb = mixed_picture(W, H, DRAWN);
    struct buffer stream = check_automatic_memory(&rgb, W, H, 40);
    struct ledger l = {0};
    uint64_t announced;
    struct decoder_settings ds = decoder_settings();
    uint8_t got[BYTES];
    ds.allocator = ledger_allocator(&l);
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_memory(d, W, H, &announced), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, got), DDZ_OK);
    ck_assert_uint_le(l.most, announced + 4 * stream.size);
    ddz_decoder_free(d);
    ck_assert_uint_eq(l.used, 0);
    free(stream.data);
    free(rgb.data);
}
END_TEST

/* ---- Which blocks ------------------------------------------------------------------------- */

static size_t sorted(const struct buffer *rgb, struct blocks *b, uint16_t samples[BYTES])
{
    struct mem mem = ddz_mem_init(NULL);
    const struct graphics_size size = {W, H, 3, 8};
    size_t count;
    for (size_t i = 0; i < BYTES; i++)
        samples[i] = rgb->data[i];
    ck_assert_int_eq(ddz_blocks_init(b, &mem, W, H), DDZ_OK);
    ck_assert_int_eq(ddz_sort_blocks(&mem, &size, samples, b, &count), DDZ_OK);
    return count;
}

/* White, with three rows of greys that are all different */
static void make_calm(struct buffer *rgb, uint32_t column, uint32_t row)
{
    for (uint32_t i = 0; i < 16 * 16; i++)
        memset(rgb->data + 3 * ((16 * row + i / 16) * W + 16 * column + i % 16), i < 48 ? (int)i : 255, 3);
}

/* Those with letters, with what is calm among them, and none of a photograph, be it flat or calm in part; a few letters on
 * it are left alone. */
START_TEST(which_blocks)
{
    struct mem mem = ddz_mem_init(NULL);
    uint16_t samples[BYTES];
    for (int kind = 0; kind < 5; kind++) {
        bool is_drawn = kind == 0 || kind == 4;
        struct buffer rgb = mixed_picture(W, H, is_drawn ? DRAWN : kind == 3 ? 12 : 0);
        struct blocks b;
        for (uint32_t i = 0; i < BYTES && kind == 1; i++) /* a white sky */
            rgb.data[i] = i / 3 / W < H / 2 ? 255 : rgb.data[i];
        for (uint32_t i = 0; i < BYTES && kind == 2; i++) /* in few steps */
            rgb.data[i] &= 0xF8;
        for (uint32_t column = 1; column < 6 && kind == 4; column += 4)
            make_calm(&rgb, column, 2);
        size_t count = sorted(&rgb, &b, samples);
        must_equal(count, is_drawn ? DRAWN / 16 * b.rows : 0);
        for (uint32_t i = 0; is_drawn && i < b.columns * b.rows; i++)
            must_equal(b.in[i], i % b.columns < DRAWN / 16);
        ddz_blocks_free(&b, &mem);
        free(rgb.data);
    }
}
END_TEST

/* The same as a sum over the coefficients themselves: of one level, a block's three that cross its middle */
START_TEST(costs)
{
    struct mem mem = ddz_mem_init(NULL);
    struct block_cost cost;
    struct blocks b;
    uint16_t samples[16 * 32];
    const struct graphics_size size = {32, 16, 1, 8};
    ck_assert_int_eq(ddz_blocks_init(&b, &mem, 32, 16), DDZ_OK);
    b.in[1] = 1;
    /* steps of 10 and of 40 levels across the middle of the two: one coefficient each, 16 * sqrt(3) half steps */
    for (int i = 0; i < 16 * 32; i++)
        samples[i] = (uint16_t)(100 + (i % 32 >= 8 && i % 32 < 16 ? 10 : i % 32 >= 24 ? 40 : 0));
    ddz_block_cost_measure(&cost, &size, samples, &b);
    for (double sigma = 1; sigma < 100; sigma *= 3) {
        double low = 16 * sqrt(3) * 5 / sigma, high = 16 * sqrt(3) * 20 / sigma;
        double expected = log2(1 + high * high) / log2(1 + low * low);
        double found = ddz_block_cost_bits(&cost, true, sigma) / ddz_block_cost_bits(&cost, false, sigma);
        /* what both are multiplied with is the same at all sigma, and a bin is less than 6 % away */
        ck_assert_double_lt(fabs(log(found / expected) - log(1.4 / 0.65)), 0.12);
    }
    ck_assert_double_gt(ddz_block_cost_psnr(&cost, 1), ddz_block_cost_psnr(&cost, 10) + 10);
    ddz_blocks_free(&b, &mem);
}
END_TEST

/* What the chain sees of the blocks has their means, is between their extremes, and the rest is as it was. */
START_TEST(softened)
{
    struct mem mem = ddz_mem_init(NULL);
    struct partial p = {.channels = 3};
    int16_t x[BYTES], before[BYTES];
    ck_assert_int_eq(ddz_blocks_init(&p.blocks, &mem, W, H), DDZ_OK);
    for (uint32_t i = 0; i < p.blocks.columns * p.blocks.rows; i++)
        p.blocks.in[i] = i % p.blocks.columns < 4;
    for (uint32_t i = 0; i < BYTES; i++)
        before[i] = x[i] = (int16_t)((int)(i / 3 % W) * 100 - 5000 + (int)(i % 7) * 40);
    ck_assert_int_eq(ddz_partial_soften(&p, &mem, W, H, x), DDZ_OK);
    for (uint32_t i = 0; i < BYTES; i++) {
        uint32_t u = i / 3 % W;
        if (u >= 64)
            must_equal(x[i], before[i]);
        else if (u >= 8 && u < 56) /* a slope is one still, in the middle of the blocks */
            ck_assert_int_le(abs(x[i] - ((int)u * 100 - 5000 + 120)), 30);
    }
    ddz_partial_free(&p, &mem);
}
END_TEST

int main(void)
{
    return RUN("partial", 60, CASE("streams", by_quality, by_size, by_psnr, parts, smaller),
               CASE("pixels", kinds_of_pixels, memory), CASE("blocks", which_blocks, costs, softened));
}
