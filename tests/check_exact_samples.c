/* Samples as they are, of every layout */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "api/samples.h"
#include "inputs.h"
#include "runner.h"

static const ddz_pixel_format formats[] = {DDZ_PIXELS_GREY8, DDZ_PIXELS_GREY_ALPHA8, DDZ_PIXELS_RGB8,
                                           DDZ_PIXELS_RGBA8, DDZ_PIXELS_GREY16,      DDZ_PIXELS_GREY_ALPHA16,
                                           DDZ_PIXELS_RGB16, DDZ_PIXELS_RGBA16};
enum { FORMATS = 8, W = 7, H = 5, STRIDE = 8 * W + 10 };

START_TEST(what_is_read_is_written)
{
    struct layout layout;
    uint8_t *pixels = random_bytes(STRIDE * H), *written = new_array(STRIDE * H, 1);
    ck_assert_int_eq(ddz_layout_make(&layout, formats[_i], W, H, STRIDE, STRIDE * H), DDZ_OK);
    const struct sample_form form = ddz_samples_form(&layout, pixels);
    ck_assert_int_eq(form.channels, layout.channels < 3 ? 1 : 3);
    ck_assert_int_eq(form.depth, layout.deep ? 16 : 8);
    ck_assert_int_eq(form.alpha, layout.deep && layout.channels % 2 == 0);
    uint16_t *colours = new_array(3 * W * H, sizeof *colours), *alpha = new_array(W * H, sizeof *alpha);
    ddz_samples_read(&layout, pixels, &form, colours, alpha);
    for (uint32_t y = 0; y < H; y++) {
        size_t sample = layout.deep ? 2 : 1, row = (size_t)layout.channels * W * sample;
        ddz_samples_write_row(&layout, y, form.channels, form.depth, colours + (size_t)form.channels * W * y,
                              written);
        if (form.alpha)
            ddz_samples_write_alpha(&layout, y, 16, alpha + W * y, written);
        for (size_t i = 0; i < STRIDE; i++) {
            bool is_alpha = layout.channels % 2 == 0 &&
                            i / sample % (size_t)layout.channels == (size_t)layout.channels - 1;
            bool there = i < row && (form.alpha || !is_alpha);
            ck_assert_uint_eq(written[STRIDE * y + i], there ? pixels[STRIDE * y + i] : 0);
        }
    }
    free(pixels);
    free(written);
    free(colours);
    free(alpha);
}
END_TEST

/* The simplest form that holds the picture */
START_TEST(forms)
{
    uint16_t pixels[4 * W * H];
    struct layout layout;
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_RGBA16, W, H, 0, sizeof pixels), DDZ_OK);
    for (size_t i = 0; i < 4 * W * H; i++)
        pixels[i] = i % 4 == 3 ? 65535 : (uint16_t)(257 * (i / 4));
    struct sample_form form = ddz_samples_form(&layout, pixels);
    ck_assert(form.channels == 1 && form.depth == 8 && !form.alpha);
    pixels[4 * W * H - 2] = 0;
    form = ddz_samples_form(&layout, pixels);
    ck_assert(form.channels == 3 && form.depth == 8 && !form.alpha);
    pixels[4 * W * H - 1] = 257; /* 8-bit alpha has a layer of its own */
    form = ddz_samples_form(&layout, pixels);
    ck_assert(form.channels == 3 && form.depth == 8 && !form.alpha);
    pixels[4 * W * H - 1] = 258;
    form = ddz_samples_form(&layout, pixels);
    ck_assert(form.channels == 3 && form.depth == 16 && form.alpha);
}
END_TEST

