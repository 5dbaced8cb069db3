/* ddpmeval: what streams of given pictures cost and are worth. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "imgio/png.h"
#include "tools/coders.h"
#include "tools/message.h"
#include "tools/metrics.h"
#include "tools/models.h"
#include "tools/options.h"
#include "tools/paper.h"
#include "tools/picture.h"
#include "tools/report.h"

static const char help[] =
    "Usage: ddpmeval [options] PICTURE.png ...\n"
    "       ddpmeval --compare A.png B.png\n"
    "Encode and decode pictures at a list of rates; print bits, PSNR (RGB) and seconds, and their mean.\n"
    "\n"
    "What to measure:\n"
    "      --bpp X,X,...     a file of each rate, in bits a pixel; default 0.25,0.5,1,2\n"
    "      --prefixes        one file (see -q), cut after 16, 32, 64 ... bytes and whole\n"
    "      --bits N          one file (see -q), cut after N bits\n"
    "      --compare         only the PSNR between two pictures\n"
    "      --paper           the variational bound of Ho et al. 2020 and its progressive curve\n"
    "      --sigma-end X     of --paper: noise at which the chain ends, 0.7 to 44.6 grey levels;\n"
    "                        default: the best of five\n"
    "      --ideal           what exact draws from the posterior would give, at their KL divergence\n"
    "\n"
    "How to encode:\n"
    "  -q, --quality N       of --prefixes and --bits, 0 to 100; default 60\n"
    "  -e, --effort N        1 (fast) to 9 (small); default 5\n"
    "      --calls N         calls of the network an octave at full size, 2, 4 ... 32; default: by effort\n"
    "      --updates N       steps to a call, 1, 2, 4 or 8; default: by effort, 1 with --calls\n"
    "      --trellis-bits N  search 2^N states, 8 to 16; default: by effort\n"
    "      --steering X      hold back errors weaker than X times the last noise, 0 to 4; default 0.7\n"
    "      --seed N          of --ideal; default 1\n"
    "  -t, --threads N       0: as many as there are processors (default)\n"
    "  -m, --model NAME      default, small (faster) or a file; default: $DDZ_MODEL, else default\n"
    "      --max-pixels N    refuse larger pictures; default 67108864\n"
    "      --memory SIZE     refuse pictures that may take more memory; default 4G, 0: no limit\n"
    "      --isa NAME        portable, sse2, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm, simd128 or best;\n"
    "                        default: $DDZ_ISA, else best\n"
    "\n"
    "      --csv             comma-separated values in place of a table\n"
    "      --quiet           no progress\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n";

enum {
    OPTION_BPP = 256,
    OPTION_PREFIXES,
    OPTION_BITS,
    OPTION_COMPARE,
    OPTION_PAPER,
    OPTION_SIGMA_END,
    OPTION_IDEAL,
    OPTION_CALLS,
    OPTION_UPDATES,
    OPTION_TRELLIS_BITS,
    OPTION_STEERING,
    OPTION_SEED,
    OPTION_CSV
};

static const char letters[] = ":q:e:" COMMON_LETTERS;
static const struct option words[] = {{"bpp", required_argument, NULL, OPTION_BPP},
                                      {"prefixes", no_argument, NULL, OPTION_PREFIXES},
                                      {"bits", required_argument, NULL, OPTION_BITS},
                                      {"compare", no_argument, NULL, OPTION_COMPARE},
                                      {"paper", no_argument, NULL, OPTION_PAPER},
                                      {"sigma-end", required_argument, NULL, OPTION_SIGMA_END},
                                      {"ideal", no_argument, NULL, OPTION_IDEAL},
                                      {"quality", required_argument, NULL, 'q'},
                                      {"effort", required_argument, NULL, 'e'},
                                      {"calls", required_argument, NULL, OPTION_CALLS},
                                      {"updates", required_argument, NULL, OPTION_UPDATES},
                                      {"trellis-bits", required_argument, NULL, OPTION_TRELLIS_BITS},
                                      {"steering", required_argument, NULL, OPTION_STEERING},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"csv", no_argument, NULL, OPTION_CSV},
                                      COMMON_WORDS};

enum { MAX_RATES = 32 };
enum mode { MODE_RATES, MODE_PREFIXES, MODE_BITS, MODE_COMPARE, MODE_PAPER };

struct task {
    enum mode mode;
    struct common common;
    struct encoding encoding;
    double quality;
    double bpp[MAX_RATES];
    size_t rates;
    uint64_t bits;
    double sigma_end; /* 0: not given */
    int csv;
};

