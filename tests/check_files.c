/* The files that the programs read and write */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "tools/files.h"
#include "tools/message.h"

static char folder[] = "/tmp/check_files.XXXXXX";
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
    ck_assert_int_eq(file_read(path, 100, NULL, &data, &size), CLI_OK);
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
    ck_assert_int_eq(file_read(path, 10, NULL, &data, &size), CLI_OK);
    free(data);
    ck_assert_int_eq(file_read(path, 9, NULL, &data, &size), CLI_LIMIT);
    ck_assert_int_eq(file_read(folder, 9, NULL, &data, &size), CLI_FILE);
    ck_assert_int_eq(file_read("/nowhere/at/all", 9, NULL, &data, &size), CLI_FILE);
}
END_TEST

int main(void)
{
    cli_begin("check_files");
    TCase *files = CASE("files", files_appear_complete, failed_writes_leave_the_old_file,
                        links_are_written_through, limits_of_reading);
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    return RUN("files", 4, files);
}
