/* The files that the programs write */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "scratch.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/output.h"

static void expect_content(const char *text)
{
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(file_read(scratch_file, 100, NULL, &data, &size), CLI_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(data, text, size);
    free(data);
}

static const struct output_guard any;

static void write_content(const char *text)
{
    struct output output;
    ck_assert_int_eq(output_begin(&output, scratch_file, any), CLI_OK);
    fputs(text, output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
}

START_TEST(files_appear_complete)
{
    struct output output;
    ck_assert_int_eq(output_begin(&output, scratch_file, any), CLI_OK);
    fputs("first", output.file);
    fflush(output.file);
    ck_assert_int_ne(access(scratch_file, F_OK), 0);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("first");

    ck_assert_int_eq(output_begin(&output, scratch_file, any), CLI_OK);
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
    ck_assert_int_eq(output_begin(&output, scratch_file, any), CLI_OK);
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
    snprintf(link, sizeof link, "%s/link", scratch_folder);
    ck_assert_int_eq(symlink("file", link), 0);
    ck_assert_int_eq(output_begin(&output, link, any), CLI_OK);
    fputs("new", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("new");
    ck_assert_int_eq(lstat(link, &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    unlink(link);
}
END_TEST

/* Replacing keeps permissions, and hard links stay links to the same file. */
START_TEST(permissions_and_hard_links)
{
    struct stat before, after;
    char link_path[80];
    write_content("old");
    ck_assert_int_eq(chmod(scratch_file, 0600), 0);
    write_content("new");
    ck_assert_int_eq(stat(scratch_file, &after), 0);
    ck_assert_int_eq(after.st_mode & 07777, 0600);
    ck_assert_int_eq(chmod(scratch_file, 0664), 0);
    snprintf(link_path, sizeof link_path, "%s/hard", scratch_folder);
    ck_assert_int_eq(link(scratch_file, link_path), 0);
    ck_assert_int_eq(stat(scratch_file, &before), 0);
    /* Longer, then shorter than what was there */
    static const char *const contents[] = {"rather longer than it was before", "", "short"};
    for (int i = 0; i < 3; i++) {
        write_content(contents[i]);
        expect_content(contents[i]);
        ck_assert_int_eq(stat(link_path, &after), 0);
        ck_assert_uint_eq(after.st_ino, before.st_ino);
        ck_assert_uint_eq(after.st_nlink, 2);
        ck_assert_int_eq(after.st_mode & 07777, 0664);
    }
    unlink(link_path);
}
END_TEST

/* A link to nothing is followed: its target appears. One into a folder that is not there says no. */
START_TEST(dangling_links)
{
    char link_path[80];
    struct output output;
    struct stat about;
    snprintf(link_path, sizeof link_path, "%s/dangling", scratch_folder);
    ck_assert_int_eq(symlink("file", link_path), 0);
    ck_assert_int_eq(output_begin(&output, link_path, any), CLI_OK);
    fputs("through", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("through");
    ck_assert_int_eq(lstat(link_path, &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    unlink(link_path);
    ck_assert_int_eq(symlink("nowhere/file", link_path), 0);
    ck_assert_int_eq(output_begin(&output, link_path, any), CLI_FILE);
    unlink(link_path);
    ck_assert_int_eq(symlink("dangling", link_path), 0);
    ck_assert_int_eq(output_begin(&output, link_path, any), CLI_FILE);
    unlink(link_path);
}
END_TEST

START_TEST(names_up_to_the_limit)
{
    char name[300];
    for (int length = 240; length <= 255; length += 15) {
        struct output output;
        int used = snprintf(name, sizeof name, "%s/", scratch_folder);
        memset(name + used, 'n', (size_t)length);
        name[used + length] = 0;
        ck_assert_int_eq(output_begin(&output, name, any), CLI_OK);
        fputs("long", output.file);
        ck_assert_int_eq(output_finish(&output), CLI_OK);
        ck_assert_int_eq(unlink(name), 0);
    }
    struct output output;
    strcat(name, "n");
    ck_assert_int_eq(output_begin(&output, name, any), CLI_FILE);
    ck_assert_int_eq(output_begin(&output, "", any), CLI_FILE);
    ck_assert_int_eq(output_begin(&output, scratch_folder, any), CLI_FILE);
}
END_TEST

/* What is kept is not replaced, at the beginning or at the end. */
START_TEST(kept_files)
{
    const struct output_guard keep = {.keep = 1};
    struct output output;
    ck_assert_int_eq(output_begin(&output, scratch_file, keep), CLI_OK);
    fputs("first", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("first");
    ck_assert_int_eq(output_begin(&output, scratch_file, keep), CLI_FILE);
    unlink(scratch_file);
    ck_assert_int_eq(output_begin(&output, scratch_file, keep), CLI_OK);
    fputs("second", output.file);
    FILE *other = fopen(scratch_file, "w");
    fputs("meanwhile", other);
    fclose(other);
    ck_assert_int_eq(output_finish(&output), CLI_FILE);
    expect_content("meanwhile");
}
END_TEST

/* The input is not written over, under whatever name. */
START_TEST(inputs_are_safe)
{
    char link_path[80];
    struct output output;
    const struct output_guard from_file = {.input = scratch_file};
    write_content("input");
    snprintf(link_path, sizeof link_path, "%s/link", scratch_folder);
    ck_assert_int_eq(output_begin(&output, scratch_file, from_file), CLI_USAGE);
    ck_assert_int_eq(symlink("file", link_path), 0);
    ck_assert_int_eq(output_begin(&output, link_path, from_file), CLI_USAGE);
    unlink(link_path);
    ck_assert_int_eq(link(scratch_file, link_path), 0);
    ck_assert_int_eq(output_begin(&output, link_path, from_file), CLI_USAGE);
    unlink(link_path);
    ck_assert_ptr_nonnull(freopen(scratch_file, "r", stdin));
    ck_assert_int_eq(output_begin(&output, scratch_file, (struct output_guard){.input = "-"}), CLI_USAGE);
    expect_content("input");
}
END_TEST

/* Descriptors by name are written to, not their files replaced. */
START_TEST(descriptors_by_name)
{
    char name[40];
    struct output output;
    struct stat before, after;
    write_content("begun: ");
    int descriptor = open(scratch_file, O_WRONLY | O_APPEND);
    ck_assert_int_ge(descriptor, 0);
    snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
    ck_assert_int_eq(stat(scratch_file, &before), 0);
    ck_assert_int_eq(output_begin(&output, name, any), CLI_OK);
    fputs("more", output.file);
    ck_assert_int_eq(output_finish(&output), CLI_OK);
    expect_content("begun: more");
    ck_assert_int_eq(stat(scratch_file, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(fcntl(descriptor, F_GETFD) >= 0, 1);
    close(descriptor);
    ck_assert_int_eq(output_begin(&output, name, any), CLI_FILE);
}
END_TEST

int main(void)
{
    cli_begin("check_output");
    TCase *files = CASE("output", files_appear_complete, failed_writes_leave_the_old_file,
                        links_are_written_through, permissions_and_hard_links, dangling_links,
                        names_up_to_the_limit, kept_files, inputs_are_safe, descriptors_by_name);
    tcase_add_checked_fixture(files, scratch_make, scratch_remove);
    return RUN("output", 10, files);
}
