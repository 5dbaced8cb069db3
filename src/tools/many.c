#include "tools/many.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ddz/research.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/paths.h"
#include "tools/processes.h"

/* ---- Options -------------------------------------------------------------------------------- */

int many_option(struct many *many, int option, const char *text)
{
    switch (option) {
    case 'o':
        if (!*text || strcmp(text, "-") == 0)
            return cli_fail(CLI_USAGE, "--output-dir: '%s' is not the name of a folder", text);
        many->folder = text;
        return CLI_OK;
    case 'j':
        return cli_int("--jobs", text, 1, PROCESSES_MOST, &many->jobs);
    default:
        if (!*text || strchr(text, '/'))
            return cli_fail(CLI_USAGE, "--suffix: '%s' cannot end the name of a file", text);
        many->suffix = text;
        return CLI_OK;
    }
}

int many_check_options(const struct many *many)
{
    if (many->suffix || many->jobs)
        return cli_fail(CLI_USAGE, "%s is of files in a folder, and needs --output-dir",
                        many->suffix ? "--suffix" : "--jobs");
    return CLI_OK;
}

/* ---- Names ---------------------------------------------------------------------------------- */

/* Something with a name of its own, for sorting: an output, or an input with the file that it is */
struct named {
    const char *input, *output;
    dev_t device;
    ino_t number;
};

static int by_output(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->output, y->output);
    return order ? order : strcmp(x->input, y->input);
}

static int by_file(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Writes the files that there are; returns how many. */
static size_t list_files(char **names, int count, struct named *list)
{
    struct stat about;
    size_t found = 0;
    for (int i = 0; i < count; i++)
        if (stat(names[i], &about) == 0)
            list[found++] = (struct named){.input = names[i], .device = about.st_dev, .number = about.st_ino};
    return found;
}

static int check_collisions(const struct many *many, struct named *list)
{
    struct stat about;
    const size_t count = (size_t)many->count;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct named){.input = many->inputs[i], .output = many->outputs[i]};
    qsort(list, count, sizeof *list, by_output);
    for (size_t i = 1; i < count; i++)
        if (strcmp(list[i - 1].output, list[i].output) == 0)
            return cli_fail(CLI_USAGE, "%s and %s would both become %s", list[i - 1].input, list[i].input,
                            list[i].output);
    size_t files = list_files(many->inputs, many->count, list);
    qsort(list, files, sizeof *list, by_file);
    for (size_t i = 0; i < count; i++) {
        if (stat(many->outputs[i], &about) != 0)
            continue;
        struct named output = {.device = about.st_dev, .number = about.st_ino};
        if (bsearch(&output, list, files, sizeof *list, by_file))
            return cli_fail(CLI_USAGE, "%s is an input, too", many->outputs[i]);
    }
    return CLI_OK;
}

/* A folder's name without slashes at its end, so that one can be put behind it. NULL: no memory */
static char *plain_folder(const char *folder)
{
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/')
        length--;
    return path_make("%.*s", (int)length, folder);
}

static int choose_names(struct many *many, const char *kinds, int (*check)(const char *))
{
    char *folder = plain_folder(many->folder);
    int code = folder ? CLI_OK : cli_fail(CLI_LIMIT, "out of memory");
    for (int i = 0; i < many->count && code == CLI_OK; i++) {
        if (strcmp(many->inputs[i], "-") == 0) {
            code = cli_fail(CLI_USAGE, "standard input has no name that an output could have in %s",
                            many->folder);
            continue;
        }
        many->outputs[i] = path_with_extension(many->inputs[i], folder, kinds, many->suffix);
        if (!many->outputs[i])
            code = cli_fail(CLI_LIMIT, "out of memory");
        else if (check)
            code = check(many->outputs[i]);
    }
    free(folder);
    return code;
}

/* "-o out.ddz" is a slip, and no wish for a folder of that name. */
static int check_folder(const char *folder)
{
    struct stat about;
    if (stat(folder, &about) == 0 && !S_ISDIR(about.st_mode))
        return cli_fail(CLI_FILE, "%s is not a folder", folder);
    if (stat(folder, &about) != 0 && path_is_of(folder, PATH_STREAMS " " PATH_PICTURES " " PATH_MODELS))
        return cli_fail(CLI_USAGE,
                        "%s is the name of a file; --output-dir takes a folder, an output alone needs no "
                        "option",
                        folder);
    return CLI_OK;
}

int many_begin(struct many *many, char **inputs, int count, const char *kinds, int (*check)(const char *))
{
    int code = check_folder(many->folder);
    if (code != CLI_OK)
        return code;
    many->inputs = inputs;
    many->count = count;
    many->outputs = calloc((size_t)count, sizeof *many->outputs);
    struct named *list = calloc((size_t)count, sizeof *list);
    if (!many->outputs || !list)
        code = cli_fail(CLI_LIMIT, "out of memory");
    if (code == CLI_OK)
        code = choose_names(many, kinds, check);
    if (code == CLI_OK)
        code = check_collisions(many, list);
    free(list);
    return code;
}

void many_free(struct many *many)
{
    for (int i = 0; many->outputs && i < many->count; i++)
        free(many->outputs[i]);
    free(many->outputs);
    many->outputs = NULL;
}

/* ---- Work ----------------------------------------------------------------------------------- */

struct run {
    const struct many *many;
    const struct many_work *work;
    int jobs, threads;
};

/* Threads are divided as evenly as they can be; each file has one. */
static int make_one(void *cookie, size_t item, int job)
{
    const struct run *run = cookie;
    int threads = run->threads / run->jobs + (job < run->threads % run->jobs);
    run->work->common->threads = threads > 0 ? threads : 1;
    return run->work->make(run->work->cookie, run->many->inputs[item], run->many->outputs[item]);
}

static const char *name_of(void *cookie, size_t item)
{
    const struct run *run = cookie;
    return run->many->inputs[item];
}

int many_run(const struct many *many, const struct many_work *work)
{
    struct run run = {.many = many, .work = work, .jobs = many->jobs ? many->jobs : 1};
    int code = folder_make(many->folder);
    if (code != CLI_OK)
        return code;
    if (run.jobs > many->count)
        run.jobs = many->count;
    run.threads = ddz_research_threads(work->common->threads);
    return processes_run(&(struct processes){.count = (size_t)many->count,
                                             .jobs = run.jobs,
                                             .work = make_one,
                                             .name = name_of,
                                             .cookie = &run,
                                             .verb = work->verb,
                                             .quiet = work->common->quiet});
}
