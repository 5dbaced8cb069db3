/* The files that the programs read */
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

static void write_content(const char *text)
{
    FILE *file = fopen(scratch_file, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* A file that is not wanted is read at its beginning only. */
static int is_text(const uint8_t *data, size_t size)
{
    return size > 0 && data[0] == 't';
}

START_TEST(unwanted_files)
{
    uint8_t *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(file_read("/dev/zero", (size_t)1 << 30, is_text, &data, &size), CLI_OK);
    ck_assert_uint_gt(size, 0);
    ck_assert_uint_le(size, 65536);
    free(data);
    FILE *file = fopen(scratch_file, "w");
    for (int i = 0; i < 100000; i++)
        fputc('t', file);
    fclose(file);
    ck_assert_int_eq(file_read(scratch_file, 200000, is_text, &data, &size), CLI_OK);
    ck_assert_uint_eq(size, 100000);
    free(data);
}
END_TEST

/* In pieces: what is there already is kept, and a piece is as long as all before it. */
START_TEST(pieces)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 300000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct file_source source;
        FILE *file = fopen(scratch_file, "w");
        for (size_t i = 0; i < sizes[k]; i++)
            fputc((int)(i % 251), file);
        fclose(file);
        ck_assert_int_eq(file_source_open(&source, scratch_file, 300000), CLI_OK);
        for (size_t piece = 65536; !source.ended; piece *= 2) {
            ck_assert_int_eq(file_source_more(&source), CLI_OK);
            ck_assert_uint_eq(source.size, sizes[k] < piece ? sizes[k] : piece);
        }
        ck_assert_int_eq(file_source_more(&source), CLI_OK);
        ck_assert_uint_eq(source.size, sizes[k]);
        for (size_t i = 0; i < sizes[k]; i++)
            ck_assert_int_eq(source.data[i], (int)(i % 251));
        file_source_close(&source);
    }
    struct file_source source;
    ck_assert_int_eq(file_source_open(&source, scratch_file, 100000), CLI_OK);
    ck_assert_int_eq(file_source_more(&source), CLI_OK);
    ck_assert_int_eq(file_source_more(&source), CLI_LIMIT);
    file_source_close(&source);
}
END_TEST

START_TEST(limits_of_reading)
{
    uint8_t *data = NULL;
    size_t size = 0;
    write_content("0123456789");
    ck_assert_int_eq(file_read(scratch_file, 10, NULL, &data, &size), CLI_OK);
    free(data);
    ck_assert_int_eq(file_read(scratch_file, 9, NULL, &data, &size), CLI_LIMIT);
    ck_assert_int_eq(file_read(scratch_folder, 9, NULL, &data, &size), CLI_FILE);
    ck_assert_int_eq(file_read("/nowhere/at/all", 9, NULL, &data, &size), CLI_FILE);
}
END_TEST

int main(void)
{
    cli_begin("check_files");
    TCase *files = CASE("files", unwanted_files, pieces, limits_of_reading);
    tcase_add_checked_fixture(files, scratch_make, scratch_remove);
    return RUN("files", 10, files);
}
