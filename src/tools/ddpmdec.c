/* ddpmdec: a ddz stream, or any beginning of one, in; PNG out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ddz.h"
#include "imgio/png.h"
#include "tools/cli.h"
#include "tools/files.h"
#include "tools/info.h"

static const char help[] =
    "Usage: ddpmdec [options] IN.ddz [OUT.png]\n"
    "Decode a stream, or what there is of it. '-' is standard input or output.\n"
    "OUT.png defaults to the name of the input with .png, or to '-' for standard input.\n"
    "\n"
    "How much of the stream to use:\n"
    "      --bits N        its first N bits\n"
    "      --bytes N       its first N bytes\n"
    "      --bpp X         its first X bits a pixel\n"
    "\n"
    "What to make of it:\n"
    "      --recon KIND    mean: closest to the original (default); sample: realistic\n"
    "      --seed N        of --recon sample; default 1\n"
    "      --frames DIR    a picture for each doubling of the bits from 64 on, DIR/0000000064.png ...\n"
    "      --info          print what is in the stream; decode nothing\n"
    "      --ignore-digest write the picture of a whole stream even if its digest disagrees\n"
    "\n"
    "  -t, --threads N     0: as many as there are processors (default)\n"
    "  -m, --model FILE    model; default: $DDZ_MODEL, else the installed one\n"
    "      --isa NAME      portable, avx2, avx512 or best; default: $DDZ_ISA, else best\n"
    "  -v, --verbose       say what was decoded\n"
    "      --quiet         no progress\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

enum {
    OPTION_BITS = 256,
    OPTION_BYTES,
    OPTION_BPP,
    OPTION_RECON,
    OPTION_SEED,
    OPTION_FRAMES,
    OPTION_INFO,
    OPTION_IGNORE_DIGEST,
    OPTION_ISA,
    OPTION_QUIET
};

static const char letters[] = ":t:m:vhV";
static const struct option words[] = {{"bits", required_argument, NULL, OPTION_BITS},
                                      {"bytes", required_argument, NULL, OPTION_BYTES},
                                      {"bpp", required_argument, NULL, OPTION_BPP},
                                      {"recon", required_argument, NULL, OPTION_RECON},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"frames", required_argument, NULL, OPTION_FRAMES},
                                      {"info", no_argument, NULL, OPTION_INFO},
                                      {"ignore-digest", no_argument, NULL, OPTION_IGNORE_DIGEST},
                                      {"threads", required_argument, NULL, 't'},
                                      {"model", required_argument, NULL, 'm'},
                                      {"isa", required_argument, NULL, OPTION_ISA},
                                      {"verbose", no_argument, NULL, 'v'},
                                      {"quiet", no_argument, NULL, OPTION_QUIET},
                                      {"help", no_argument, NULL, 'h'},
                                      {"version", no_argument, NULL, 'V'},
                                      {NULL, 0, NULL, 0}};

static const size_t stream_max_size = (size_t)1 << 31;
static const uint64_t first_frame_bits = 64;

struct task {
    ddz_decoder_settings settings;
    double bpp; /* 0: settings.max_bits says it */
    int limits;
    ddz_recon recon;
    const char *model, *input, *output, *frames;
    int info, ignore_digest, verbose, quiet;
    int done; /* --help or --version was answered */
};

/* What is being decoded. */
struct job {
    const struct task *task;
    const char *name; /* of the input, for messages */
    const uint8_t *data;
    size_t size;
    ddz_decoder *decoder;
    ddz_info info;      /* what the header says */
    struct image image; /* its rgb is ours; the extras are the decoder's */
    struct cli_progress progress;
};

/* ---- Arguments ------------------------------------------------------------------------------ */

static int read_limit(struct task *task, int option, const char *text)
{
    uint64_t number = 0;
    int status = CLI_OK;
    if (task->limits++)
        return cli_fail(CLI_USAGE, "only one of --bits, --bytes and --bpp can be given");
    if (option == OPTION_BPP)
        return cli_real("--bpp", text, 0.0001, 1000, &task->bpp);
    if (option == OPTION_BITS)
        status = cli_whole("--bits", text, 0, UINT64_MAX / 8, &number);
    else
        status = cli_whole("--bytes", text, 0, UINT64_MAX / 64, &number);
    if (status == CLI_OK)
        task->settings.max_bits = option == OPTION_BITS ? number : 8 * number;
    return status;
}

static int read_recon(struct task *task, const char *text)
{
    if (strcmp(text, "mean") == 0)
        task->recon = DDZ_RECON_MEAN;
    else if (strcmp(text, "sample") == 0)
        task->recon = DDZ_RECON_SAMPLE;
    else
        return cli_fail(CLI_USAGE, "--recon: '%s' is not one of mean, sample", text);
    return CLI_OK;
}

