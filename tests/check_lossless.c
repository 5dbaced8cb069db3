/* Streams with an exact layer: every kind of picture comes back, every prefix decodes, damage is found. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "guard.h"
#include "inputs.h"
#include "runner.h"
#include "streams.h"

/* A picture in any layout */
struct image {
    uint32_t width, height;
    ddz_pixel_format format;
    size_t size;
    uint8_t *pixels;
};

static size_t pixel_size(ddz_pixel_format format)
{
    return (size_t)(format % 16) * (format >= 16 ? 2 : 1);
}

static struct image new_image(uint32_t width, uint32_t height, ddz_pixel_format format)
{
    size_t size = (size_t)width * height * pixel_size(format);
    return (struct image){width, height, format, size, guard_alloc(size)};
}

static void free_image(struct image *image)
{
    guard_free(image->pixels, image->size);
}

/* What the pixels show: waves with some noise; noise; stripes that repeat */
enum { WAVES, NOISE, STRIPES, KINDS };

static struct image make_image(uint32_t width, uint32_t height, ddz_pixel_format format, int kind)
{
    struct image image = new_image(width, height, format);
    size_t deep = format >= 16 ? 2 : 1, samples = image.size / deep;
    for (size_t i = 0; i < samples; i++) {
        size_t pixel = i / (size_t)(format % 16), x = pixel % width, y = pixel / width;
        uint32_t level = 20000 + 400 * (uint32_t)(x + 2 * y) + 3000 * (uint32_t)(i % 3) + draw(2000);
        if (kind == NOISE)
            level = draw(65536);
        if (kind == STRIPES)
            level = (x / 2 + y) % 4 ? 60000 : 123 * (uint32_t)(i % 2);
        uint16_t sample = (uint16_t)level;
        if (deep == 2)
            memcpy(image.pixels + 2 * i, &sample, 2);
        else
            image.pixels[i] = (uint8_t)(sample >> 8);
    }
    return image;
}

static ddz_encoder *exact_encoder(int max_error, double quality)
{
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, quality);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, 1), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_MAX_ERROR, max_error), DDZ_OK);
    return e;
}

static struct buffer encode_image(ddz_encoder *e, const struct image *image)
{
    ck_assert_int_eq(
        ddz_encoder_encode(e, image->width, image->height, image->format, image->pixels, 0, image->size),
        DDZ_OK);
    return stream_of(e);
}

static struct buffer exact_stream(const struct image *image, int max_error)
{
    ddz_encoder *e = exact_encoder(max_error, 10);
    struct buffer stream = encode_image(e, image);
    ddz_encoder_free(e);
    return stream;
}

/* Of the first `size` bytes; returns the picture's status. */
static ddz_status decode(const uint8_t *data, size_t size, struct image *image, ddz_info *info)
{
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    ddz_status status = feed(d, data, size);
    if (status == DDZ_OK)
        status = ddz_decoder_picture(d, DDZ_RECON_MEAN, image->format, image->pixels, 0, image->size);
    *info = info_of(d);
    ddz_decoder_free(d);
    return status;
}

static void check_exact(struct image image)
{
    struct image found = new_image(image.width, image.height, image.format);
    struct buffer stream = exact_stream(&image, 0);
    ddz_info info;
    ck_assert_int_eq(decode(stream.data, stream.size, &found, &info), DDZ_OK);
    ck_assert_mem_eq(found.pixels, image.pixels, image.size);
    ck_assert_uint_eq(info.exact_rows, image.height);
    ck_assert(info.complete && info.digest_agrees);
    free(stream.data);
    free_image(&image);
    free_image(&found);
}

START_TEST(every_layout)
{
    static const ddz_pixel_format formats[] = {
        DDZ_PIXELS_GREY8,  DDZ_PIXELS_GREY_ALPHA8,  DDZ_PIXELS_RGB8,  DDZ_PIXELS_RGBA8,
        DDZ_PIXELS_GREY16, DDZ_PIXELS_GREY_ALPHA16, DDZ_PIXELS_RGB16, DDZ_PIXELS_RGBA16};
    for (int kind = 0; kind < KINDS; kind++)
        check_exact(make_image(13, 9, formats[_i], kind));
}
END_TEST

START_TEST(every_size)
{
    check_exact(make_image(sizes[_i][0], sizes[_i][1], DDZ_PIXELS_RGB8, _i % KINDS));
}
END_TEST