/* ---- Arguments ------------------------------------------------------------------------------ */

static int set_mode(struct task *task, enum mode mode)
{
    if (task->mode != MODE_RATES || (mode != MODE_RATES && task->rates))
        return cli_fail(CLI_USAGE,
                        "only one of --bpp, --prefixes, --bits, --compare and --paper can be given");
    task->mode = mode;
    return CLI_OK;
}

static int read_rates(struct task *task, const char *text)
{
    char *list = strdup(text), *rest = NULL;
    if (!list)
        return cli_fail(CLI_LIMIT, "out of memory");
    int status = set_mode(task, MODE_RATES);
    task->rates = 0;
    for (char *word = strtok_r(list, ",", &rest); word && status == CLI_OK;
         word = strtok_r(NULL, ",", &rest)) {
        if (task->rates == MAX_RATES)
            status = cli_fail(CLI_USAGE, "--bpp: more than %d rates", MAX_RATES);
        else
            status = cli_real("--bpp", word, 0.0001, 48, &task->bpp[task->rates++]);
    }
    free(list);
    if (status == CLI_OK && task->rates == 0)
        status = cli_fail(CLI_USAGE, "--bpp: no rates");
    return status;
}

static int read_bits(struct task *task, const char *text)
{
    int status = cli_whole("--bits", text, 1, UINT64_MAX / 8, &task->bits);
    return status == CLI_OK ? set_mode(task, MODE_BITS) : status;
}

static int read_option(struct task *task, int option, char **argv)
{
    struct encoding *s = &task->encoding;
    switch (option) {
    case OPTION_BPP:
        return read_rates(task, optarg);
    case OPTION_PREFIXES:
        return set_mode(task, MODE_PREFIXES);
    case OPTION_BITS:
        return read_bits(task, optarg);
    case OPTION_COMPARE:
        return set_mode(task, MODE_COMPARE);
    case OPTION_PAPER:
        return set_mode(task, MODE_PAPER);
    case OPTION_SIGMA_END:
        return cli_real("--sigma-end", optarg, 0.7, 44.6, &task->sigma_end);
    case OPTION_IDEAL:
        s->ideal = 1;
        return CLI_OK;
    case OPTION_CALLS:
        return cli_power_of_two("--calls", optarg, 2, 32, &s->calls);
    case OPTION_UPDATES:
        return cli_power_of_two("--updates", optarg, 1, 8, &s->updates);
    case 'q':
        return cli_real("--quality", optarg, 0, 100, &task->quality);
    case 'e':
        return cli_int("--effort", optarg, 1, 9, &s->effort);
    case OPTION_TRELLIS_BITS:
        return cli_int("--trellis-bits", optarg, 8, 16, &s->trellis_bits);
    case OPTION_STEERING:
        return cli_real("--steering", optarg, 0, 4, &s->steering);
    case OPTION_SEED:
        return cli_seed(optarg, &s->seed);
    case OPTION_CSV:
        task->csv = 1;
        return CLI_OK;
    default:
        return common_option(&task->common, help, letters, option, argv);
    }
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    static const double usual[] = {0.25, 0.5, 1, 2};
    memset(task, 0, sizeof *task);
    task->quality = 60;
    task->encoding = encoding_usual();
    task->encoding.exact = 0; /* it is the chain that is measured */
    int status = common_begin(&task->common, COMMON_MEMORY_ENCODING);
    int option;
    while (status == CLI_OK && !task->common.done &&
           (option = getopt_long(argc, argv, letters, words, NULL)) != -1)
        status = read_option(task, option, argv);
    if (status != CLI_OK || task->common.done)
        return status;
    if (task->mode == MODE_COMPARE && argc - optind != 2)
        return cli_fail(CLI_USAGE, "--compare needs two pictures; see ddpmeval --help");
    if (optind == argc)
        return cli_fail(CLI_USAGE, "the name of a picture is needed; see ddpmeval --help");
    if (task->mode != MODE_PAPER && task->sigma_end > 0)
        return cli_fail(CLI_USAGE, "--sigma-end is for --paper only");
    if (task->mode != MODE_RATES && task->encoding.ideal)
        return cli_fail(CLI_USAGE, "--ideal makes no stream to cut: use it with --bpp");
    if (task->rates == 0) {
        memcpy(task->bpp, usual, sizeof usual);
        task->rates = sizeof usual / sizeof *usual;
    }
    return CLI_OK;
}

/* ---- Measuring ------------------------------------------------------------------------------ */

