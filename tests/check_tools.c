/* What the programs share: numbers on the command line, metrics, sheets of pictures, files that
 * are complete or not there. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "tools/codelength.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/metrics.h"
#include "tools/options.h"
#include "tools/picture.h"
#include "tools/sheet.h"

/* ---- Numbers -------------------------------------------------------------------------------- */

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
                ck_assert_uint_eq(sheet.image.rgb[3 * (y * sheet.image.width + x) + c], (uint8_t)expected);
            }
    free(sheet.image.rgb);
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
    ck_assert_int_eq(common_begin(&common), CLI_OK);
    ck_assert_int_eq(common.features, 0);
    setenv("DDZ_ISA", "", 1);
    ck_assert_int_eq(common_begin(&common), CLI_OK);
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

/* ---- Metrics -------------------------------------------------------------------------------- */

START_TEST(signal_to_noise)
{
    uint8_t a[1000], b[1000];
    for (int i = 0; i < 1000; i++) {
        a[i] = (uint8_t)(i % 200);
        b[i] = (uint8_t)(a[i] + (i % 2 ? 3 : 0));
    }
    ck_assert_double_infinite(psnr(a, a, 1000));
    /* Mean squared error 4.5: 10 log10(65025 / 4.5) */
    ck_assert_double_eq_tol(psnr(a, b, 1000), 41.5987, 1e-4);
    memset(a, 0, sizeof a);
    memset(b, 255, sizeof b);
    ck_assert_double_eq_tol(psnr(a, b, 1000), 0, 1e-12);
    ck_assert_double_eq_tol(psnr(b, a, 1), 0, 1e-12);
}
END_TEST

/* ---- Codelength ----------------------------------------------------------------------------- */

static double density(double v, double mean, double s)
{
    double z = (v - mean) / s;
    return exp(-z * z / 2) / (s * sqrt(2 * M_PI));
}

/* Equation 13 as it stands, its integral by Simpson's rule */
static double probability(int x, double estimate, double s)
{
    enum { INTERVALS = 4000 };
    double from = x == 0 ? fmin(estimate, 0) - 12 * s : x - 0.5;
    double to = x == 255 ? fmax(estimate, 255) + 12 * s : x + 0.5;
    double step = (to - from) / INTERVALS, sum = 0;
    for (int i = 0; i <= INTERVALS; i++)
        sum += density(from + i * step, estimate, s) * (i == 0 || i == INTERVALS ? 1 : i % 2 ? 4 : 2);
    return sum * step / 3;
}

static struct residuals residuals_of(const uint8_t *x, const int32_t *estimate, size_t n)
{
    struct residuals r;
    ck_assert_int_eq(residuals_count(&r, x, estimate, n), 0);
    return r;
}

static double bits_of(uint8_t x, int32_t estimate, double s)
{
    struct residuals r = residuals_of(&x, &estimate, 1);
    double bits = decoder_bits(&r, s);
    residuals_free(&r);
    return bits;
}

static const double deviations[] = {0.3, 0.58, 1, 2.7, 20, 90};
enum { DEVIATIONS = sizeof deviations / sizeof *deviations };

START_TEST(codelengths)
{
    double s = deviations[_i];
    for (int x = 0; x < 256; x += 5)
        for (int32_t estimate = 0; estimate <= 65280; estimate += 1536) {
            double p = probability(x, estimate / 256.0, s);
            if (p > 1e-12)
                ck_assert_double_eq_tol(bits_of((uint8_t)x, estimate, s), -log2(p), 1e-6);
        }
}
END_TEST

START_TEST(probabilities_sum_to_one)
{
    for (int32_t estimate = 0; estimate <= 65280; estimate += 4079) {
        double sum = 0;
        for (int x = 0; x < 256; x++)
            sum += exp2(-bits_of((uint8_t)x, estimate, deviations[_i]));
        ck_assert_double_eq_tol(sum, 1, 1e-9);
    }
}
END_TEST

/* Where the probability itself underflows the codelength is finite, and grows like a parabola. */
START_TEST(codelengths_of_far_errors)
{
    double last = 0;
    for (int x = 1; x < 255; x++) {
        double bits = bits_of((uint8_t)x, 0, 0.25), z = (x - 0.5) / 0.25;
        ck_assert(isfinite(bits));
        ck_assert_double_gt(bits, last);
        if (z > 4) /* between two bounds of the Gaussian tail; the far side of the bin does not count */
            ck_assert_double_eq_tol(bits * log(2), z * z / 2 + log(z * sqrt(2 * M_PI)) + 0.5 / (z * z),
                                    0.5 / (z * z) + 1e-5);
        last = bits;
    }
    ck_assert_double_gt(bits_of(255, 0, 0.02), 1e7);
}
END_TEST

enum { ERRORS = 20000 };

/* Pictures whose error is nearly Gaussian, of a known deviation */
static struct residuals gaussian_residuals(double deviation)
{
    static uint8_t x[ERRORS];
    static int32_t estimate[ERRORS];
    uint32_t state = 1;
    double square = 0;
    for (size_t i = 0; i < ERRORS; i++) {
        double sum = -6; /* of twelve uniform numbers */
        for (int k = 0; k < 12; k++)
            sum += (double)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24;
        estimate[i] = 25600 + (int32_t)(i % 4096);
        x[i] = (uint8_t)lrint(estimate[i] / 256.0 + deviation * sum);
        square += pow(x[i] - estimate[i] / 256.0, 2) / ERRORS;
    }
    struct residuals r = residuals_of(x, estimate, ERRORS);
    ck_assert_double_eq_tol(residuals_square(&r), square, 1e-9);
    return r;
}

