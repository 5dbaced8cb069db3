/* What the programs share: numbers on the command line, metrics, files that are complete or not there. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/files.h"
#include "tools/metrics.h"

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

START_TEST(instruction_sets)
{
    ddz_isa isa = DDZ_ISA_BEST;
    ck_assert_int_eq(cli_isa("--isa", "avx2", &isa), CLI_OK);
    ck_assert_int_eq(isa, DDZ_ISA_AVX2);
    ck_assert_int_eq(cli_isa("--isa", "AVX2", &isa), CLI_USAGE);
    ck_assert_int_eq(cli_isa("--isa", "", &isa), CLI_USAGE);
    setenv("DDZ_ISA", "portable", 1);
    ck_assert_int_eq(cli_isa_default(&isa), CLI_OK);
    ck_assert_int_eq(isa, DDZ_ISA_PORTABLE);
    setenv("DDZ_ISA", "", 1);
    ck_assert_int_eq(cli_isa_default(&isa), CLI_OK);
    ck_assert_int_eq(isa, DDZ_ISA_BEST);
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
    ck_assert_int_eq(cli_fail_status("x", DDZ_ERR_LIMIT), 5);
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
    Suite *suite = suite_create("tools");
    TCase *values = tcase_create("values"), *files = tcase_create("files");
    cli_begin("check_tools");
    tcase_add_test(values, whole_numbers);
    tcase_add_loop_test(values, not_whole_numbers, 0, 12);
    tcase_add_test(values, real_numbers);
    tcase_add_loop_test(values, not_real_numbers, 0, 12);
    tcase_add_test(values, instruction_sets);
    tcase_add_test(values, bytes_of_a_rate);
    tcase_add_test(values, statuses);
    tcase_add_test(values, signal_to_noise);
    suite_add_tcase(suite, values);
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, files_appear_complete);
    tcase_add_test(files, failed_writes_leave_the_old_file);
    tcase_add_test(files, links_are_written_through);
    tcase_add_test(files, limits_of_reading);
    suite_add_tcase(suite, files);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