static int read_option(struct task *task, int option, char **argv)
{
    switch (option) {
    case OPTION_BITS:
    case OPTION_BYTES:
    case OPTION_BPP:
        return read_limit(task, option, optarg);
    case OPTION_RECON:
        return read_recon(task, optarg);
    case OPTION_SEED:
        return cli_seed(optarg, &task->settings.seed);
    case OPTION_FRAMES:
        task->frames = optarg;
        return CLI_OK;
    case OPTION_INFO:
        task->info = 1;
        return CLI_OK;
    case OPTION_IGNORE_DIGEST:
        task->ignore_digest = 1;
        return CLI_OK;
    case 't':
        return cli_int("--threads", optarg, 0, 256, &task->settings.threads);
    case 'm':
        task->model = optarg;
        return CLI_OK;
    case OPTION_ISA:
        return cli_isa("--isa", optarg, &task->settings.isa);
    case 'v':
        task->verbose = 1;
        return CLI_OK;
    case OPTION_QUIET:
        task->quiet = 1;
        return CLI_OK;
    case 'h':
        task->done = 1;
        return cli_help(help);
    case 'V':
        task->done = 1;
        return cli_version();
    default:
        return cli_bad_option(option, argv);
    }
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    memset(task, 0, sizeof *task);
    ddz_decoder_defaults(&task->settings);
    int status = cli_isa_default(&task->settings.isa);
    int option;
    while (status == CLI_OK && !task->done && (option = getopt_long(argc, argv, letters, words, NULL)) != -1)
        status = read_option(task, option, argv);
    if (status != CLI_OK || task->done)
        return status;
    int names = argc - optind;
    if (names < 1 || names > 2)
        return cli_fail(CLI_USAGE,
                        "the name of a stream is needed, and at most one more; see ddpmdec --help");
    if ((task->info || task->frames) && names == 2)
        return cli_fail(CLI_USAGE, "no output can be named with %s", task->info ? "--info" : "--frames");
    task->input = argv[optind];
    task->output = names == 2 ? argv[optind + 1] : NULL;
    return CLI_OK;
}

/* The input's name with .png in place of .ddz, or after it; "-" for "-". NULL: no memory. */
static char *default_output(const char *input)
{
    size_t length = strlen(input);
    if (strcmp(input, "-") == 0)
        return strdup(input);
    if (length > 4 && strcmp(input + length - 4, ".ddz") == 0)
        length -= 4;
    char *name = malloc(length + sizeof ".png");
    if (name) {
        memcpy(name, input, length);
        memcpy(name + length, ".png", sizeof ".png");
    }
    return name;
}

/* ---- Output --------------------------------------------------------------------------------- */

/* The side layers that have arrived. */
static int borrow_extras(struct job *job)
{
    const uint8_t *data;
    size_t size;
    ddz_status status = ddz_decoder_extra(job->decoder, DDZ_EXTRA_ALPHA, &data, &size);
    if (status != DDZ_OK)
        return cli_fail_status(job->name, status);
    job->image.alpha = (uint8_t *)(uintptr_t)data;
    status = ddz_decoder_extra(job->decoder, DDZ_EXTRA_ICC, &data, &job->image.icc_size);
    job->image.icc = (uint8_t *)(uintptr_t)data;
    if (status == DDZ_OK)
        status = ddz_decoder_extra(job->decoder, DDZ_EXTRA_EXIF, &data, &job->image.exif_size);
    job->image.exif = (uint8_t *)(uintptr_t)data;
    return status == DDZ_OK ? CLI_OK : cli_fail_status(job->name, status);
}

/* Decode what has been fed. */
static int decode(struct job *job)
{
    cli_progress_begin(&job->progress, "decoding", job->task->quiet);
    ddz_status status = ddz_decoder_picture(job->decoder, job->task->recon, job->image.rgb);
    cli_progress_end();
    if (status == DDZ_ERR_CORRUPT && job->task->ignore_digest)
        cli_note("%s: warning: %s", job->name, ddz_strerror(status));
    else if (status != DDZ_OK)
        return cli_fail_status(job->name, status);
    return borrow_extras(job);
}

static int decode_to_file(struct job *job, const char *path)
{
    struct output output;
    char error[200] = "";
    int code = output_begin(&output, path);
    if (code != CLI_OK)
        return code;
    code = decode(job);
    if (code == CLI_OK && png_write(output.file, &job->image, error, sizeof error) != 0)
        code = cli_fail(CLI_FILE, "cannot write %s: %s", file_output_name(path), error);
    if (code == CLI_OK)
        return output_finish(&output);
    output_abandon(&output);
    return code;
}

static void print_outcome(const struct job *job, const char *path)
{
    ddz_info info;
    if (job->task->verbose && ddz_decoder_info(job->decoder, &info) == DDZ_OK)
        cli_note("%s -> %s: %u x %u, %llu bits used, %.4f bits a pixel%s", job->name, file_output_name(path),
                 info.width, info.height, (unsigned long long)info.bits,
                 (double)info.bits / info.width / info.height, info.digest_agrees ? ", decoded exactly" : "");
}

/* ---- Frames --------------------------------------------------------------------------------- */