START_TEST(what_info_says)
{
    struct image image = make_image(10, 10, DDZ_PIXELS_RGBA16, WAVES),
                 found = new_image(10, 10, DDZ_PIXELS_RGBA16);
    struct buffer stream = exact_stream(&image, 0);
    ddz_info info;
    ck_assert_int_eq(decode(stream.data, stream.size, &found, &info), DDZ_OK);
    ck_assert_int_eq(info.exact_channels, 4);
    ck_assert_int_eq(info.exact_depth, 16);
    ck_assert_int_eq(info.exact_error, 0);
    free(stream.data);
    stream = small_stream();
    struct image lossy = new_image(SMALL_W, SMALL_H, DDZ_PIXELS_RGB8);
    ck_assert_int_eq(decode(stream.data, stream.size, &lossy, &info), DDZ_OK);
    ck_assert_int_eq(info.exact_channels, 0);
    ck_assert_uint_eq(info.exact_rows, 0);
    free(stream.data);
    free_image(&lossy);
    free_image(&image);
    free_image(&found);
}
END_TEST

START_TEST(near_lossless)
{
    for (int error = 1; error <= 5; error += 2) {
        struct image image = make_image(31, 17, DDZ_PIXELS_RGB8, WAVES),
                     found = new_image(31, 17, DDZ_PIXELS_RGB8);
        struct buffer exact = exact_stream(&image, 0), near = exact_stream(&image, error);
        ddz_info info;
        ck_assert_int_eq(decode(near.data, near.size, &found, &info), DDZ_OK);
        int most = 0;
        for (size_t i = 0; i < image.size; i++)
            most =
                abs(found.pixels[i] - image.pixels[i]) > most ? abs(found.pixels[i] - image.pixels[i]) : most;
        ck_assert_int_le(most, error);
        ck_assert_int_ge(info.exact_error, most);
        ck_assert_uint_le(near.size, exact.size);
        free(exact.data);
        free(near.data);
        free_image(&image);
        free_image(&found);
    }
}
END_TEST

/* With a chain that stays, prefixes of a picture that needs none are as good as without the layer. */
START_TEST(the_chain_stays)
{
    struct image image = make_image(40, 32, DDZ_PIXELS_RGB8, STRIPES),
                 found = new_image(40, 32, DDZ_PIXELS_RGB8);
    size_t steps[2];
    for (int kept = 0; kept < 2; kept++) {
        ddz_encoder *e = exact_encoder(0, 40);
        ddz_info info;
        ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, 1 + kept), DDZ_OK);
        struct buffer stream = encode_image(e, &image);
        ck_assert_int_eq(ddz_encoder_step_count(e, &steps[kept]), DDZ_OK);
        ck_assert_int_eq(decode(stream.data, stream.size, &found, &info), DDZ_OK);
        ck_assert_mem_eq(found.pixels, image.pixels, image.size);
        ddz_encoder_free(e);
        free(stream.data);
    }
    ck_assert_uint_lt(steps[0], steps[1]);
    free_image(&image);
    free_image(&found);
}
END_TEST

/* Steps of an image's exact stream, and what they take in bytes */
static size_t chain_of(const struct image *image, int exact, double *bytes)
{
    ddz_encoder *e = exact_encoder(0, 40);
    size_t count;
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_EXACT, exact), DDZ_OK);
    struct buffer stream = encode_image(e, image);
    ck_assert_int_eq(ddz_encoder_step_count(e, &count), DDZ_OK);
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        ddz_step step;
        ck_assert_int_eq(ddz_encoder_step(e, i, &step, sizeof step), DDZ_OK);
        *bytes += (double)step.bits / 8;
    }
    *bytes /= (double)stream.size;
    ddz_encoder_free(e);
    free(stream.data);
    return count;
}

/* What has a photograph's noise, but fewer levels, does not need the chain; a prefix does, and has a small part of it. */
START_TEST(the_beginning_stays)
{
    struct image image = make_image(160, 120, DDZ_PIXELS_RGB8, NOISE), stripes;
    for (size_t i = 0; i < image.size; i++)
        image.pixels[i] = (uint8_t)((i % 480 / 5 + i / 480 + image.pixels[i] % 32) & 0xFE);
    stripes = make_image(160, 120, DDZ_PIXELS_RGB8, STRIPES);
    double share[3];
    size_t none = chain_of(&stripes, 1, &share[0]), part = chain_of(&image, 1, &share[1]),
           all = chain_of(&image, 2, &share[2]);
    ck_assert_uint_lt(none, part);
    ck_assert_uint_lt(part, all);
    ck_assert_double_lt(share[1], 1.0 / 48);
    ck_assert_double_gt(share[1], 1.0 / 96);
    free_image(&image);
    free_image(&stripes);
}
END_TEST

