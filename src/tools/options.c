#include "tools/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/message.h"

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

int cli_size(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t length = strspn(text, "0123456789");
    const char *unit = text[length] ? strchr(units, text[length]) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    uint64_t number = 0;
    int plain = length > 0 && length < sizeof digits && (!text[length] || (unit && !text[length + 1]));
    if (plain) {
        memcpy(digits, text, length);
        digits[length] = 0;
        errno = 0;
        number = strtoull(digits, NULL, 10);
    }
    if (!plain || errno || number > UINT64_MAX >> shift || number << shift < low || number << shift > high)
        return cli_fail(CLI_USAGE, "%s: '%s' is not a number of bytes such as 4096, 500M or 2G", option,
                        text);
    *value = number << shift;
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

enum { MAX_SIDE = 65535 };

/* The side at the start of *text, which moves behind it; 0 if there is none in range. */
static uint32_t read_side(const char **text)
{
    uint32_t side = 0;
    for (; **text >= '0' && **text <= '9' && side <= MAX_SIDE; ++*text)
        side = 10 * side + (uint32_t)(**text - '0');
    return side <= MAX_SIDE ? side : 0;
}

int cli_sides(const char *option, const char *text, uint32_t *width, uint32_t *height)
{
    const char *rest = text;
    uint32_t w = read_side(&rest);
    int cross = *rest == 'x';
    rest += cross;
    uint32_t h = cross ? read_side(&rest) : 0;
    if (!w || !h || *rest)
        return cli_fail(CLI_USAGE, "%s: '%s' is not WIDTHxHEIGHT, each from 1 to %d", option, text, MAX_SIDE);
    *width = w;
    *height = h;
    return CLI_OK;
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
        return cli_fail(
            CLI_USAGE,
            "%s: '%s' is not one of portable, sse2, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm, simd128, best", option,
            text);
    *features = found;
    return CLI_OK;
}

uint64_t cli_bytes_of_bpp(double bpp, uint32_t width, uint32_t height)
{
    /* A hair more, so that 0.7 bits of 1920 pixels are 168 bytes although 0.7 is a little less in binary. */
    return (uint64_t)(bpp * width * height / 8 * (1 + 1e-12));
}

/* ---- Options that all programs have --------------------------------------------------------- */

/* getopt has moved past a long option, but not past a word of letters before its last one: there, the letter says
 * which option it was. A known letter is that of a long option that was given a value. */
static int bad_option(int answer, const char *letters, char **argv)
{
    const char *word = argv[optind - 1];
    int is_letter = optopt > 0 && optopt < 128;
    if (answer == ':' && is_letter && strncmp(word, "--", 2) != 0)
        return cli_fail(CLI_USAGE, "option -%c needs a value; see %s --help", optopt, cli_program());
    if (answer == ':')
        return cli_fail(CLI_USAGE, "option %s needs a value; see %s --help", word, cli_program());
    if (is_letter && !strchr(letters, optopt))
        return cli_fail(CLI_USAGE, "unknown option -%c; see %s --help", optopt, cli_program());
    if (optopt > 0)
        return cli_fail(CLI_USAGE, "option %s takes no value; see %s --help", word, cli_program());
    return cli_fail(CLI_USAGE, "unknown or ambiguous option %s; see %s --help", word, cli_program());
}

static int print_help(const char *text)
{
    fputs(text, stdout);
    return cli_flush();
}

static int print_version(void)
{
    printf("%s %s\n", cli_program(), ddz_version());
    return cli_flush();
}

struct common common_usual(uint64_t memory)
{
    return (struct common){.features = -1, .max_pixels = COMMON_MAX_PIXELS_USUAL, .memory = memory};
}

int common_begin(struct common *common, uint64_t memory)
{
    const char *isa = getenv("DDZ_ISA");
    *common = common_usual(memory);
    opterr = 0; /* bad_option says it */
    return isa && *isa ? cli_isa("DDZ_ISA", isa, &common->features) : CLI_OK;
}

int common_option(struct common *common, const char *help, const char *letters, int answer, char **argv)
{
    switch (answer) {
    case 't':
        return cli_int("--threads", optarg, 0, 256, &common->threads);
    case 'm':
        common->model = optarg;
        return CLI_OK;
    case COMMON_ISA:
        return cli_isa("--isa", optarg, &common->features);
    case COMMON_MAX_PIXELS:
        return cli_whole("--max-pixels", optarg, 1, COMMON_MOST_PIXELS, &common->max_pixels);
    case COMMON_MEMORY:
        return cli_size("--memory", optarg, 0, COMMON_MOST_MEMORY, &common->memory);
    case COMMON_QUIET:
        common->quiet = 1;
        return CLI_OK;
    case 'h':
        common->done = 1;
        return print_help(help);
    case 'V':
        common->done = 1;
        return print_version();
    default:
        return bad_option(answer, letters, argv);
    }
}