/* The codelength of a Gaussian is the entropy of what a bin's width, of variance 1/12, leaves of it, and
 * its own deviation the best one. */
START_TEST(fitted_deviations)
{
    for (double deviation = 1; deviation < 20; deviation *= 2) {
        struct residuals r[2] = {gaussian_residuals(deviation), gaussian_residuals(deviation * 1.5)};
        double s = decoder_fit(r, 1), bits = decoder_bits(r, s);
        ck_assert_double_eq_tol(s / deviation, 1, 0.02);
        ck_assert_double_eq_tol(bits, log2(2 * M_PI * M_E * (deviation * deviation + 1.0 / 12)) / 2, 0.02);
        ck_assert_double_lt(bits, decoder_bits(r, s * 1.01));
        ck_assert_double_lt(bits, decoder_bits(r, s / 1.01));
        double both = decoder_fit(r, 2);
        ck_assert_double_gt(both, s * 1.1);
        ck_assert_double_lt(both, s * 1.4);
        residuals_free(&r[0]);
        residuals_free(&r[1]);
    }
    uint8_t x = 7;
    int32_t estimate = 7 * 256;
    struct residuals exact = residuals_of(&x, &estimate, 1);
    ck_assert_double_eq_tol(decoder_fit(&exact, 1), 1.0 / 64, 0.02);
    ck_assert_double_eq_tol(decoder_bits(&exact, 1.0 / 64), 0, 1e-12);
    residuals_free(&exact);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------------------- */

static char folder[] = "/tmp/check_tools.XXXXXX";
static char path[64];

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

/* Fails if anything but the file is in the folder. */
static void remove_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void expect_content(const char *text)
{
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(file_read(path, 100, &data, &size), CLI_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(data, text, size);
    free(data);
}

static void write_content(const char *text)
{
    struct output output;
    ck_assert_int_eq(output_begin(&output, path), CLI_OK);
    fputs(text, output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
}

START_TEST(files_appear_complete)
{
    struct output output;
    ck_assert_int_eq(output_begin(&output, path), CLI_OK);
    fputs("first", output.file);
    fflush(output.file);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("first");

    ck_assert_int_eq(output_begin(&output, path), CLI_OK);
    fputs("second", output.file);
    output_abandon(&output);
    expect_content("first");
    write_content("third");
    expect_content("third");
}
END_TEST

START_TEST(failed_writes_leave_the_old_file)
{
    struct output output;
    write_content("old");
    ck_assert_int_eq(output_begin(&output, path), CLI_OK);
    /* The descriptor is made one that cannot be written to. */
    int unwritable = open("/dev/null", O_RDONLY);
    ck_assert_int_ge(unwritable, 0);
    ck_assert_int_ge(dup2(unwritable, fileno(output.file)), 0);
    close(unwritable);
    fputs("new", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_FILE);
    expect_content("old");
}
END_TEST

START_TEST(links_are_written_through)
{
    char link[80];
    struct output output;
    struct stat about;
    write_content("old");
    snprintf(link, sizeof link, "%s/link", folder);
    ck_assert_int_eq(symlink("file", link), 0);
    ck_assert_int_eq(output_begin(&output, link), CLI_OK);
    fputs("new", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("new");
    ck_assert_int_eq(lstat(link, &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    unlink(link);
}
END_TEST

START_TEST(limits_of_reading)
{
    uint8_t *data = NULL;
    size_t size = 0;
    write_content("0123456789");
    ck_assert_int_eq(file_read(path, 10, &data, &size), CLI_OK);
    free(data);
    ck_assert_int_eq(file_read(path, 9, &data, &size), CLI_LIMIT);
    ck_assert_int_eq(file_read(folder, 9, &data, &size), CLI_FILE);
    ck_assert_int_eq(file_read("/nowhere/at/all", 9, &data, &size), CLI_FILE);
}
END_TEST

int main(void)
{
    TCase *values = tcase_create("values"), *files = tcase_create("files");
    cli_begin("check_tools");
    tcase_add_test(values, whole_numbers);
    tcase_add_loop_test(values, not_whole_numbers, 0, 12);
    tcase_add_test(values, real_numbers);
    tcase_add_loop_test(values, not_real_numbers, 0, 12);
    tcase_add_test(values, sheets);
    tcase_add_test(values, powers_of_two);
    tcase_add_test(values, instruction_sets);
    tcase_add_test(values, bytes_of_a_rate);
    tcase_add_test(values, statuses);
    tcase_add_test(values, signal_to_noise);
    tcase_add_loop_test(values, codelengths, 0, DEVIATIONS);
    tcase_add_loop_test(values, probabilities_sum_to_one, 0, DEVIATIONS);
    tcase_add_test(values, codelengths_of_far_errors);
    tcase_add_test(values, fitted_deviations);
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, files_appear_complete);
    tcase_add_test(files, failed_writes_leave_the_old_file);
    tcase_add_test(files, links_are_written_through);
    tcase_add_test(files, limits_of_reading);
    TCase *all[] = {values, files};
    return run_cases("tools", 4, all, sizeof all / sizeof *all);
}