/* Prefixes have ever more exact rows, and the rest is the chain's estimate. */
START_TEST(prefixes)
{
    struct image image = make_image(21, 12, DDZ_PIXELS_RGB8, _i), found = new_image(21, 12, DDZ_PIXELS_RGB8);
    struct buffer stream = exact_stream(&image, 0);
    uint32_t rows = 0;
    size_t row = 3 * 21;
    for (size_t n = 10; n <= stream.size; n++) {
        ddz_info info;
        ck_assert_int_eq(decode(stream.data, n, &found, &info), DDZ_OK);
        ck_assert_uint_ge(info.exact_rows, rows);
        ck_assert_mem_eq(found.pixels, image.pixels, row * info.exact_rows);
        rows = info.exact_rows;
    }
    ck_assert_uint_eq(rows, image.height);
    free(stream.data);
    free_image(&image);
    free_image(&found);
}
END_TEST

/* One decoder that is fed and asked again and again finds the same as one that is fed all at once. */
START_TEST(piece_by_piece)
{
    struct image image = make_image(18, 14, DDZ_PIXELS_RGB8, WAVES),
                 found = new_image(18, 14, DDZ_PIXELS_RGB8);
    struct buffer stream = exact_stream(&image, 0);
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    for (size_t n = 0; n < stream.size; n += 100) {
        size_t more = stream.size - n < 100 ? stream.size - n : 100;
        ck_assert_int_eq(feed(d, stream.data + n, more), DDZ_OK);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, found.pixels), DDZ_OK);
    }
    ck_assert_mem_eq(found.pixels, image.pixels, image.size);
    /* a sample is drawn by the chain alone; the mean is exact again afterwards */
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, found.pixels), DDZ_OK);
    ck_assert_mem_ne(found.pixels, image.pixels, image.size);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, found.pixels), DDZ_OK);
    ck_assert_mem_eq(found.pixels, image.pixels, image.size);
    ddz_decoder_free(d);
    free(stream.data);
    free_image(&image);
    free_image(&found);
}
END_TEST

START_TEST(damage)
{
    struct image image = make_image(20, 11, DDZ_PIXELS_RGB8, WAVES),
                 found = new_image(20, 11, DDZ_PIXELS_RGB8);
    struct buffer stream = exact_stream(&image, 0);
    const size_t end = 1 + 4; /* of the records, and digest */
    for (size_t at = stream.size - end - 200; at < stream.size - end; at += 7) {
        ddz_info info;
        stream.data[at] ^= 0x10;
        ck_assert_int_eq(decode(stream.data, stream.size, &found, &info), DDZ_ERR_DIGEST);
        stream.data[at] ^= 0x10;
    }
    free(stream.data);
    free_image(&image);
    free_image(&found);
}
END_TEST

/* The target says where the chain ends, also one in bytes, which leaves nothing out. */
START_TEST(targets)
{
    struct image image = make_image(40, 30, DDZ_PIXELS_RGBA8, WAVES),
                 found = new_image(40, 30, DDZ_PIXELS_RGBA8);
    for (int bytes = 1; bytes < 3000; bytes = 4 * bytes + 30) {
        ddz_encoder *e = exact_encoder(0, 10);
        ddz_info info;
        ck_assert_int_eq(ddz_encoder_set_target(e, DDZ_TARGET_BYTES, bytes), DDZ_OK);
        struct buffer stream = encode_image(e, &image);
        ck_assert_int_eq(decode(stream.data, stream.size, &found, &info), DDZ_OK);
        ck_assert_mem_eq(found.pixels, image.pixels, image.size);
        ddz_encoder_free(e);
        free(stream.data);
    }
    free_image(&image);
    free_image(&found);
}
END_TEST

/* Noise takes hardly more than its own bytes; what repeats takes next to nothing, with no more than a short preview. */
START_TEST(never_much_larger_than_raw)
{
    struct image noise = make_image(60, 50, DDZ_PIXELS_RGB8, NOISE),
                 stripes = make_image(60, 50, DDZ_PIXELS_RGB8, STRIPES);
    struct buffer stream = exact_stream(&noise, 0);
    ck_assert_uint_lt(stream.size, noise.size + 75);
    free(stream.data);
    stream = exact_stream(&stripes, 0);
    ck_assert_uint_lt(stream.size, 100);
    free(stream.data);
    free_image(&noise);
    free_image(&stripes);
}
END_TEST

