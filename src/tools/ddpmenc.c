/* ddpmenc: a picture in, ddz stream out. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "ddz.h"
#include "ddz/research.h"
#include "imgio/image.h"
#include "tools/append.h"
#include "tools/coders.h"
#include "tools/extras.h"
#include "tools/files.h"
#include "tools/many.h"
#include "tools/message.h"
#include "tools/metrics.h"
#include "tools/models.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/paths.h"
#include "tools/picture.h"
#include "tools/steps.h"

static const char help[] =
    "Usage: ddpmenc [options] IN OUT.ddz\n"
    "       ddpmenc [options] -o DIR IN ...\n"
    "Encode a picture (PNG, JPEG, WebP, TIFF, PNM, PAM) as a progressive stream. '-' is standard input or output.\n"
    "\n"
    "Where to end (one of):\n"
    "  -q, --quality N       0 (small) to 100 (the same as --lossless); default 60\n"
    "      --bpp X           X bits a pixel\n"
    "      --bytes N         N bytes\n"
    "      --psnr X          X dB\n"
    "\n"
    "And behind that, for the picture itself:\n"
    "      --lossless        what makes the picture exact; then -q is 51 or less unless it is given\n"
    "      --max-error N     the same, but that samples may be off by N, 1 to 127\n"
    "      --append          add that to OUT.ddz, which was made from IN\n"
    "      --chain           keep the chain, also where the picture itself takes no more bytes\n"
    "\n"
    "How:\n"
    "  -e, --effort N        1 (fast) to 9 (small); default 5\n"
    "      --trellis-bits N  search 2^N states, 8 to 16; default: by effort\n"
    "      --steering X      hold back errors weaker than X times the last noise, 0 to 4; default 0.7\n"
    "      --exact           keep the colours of pixels whose alpha is 0, which nobody sees\n"
    "  -t, --threads N       0: as many as there are processors (default)\n"
    "  -m, --model NAME      default, small (faster) or a file; default: $DDZ_MODEL, else default\n"
    "      --isa NAME        portable, sse2, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm, simd128 or best;\n"
    "                        default: $DDZ_ISA, else best\n"
    "      --max-pixels N    refuse larger pictures; default 67108864\n"
    "      --memory SIZE     refuse pictures that may take more memory; default 4G, 0: no limit\n"
    "\n"
    "Several files:\n"
    "  -o, --output-dir DIR  a stream in this folder for each picture\n"
    "      --suffix END      what ends their names in place of .jpg and the like; default .ddz\n"
    "  -j, --jobs N          pictures at a time, which share the threads; default 1\n"
    "\n"
    "  -f, --force           replace files that were not named; write under the name of another kind of "
    "file\n"
    "  -v, --verbose         a table of the steps, on standard error\n"
    "      --quiet           no summary, no progress; only warnings of what is lost\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n";

enum {
    OPTION_BPP = 256,
    OPTION_BYTES,
    OPTION_PSNR,
    OPTION_TRELLIS_BITS,
    OPTION_STEERING,
    OPTION_EXACT,
    OPTION_LOSSLESS,
    OPTION_MAX_ERROR,
    OPTION_APPEND,
    OPTION_CHAIN
};

static const char letters[] = ":q:e:fv" MANY_LETTERS COMMON_LETTERS;
static const struct option words[] = {{"quality", required_argument, NULL, 'q'},
                                      {"bpp", required_argument, NULL, OPTION_BPP},
                                      {"bytes", required_argument, NULL, OPTION_BYTES},
                                      {"psnr", required_argument, NULL, OPTION_PSNR},
                                      {"lossless", no_argument, NULL, OPTION_LOSSLESS},
                                      {"max-error", required_argument, NULL, OPTION_MAX_ERROR},
                                      {"append", no_argument, NULL, OPTION_APPEND},
                                      {"chain", no_argument, NULL, OPTION_CHAIN},
                                      {"effort", required_argument, NULL, 'e'},
                                      {"trellis-bits", required_argument, NULL, OPTION_TRELLIS_BITS},
                                      {"steering", required_argument, NULL, OPTION_STEERING},
                                      {"exact", no_argument, NULL, OPTION_EXACT},
                                      {"output-dir", required_argument, NULL, 'o'},
                                      {"jobs", required_argument, NULL, 'j'},
                                      {"suffix", required_argument, NULL, MANY_SUFFIX},
                                      {"force", no_argument, NULL, 'f'},
                                      {"verbose", no_argument, NULL, 'v'},
                                      COMMON_WORDS};

struct task {
    struct common common;
    struct encoding encoding;
    double bpp; /* 0: the target stands in the settings */
    int targets;
    struct many many;
    const ddz_model *model;
    const char *input, *output;
    int append;   /* an exact layer to the output, which exists */
    int lossless; /* an exact layer, or one that is nearly */
    int chain;    /* no exact layer in place of the chain */
    int force, verbose;
};

