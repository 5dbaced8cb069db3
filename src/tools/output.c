#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/files.h"
#include "tools/message.h"
#include "tools/paths.h"
#include "tools/signals.h"

/* ---- Signals -------------------------------------------------------------------------------- */

static char *volatile doomed;         /* what a signal has to remove */
static volatile sig_atomic_t held;    /* signals have to wait, */
static volatile sig_atomic_t waiting; /* and this one does */

/* Any thread may get it. */
static void remove_and_die(int number)
{
    char *path = doomed;
    if (held) {
        waiting = number;
        return;
    }
    if (path)
        unlink(path);
    signal(number, SIG_DFL);
    raise(number);
}

static void hold_signals(void)
{
    held = 1;
}

static void release_signals(void)
{
    held = 0;
    if (waiting)
        raise(waiting);
}

/* ---- Opening -------------------------------------------------------------------------------- */

/* A name is freed only when no signal can want it. */
static void forget(struct output *output)
{
    doomed = NULL;
    free(output->temporary);
    free(output->path);
    memset(output, 0, sizeof *output);
}

static int cannot_write(const char *name, int error)
{
    return cli_fail(CLI_FILE, "cannot write %s: %s", name, strerror(error));
}

/* A new file in the folder of output->path; its name is short, whatever that one's length. Returns an errno. */
static int make_temporary(struct output *output, int *descriptor)
{
    int error = 0;
    char *folder = path_folder(output->path);
    output->temporary = folder ? path_make("%s.ddz.XXXXXX", folder) : NULL;
    free(folder);
    if (!output->temporary)
        return ENOMEM;
    signals_catch(remove_and_die);
    hold_signals();
    *descriptor = mkstemp(output->temporary);
    if (*descriptor >= 0) {
        doomed = output->temporary;
    } else {
        error = errno;
        free(output->temporary);
        output->temporary = NULL;
    }
    release_signals();
    return error;
}

/* Give a new file the permissions and the owner of the one that it replaces (`old`), or those of any new file (NULL).
 * Returns an errno. */
static int set_permissions(int descriptor, const struct stat *old)
{
    struct stat now;
    mode_t mask = umask(0);
    umask(mask);
    if (fstat(descriptor, &now) != 0)
        return errno;
    if (old && (old->st_uid != now.st_uid || old->st_gid != now.st_gid) &&
        fchown(descriptor, old->st_uid, old->st_gid) != 0)
        return errno;
    return fchmod(descriptor, old ? old->st_mode & 07777 : 0666 & ~mask) == 0 ? 0 : errno;
}

static void drop_temporary(struct output *output)
{
    if (output->temporary)
        unlink(output->temporary);
    doomed = NULL;
    free(output->temporary);
    output->temporary = NULL;
}

/* `old`: the file that is replaced, NULL if there is none. Returns an errno. */
static int open_beside(struct output *output, const struct stat *old)
{
    int descriptor = -1;
    int error = make_temporary(output, &descriptor);
    if (!error)
        error = set_permissions(descriptor, old);
    if (!error) {
        output->file = fdopen(descriptor, "wb");
        error = output->file ? 0 : errno;
    }
    if (error) {
        if (descriptor >= 0)
            close(descriptor);
        drop_temporary(output);
    }
    return error;
}

/* A file without a name, whose content goes into the existing one at the end. Returns an errno. */
static int open_for_copying(struct output *output)
{
    output->in_place = 1;
    output->file = tmpfile();
    return output->file ? 0 : errno;
}

static int open_regular(struct output *output, const struct stat *old)
{
    if (!old)
        return open_beside(output, NULL);
    if (access(output->path, W_OK) != 0)
        return errno;
    if (old->st_nlink > 1)
        return open_for_copying(output);
    int error = open_beside(output, old);
    return error == EACCES || error == EPERM || error == EROFS ? open_for_copying(output) : error;
}

static int same_file(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int is_input(const char *input, const struct stat *about)
{
    struct stat other;
    if (!input)
        return 0;
    return (strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &other) : stat(input, &other)) == 0 &&
           same_file(about, &other);
}

/* An open file of this process. Returns an exit status. */
static int begin_descriptor(struct output *output, int descriptor, struct output_guard guard)
{
    struct stat about;
    if (isatty(descriptor))
        return cli_fail(CLI_USAGE, "not writing a binary file to a terminal");
    if (fstat(descriptor, &about) == 0 && is_input(guard.input, &about))
        return cli_fail(CLI_USAGE, "%s is the input, too", output->name);
    output->is_stdout = descriptor == STDOUT_FILENO;
    if (output->is_stdout) {
        output->file = stdout;
        return CLI_OK;
    }
    int copy = dup(descriptor);
    output->file = copy < 0 ? NULL : fdopen(copy, "wb");
    if (output->file)
        return CLI_OK;
    int error = errno;
    if (copy >= 0)
        close(copy);
    return cannot_write(output->name, error);
}

