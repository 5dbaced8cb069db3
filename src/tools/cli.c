#include "tools/cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/files.h"

static const char *program_name = "ddz";
static int line_drawn; /* a progress line stands on the terminal */

void cli_begin(const char *program)
{
    program_name = program;
    opterr = 0;
}

/* ---- Messages ------------------------------------------------------------------------------- */

static void clear_line(void)
{
    if (line_drawn)
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
    return cli_fail(code, "%s: %s", subject, ddz_strerror(status));
}

int cli_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(CLI_FILE, "cannot write standard output: %s", strerror(errno));
    return CLI_OK;
}

/* ---- Option values -------------------------------------------------------------------------- */

int cli_whole(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    /* strtoull would take blanks and signs. */
    unsigned long long number = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || number < low || number > high)
        return cli_fail(CLI_USAGE, "%s: '%s' is not a whole number from %llu to %llu", option, text,
                        (unsigned long long)low, (unsigned long long)high);
    *value = number;
    return CLI_OK;
}

int cli_real(const char *option, const char *text, double low, double high, double *value)
{
    char *end = NULL;
    /* Digits and a point only: strtod would take blanks, hexadecimals and names of numbers. */
    int plain = text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0';
    double number = plain ? strtod(text, &end) : 0;
    if (!plain || end == text || *end || !(number >= low && number <= high))
        return cli_fail(CLI_USAGE, "%s: '%s' is not a number from %g to %g", option, text, low, high);
    *value = number;
    return CLI_OK;
}

int cli_int(const char *option, const char *text, int low, int high, int *value)
{
    uint64_t number = 0;
    int status = cli_whole(option, text, (uint64_t)low, (uint64_t)high, &number);
    if (status == CLI_OK)
        *value = (int)number;
    return status;
}

int cli_power_of_two(const char *option, const char *text, int low, int high, int *value)
{
    int number = 1;
    int status = cli_int(option, text, low, high, &number);
    if (status == CLI_OK && (number & (number - 1)))
        return cli_fail(CLI_USAGE, "%s: '%s' is not a power of two", option, text);
    if (status == CLI_OK)
        *value = number;
    return status;
}

int cli_seed(const char *text, uint32_t *seed)
{
    uint64_t number = 0;
    int status = cli_whole("--seed", text, 0, UINT32_MAX, &number);
    if (status == CLI_OK)
        *seed = (uint32_t)number;
    return status;
}

int cli_isa(const char *option, const char *text, int64_t *features)
{
    int known = strcmp(text, "portable") == 0 || strcmp(text, "best") == 0;
    int64_t found = strcmp(text, "best") == 0 ? -1 : 0;
    for (int bit = 0; bit < 63 && !known; bit++) {
        const char *name = ddz_cpu_feature_name((uint64_t)1 << bit);
        known = name && strcmp(text, name) == 0;
        found = known ? (int64_t)1 << bit : 0;
    }
    if (!known)
        return cli_fail(CLI_USAGE, "%s: '%s' is not one of portable, avx2, avx512, best", option, text);
    *features = found;
    return CLI_OK;
}

int cli_isa_default(int64_t *features)
{
    const char *text = getenv("DDZ_ISA");
    *features = -1;
    return text && *text ? cli_isa("DDZ_ISA", text, features) : CLI_OK;
}

uint64_t cli_bytes_of_bpp(double bpp, uint32_t width, uint32_t height)
{
    /* A hair more, so that 0.7 bits of 1920 pixels are 168 bytes although 0.7 is a little less in binary. */
    return (uint64_t)(bpp * width * height / 8 * (1 + 1e-12));
}

/* ---- Options that all programs have --------------------------------------------------------- */

static int bad_option(int answer, char **argv)
{
    /* getopt has moved past a long option, but stays at a word of letters until its last one. */
    const char *word = argv[optind - 1];
    if (answer == ':')
        return cli_fail(CLI_USAGE, "option %s needs a value; see %s --help", word, program_name);
    if (optopt > 0 && optopt < 128 && strncmp(word, "--", 2) != 0)
        return cli_fail(CLI_USAGE, "unknown option -%c; see %s --help", optopt, program_name);
    if (optopt > 0)
        return cli_fail(CLI_USAGE, "option %s takes no value; see %s --help", word, program_name);
    return cli_fail(CLI_USAGE, "unknown or ambiguous option %s; see %s --help", word, program_name);
}

static int print_help(const char *text)
{
    fputs(text, stdout);
    return cli_flush();
}

static int print_version(void)
{
    printf("%s %s\n", program_name, ddz_version());
    return cli_flush();
}

int cli_common_option(const struct cli_common *common, int answer, char **argv)
{
    switch (answer) {
    case 't':
        return cli_int("--threads", optarg, 0, 256, common->threads);
    case 'm':
        *common->model = optarg;
        return CLI_OK;
    case CLI_OPTION_ISA:
        return cli_isa("--isa", optarg, common->features);
    case CLI_OPTION_QUIET:
        *common->quiet = 1;
        return CLI_OK;
    case 'h':
        *common->done = 1;
        return print_help(common->help);
    case 'V':
        *common->done = 1;
        return print_version();
    default:
        return bad_option(answer, argv);
    }
}

/* ---- Input ---------------------------------------------------------------------------------- */

int cli_load_picture(const char *path, struct image *image)
{
    char error[200] = "";
    FILE *file;
    int status = file_open(path, &file);
    if (status != CLI_OK)
        return status;
    if (png_read(file, CLI_MAX_PIXELS, image, error, sizeof error) != 0)
        status = cli_fail(CLI_INPUT, "%s: %s", file_input_name(path), error);
    file_close(file);
    return status;
}

/* ---- Output --------------------------------------------------------------------------------- */

int cli_finish_picture(struct output *output, const char *path, const struct image *image, int code)
{
    char error[200] = "";
    if (code == CLI_OK && png_write(output->file, image, error, sizeof error) != 0)
        code = cli_fail(CLI_FILE, "cannot write %s: %s", file_output_name(path), error);
    if (code == CLI_OK)
        return output_finish(output);
    output_abandon(output);
    return code;
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

int cli_progress_draw(void *cookie, double share)
{
    static const double interval = 0.2; /* seconds: often enough to be seen moving */
    struct cli_progress *progress = cookie;
    double now = cli_seconds();
    if (!progress->shown || now - progress->drawn < interval || share <= 0)
        return 0;
    progress->drawn = now;
    double left = ceil((now - progress->begun) * (1 - share) / share);
    unsigned long seconds = left > 0 ? (unsigned long)left : 0;
    clear_line();
    fprintf(stderr, "%s: %s %3.0f %%, %lu:%02lu left ", program_name, progress->verb, 100 * share,
            seconds / 60, seconds % 60);
    line_drawn = 1;
    return 0;
}

void cli_progress_end(void)
{
    clear_line();
}
