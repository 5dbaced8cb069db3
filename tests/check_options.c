/* The programs' values of options, messages and pictures */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "tools/message.h"
#include "tools/options.h"
#include "tools/sheet.h"

START_TEST(whole_numbers)
{
    uint64_t v = 7;
    ck_assert_int_eq(cli_whole("-x", "0", 0, 9, &v), CLI_OK);
    ck_assert_uint_eq(v, 0);
    ck_assert_int_eq(cli_whole("-x", "0009", 0, 9, &v), CLI_OK);
    ck_assert_uint_eq(v, 9);
    ck_assert_int_eq(cli_whole("-x", "18446744073709551615", 1, UINT64_MAX, &v), CLI_OK);
    ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

START_TEST(not_whole_numbers)
{
    static const char *const wrong[] = {"",
                                        " 1",
                                        "1 ",
                                        "+1",
                                        "-1",
                                        "1.",
                                        "0x1",
                                        "1e1",
                                        "ten",
                                        "10",
                                        "18446744073709551616",
                                        "99999999999999999999999"};
    uint64_t v = 7;
    ck_assert_int_eq(cli_whole("-x", wrong[_i], 0, 9, &v), CLI_USAGE);
    ck_assert_uint_eq(v, 7);
    if (_i >= 10)
        ck_assert_int_eq(cli_whole("-x", wrong[_i], 0, UINT64_MAX, &v), CLI_USAGE);
}
END_TEST

START_TEST(real_numbers)
{
    double v = 7;
    ck_assert_int_eq(cli_real("-x", "0.25", 0, 9, &v), CLI_OK);
    ck_assert_double_eq(v, 0.25);
    ck_assert_int_eq(cli_real("-x", ".5", 0, 9, &v), CLI_OK);
    ck_assert_double_eq(v, 0.5);
    ck_assert_int_eq(cli_real("-x", "9", 0, 9, &v), CLI_OK);
    ck_assert_double_eq(v, 9);
}
END_TEST

START_TEST(not_real_numbers)
{
    static const char *const wrong[] = {"",   ".",  "1..2", "nan", "inf", "-0",
                                        "+1", " 1", "1 ",   "1e0", "0x1", "9.01"};
    double v = 7;
    ck_assert_int_eq(cli_real("-x", wrong[_i], 0, 9, &v), CLI_USAGE);
    ck_assert_double_eq(v, 7);
}
END_TEST

/* Each pixel of a sheet is that of the picture whose cell it is in, or white. */
static void check_sheet(uint32_t count, uint32_t columns, uint32_t rows)
{
    enum { W = 3, H = 2 };
    struct sheet sheet;
    ck_assert_int_eq(sheet_make(&sheet, count, W, H), CLI_OK);
    ck_assert_uint_eq(sheet.image.width, columns * (W + 2) - 2);
    ck_assert_uint_eq(sheet.image.height, rows * (H + 2) - 2);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t rgb[3 * W * H];
        for (uint32_t j = 0; j < sizeof rgb; j++)
            rgb[j] = (uint8_t)(1 + i * sizeof rgb + j);
        sheet_place(&sheet, i, rgb);
    }
    for (uint32_t y = 0; y < sheet.image.height; y++)
        for (uint32_t x = 0; x < sheet.image.width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t i = y / (H + 2) * columns + x / (W + 2), in_x = x % (W + 2), in_y = y % (H + 2);
                bool white = i >= count || in_x >= W || in_y >= H;
                uint32_t expected = white ? 255 : 1 + i * 3 * W * H + 3 * (in_y * W + in_x) + c;
                ck_assert_uint_eq(((uint8_t *)sheet.image.pixels)[3 * (y * sheet.image.width + x) + c],
                                  (uint8_t)expected);
            }
    image_free(&sheet.image);
}

START_TEST(sheets)
{
    struct sheet sheet;
    check_sheet(1, 1, 1);
    check_sheet(2, 2, 1);
    check_sheet(4, 2, 2);
    check_sheet(5, 3, 2);
    check_sheet(10, 4, 3);
    ck_assert_int_eq(sheet_make(&sheet, 4, 40000, 1), CLI_LIMIT);
    ck_assert_int_eq(sheet_make(&sheet, 9999, 8192, 8192), CLI_LIMIT);
    ck_assert_int_eq(sheet_make(&sheet, 4, 8192, 8192), CLI_LIMIT);
}
END_TEST

START_TEST(powers_of_two)
{
    static const char *const bad[] = {"", "0", "3", "6", "24", "33", "64", "-2", "2.0", "4294967298"};
    int value = -1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(cli_power_of_two("--steps", bad[i], 1, 32, &value), CLI_USAGE);
        ck_assert_int_eq(value, -1);
    }
    for (int power = 1; power <= 32; power *= 2) {
        char text[8];
        snprintf(text, sizeof text, "%d", power);
        ck_assert_int_eq(cli_power_of_two("--steps", text, 1, 32, &value), CLI_OK);
        ck_assert_int_eq(value, power);
    }
    ck_assert_int_eq(cli_power_of_two("--steps", "1", 2, 32, &value), CLI_USAGE);
}
END_TEST

START_TEST(instruction_sets)
{
    int64_t features = -1;
    ck_assert_int_eq(cli_isa("--isa", "avx2", &features), CLI_OK);
    ck_assert_int_eq(features, DDZ_CPU_AVX2);
    ck_assert_int_eq(cli_isa("--isa", "AVX2", &features), CLI_USAGE);
    ck_assert_int_eq(cli_isa("--isa", "", &features), CLI_USAGE);
    struct common common;
    setenv("DDZ_ISA", "portable", 1);
    ck_assert_int_eq(common_begin(&common, 1 << 30), CLI_OK);
    ck_assert_int_eq(common.features, 0);
    setenv("DDZ_ISA", "", 1);
    ck_assert_int_eq(common_begin(&common, 1 << 30), CLI_OK);
    ck_assert_int_eq(common.features, -1);
}
END_TEST

/* Products that are whole in decimal stay so, others are rounded down. */
START_TEST(bytes_of_a_rate)
{
    ck_assert_uint_eq(cli_bytes_of_bpp(1, 48, 40), 240);
    for (uint32_t tenths = 1; tenths <= 480; tenths++) {
        char text[16];
        double bpp;
        snprintf(text, sizeof text, "%u.%u", tenths / 10, tenths % 10);
        ck_assert_int_eq(cli_real("--bpp", text, 0, 48, &bpp), CLI_OK);
        ck_assert_uint_eq(cli_bytes_of_bpp(bpp, 48, 40), (uint64_t)tenths * 48 * 40 / 80);
        ck_assert_uint_eq(cli_bytes_of_bpp(bpp, 65535, 4095), (uint64_t)tenths * 65535 * 4095 / 80);
    }
}
END_TEST

/* Kinds of error keep to the statuses that the manual pages give. */
START_TEST(statuses)
{
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_ARGUMENT), 1);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_FORMAT), 3);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_TRUNCATED), 3);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_CORRUPT), 3);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_MODEL), 4);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_WRONG_MODEL), 4);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_MEMORY), 5);
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_PIXEL_LIMIT), 5);
}
END_TEST

int main(void)
{
    cli_begin("check_options");
    TCase *values = CASE("values", whole_numbers, real_numbers, sheets, powers_of_two, instruction_sets,
                         bytes_of_a_rate, statuses);
    tcase_add_loop_test(values, not_whole_numbers, 0, 12);
    tcase_add_loop_test(values, not_real_numbers, 0, 12);
    return RUN("options", 4, values);
}
