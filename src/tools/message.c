#include "tools/message.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "ddz";
static int line_drawn;     /* a progress line stands on the terminal */
static int line_elsewhere; /* it may at any time, drawn by another process */
static int sent_to = -1;   /* where progress is written in place of a terminal */

/* Files that were opened later would take the numbers of standard streams that are closed, and messages would end up
 * in a picture. What stands in their place cannot be used: reading standard input fails, and so does writing. */
static void open_descriptors(void)
{
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void cli_begin(const char *program)
{
    program_name = program;
    open_descriptors();
    /* Processes that work beside each other write whole lines. */
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    /* A file that grows too large is told as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
}

const char *cli_program(void)
{
    return program_name;
}

static void clear_line(void)
{
    if (line_drawn || line_elsewhere)
        fputs("\r\033[K", stderr);
    line_drawn = 0;
}

static void say(const char *format, va_list arguments)
{
    clear_line();
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void cli_print(const char *text)
{
    clear_line();
    fputs(text, stderr);
}

int cli_fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return status;
}

void cli_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

int cli_fail_status(const char *subject, ddz_status status)
{
    int code = CLI_INPUT;
    if (status == DDZ_ERR_MODEL || status == DDZ_ERR_WRONG_MODEL)
        code = CLI_MODEL;
    else if (status == DDZ_ERR_MEMORY || status == DDZ_ERR_MEMORY_LIMIT || status == DDZ_ERR_PIXEL_LIMIT)
        code = CLI_LIMIT;
    else if (status == DDZ_ERR_ARGUMENT)
        code = CLI_USAGE;
    const char *remedy = status == DDZ_ERR_MEMORY_LIMIT  ? "; --memory raises it"
                         : status == DDZ_ERR_PIXEL_LIMIT ? "; --max-pixels raises it"
                                                         : "";
    return cli_fail(code, "%s: %s%s", subject, ddz_strerror(status), remedy);
}

int cli_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(CLI_FILE, "cannot write standard output: %s", strerror(errno));
    return CLI_OK;
}

/* ---- Progress ------------------------------------------------------------------------------- */

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_progress_begin(struct cli_progress *progress, const char *verb, int quiet)
{
    progress->verb = verb;
    progress->shown = !quiet && isatty(STDERR_FILENO);
    progress->begun = cli_seconds();
    progress->drawn = progress->begun;
}

/* The share of the work that is done, at the end of the terminal's line */
static void draw(const struct cli_progress *progress, double share)
{
    double left = ceil((cli_seconds() - progress->begun) * (1 - share) / share);
    unsigned long seconds = left > 0 ? (unsigned long)left : 0;
    clear_line();
    fprintf(stderr, "%s: %s %3.0f %%, %lu:%02lu left ", program_name, progress->verb, 100 * share,
            seconds / 60, seconds % 60);
    fflush(stderr);
    line_drawn = 1;
}

int cli_progress_draw(void *cookie, double share)
{
    static const double interval = 0.2; /* seconds: often enough to be seen moving */
    struct cli_progress *progress = cookie;
    double now = cli_seconds();
    if (now - progress->drawn < interval || share <= 0)
        return 0;
    progress->drawn = now;
    if (sent_to >= 0) /* there may be nobody left who reads it */
        return write(sent_to, &share, sizeof share) == sizeof share ? 0 : 1;
    if (progress->shown)
        draw(progress, share);
    return 0;
}

void cli_progress_end(void)
{
    clear_line();
    fflush(stderr);
}

void cli_progress_send(int descriptor, int shown)
{
    sent_to = descriptor;
    line_elsewhere = shown;
}
