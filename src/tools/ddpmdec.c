/* ddpmdec: a ddz stream, or any beginning of one, in; a picture out. */
#include <getopt.h>
#include <string.h>

#include "ddz.h"
#include "tools/coders.h"
#include "tools/decoding.h"
#include "tools/info.h"
#include "tools/many.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/options.h"
#include "tools/paths.h"
#include "tools/picture.h"
#include "tools/scale.h"
#include "tools/stream.h"

static const char help[] =
    "Usage: ddpmdec [options] IN.ddz [OUT]\n"
    "       ddpmdec [options] -o DIR IN.ddz ...\n"
    "Decode a stream, or what there is of it. '-' is standard input or output.\n"
    "OUT is PNG, or PAM or PNM if its name says so. It defaults to the name of the input with .png, or to "
    "'-'\n"
    "for standard input.\n"
    "\n"
    "How much of the stream to use:\n"
    "      --bits N        its first N bits\n"
    "      --bytes N       its first N bytes\n"
    "      --bpp X         its first X bits a pixel\n"
    "\n"
    "What to make of it:\n"
    "      --recon KIND    mean: closest to the original (default); sample: realistic\n"
    "      --seed N        of --recon sample; default 1\n"
    "      --steps N       of --recon sample: steps an octave of noise, 1, 2, 4 ... 32; default 8\n"
    "      --scale N       1/N of the size, N being 1, 2, 4 ... 65536, in less time and from fewer bytes; or "
    "1/N\n"
    "      --fit WxH       the largest of these pictures that is no larger than W x H pixels\n"
    "      --frames DIR    a picture for each doubling of the bits from 64 on, DIR/0000000064.png ...\n"
    "      --depth N       8 or 16 bits a sample; default: 16 if the stream is to be exact to more than 8\n"
    "      --dither        spread the rounding to 8 bits over neighbouring pixels\n"
    "      --info          print what is in the stream; decode nothing\n"
    "      --ignore-digest write the picture of a whole stream even if its digest disagrees\n"
    "\n"
    "Several files:\n"
    "  -o, --output-dir DIR  a picture in this folder for each stream\n"
    "      --suffix END    what ends their names in place of .ddz, and says their format; default .png\n"
    "  -j, --jobs N        streams at a time, which share the threads; default 1\n"
    "\n"
    "  -t, --threads N     0: as many as there are processors (default)\n"
    "  -m, --model NAME    default, small or a file; default: $DDZ_MODEL, else the one that made the stream\n"
    "      --isa NAME      portable, sse2, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm, simd128 or best;\n"
    "                      default: $DDZ_ISA, else best\n"
    "      --max-pixels N  refuse larger pictures; default 67108864\n"
    "      --memory SIZE   refuse pictures that may take more memory; default 2G, 0: no limit\n"
    "  -f, --force         replace a file that was not named; write under the name of another kind of file\n"
    "  -v, --verbose       say what was decoded\n"
    "      --quiet         no progress; only warnings of what is lost\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

enum {
    OPTION_BITS = 256,
    OPTION_BYTES,
    OPTION_BPP,
    OPTION_RECON,
    OPTION_SEED,
    OPTION_STEPS,
    OPTION_SCALE,
    OPTION_FIT,
    OPTION_FRAMES,
    OPTION_DEPTH,
    OPTION_DITHER,
    OPTION_INFO,
    OPTION_IGNORE_DIGEST
};

