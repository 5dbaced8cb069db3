#include "scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char scratch_folder[] = "/tmp/ddz-check.XXXXXX";
char scratch_file[sizeof scratch_folder + sizeof "/file"];

void scratch_make(void)
{
    strcpy(scratch_folder + strlen(scratch_folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
    snprintf(scratch_file, sizeof scratch_file, "%s/file", scratch_folder);
}

void scratch_remove(void)
{
    unlink(scratch_file);
    ck_assert_int_eq(rmdir(scratch_folder), 0);
}