/* One picture under measurement. */
struct work {
    const struct task *task;
    const ddz_model *model;
    const char *name;
    struct image image, decoded; /* 8-bit RGB */
    struct cli_progress progress;
};

static size_t samples(const struct work *w)
{
    return 3 * (size_t)w->image.width * w->image.height;
}

/* A new encoder that has encoded the picture for the target, to be freed in any case. */
static int encode(struct work *w, ddz_target target, double value, struct result *result,
                  ddz_encoder **encoder)
{
    struct encoding encoding = w->task->encoding;
    encoding.target = target;
    encoding.target_value = value;
    const struct image_view picture = image_view(&w->image);
    cli_progress_begin(&w->progress, "encoding", w->task->common.quiet);
    ddz_status status = encoder_open(w->model, &w->task->common, &encoding, &w->progress, encoder);
    double begun = cli_seconds();
    if (status == DDZ_OK)
        status = encode_image(*encoder, &picture);
    result->encode_seconds = cli_seconds() - begun;
    cli_progress_end();
    return status == DDZ_OK ? CLI_OK : cli_fail_status(w->name, status);
}

static int new_decoder(struct work *w, uint64_t max_bits, ddz_decoder **decoder)
{
    struct decoding decoding = decoding_usual();
    decoding.max_bits = max_bits;
    ddz_status status = decoder_open(w->model, &w->task->common, &decoding, &w->progress, decoder);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(w->name, status);
}

/* Feed more bytes, decode, compare. */
static int decode(struct work *w, ddz_decoder *decoder, const uint8_t *data, size_t size,
                  struct result *result)
{
    cli_progress_begin(&w->progress, "decoding", w->task->common.quiet);
    double begun = cli_seconds();
    ddz_status status = ddz_decoder_feed(decoder, data, size);
    if (status == DDZ_OK)
        status = decode_image(decoder, DDZ_RECON_MEAN, &w->decoded);
    result->decode_seconds = cli_seconds() - begun;
    cli_progress_end();
    if (status != DDZ_OK)
        return cli_fail_status(w->name, status);
    result->psnr = psnr(w->image.pixels, w->decoded.pixels, samples(w));
    return CLI_OK;
}

/* One stream, of which a decoder sees the first max_bits bits. */
static int measure_stream(struct work *w, ddz_encoder *encoder, uint64_t max_bits, struct result *result)
{
    const uint8_t *data;
    size_t size;
    ddz_status status = ddz_encoder_stream(encoder, &data, &size);
    if (status != DDZ_OK)
        return cli_fail_status(w->name, status);
    result->bits = 8.0 * (double)size < (double)max_bits ? 8.0 * (double)size : (double)max_bits;
    result->ideal_bits = encoder_kl_bits(encoder, max_bits);
    if (!data) { /* the ideal channel */
        status = ddz_encoder_picture(encoder, DDZ_PIXELS_RGB8, w->decoded.pixels, 0, samples(w));
        result->psnr = psnr(w->image.pixels, w->decoded.pixels, samples(w));
        return status == DDZ_OK ? CLI_OK : cli_fail_status(w->name, status);
    }
    ddz_decoder *decoder = NULL;
    int code = new_decoder(w, max_bits, &decoder);
    if (code == CLI_OK)
        code = decode(w, decoder, data, size, result);
    ddz_decoder_free(decoder);
    return code;
}

static int measure_rates(struct work *w, struct report *report)
{
    for (size_t i = 0; i < w->task->rates; i++) {
        struct result result = {.target = w->task->bpp[i]};
        double bytes = (double)cli_bytes_of_bpp(w->task->bpp[i], w->image.width, w->image.height);
        ddz_encoder *encoder = NULL;
        int code = encode(w, DDZ_TARGET_BYTES, bytes, &result, &encoder);
        if (code == CLI_OK)
            code = measure_stream(w, encoder, UINT64_MAX, &result);
        ddz_encoder_free(encoder);
        if (code != CLI_OK)
            return code;
        report_add(report, i, w->name, w->image.width, w->image.height, &result);
    }
    return CLI_OK;
}

static int measure_bits(struct work *w, struct report *report)
{
    struct result result = {.target = (double)w->task->bits};
    ddz_encoder *encoder = NULL;
    int code = encode(w, DDZ_TARGET_QUALITY, w->task->quality, &result, &encoder);
    if (code == CLI_OK)
        code = measure_stream(w, encoder, w->task->bits, &result);
    ddz_encoder_free(encoder);
    if (code == CLI_OK)
        report_add(report, 0, w->name, w->image.width, w->image.height, &result);
    return code;
}

