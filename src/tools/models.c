#include "tools/models.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/files.h"
#include "tools/message.h"
#include "tools/paths.h"

enum { MODEL_MAX_SIZE = 256 << 20 };

/* The one that is used unless another is asked for comes first. */
static const char *const installed[MODELS_INSTALLED] = {"default", "small"};

/* Where the models are; freed by the caller. A build tree has config.status at its top; libtool keeps the
 * real programs in .libs below it. */
static char *models_folder(const char *argv0)
{
    static const char *const tops[] = {"", "../"};
    const char *slash = strrchr(argv0, '/');
    int folder = slash ? (int)(slash - argv0) + 1 : 0;
    for (size_t i = 0; slash && i < sizeof tops / sizeof *tops; i++) {
        char *mark = path_make("%.*s%sconfig.status", folder, argv0, tops[i]);
        int stands_here = mark && access(mark, R_OK) == 0;
        free(mark);
        if (stands_here)
            return path_make("%.*s%smodels", folder, argv0, tops[i]);
    }
    return path_make("%s", DDZ_MODEL_DIR);
}

static int load_file(const char *path, ddz_model **model)
{
    uint8_t *data;
    size_t size;
    int status = file_read(path, MODEL_MAX_SIZE, NULL, &data, &size);
    if (status != CLI_OK)
        return CLI_MODEL;
    ddz_status loaded = ddz_model_load(data, size, NULL, model);
    free(data);
    return loaded == DDZ_OK ? CLI_OK : cli_fail_status(path, loaded);
}

static int load_installed(const char *name, const char *argv0, ddz_model **model)
{
    char *folder = models_folder(argv0);
    char *path = folder ? path_make("%s/%s.ddm", folder, name) : NULL;
    int status = path ? load_file(path, model) : cli_fail(CLI_LIMIT, "out of memory");
    free(path);
    free(folder);
    return status;
}

static int load_named(const char *name, const char *argv0, ddz_model **model)
{
    for (int i = 0; i < MODELS_INSTALLED; i++)
        if (strcmp(name, installed[i]) == 0)
            return load_installed(name, argv0, model);
    return load_file(name, model);
}

/* Which of the models made the stream; the last one that there is, if none did. -1: one that could not be loaded may
 * have, or there is none. */
static int find(const struct models *models, const ddz_info *stream)
{
    int found = -1, failed = 0;
    for (int i = 0; i < MODELS_INSTALLED; i++) {
        failed |= models->failure[i] != CLI_OK;
        if (!models->model[i])
            continue;
        found = i;
        if (ddz_model_matches(models->model[i], stream->model_id, stream->model_id_bits))
            return found;
    }
    return failed ? -1 : found;
}

static int first_failure(const struct models *models)
{
    for (int i = 0; i < MODELS_INSTALLED; i++)
        if (models->failure[i] != CLI_OK)
            return models->failure[i];
    return CLI_OK;
}

/* One after the other, until one made the stream. One that cannot be loaded is no hindrance, unless it is missed: a line
 * says why. If none made it, the last one that could be loaded, with which the decoder says so. */
static int load_for_stream(const ddz_info *stream, const char *argv0, ddz_model **model)
{
    struct models models = {0};
    for (int i = 0; i < MODELS_INSTALLED; i++) {
        models.failure[i] = load_installed(installed[i], argv0, &models.model[i]);
        if (models.model[i] && ddz_model_matches(models.model[i], stream->model_id, stream->model_id_bits))
            break;
    }
    int found = find(&models, stream);
    if (found >= 0) {
        *model = models.model[found];
        models.model[found] = NULL;
    }
    int failure = first_failure(&models);
    models_free(&models);
    return found >= 0 ? CLI_OK : failure;
}

static const char *name_of(const char *name)
{
    const char *named = name ? name : getenv("DDZ_MODEL");
    return named && *named ? named : NULL;
}

int model_load(const char *name, const char *argv0, const ddz_info *stream, ddz_model **model)
{
    const char *named = name_of(name);
    if (named)
        return load_named(named, argv0, model);
    return stream ? load_for_stream(stream, argv0, model) : load_installed(installed[0], argv0, model);
}

int models_load(struct models *models, const char *name, const char *argv0)
{
    const char *named = name_of(name);
    if (named)
        return load_named(named, argv0, &models->model[0]);
    int loaded = 0;
    for (int i = 0; i < MODELS_INSTALLED; i++) {
        models->failure[i] = load_installed(installed[i], argv0, &models->model[i]);
        loaded |= models->model[i] != NULL;
    }
    return loaded ? CLI_OK : first_failure(models);
}

void models_free(struct models *models)
{
    for (int i = 0; i < MODELS_INSTALLED; i++)
        ddz_model_free(models->model[i]);
    *models = (struct models){0};
}

int models_choose(const struct models *models, const char *subject, const ddz_info *stream,
                  const ddz_model **model)
{
    int found = find(models, stream);
    if (found < 0)
        return cli_fail(first_failure(models), "%s: its model may be one that could not be loaded", subject);
    *model = models->model[found];
    return CLI_OK;
}
