/*
 * What the programs share: failures in one line, option values, progress.
 *
 * A function that returns an exit status has already said why it failed.
 */
#ifndef DDZ_TOOLS_CLI_H
#define DDZ_TOOLS_CLI_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "ddz.h"
#include "imgio/png.h"
#include "tools/files.h"

/* Exit statuses: ddpmenc(1), ddpmdec(1), ddpmeval(1), ddpmsample(1). */
enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 1, /* options or arguments */
    CLI_FILE = 2,  /* a file cannot be read or written */
    CLI_INPUT = 3, /* a picture or a stream is not valid */
    CLI_MODEL = 4, /* no model, not a model, or not the one that made the stream */
    CLI_LIMIT = 5  /* out of memory, or a picture too large */
};

/* The programs refuse larger pictures. */
enum { CLI_MAX_PIXELS = 1 << 26 };

/* `program` is a string constant; it begins every message. Call this first. */
void cli_begin(const char *program);

/* One line on stderr, "program: ..."; returns `status`. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what is not a failure. Both clear the progress line away. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* cli_fail for a status of the library, about `subject`. */
int cli_fail_status(const char *subject, ddz_status status);

/* CLI_FILE if anything written to stdout did not get there. */
int cli_flush(void);

/* ---- Options that all programs have --------------------------------------------------------- */

/* getopt_long's codes of those that have no letter; a program's own begin at 256. */
enum { CLI_OPTION_ISA = 128, CLI_OPTION_QUIET };

/* The ends of a program's letters, and of its table of words. */
#define CLI_LETTERS "t:m:hV"
/* clang-format off */
#define CLI_WORDS \
    {"threads", required_argument, NULL, 't'}, \
    {"model", required_argument, NULL, 'm'}, \
    {"isa", required_argument, NULL, CLI_OPTION_ISA}, \
    {"quiet", no_argument, NULL, CLI_OPTION_QUIET}, \
    {"help", no_argument, NULL, 'h'}, \
    {"version", no_argument, NULL, 'V'}, \
    {NULL, 0, NULL, 0}
/* clang-format on */

/* Where their values go. */
struct cli_common {
    const char *help; /* text to print */
    const char **model;
    int *threads;
    int64_t *features;
    int *quiet;
    int *done; /* set once --help or --version was answered */
};

/* For what getopt_long answered and is not the program's own, '?' and ':' included. */
int cli_common_option(const struct cli_common *common, int answer, char **argv);

/* ---- Option values -------------------------------------------------------------------------- */

/* A whole number, or a decimal one, in [low, high]; else a message that names `option`. */
int cli_whole(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value);
int cli_real(const char *option, const char *text, double low, double high, double *value);

int cli_int(const char *option, const char *text, int low, int high, int *value); /* low >= 0 */
int cli_power_of_two(const char *option, const char *text, int low, int high, int *value);
int cli_seed(const char *text, uint32_t *seed);

/* "portable", "best" or the name of a feature: those that may be used, as for DDZ_PARAM_CPU_FEATURES */
int cli_isa(const char *option, const char *text, int64_t *features);

/* The value of the environment's DDZ_ISA, else -1. */
int cli_isa_default(int64_t *features);

/* Bytes of a stream of `bpp` bits a pixel. */
uint64_t cli_bytes_of_bpp(double bpp, uint32_t width, uint32_t height);

/* ---- Input ---------------------------------------------------------------------------------- */

/* A PNG picture from a file, or from stdin if `path` is "-". */
int cli_load_picture(const char *path, struct image *image);

/* ---- Output --------------------------------------------------------------------------------- */

/* End an output that was begun for `path` with a PNG picture; if `code` is a failure, give it up and
 * return that. */
int cli_finish_picture(struct output *output, const char *path, const struct image *image, int code);

/* ---- Progress ------------------------------------------------------------------------------- */

struct cli_progress {
    const char *verb;
    int shown; /* stderr is a terminal, and nobody asked for quiet */
    double begun, drawn;
};

void cli_progress_begin(struct cli_progress *progress, const char *verb, int quiet);
int cli_progress_draw(void *progress, double share); /* a ddz_progress */
void cli_progress_end(void);

/* Seconds on a clock that only goes forward. */
double cli_seconds(void);

#endif