/* The prefixes of a stream, each with the time that it adds. */
static int measure_prefixes_of(struct work *w, ddz_encoder *encoder, ddz_decoder *decoder,
                               struct result *result, struct report *report)
{
    const uint8_t *data;
    size_t size, fed = 0;
    ddz_status status = ddz_encoder_stream(encoder, &data, &size);
    if (status != DDZ_OK)
        return cli_fail_status(w->name, status);
    for (size_t i = 0, bytes = 16; fed < size; i++, bytes *= 2) {
        size_t until = bytes < size ? bytes : size;
        int code = decode(w, decoder, data + fed, until - fed, result);
        if (code != CLI_OK)
            return code;
        fed = until;
        result->target = (double)until;
        result->bits = 8.0 * (double)until;
        result->ideal_bits = encoder_kl_bits(encoder, 8 * (uint64_t)until);
        report_add(report, until < size ? i : REPORT_MAX_POINTS - 1, w->name, w->image.width, w->image.height,
                   result);
    }
    return CLI_OK;
}

static int measure_prefixes(struct work *w, struct report *report)
{
    struct result result = {0};
    ddz_encoder *encoder = NULL;
    ddz_decoder *decoder = NULL;
    int code = encode(w, DDZ_TARGET_QUALITY, w->task->quality, &result, &encoder);
    if (code == CLI_OK)
        code = new_decoder(w, UINT64_MAX, &decoder);
    if (code == CLI_OK)
        code = measure_prefixes_of(w, encoder, decoder, &result, report);
    ddz_decoder_free(decoder);
    ddz_encoder_free(encoder);
    return code;
}

/* ---- Work ----------------------------------------------------------------------------------- */

static int measure(struct work *w, struct report *report)
{
    int code = picture_load_rgb8(w->name, &w->task->common, &w->image);
    if (code != CLI_OK)
        return code;
    if (image_alloc(&w->decoded, w->image.width, w->image.height, 3, 8) != 0)
        code = cli_fail(CLI_LIMIT, "%s: out of memory", w->name);
    else if (w->task->mode == MODE_RATES)
        code = measure_rates(w, report);
    else
        code = w->task->mode == MODE_BITS ? measure_bits(w, report) : measure_prefixes(w, report);
    image_free(&w->decoded);
    image_free(&w->image);
    return code;
}

static int measure_all(const struct task *task, const ddz_model *model, char **pictures, int count)
{
    static const char *const targets[] = {"bpp", "bytes", "bits"};
    struct report report;
    int code = CLI_OK;
    report_begin(&report, targets[task->mode], task->csv);
    for (int i = 0; i < count && code == CLI_OK; i++) {
        struct work work = {.task = task, .model = model, .name = pictures[i]};
        code = measure(&work, &report);
    }
    if (code == CLI_OK && count > 1)
        report_means(&report);
    return code == CLI_OK ? cli_flush() : code;
}

static int measure_paper(const struct task *task, const ddz_model *model, char **pictures, int count)
{
    struct paper_task paper = {
        .common = &task->common, .encoding = &task->encoding, .sigma_end = task->sigma_end, .csv = task->csv};
    return paper_measure(&paper, model, pictures, (size_t)count);
}

static int compare(const struct common *common, const char *a, const char *b)
{
    struct image first = {0}, second = {0};
    int code = picture_load_rgb8(a, common, &first);
    if (code == CLI_OK)
        code = picture_load_rgb8(b, common, &second);
    if (code == CLI_OK && (first.width != second.width || first.height != second.height))
        code = cli_fail(CLI_INPUT, "%s and %s differ in size", a, b);
    if (code == CLI_OK) {
        printf("%.4f\n", psnr(first.pixels, second.pixels, 3 * (size_t)first.width * first.height));
        code = cli_flush();
    }
    image_free(&first);
    image_free(&second);
    return code;
}

int main(int argc, char **argv)
{
    struct task task;
    ddz_model *model = NULL;
    cli_begin("ddpmeval");
    int status = read_arguments(&task, argc, argv);
    if (status != CLI_OK || task.common.done)
        return status;
    if (task.mode == MODE_COMPARE)
        return compare(&task.common, argv[optind], argv[optind + 1]);
    status = model_load(task.common.model, argv[0], NULL, &model);
    if (status == CLI_OK && task.mode == MODE_PAPER)
        status = measure_paper(&task, model, argv + optind, argc - optind);
    else if (status == CLI_OK)
        status = measure_all(&task, model, argv + optind, argc - optind);
    ddz_model_free(model);
    return status;
}
