#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/message.h"

enum { HEAD_SIZE = 65536 /* bytes of a file that tell of what kind it is */ };

const char *file_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

const char *file_output_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard output" : path;
}

char *file_path(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *path = length < 0 ? NULL : malloc((size_t)length + 1);
    if (path)
        vsnprintf(path, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return path;
}

/* ---- Reading -------------------------------------------------------------------------------- */

int file_open(const char *path, FILE **file)
{
    struct stat about;
    FILE *opened = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!opened)
        return cli_fail(CLI_FILE, "cannot read %s: %s", path, strerror(errno));
    if (fstat(fileno(opened), &about) == 0 && S_ISDIR(about.st_mode)) {
        file_close(opened);
        return cli_fail(CLI_FILE, "cannot read %s: %s", path, strerror(EISDIR));
    }
    *file = opened;
    return CLI_OK;
}

void file_close(FILE *file)
{
    if (file != stdin)
        fclose(file);
}

/* Appends until the end of the file, or until `check` does not want it; the buffer doubles. */
static int read_all(FILE *file, const char *name, size_t limit, file_check check, uint8_t **data,
                    size_t *size)
{
    size_t capacity = 0;
    do {
        if (check && *size == HEAD_SIZE && !check(*data, *size))
            return CLI_OK;
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : HEAD_SIZE;
            uint8_t *larger = realloc(*data, capacity);
            if (!larger)
                return cli_fail(CLI_LIMIT, "%s: out of memory", name);
            *data = larger;
        }
        errno = 0;
        *size += fread(*data + *size, 1, capacity - *size, file);
        if (ferror(file))
            return cli_fail(CLI_FILE, "cannot read %s: %s", name, strerror(errno));
        if (*size > limit)
            return cli_fail(CLI_LIMIT, "%s: larger than %zu bytes", name, limit);
    } while (!feof(file));
    return CLI_OK;
}

int file_read(const char *path, size_t limit, file_check check, uint8_t **data, size_t *size)
{
    FILE *file;
    uint8_t *read = NULL;
    size_t length = 0;
    int status = file_open(path, &file);
    if (status != CLI_OK)
        return status;
    status = read_all(file, file_input_name(path), limit, check, &read, &length);
    file_close(file);
    if (status != CLI_OK) {
        free(read);
        return status;
    }
    *data = read;
    *size = length;
    return CLI_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static const int fatal_signals[] = {SIGHUP, SIGINT, SIGTERM};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof *fatal_signals };

/* What a signal has to remove. It changes only while the signals are blocked. */
static const char *volatile doomed;

static void remove_and_die(int number)
{
    if (doomed)
        unlink(doomed);
    signal(number, SIG_DFL);
    raise(number);
}

static void doom(const char *path)
{
    sigset_t fatal, before;
    sigemptyset(&fatal);
    for (int i = 0; i < FATAL_SIGNALS; i++)
        sigaddset(&fatal, fatal_signals[i]);
    sigprocmask(SIG_BLOCK, &fatal, &before);
    doomed = path;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void catch_signals(void)
{
    for (int i = 0; i < FATAL_SIGNALS; i++) {
        struct sigaction action;
        /* A signal that is ignored (nohup) stays so. */
        if (sigaction(fatal_signals[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action.sa_handler = remove_and_die;
            sigaction(fatal_signals[i], &action, NULL);
        }
    }
}

/* A name is freed only when no signal can want it. */
static void forget(struct output *output)
{
    doom(NULL);
    free(output->temporary);
    free(output->path);
    memset(output, 0, sizeof *output);
}

static int cannot_write(const char *path, int error)
{
    return cli_fail(CLI_FILE, "cannot write %s: %s", path, strerror(error));
}

/* A new file beside output->path, with the permissions that any new file gets. */
static int open_temporary(struct output *output)
{
    static const char suffix[] = ".XXXXXX";
    size_t length = strlen(output->path);
    output->temporary = malloc(length + sizeof suffix);
    if (!output->temporary)
        return ENOMEM;
    memcpy(output->temporary, output->path, length);
    memcpy(output->temporary + length, suffix, sizeof suffix);

    int descriptor = mkstemp(output->temporary);
    if (descriptor < 0) {
        int error = errno;
        free(output->temporary);
        output->temporary = NULL;
        return error;
    }
    catch_signals();
    doom(output->temporary);
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(descriptor, 0666 & ~mask) == 0)
        output->file = fdopen(descriptor, "wb");
    if (output->file)
        return 0;
    int error = errno;
    close(descriptor);
    unlink(output->temporary);
    return error;
}

static int open_output(struct output *output, const char *path)
{
    struct stat about;
    int exists = stat(path, &about) == 0;
    if (exists && S_ISDIR(about.st_mode))
        return EISDIR;
    /* A link is written through, as any other program would. */
    output->path = exists ? realpath(path, NULL) : strdup(path);
    if (!output->path)
        return errno;
    if (!exists || S_ISREG(about.st_mode))
        return open_temporary(output);
    output->file = fopen(output->path, "wb");
    return output->file ? 0 : errno;
}

int folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return cli_fail(CLI_FILE, "cannot make %s: %s", path, strerror(errno));
    return CLI_OK;
}

int output_begin(struct output *output, const char *path)
{
    memset(output, 0, sizeof *output);
    if (strcmp(path, "-") == 0) {
        if (isatty(STDOUT_FILENO))
            return cli_fail(CLI_USAGE, "not writing a binary file to a terminal");
        output->file = stdout;
        return CLI_OK;
    }
    int error = open_output(output, path);
    if (!error)
        return CLI_OK;
    forget(output);
    return cannot_write(path, error);
}

int output_finish(struct output *output)
{
    int error = 0;
    if (fflush(output->file) != 0 || ferror(output->file))
        error = errno ? errno : EIO;
    if (output->path && fclose(output->file) != 0 && !error)
        error = errno;
    if (output->temporary && !error && rename(output->temporary, output->path) != 0)
        error = errno;
    if (output->temporary && error)
        unlink(output->temporary);
    int status = error ? cannot_write(output->path ? output->path : file_output_name("-"), error) : CLI_OK;
    forget(output);
    return status;
}

void output_abandon(struct output *output)
{
    if (output->path && output->file)
        fclose(output->file);
    if (output->temporary)
        unlink(output->temporary);
    forget(output);
}
