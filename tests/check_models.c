/* Which of the installed models is loaded for a stream, and what damage to the others does */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "scratch.h"
#include "tools/message.h"
#include "tools/models.h"
#include "toy_model.h"

static const char *const files[] = {"config.status", "models/default.ddm", "models/small.ddm"};

static void write_file(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(name, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

/* A folder that looks like a build tree, with two toy models */
static void make_tree(void)
{
    scratch_make();
    ck_assert_int_eq(chdir(scratch_folder), 0);
    ck_assert_int_eq(mkdir("models", 0777), 0);
    write_file(files[0], "", 0);
    unsetenv("DDZ_MODEL");
}

static void remove_tree(void)
{
    for (int i = 0; i < 3; i++)
        unlink(files[i]);
    rmdir("models");
    ck_assert_int_eq(chdir("/"), 0);
    scratch_remove();
}

/* Writes the toy model of a seed; returns its identity. */
static uint32_t write_model(const char *name, uint64_t seed)
{
    size_t size;
    ddz_model *model;
    uint8_t *data = toy_model(seed, &size);
    write_file(name, data, size);
    ck_assert_int_eq(ddz_model_load(data, size, NULL, &model), DDZ_OK);
    uint32_t id = ddz_model_id(model);
    ddz_model_free(model);
    free(data);
    return id;
}

/* The identity of the model that is loaded for a stream whose model has this identity; the status must be as expected,
 * and there is a model only with CLI_OK. */
static uint32_t loaded_for(uint32_t id, int expected)
{
    ddz_model *model = NULL;
    const ddz_info stream = {.width = 8, .height = 8, .model_id = id, .model_id_bits = 32};
    char argv0[80];
    snprintf(argv0, sizeof argv0, "%s/program", scratch_folder);
    ck_assert_int_eq(model_load(NULL, argv0, &stream, &model), expected);
    ck_assert_int_eq(model != NULL, expected == CLI_OK);
    uint32_t found = model ? ddz_model_id(model) : 0;
    ddz_model_free(model);
    return found;
}

START_TEST(the_stream_says_which)
{
    uint32_t first = write_model(files[1], 1), second = write_model(files[2], 2);
    ck_assert_uint_ne(first, second);
    ck_assert_uint_eq(loaded_for(first, CLI_OK), first);
    ck_assert_uint_eq(loaded_for(second, CLI_OK), second);
    uint32_t other = loaded_for(first ^ second ^ 1, CLI_OK); /* the decoder says that it is not the one */
    ck_assert(other == first || other == second);
}
END_TEST

/* A model that is damaged or missing matters only to its own streams. */
START_TEST(damaged_models)
{
    for (int bad = 1; bad <= 2; bad++)
        for (int missing = 0; missing <= 1; missing++) {
            uint32_t id[3];
            id[1] = write_model(files[1], 1);
            id[2] = write_model(files[2], 2);
            if (missing)
                unlink(files[bad]);
            else
                write_file(files[bad], "not a model", 11);
            ck_assert_uint_eq(loaded_for(id[3 - bad], CLI_OK), id[3 - bad]);
            (void)loaded_for(id[bad], CLI_MODEL);
        }
}
END_TEST

int main(void)
{
    cli_begin("check_models");
    TCase *models = CASE("models", the_stream_says_which, damaged_models);
    tcase_add_checked_fixture(models, make_tree, remove_tree);
    return RUN("models", 20, models);
}