static int make_frame(struct job *job, uint64_t bits)
{
    size_t room = strlen(job->task->frames) + 32;
    char *path = malloc(room);
    if (!path)
        return cli_fail(CLI_LIMIT, "out of memory");
    snprintf(path, room, "%s/%010llu.png", job->task->frames, (unsigned long long)bits);
    int status = decode_to_file(job, path);
    if (status == CLI_OK)
        print_outcome(job, path);
    free(path);
    return status;
}

static int make_frames(struct job *job)
{
    ddz_info header;
    if (mkdir(job->task->frames, 0777) != 0 && errno != EEXIST)
        return cli_fail(CLI_FILE, "cannot make %s: %s", job->task->frames, strerror(errno));
    uint64_t end = 8 * (uint64_t)job->size;
    if (end > job->task->settings.max_bits)
        end = job->task->settings.max_bits;
    size_t fed = 0;
    for (uint64_t bits = first_frame_bits;; bits *= 2) {
        int last = bits >= end;
        size_t until = last ? job->size : (size_t)(bits / 8);
        ddz_status status = ddz_decoder_feed(job->decoder, job->data + fed, until - fed);
        if (status != DDZ_OK)
            return cli_fail_status(job->name, status);
        fed = until;
        /* The header of a large picture is longer than the first frame. */
        if (!last && ddz_decoder_info(job->decoder, &header) == DDZ_ERR_TRUNCATED)
            continue;
        int code = make_frame(job, last ? end : bits);
        if (code != CLI_OK || last)
            return code;
    }
}

/* ---- Work ----------------------------------------------------------------------------------- */

/* Header, for the size of the picture; needs no model. */
static int read_header(struct job *job)
{
    ddz_decoder *decoder = NULL;
    ddz_decoder_settings settings;
    ddz_decoder_defaults(&settings);
    ddz_status status = ddz_decoder_new(NULL, &settings, &decoder);
    if (status == DDZ_OK)
        status = ddz_decoder_feed(decoder, job->data, job->size < 16 ? job->size : 16);
    if (status == DDZ_OK)
        status = ddz_decoder_info(decoder, &job->info);
    ddz_decoder_free(decoder);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(job->name, status);
}

static int make_one(struct job *job)
{
    const struct task *task = job->task;
    ddz_status status = ddz_decoder_feed(job->decoder, job->data, job->size);
    if (status != DDZ_OK)
        return cli_fail_status(job->name, status);
    char *path = task->output ? strdup(task->output) : default_output(task->input);
    if (!path)
        return cli_fail(CLI_LIMIT, "%s: out of memory", job->name);
    int code = decode_to_file(job, path);
    if (code == CLI_OK)
        print_outcome(job, path);
    free(path);
    return code;
}

static int make_pictures(struct job *job)
{
    uint64_t pixels = (uint64_t)job->info.width * job->info.height;
    if (pixels > job->task->settings.max_pixels)
        return cli_fail_status(job->name, DDZ_ERR_LIMIT);
    job->image.width = job->info.width;
    job->image.height = job->info.height;
    job->image.rgb = malloc(3 * (size_t)pixels);
    if (!job->image.rgb)
        return cli_fail(CLI_LIMIT, "%s: out of memory", job->name);
    int code = job->task->frames ? make_frames(job) : make_one(job);
    free(job->image.rgb);
    return code;
}

static int inform(struct job *job, const ddz_model *model)
{
    ddz_status status = ddz_decoder_feed(job->decoder, job->data, job->size);
    if (status == DDZ_OK)
        status = info_print(job->decoder, model);
    return status == DDZ_OK ? cli_flush() : cli_fail_status(job->name, status);
}

static int run(struct task *task, const char *argv0, struct job *job)
{
    ddz_model *model = NULL;
    int code = read_header(job);
    if (code == CLI_OK && task->info)
        info_print_header(&job->info);
    if (code == CLI_OK)
        code = cli_load_model(task->model, argv0, &model);
    if (code != CLI_OK)
        return code;
    if (task->bpp > 0)
        task->settings.max_bits = 8 * cli_bytes_of_bpp(task->bpp, job->info.width, job->info.height);
    task->settings.progress = cli_progress_draw;
    task->settings.progress_cookie = &job->progress;
    ddz_status status = ddz_decoder_new(model, &task->settings, &job->decoder);
    if (status != DDZ_OK)
        code = cli_fail_status(job->name, status);
    else
        code = task->info ? inform(job, model) : make_pictures(job);
    ddz_decoder_free(job->decoder);
    ddz_model_free(model);
    return code;
}

int main(int argc, char **argv)
{
    struct task task;
    uint8_t *data = NULL;
    cli_begin("ddpmdec");
    int status = read_arguments(&task, argc, argv);
    if (status != CLI_OK || task.done)
        return status;
    struct job job = {.task = &task, .name = file_input_name(task.input)};
    status = file_read(task.input, stream_max_size, &data, &job.size);
    job.data = data;
    if (status == CLI_OK)
        status = run(&task, argv[0], &job);
    free(data);
    return status;
}
