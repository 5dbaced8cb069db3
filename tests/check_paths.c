/* Names of files: links, descriptors, extensions */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "scratch.h"
#include "tools/message.h"
#include "tools/paths.h"

START_TEST(descriptors)
{
    char own[40];
    snprintf(own, sizeof own, "/proc/%ld/fd/7", (long)getpid());
    ck_assert_int_eq(path_descriptor("/dev/stdin"), 0);
    ck_assert_int_eq(path_descriptor("/dev/stdout"), 1);
    ck_assert_int_eq(path_descriptor("/dev/stderr"), 2);
    ck_assert_int_eq(path_descriptor("/dev/fd/63"), 63);
    ck_assert_int_eq(path_descriptor("/proc/self/fd/0"), 0);
    ck_assert_int_eq(path_descriptor(own), 7);
    static const char *const others[] = {
        "",           "-",           "1",          "/dev/fd",      "/dev/fd/",
        "/dev/fd/x",  "/dev/fd/1x",  "/dev/fd/-1", "/dev/stdouts", "/dev/fd/9999999",
        "dev/stdout", "/proc/1/fd/1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_int_eq(path_descriptor(others[i]), -1);
}
END_TEST

static void expect_path(char *found, const char *expected)
{
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, expected);
    free(found);
}

START_TEST(links)
{
    scratch_make();
    ck_assert_int_eq(chdir(scratch_folder), 0);
    ck_assert_int_eq(mkdir("sub", 0777), 0);
    ck_assert_int_eq(symlink("sub/second", "first"), 0);
    ck_assert_int_eq(symlink("../nothing", "sub/second"), 0);
    ck_assert_int_eq(symlink("/dev/fd/5", "descriptor"), 0);
    ck_assert_int_eq(symlink("b", "a"), 0);
    ck_assert_int_eq(symlink("a", "b"), 0);
    expect_path(path_follow("first"), "sub/../nothing");
    expect_path(path_follow("sub"), "sub");
    expect_path(path_follow("no-file"), "no-file");
    expect_path(path_follow("descriptor"), "/dev/fd/5");
    expect_path(path_follow("/dev/stdout"), "/dev/stdout");
    ck_assert_ptr_null(path_follow("a"));
    ck_assert_int_eq(errno, ELOOP);
    static const char *const made[] = {"first", "sub/second", "descriptor", "a", "b"};
    for (int i = 0; i < 5; i++)
        unlink(made[i]);
    rmdir("sub");
    ck_assert_int_eq(chdir("/"), 0);
    scratch_remove();
}
END_TEST

START_TEST(folders)
{
    expect_path(path_folder("a"), "");
    expect_path(path_folder("a/b"), "a/");
    expect_path(path_folder("/a/b/c"), "/a/b/");
    expect_path(path_folder("/a"), "/");
    expect_path(path_folder("a/"), "a/");
}
END_TEST

START_TEST(extensions)
{
    ck_assert_str_eq(path_extension("a.b/c.d.png"), ".png");
    ck_assert_str_eq(path_extension("a.b/c"), "");
    ck_assert_str_eq(path_extension("a/.png"), "");
    ck_assert_str_eq(path_extension("a."), ".");
    ck_assert_int_eq(path_is_of("x.png", PATH_PICTURES), 1);
    ck_assert_int_eq(path_is_of("x.JpEg", PATH_PICTURES), 1);
    ck_assert_int_eq(path_is_of("x.svg", PATH_PICTURES), 1);
    ck_assert_int_eq(path_is_of("x.ddz", PATH_STREAMS), 1);
    static const char *const others[] = {"x",    "x.",      "x.p", "x.pngs", "png",
                                         ".png", "x.png/y", "-",   "x.ddz",  "x.jp"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_int_eq(path_is_of(others[i], PATH_PICTURES), 0);
    expect_path(path_with_extension("a/b.png", NULL, PATH_PICTURES, ".ddz"), "a/b.ddz");
    expect_path(path_with_extension("a/b.PNG", "out", PATH_PICTURES, ".ddz"), "out/b.ddz");
    expect_path(path_with_extension("b.png", "out", PATH_PICTURES, ".ddz"), "out/b.ddz");
    expect_path(path_with_extension("a.d/b", NULL, PATH_PICTURES, ".ddz"), "a.d/b.ddz");
    expect_path(path_with_extension("a.v2", NULL, PATH_PICTURES, ".ddz"), "a.v2.ddz");
    expect_path(path_with_extension("a.png.ddz", NULL, PATH_STREAMS, ".png"), "a.png.png");
}
END_TEST

int main(void)
{
    cli_begin("check_paths");
    return RUN("paths", 10, CASE("paths", descriptors, links, folders, extensions));
}
