/* Values of options, and the options that all programs have. */
#ifndef DDZ_TOOLS_OPTIONS_H
#define DDZ_TOOLS_OPTIONS_H

#include <stdint.h>

/* ---- Options that all programs have --------------------------------------------------------- */

/* getopt_long's codes of those that have no letter; a program's own begin at 256. */
enum { COMMON_ISA = 128, COMMON_QUIET, COMMON_MAX_PIXELS, COMMON_MEMORY };

/* The ends of a program's letters, and of its table of words, which need <getopt.h>. */
#define COMMON_LETTERS "t:m:hV"
/* clang-format off */
#define COMMON_WORDS \
    {"threads", required_argument, NULL, 't'}, \
    {"model", required_argument, NULL, 'm'}, \
    {"isa", required_argument, NULL, COMMON_ISA}, \
    {"max-pixels", required_argument, NULL, COMMON_MAX_PIXELS}, \
    {"memory", required_argument, NULL, COMMON_MEMORY}, \
    {"quiet", no_argument, NULL, COMMON_QUIET}, \
    {"help", no_argument, NULL, 'h'}, \
    {"version", no_argument, NULL, 'V'}, \
    {NULL, 0, NULL, 0}
/* clang-format on */

/* What they say */
struct common {
    const char *model;   /* NULL: not given */
    int threads;         /* 0: as many as there are processors */
    int64_t features;    /* instruction sets that may be used, as for DDZ_PARAM_CPU_FEATURES */
    uint64_t max_pixels; /* larger pictures are refused */
    uint64_t memory;     /* bytes that a picture may take; 0: no limit */
    int quiet;
    int done; /* --help or --version was answered */
};

/* What is so if no option says otherwise; `memory` is the program's usual limit */
struct common common_usual(uint64_t memory);

/* The same, but for what the environment's DDZ_ISA says. Returns an exit status. */
int common_begin(struct common *common, uint64_t memory);

/* For what getopt_long answered and is not the program's own, '?' and ':' included; `help` is the text for
 * --help, `letters` what getopt_long was given. Returns an exit status. */
int common_option(struct common *common, const char *help, const char *letters, int answer, char **argv);

/* Limits of the options: what the library takes, and what holds without them. */
#define COMMON_MOST_PIXELS ((uint64_t)1 << 28)
#define COMMON_MAX_PIXELS_USUAL ((uint64_t)1 << 26)
#define COMMON_MOST_MEMORY ((uint64_t)1 << 62)
/* Pictures that are encoded are the user's own; streams may come from anywhere. */
#define COMMON_MEMORY_ENCODING ((uint64_t)4 << 30)
#define COMMON_MEMORY_DECODING ((uint64_t)2 << 30)

/* ---- Option values -------------------------------------------------------------------------- */

/* A whole number, or a decimal one, in [low, high]; else a message that names `option`. */
int cli_whole(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value);
int cli_real(const char *option, const char *text, double low, double high, double *value);

/* Bytes in [low, high]: a whole number, K, M, G or T behind it for powers of 1024. */
int cli_size(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value);

/* WIDTHxHEIGHT, each from 1 to the most that a picture may have */
int cli_sides(const char *option, const char *text, uint32_t *width, uint32_t *height);

int cli_int(const char *option, const char *text, int low, int high, int *value); /* low >= 0 */
int cli_power_of_two(const char *option, const char *text, int low, int high, int *value);
int cli_seed(const char *text, uint32_t *seed);

/* "portable", "best" or the name of a feature: those that may be used, as for DDZ_PARAM_CPU_FEATURES */
int cli_isa(const char *option, const char *text, int64_t *features);

/* Bytes of a stream of `bpp` bits a pixel. */
uint64_t cli_bytes_of_bpp(double bpp, uint32_t width, uint32_t height);

#endif