static const char letters[] = ":fv" MANY_LETTERS COMMON_LETTERS;
static const struct option words[] = {{"bits", required_argument, NULL, OPTION_BITS},
                                      {"bytes", required_argument, NULL, OPTION_BYTES},
                                      {"bpp", required_argument, NULL, OPTION_BPP},
                                      {"recon", required_argument, NULL, OPTION_RECON},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"steps", required_argument, NULL, OPTION_STEPS},
                                      {"scale", required_argument, NULL, OPTION_SCALE},
                                      {"fit", required_argument, NULL, OPTION_FIT},
                                      {"frames", required_argument, NULL, OPTION_FRAMES},
                                      {"depth", required_argument, NULL, OPTION_DEPTH},
                                      {"dither", no_argument, NULL, OPTION_DITHER},
                                      {"info", no_argument, NULL, OPTION_INFO},
                                      {"ignore-digest", no_argument, NULL, OPTION_IGNORE_DIGEST},
                                      {"output-dir", required_argument, NULL, 'o'},
                                      {"jobs", required_argument, NULL, 'j'},
                                      {"suffix", required_argument, NULL, MANY_SUFFIX},
                                      {"force", no_argument, NULL, 'f'},
                                      {"verbose", no_argument, NULL, 'v'},
                                      COMMON_WORDS};

/* ---- Arguments ------------------------------------------------------------------------------ */

static int read_recon(struct decoding_task *task, const char *text)
{
    if (strcmp(text, "mean") == 0)
        task->recon = DDZ_RECON_MEAN;
    else if (strcmp(text, "sample") == 0)
        task->recon = DDZ_RECON_SAMPLE;
    else
        return cli_fail(CLI_USAGE, "--recon: '%s' is not one of mean, sample", text);
    return CLI_OK;
}

static int read_depth(struct decoding_task *task, const char *text)
{
    if (strcmp(text, "8") != 0 && strcmp(text, "16") != 0)
        return cli_fail(CLI_USAGE, "--depth: '%s' is not one of 8, 16", text);
    task->depth = text[0] == '8' ? 8 : 16;
    return CLI_OK;
}

static int read_option(struct decoding_task *task, int option, char **argv)
{
    switch (option) {
    case OPTION_BITS:
        return stream_limit_read(&task->limit, "--bits", optarg);
    case OPTION_BYTES:
        return stream_limit_read(&task->limit, "--bytes", optarg);
    case OPTION_BPP:
        return stream_limit_read(&task->limit, "--bpp", optarg);
    case OPTION_RECON:
        return read_recon(task, optarg);
    case OPTION_SEED:
        return cli_seed(optarg, &task->decoding.seed);
    case OPTION_STEPS:
        return cli_power_of_two("--steps", optarg, 1, 32, &task->decoding.sample_steps);
    case OPTION_SCALE:
        return scale_read(&task->scale, "--scale", optarg);
    case OPTION_FIT:
        return scale_read(&task->scale, "--fit", optarg);
    case OPTION_FRAMES:
        task->frames = optarg;
        return CLI_OK;
    case OPTION_DEPTH:
        return read_depth(task, optarg);
    case OPTION_DITHER:
        task->dither = 1;
        return CLI_OK;
    case OPTION_INFO:
        task->info = 1;
        return CLI_OK;
    case OPTION_IGNORE_DIGEST:
        task->ignore_digest = 1;
        return CLI_OK;
    case 'o':
    case 'j':
    case MANY_SUFFIX:
        return many_option(&task->many, option, optarg);
    case 'f':
        task->force = 1;
        return CLI_OK;
    case 'v':
        task->verbose = 1;
        return CLI_OK;
    default:
        return common_option(&task->common, help, letters, option, argv);
    }
}

static int read_many_names(struct decoding_task *task, int count, char **names)
{
    if (task->info || task->frames)
        return cli_fail(CLI_USAGE, "--output-dir cannot be given with %s",
                        task->info ? "--info" : "--frames");
    if (count == 0)
        return cli_fail(CLI_USAGE, "names of streams are needed; see ddpmdec --help");
    if (!task->many.suffix)
        task->many.suffix = ".png";
    return many_begin(&task->many, names, count, PATH_STREAMS, task->force ? NULL : picture_check_name);
}

static int read_names(struct decoding_task *task, int count, char **names)
{
    if (task->many.folder)
        return read_many_names(task, count, names);
    if (count < 1 || count > 2)
        return cli_fail(CLI_USAGE, "the name of a stream is needed, and at most one more, or --output-dir "
                                   "and names of streams; see ddpmdec --help");
    if ((task->info || task->frames) && count == 2)
        return cli_fail(CLI_USAGE, "no output can be named with %s", task->info ? "--info" : "--frames");
    task->input = names[0];
    task->output = count == 2 ? names[1] : NULL;
    int code = many_check_options(&task->many);
    return code == CLI_OK && task->output && !task->force ? picture_check_name(task->output) : code;
}