static int read_target(struct task *task, int option, const char *text)
{
    struct encoding *s = &task->encoding;
    uint64_t bytes = 0;
    int status = CLI_OK;
    if (task->targets++)
        return cli_fail(CLI_USAGE, "only one of -q, --bpp, --bytes and --psnr can be met");
    if (option == 'q') {
        s->target = DDZ_TARGET_QUALITY;
        status = cli_real("--quality", text, 0, 100, &s->target_value);
    } else if (option == OPTION_PSNR) {
        s->target = DDZ_TARGET_PSNR;
        status = cli_real("--psnr", text, 5, 100, &s->target_value);
    } else if (option == OPTION_BPP) {
        s->target = DDZ_TARGET_BYTES;
        status = cli_real("--bpp", text, 0.0001, 48, &task->bpp);
    } else {
        s->target = DDZ_TARGET_BYTES;
        status = cli_whole("--bytes", text, 1, UINT32_MAX, &bytes);
        s->target_value = (double)bytes;
    }
    return status;
}

static int read_option(struct task *task, int option, char **argv)
{
    struct encoding *s = &task->encoding;
    switch (option) {
    case 'q':
    case OPTION_BPP:
    case OPTION_BYTES:
    case OPTION_PSNR:
        return read_target(task, option, optarg);
    case OPTION_APPEND:
        task->append = 1;
        return CLI_OK;
    case OPTION_CHAIN:
        task->chain = 1;
        return CLI_OK;
    case OPTION_LOSSLESS:
        task->lossless = 1;
        return CLI_OK;
    case OPTION_MAX_ERROR:
        task->lossless = 1;
        return cli_int("--max-error", optarg, 1, 127, &s->max_error);
    case 'e':
        return cli_int("--effort", optarg, 1, 9, &s->effort);
    case OPTION_TRELLIS_BITS:
        return cli_int("--trellis-bits", optarg, 8, 16, &s->trellis_bits);
    case OPTION_STEERING:
        return cli_real("--steering", optarg, 0, 4, &s->steering);
    case OPTION_EXACT:
        s->keep_invisible = 1;
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

/* Whether a stream may have this name */
static int check_name(const char *path)
{
    if (!path_is_of(path, PATH_PICTURES " " PATH_MODELS))
        return CLI_OK;
    return cli_fail(CLI_USAGE, "%s is not the name of a stream; --force writes one all the same", path);
}

/* What has no meaning with --append */
static int check_append(const struct task *task)
{
    if (task->append && task->many.folder)
        return cli_fail(CLI_USAGE, "--append cannot be given with --output-dir");
    if (task->append && task->targets)
        return cli_fail(
            CLI_USAGE,
            "--append cannot be given with -q, --bpp, --bytes or --psnr: the stream ends where it does");
    return CLI_OK;
}

static int read_names(struct task *task, int count, char **names)
{
    if (task->many.folder) {
        if (count == 0)
            return cli_fail(CLI_USAGE, "names of pictures are needed; see ddpmenc --help");
        if (!task->many.suffix)
            task->many.suffix = ".ddz";
        return many_begin(&task->many, names, count, PATH_PICTURES, task->force ? NULL : check_name);
    }
    if (count != 2)
        return cli_fail(CLI_USAGE, "two names are needed, a picture and OUT.ddz, or --output-dir and names "
                                   "of pictures; see ddpmenc --help");
    task->input = names[0];
    task->output = names[1];
    int code = many_check_options(&task->many);
    return code == CLI_OK && !task->force ? check_name(task->output) : code;
}

/* Whether there is to be an exact layer; and where the chain ends before it: where it was said, else where both together
 * are about smallest, and no decoder waits long. */
static void choose_exact(struct task *task)
{
    const double usual = 51; /* 7 grey levels of noise */
    struct encoding *s = &task->encoding;
    const int all = task->targets && s->target == DDZ_TARGET_QUALITY && s->target_value >= 100;
    const int said = task->targets && !all;
    if (!task->lossless && !all) {
        s->exact = task->chain ? 0 : -1;
        return;
    }
    s->exact = said || task->chain ? 2 : 1;
    if (!said) {
        s->target = DDZ_TARGET_QUALITY;
        s->target_value = usual;
    }
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    *task = (struct task){.encoding = encoding_usual()};
    int status = common_begin(&task->common, COMMON_MEMORY_ENCODING);
    int option;
    while (status == CLI_OK && !task->common.done &&
           (option = getopt_long(argc, argv, letters, words, NULL)) != -1)
        status = read_option(task, option, argv);
    if (status != CLI_OK || task->common.done)
        return status;
    choose_exact(task);
    status = check_append(task);
    if (status != CLI_OK)
        return status;
    return read_names(task, argc - optind, argv + optind);
}

/* ---- Report --------------------------------------------------------------------------------- */

static int print_summary(const struct task *task, const struct image_view *image, size_t size, double seconds)
{
    char *text = path_make("%s -> %s: %u x %u, %zu bytes, %.4f bits a pixel, %.1f s\n",
                           file_input_name(task->input), file_output_name(task->output), image->width,
                           image->height, size, 8.0 * (double)size / image->width / image->height, seconds);
    if (!text)
        return cli_fail(CLI_LIMIT, "out of memory");
    cli_print(text);
    free(text);
    return CLI_OK;
}

/* ---- Work ----------------------------------------------------------------------------------- */

static int too_few_bytes(const struct task *task, const struct image_view *image)
{
    const char *name = file_input_name(task->input);
    if (task->bpp > 0)
        return cli_fail(CLI_USAGE, "%s: --bpp %g are %.0f bytes, too few for a picture of %u x %u", name,
                        task->bpp, task->encoding.target_value, image->width, image->height);
    return cli_fail(CLI_USAGE, "%s: --bytes %.0f are too few for a picture of %u x %u", name,
                    task->encoding.target_value, image->width, image->height);
}

/* PSNR in dB of the picture that a decoder would show, over three channels of 8 bits */
static int reached_psnr(ddz_encoder *encoder, const struct image_view *image, double *reached)
{
    struct image original = {0}, decoded = {0};
    int code = image_copy(&original, image) != 0 || image_to_rgb8(&original) != 0 ||
                       image_alloc(&decoded, image->width, image->height, 3, 8) != 0
                   ? cli_fail(CLI_LIMIT, "out of memory")
                   : CLI_OK;
    size_t size = image_size(image->width, image->height, 3, 8);
    if (code == CLI_OK) {
        ddz_status status = ddz_encoder_picture(encoder, DDZ_PIXELS_RGB8, decoded.pixels, 0, size);
        code = status == DDZ_OK ? CLI_OK : cli_fail_status("the decoded picture", status);
    }
    if (code == CLI_OK)
        *reached = psnr(original.pixels, decoded.pixels, size);
    image_free(&original);
    image_free(&decoded);
    return code;
}

/* A chain has an end: a line says where, if that is before what was asked for. */
static int check_psnr(const struct task *task, ddz_encoder *encoder, const struct image_view *image)
{
    double reached = 0;
    int code = reached_psnr(encoder, image, &reached);
    if (code == CLI_OK && reached < task->encoding.target_value)
        cli_note("%s: warning: %.2f dB were reached, not %g: the chain ends there",
                 file_input_name(task->input), reached, task->encoding.target_value);
    return code;
}

/* Bytes of the stream in *size. */
static int encode(const struct task *task, ddz_encoder *encoder, const struct image_view *image,
                  struct cli_progress *progress, struct output *output, size_t *size)
{
    const char *name = file_input_name(task->input);
    const uint8_t *data;
    ddz_status status = extras_attach(encoder, image);
    cli_progress_begin(progress, "encoding", task->common.quiet);
    if (status == DDZ_OK)
        status = encode_image(encoder, image);
    cli_progress_end();
    if (status == DDZ_ERR_ARGUMENT && task->encoding.target == DDZ_TARGET_BYTES)
        return too_few_bytes(task, image);
    if (status == DDZ_OK)
        status = ddz_encoder_stream(encoder, &data, size);
    if (status != DDZ_OK)
        return cli_fail_status(name, status);
    extras_note_losses(encoder, name, task->common.quiet);
    output_write(output, data, *size);
    return CLI_OK;
}

/* The output is opened first: that it cannot be written is better known before the work than after. */
static int encode_to_file(const struct task *task, ddz_encoder *encoder, const struct image_view *image,
                          struct cli_progress *progress)
{
    struct output output;
    size_t size;
    double begun = cli_seconds();
    const struct output_guard guard = {.input = task->input, .keep = task->many.folder && !task->force};
    int code = output_begin(&output, task->output, guard);
    if (code != CLI_OK)
        return code;
    code = encode(task, encoder, image, progress, &output, &size);
    if (code == CLI_OK)
        code = output_finish(&output);
    else
        output_abandon(&output);
    if (code == CLI_OK && task->encoding.target == DDZ_TARGET_PSNR)
        code = check_psnr(task, encoder, image);
    if (code == CLI_OK && task->verbose)
        code = steps_print(encoder);
    if (code == CLI_OK && !task->common.quiet)
        code = print_summary(task, image, size, cli_seconds() - begun);
    return code;
}

static int encode_picture(struct task *task, const struct image_view *image)
{
    struct cli_progress progress;
    ddz_encoder *encoder = NULL;
    if (task->bpp > 0)
        task->encoding.target_value = (double)cli_bytes_of_bpp(task->bpp, image->width, image->height);
    const char *name = file_input_name(task->input);
    ddz_status status = encoder_open(task->model, &task->common, &task->encoding, &progress, &encoder);
    int code = CLI_OK;
    if (status == DDZ_ERR_ARGUMENT && task->bpp > 0)
        code = too_few_bytes(task, image);
    else if (status != DDZ_OK)
        code = cli_fail_status(name, status);
    if (code == CLI_OK)
        code = encoder_check_memory(name, &task->common, encoder, image);
    if (code == CLI_OK)
        code = encode_to_file(task, encoder, image, &progress);
    ddz_encoder_free(encoder);
    return code;
}

/* From task->input to task->output */
static int encode_file(struct task *task)
{
    struct image image = {0};
    int code = picture_load(task->input, &task->common, &image);
    const struct image_view view = image_view(&image);
    if (code == CLI_OK && image.left_out[0] && !task->common.quiet)
        cli_note("%s: warning: left out: %s", file_input_name(task->input), image.left_out);
    if (code == CLI_OK)
        code = encode_picture(task, &view);
    image_free(&image);
    return code;
}

/* many_work's `make` */
static int encode_one(void *cookie, const char *input, const char *output)
{
    struct task *task = cookie;
    task->input = input;
    task->output = output;
    return encode_file(task);
}

static int run(struct task *task)
{
    const struct many_work work = {
        .make = encode_one, .cookie = task, .common = &task->common, .verb = "encoding"};
    return task->many.folder ? many_run(&task->many, &work) : encode_file(task);
}

int main(int argc, char **argv)
{
    struct task task;
    ddz_model *model = NULL;
    cli_begin("ddpmenc");
    int status = read_arguments(&task, argc, argv);
    if (status == CLI_OK && task.append && !task.common.done) {
        const struct append append = {&task.common, argv[0], task.input, task.output,
                                      task.encoding.max_error};
        status = append_exact(&append);
    } else if (status == CLI_OK && !task.common.done) {
        status = model_load(task.common.model, argv[0], NULL, &model);
        task.model = model;
        if (status == CLI_OK)
            status = run(&task);
        ddz_model_free(model);
    }
    many_free(&task.many);
    return status;
}