/* What output->path says. Returns an exit status. */
static int begin_path(struct output *output, struct output_guard guard)
{
    struct stat about;
    int exists = stat(output->path, &about) == 0;
    /* The name that is nothing at all is found out before the work, as others are. */
    int error = exists || (errno == ENOENT && *output->path) ? 0 : errno;
    if (!error && exists && S_ISDIR(about.st_mode))
        error = EISDIR;
    if (error)
        return cannot_write(output->name, error);
    if (exists && is_input(guard.input, &about))
        return cli_fail(CLI_USAGE, "%s is the input, too", output->name);
    if (exists && S_ISREG(about.st_mode) && guard.keep)
        return cli_fail(CLI_FILE, "%s is there already; --force replaces it", output->name);
    output->keep = guard.keep;
    if (!exists || S_ISREG(about.st_mode)) {
        error = open_regular(output, exists ? &about : NULL);
    } else {
        output->file = fopen(output->path, "wb");
        error = output->file ? 0 : errno;
        free(output->path);
        output->path = NULL;
    }
    return error ? cannot_write(output->name, error) : CLI_OK;
}

int output_begin(struct output *output, const char *path, struct output_guard guard)
{
    int is_stdout = strcmp(path, "-") == 0, status;
    *output = (struct output){.name = file_output_name(path)};
    output->path = path_follow(is_stdout ? "/dev/stdout" : path);
    if (!output->path)
        return cannot_write(output->name, errno);
    int descriptor = path_descriptor(output->path);
    if (descriptor >= 0) {
        free(output->path);
        output->path = NULL;
        status = begin_descriptor(output, descriptor, guard);
    } else {
        status = begin_path(output, guard);
    }
    if (status != CLI_OK)
        forget(output);
    return status;
}

/* ---- Ending --------------------------------------------------------------------------------- */

/* The whole of `from` over what stands in a file. Returns an errno. */
static int copy_over(FILE *from, int to, off_t size)
{
    char buffer[65536];
    size_t count;
    rewind(from);
    while ((count = fread(buffer, 1, sizeof buffer, from)) > 0)
        for (size_t done = 0; done < count;) {
            ssize_t written = write(to, buffer + done, count - done);
            if (written < 0)
                return errno;
            done += (size_t)written;
        }
    if (ferror(from))
        return EIO;
    return ftruncate(to, size) == 0 ? 0 : errno;
}

/* Overwrite the file, once there is room for all: a full disk leaves the old content. Returns an errno. */
static int overwrite(struct output *output)
{
    struct stat old, new;
    int to = open(output->path, O_WRONLY);
    if (to < 0)
        return errno;
    signals_catch(remove_and_die);
    hold_signals();
    int error = fstat(to, &old) != 0 || fstat(fileno(output->file), &new) != 0 ? errno : 0;
    if (!error && new.st_size > old.st_size) {
        error = posix_fallocate(to, old.st_size, new.st_size - old.st_size);
        if (error && ftruncate(to, old.st_size) != 0)
            error = errno;
        if (error == EINVAL || error == EOPNOTSUPP)
            error = 0; /* a file system that cannot say */
    }
    if (!error)
        error = copy_over(output->file, to, new.st_size);
    if (close(to) != 0 && !error)
        error = errno;
    release_signals();
    return error;
}

/* Let the temporary file take over its name. Returns an errno. */
static int take_name(struct output *output)
{
    /* A link is never made over a file that has appeared meanwhile; some file systems have no links. */
    if (output->keep && link(output->temporary, output->path) == 0) {
        unlink(output->temporary);
        return 0;
    }
    if (output->keep && errno == EEXIST)
        return EEXIST;
    return rename(output->temporary, output->path) == 0 ? 0 : errno;
}

void output_write(struct output *output, const void *data, size_t size)
{
    if (fwrite(data, 1, size, output->file) != size && !output->error)
        output->error = errno;
}

int output_finish(struct output *output)
{
    int error = output->error;
    errno = 0;
    if (!error && (fflush(output->file) != 0 || ferror(output->file)))
        error = errno ? errno : EIO;
    if (!error && output->in_place)
        error = overwrite(output);
    if (!output->is_stdout && fclose(output->file) != 0 && !error)
        error = errno;
    if (output->temporary && !error)
        error = take_name(output);
    if (output->temporary && error)
        unlink(output->temporary);
    int status = error ? cannot_write(output->name, error) : CLI_OK;
    forget(output);
    return status;
}

void output_abandon(struct output *output)
{
    if (output->file && !output->is_stdout)
        fclose(output->file);
    if (output->temporary)
        unlink(output->temporary);
    forget(output);
}