/* Into layouts of another depth, and of other channels */
START_TEST(conversions)
{
    const uint16_t ends[] = {0, 1, 0, 1}, deep[] = {65535, 128, 129, 65406};
    const uint16_t colours[] = {255, 0, 0, 10, 20, 30}, bytes[] = {0, 1, 254, 255}, pairs[] = {1, 2, 3, 4};
    uint8_t out[8];
    uint16_t wide[4];
    struct layout layout;
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_GREY8, 4, 1, 0, sizeof out), DDZ_OK);
    ddz_samples_write_row(&layout, 0, 1, 1, ends, out);
    ck_assert_mem_eq(out, ((uint8_t[]){0, 255, 0, 255}), 4);
    ddz_samples_write_row(&layout, 0, 1, 16, deep, out);
    ck_assert_mem_eq(out, ((uint8_t[]){255, 0, 1, 254}), 4);
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_GREY16, 4, 1, 0, sizeof wide), DDZ_OK);
    ddz_samples_write_row(&layout, 0, 1, 8, bytes, wide);
    ck_assert_mem_eq(wide, ((uint16_t[]){0, 257, 65278, 65535}), 8);
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_GREY8, 2, 1, 0, sizeof out), DDZ_OK);
    ddz_samples_write_row(&layout, 0, 3, 8, colours, out);
    ck_assert_mem_eq(out, ((uint8_t[]){54, 19}), 2); /* (54 R + 183 G + 19 B) / 256 */
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_RGBA8, 2, 1, 0, sizeof out), DDZ_OK);
    memset(out, 7, sizeof out);
    ddz_samples_write_row(&layout, 0, 1, 8, colours, out);
    ck_assert_mem_eq(out, ((uint8_t[]){255, 255, 255, 7, 0, 0, 0, 7}), 8);
    ddz_samples_write_row(&layout, 0, 2, 8, pairs, out);
    ck_assert_mem_eq(out, ((uint8_t[]){1, 1, 1, 2, 3, 3, 3, 4}), 8);
}
END_TEST

START_TEST(checks)
{
    uint16_t samples[3000];
    uint8_t bytes[6000];
    for (size_t i = 0; i < 3000; i++) {
        samples[i] = (uint16_t)draw(65536);
        bytes[2 * i] = (uint8_t)samples[i];
        bytes[2 * i + 1] = (uint8_t)(samples[i] >> 8);
    }
    uint32_t whole = ddz_samples_check(0, samples, 3000);
    ck_assert_uint_eq(whole, crc32(0, bytes, sizeof bytes));
    ck_assert_uint_eq(ddz_samples_check(ddz_samples_check(0, samples, 999), samples + 999, 2001), whole);
}
END_TEST

/* Against every pair of pixels; few colours, and very many */
START_TEST(repeats)
{
    enum { ALL = 40 * 30 };
    struct layout layout;
    const uint32_t shades[] = {1, 2, 7, 19, 60000};
    for (int k = 0; k < 5; k++) {
        uint8_t *pixels = new_array(STRIDE * 40 * 30, 1);
        size_t stride = (size_t)STRIDE * 40, size = 0;
        ck_assert_int_eq(ddz_layout_make(&layout, formats[_i], 40, 30, stride, stride * 30), DDZ_OK);
        size = (size_t)layout.channels * (layout.deep ? 2 : 1);
        for (uint32_t y = 0; y < 30; y++)
            for (uint32_t x = 0; x < 40; x++) {
                uint64_t colour = draw(shades[k]) * UINT64_C(0xFEDCBA9876543211);
                memcpy(pixels + y * stride + x * size, &colour, size);
            }
        const uint8_t *at[ALL];
        uint32_t alike = 0, colours = 0;
        for (uint32_t i = 0; i < ALL; i++) {
            uint32_t before = 0;
            at[i] = pixels + i / 40 * stride + i % 40 * size;
            alike += (i % 40 && memcmp(at[i], at[i - 1], size) == 0) ||
                     (i >= 40 && memcmp(at[i], at[i - 40], size) == 0);
            while (before < i && memcmp(at[i], at[before], size) != 0)
                before++;
            colours += before == i;
        }
        struct sample_repeats r = ddz_samples_repeats(&layout, pixels);
        ck_assert_uint_eq(r.alike, alike);
        ck_assert_uint_eq(r.colours, colours <= SAMPLE_COLOURS_MOST ? colours : SAMPLE_COLOURS_MOST + 1);
        free(pixels);
    }
}
END_TEST

START_TEST(bytes_of_samples)
{
    uint16_t pixels[4 * W * H];
    struct layout layout;
    memset(pixels, 255, sizeof pixels);
    ck_assert_int_eq(ddz_layout_make(&layout, DDZ_PIXELS_RGBA16, W, H, 0, sizeof pixels), DDZ_OK);
    ck_assert_uint_eq(ddz_samples_size(&layout, pixels), W * H); /* grey of 8 bits, opaque */
    pixels[1] = 3;
    ck_assert_uint_eq(ddz_samples_size(&layout, pixels), 6 * W * H);
    pixels[3] = 3;
    ck_assert_uint_eq(ddz_samples_size(&layout, pixels), 8 * W * H);
}
END_TEST

int main(void)
{
    TCase *all = CASE("exact samples", forms, conversions, checks, bytes_of_samples);
    tcase_add_loop_test(all, repeats, 0, FORMATS);
    tcase_add_loop_test(all, what_is_read_is_written, 0, FORMATS);
    return RUN("exact samples", 30, all);
}