static int read_arguments(struct decoding_task *task, int argc, char **argv)
{
    *task = (struct decoding_task){.decoding = decoding_usual()};
    int status = common_begin(&task->common, COMMON_MEMORY_DECODING);
    int option;
    while (status == CLI_OK && !task->common.done &&
           (option = getopt_long(argc, argv, letters, words, NULL)) != -1)
        status = read_option(task, option, argv);
    if (status != CLI_OK || task->common.done)
        return status;
    if (task->dither && task->depth == 16)
        return cli_fail(CLI_USAGE, "--dither is of 8-bit pictures, not of --depth 16");
    return read_names(task, argc - optind, argv + optind);
}

/* ---- Work ----------------------------------------------------------------------------------- */

static int inform(struct decoding_job *job, const ddz_model *model)
{
    int code = stream_feed(&job->stream, job->decoder, 0, job->stream.size);
    if (code != CLI_OK)
        return code;
    ddz_status status = info_print(job->decoder, model, job->stream.data);
    return status == DDZ_OK ? cli_flush() : cli_fail_status(job->stream.name, status);
}

static int run(struct decoding_task *task, const ddz_model *model, struct decoding_job *job)
{
    task->decoding.max_bits = stream_limit_bits(&task->limit, &job->stream.info);
    task->decoding.scale = scale_choose(&task->scale, &job->stream.info);
    const int whole = task->info || task->frames;
    int code = stream_read_for(&job->stream, model, whole ? 0 : task->decoding.scale);
    if (code != CLI_OK)
        return code;
    ddz_status status = decoder_open(model, &task->common, &task->decoding, &job->progress, &job->decoder);
    if (status != DDZ_OK)
        code = cli_fail_status(job->stream.name, status);
    else
        code = task->info ? inform(job, model) : decoding_make_pictures(job);
    ddz_decoder_free(job->decoder);
    return code;
}

/* The stream that was named alone */
static int run_alone(struct decoding_task *task, const char *argv0)
{
    struct decoding_job job = {.task = task};
    ddz_model *model = NULL;
    int code = stream_open(&job.stream, task->input, &task->common);
    if (code == CLI_OK && task->info)
        info_print_header(&job.stream.info);
    if (code == CLI_OK)
        code = model_load(task->common.model, argv0, &job.stream.info, &model);
    if (code == CLI_OK)
        code = run(task, model, &job);
    ddz_model_free(model);
    stream_close(&job.stream);
    return code;
}

/* many_work's `make` */
static int run_one(void *cookie, const char *input, const char *output)
{
    struct decoding_task *task = cookie;
    struct decoding_job job = {.task = task};
    const ddz_model *model = NULL;
    task->input = input;
    task->output = output;
    int code = stream_open(&job.stream, input, &task->common);
    if (code == CLI_OK)
        code = models_choose(task->models, input, &job.stream.info, &model);
    if (code == CLI_OK)
        code = run(task, model, &job);
    stream_close(&job.stream);
    return code;
}

static int run_many(struct decoding_task *task, const char *argv0)
{
    const struct many_work work = {
        .make = run_one, .cookie = task, .common = &task->common, .verb = "decoding"};
    struct models models = {0};
    int code = models_load(&models, task->common.model, argv0);
    task->models = &models;
    if (code == CLI_OK)
        code = many_run(&task->many, &work);
    models_free(&models);
    return code;
}

int main(int argc, char **argv)
{
    struct decoding_task task;
    cli_begin("ddpmdec");
    int status = read_arguments(&task, argc, argv);
    if (status == CLI_OK && !task.common.done)
        status = task.many.folder ? run_many(&task, argv[0]) : run_alone(&task, argv[0]);
    many_free(&task.many);
    return status;
}