/* Where the chain ends with the preview, small pictures are means of exact samples. */
START_TEST(small_pictures)
{
    const uint32_t w = 21, h = 14, scale = 2, side = 1U << scale, small_w = 6, small_h = 4;
    struct image image = make_image(w, h, DDZ_PIXELS_RGB8, STRIPES),
                 found = new_image(small_w, small_h, DDZ_PIXELS_RGB8);
    struct buffer stream = exact_stream(&image, 0);
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    ck_assert_int_eq(ddz_decoder_set(d, DDZ_PARAM_SCALE, scale), DDZ_OK);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, found.format, found.pixels, 0, found.size),
                     DDZ_OK);
    for (uint32_t y = 0; y < small_h; y++)
        for (uint32_t x = 0; x < small_w; x++)
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t sum = 0, count = 0;
                for (uint32_t v = y * side; v < h && v < (y + 1) * side; v++)
                    for (uint32_t u = x * side; u < w && u < (x + 1) * side; u++, count++)
                        sum += image.pixels[3 * (w * v + u) + c];
                ck_assert_uint_eq(found.pixels[3 * (small_w * y + x) + c], (sum + count / 2) / count);
            }
    ddz_decoder_free(d);
    free(stream.data);
    free_image(&image);
    free_image(&found);
}
END_TEST

/* A lossy stream becomes exact, and a prefix of what comes out. */
START_TEST(appended)
{
    struct image image = make_image(26, 19, DDZ_PIXELS_RGB8, _i % KINDS),
                 found = new_image(26, 19, DDZ_PIXELS_RGB8);
    struct encoder_settings es = encoder_settings(DDZ_TARGET_QUALITY, 20);
    struct decoder_settings ds = decoder_settings();
    ddz_encoder *e = encoder_new(&es);
    const uint8_t orientation = 6, *tail;
    if (_i >= KINDS) /* a stream with side layers, which have a check of their own */
        ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ORIENTATION, &orientation, 1), DDZ_OK);
    struct buffer lossy = encode_image(e, &image);
    ddz_decoder *d = decoder_new(&ds);
    size_t tail_size;
    uint64_t kept;
    ddz_info info;
#define APPEND() ddz_append_exact(d, image.format, image.pixels, 0, image.size, 0, &tail, &tail_size, &kept)
    ck_assert_int_eq(feed(d, lossy.data, lossy.size - 1), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, found.pixels), DDZ_OK);
    ck_assert_int_eq(APPEND(), DDZ_ERR_STATE);
    ck_assert_int_eq(feed(d, lossy.data + lossy.size - 1, 1), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, found.pixels), DDZ_OK);
    ck_assert_int_eq(APPEND(), DDZ_OK);
    ck_assert_uint_lt(kept, lossy.size);
    uint8_t *whole = new_array((size_t)kept + tail_size, 1);
    memcpy(whole, lossy.data, (size_t)kept);
    memcpy(whole + kept, tail, tail_size);
    ck_assert_int_eq(decode(whole, (size_t)kept + tail_size, &found, &info), DDZ_OK);
    ck_assert_mem_eq(found.pixels, image.pixels, image.size);
    ck_assert(info.complete && info.digest_agrees && !info.damaged_extras);
    ddz_decoder_free(d);
    d = decoder_new(&ds);
    ck_assert_int_eq(feed(d, whole, (size_t)kept + tail_size), DDZ_OK);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, found.pixels), DDZ_OK);
    ck_assert_int_eq(APPEND(), DDZ_ERR_STATE); /* it is exact already */
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(whole);
    free(lossy.data);
    free_image(&image);
    free_image(&found);
}
END_TEST

static int stop_late(void *cookie, double share)
{
    double *last = cookie;
    ck_assert_double_ge(share, *last);
    *last = share;
    return share > 0.95;
}

START_TEST(progress_and_cancelling)
{
    struct image image = make_image(50, 40, DDZ_PIXELS_RGB8, WAVES);
    double last = 0;
    ddz_encoder *e = exact_encoder(0, 10);
    ck_assert_int_eq(ddz_encoder_set_progress(e, stop_late, &last), DDZ_OK);
    ck_assert_int_eq(
        ddz_encoder_encode(e, image.width, image.height, image.format, image.pixels, 0, image.size),
        DDZ_ERR_CANCELLED);
    ck_assert_double_gt(last, 0.95);
    ddz_encoder_free(e);
    free_image(&image);
}
END_TEST

int main(void)
{
    TCase *exact = CASE("exact", what_info_says, near_lossless, the_chain_stays, the_beginning_stays,
                        small_pictures, targets, never_much_larger_than_raw, progress_and_cancelling);
    tcase_add_loop_test(exact, every_layout, 0, 8);
    tcase_add_loop_test(exact, every_size, 0, SIZES);
    tcase_add_loop_test(exact, appended, 0, 2 * KINDS);
    TCase *parts = CASE("parts of streams", piece_by_piece, damage);
    tcase_add_loop_test(parts, prefixes, 0, KINDS);
    return RUN("lossless", 120, exact, parts);
}
