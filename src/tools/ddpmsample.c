/* ddpmsample: pictures drawn from random bits, or on from the first bits of a stream. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "imgio/image.h"
#include "tools/coders.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/paths.h"
#include "tools/picture.h"
#include "tools/sheet.h"
#include "tools/stream.h"

static const char help[] =
    "Usage: ddpmsample [options] OUT.png\n"
    "       ddpmsample [options] --frames DIR\n"
    "Draw pictures from the model, from random bits. '-' is standard output.\n"
    "\n"
    "What to draw:\n"
    "  -s, --size WxH      width and height; default 256x256\n"
    "      --from FILE.ddz go on from what this stream has sent, in its size\n"
    "      --bits N        of --from: only its first N bits\n"
    "      --bytes N       of --from: only its first N bytes\n"
    "      --bpp X         of --from: only its first X bits a pixel\n"
    "      --seed N        0 to 4294967295; default 1\n"
    "  -n, --count N       so many pictures, of this seed and the next ones: OUT-1.png ...\n"
    "\n"
    "How:\n"
    "      --grid          all pictures in one, OUT.png\n"
    "      --frames DIR    the estimate at each octave of noise, and the picture: DIR/00.png ...\n"
    "      --steps N       steps an octave of noise, 1, 2, 4 ... 32; default 8\n"
    "  -t, --threads N     0: as many as there are processors (default)\n"
    "  -m, --model NAME    default, small or a file; default: $DDZ_MODEL, else that of --from, else default\n"
    "      --isa NAME      portable, sse2, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm, simd128 or best;\n"
    "                      default: $DDZ_ISA, else best\n"
    "      --max-pixels N  refuse larger pictures; default 67108864\n"
    "      --memory SIZE   refuse pictures that may take more memory; default 2G, 0: no limit\n"
    "\n"
    "  -f, --force         write under the name of another kind of file, too\n"
    "  -v, --verbose       say what was drawn\n"
    "      --quiet         no progress\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

enum {
    OPTION_FROM = 256,
    OPTION_BITS,
    OPTION_BYTES,
    OPTION_BPP,
    OPTION_SEED,
    OPTION_GRID,
    OPTION_FRAMES,
    OPTION_STEPS
};

static const char letters[] = ":s:n:fv" COMMON_LETTERS;
static const struct option words[] = {{"size", required_argument, NULL, 's'},
                                      {"from", required_argument, NULL, OPTION_FROM},
                                      {"bits", required_argument, NULL, OPTION_BITS},
                                      {"bytes", required_argument, NULL, OPTION_BYTES},
                                      {"bpp", required_argument, NULL, OPTION_BPP},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"count", required_argument, NULL, 'n'},
                                      {"grid", no_argument, NULL, OPTION_GRID},
                                      {"frames", required_argument, NULL, OPTION_FRAMES},
                                      {"steps", required_argument, NULL, OPTION_STEPS},
                                      {"force", no_argument, NULL, 'f'},
                                      {"verbose", no_argument, NULL, 'v'},
                                      COMMON_WORDS};

enum { DEFAULT_SIDE = 256, MAX_COUNT = 9999 };

struct task {
    struct common common;
    struct decoding decoding;
    struct stream_limit limit;
    uint32_t width, height; /* 0: not given */
    int count;
    int grid, force, verbose;
    const char *from, *output, *frames;
};

/* The pictures that are being drawn. */
struct job {
    const struct task *task;
    struct stream stream; /* empty but for its name and size if they come from nothing */
    ddz_decoder *decoder;
    struct image image; /* 8-bit RGB for a grid */
    struct cli_progress progress;
    int number;         /* of the picture that is drawn now, from 1 */
    int watching;       /* frames are wanted now */
    int frame;          /* the next one, from 0 */
    double frame_sigma; /* noise of the last one */
    int shown;          /* the newest estimate is a frame */
    int code;           /* why a frame could not be written */
};

/* ---- Arguments ------------------------------------------------------------------------------ */

static int read_option(struct task *task, int option, char **argv)
{
    switch (option) {
    case 's':
        return cli_sides("--size", optarg, &task->width, &task->height);
    case OPTION_FROM:
        task->from = optarg;
        return CLI_OK;
    case OPTION_BITS:
        return stream_limit_read(&task->limit, "--bits", optarg);
    case OPTION_BYTES:
        return stream_limit_read(&task->limit, "--bytes", optarg);
    case OPTION_BPP:
        return stream_limit_read(&task->limit, "--bpp", optarg);
    case OPTION_SEED:
        return cli_seed(optarg, &task->decoding.seed);
    case 'n':
        return cli_int("--count", optarg, 1, MAX_COUNT, &task->count);
    case OPTION_GRID:
        task->grid = 1;
        return CLI_OK;
    case OPTION_FRAMES:
        task->frames = optarg;
        return CLI_OK;
    case OPTION_STEPS:
        return cli_power_of_two("--steps", optarg, 1, 32, &task->decoding.sample_steps);
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

static int check_arguments(const struct task *task, int names)
{
    if (task->frames && (names || task->grid))
        return cli_fail(CLI_USAGE, "no output can be named with --frames, nor --grid");
    if (!task->frames && names != 1)
        return cli_fail(CLI_USAGE, "one name is needed, OUT.png; see ddpmsample --help");
    if (task->from && task->width)
        return cli_fail(CLI_USAGE, "--size and --from exclude each other: a stream has its size");
    if (!task->from && task->limit.given)
        return cli_fail(CLI_USAGE, "--bits, --bytes and --bpp are of --from");
    return CLI_OK;
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    *task = (struct task){.count = 1};
    task->decoding = decoding_usual();
    int status = common_begin(&task->common, COMMON_MEMORY_DECODING);
    int option;
    while (status == CLI_OK && !task->common.done &&
           (option = getopt_long(argc, argv, letters, words, NULL)) != -1)
        status = read_option(task, option, argv);
    if (status == CLI_OK && !task->common.done)
        status = check_arguments(task, argc - optind);
    if (status != CLI_OK || task->common.done)
        return status;
    task->output = argv[optind];
    if (!task->frames && !task->grid && task->count > 1 && strcmp(task->output, "-") == 0)
        return cli_fail(CLI_USAGE, "only one picture fits into standard output; see --grid");
    return task->output && !task->force ? picture_check_name(task->output) : CLI_OK;
}

/* ---- Names ---------------------------------------------------------------------------------- */

/* Digits that the numbers of all pictures have, so that names sort. */
static int digits(const struct task *task)
{
    return snprintf(NULL, 0, "%d", task->count);
}

/* The name of one of several pictures: OUT.png with a number, or its own; freed by the caller. */
static char *picture_name(const struct job *job)
{
    const char *path = job->task->output;
    if (job->task->count == 1)
        return strdup(path);
    size_t length = strlen(path);
    const char *suffix = length > 4 && strcmp(path + length - 4, ".png") == 0 ? ".png" : "";
    return path_make("%.*s-%0*d%s", (int)(length - strlen(suffix)), path, digits(job->task), job->number,
                     suffix);
}

static char *frame_name(const struct job *job)
{
    const struct task *task = job->task;
    if (task->count == 1)
        return path_make("%s/%02d.png", task->frames, job->frame);
    return path_make("%s/%0*d-%02d.png", task->frames, digits(task), job->number, job->frame);
}

/* ---- Drawing -------------------------------------------------------------------------------- */

/* Write the next frame of the picture that is being drawn. */
static int write_frame(struct job *job, const void *pixels)
{
    struct output output;
    struct image_view frame;
    const struct output_guard guard = {.input = job->task->from};
    char *name = frame_name(job);
    int code = stream_view(&job->stream, job->decoder, &job->image, &frame);
    frame.pixels = pixels;
    if (code == CLI_OK)
        code = name ? output_begin(&output, name, guard) : cli_fail(CLI_LIMIT, "out of memory");
    if (code == CLI_OK)
        code = picture_finish(&output, name, &frame, CLI_OK);
    free(name);
    job->frame++;
    return code;
}

/* A ddz_observer: a frame for each octave of noise. */
static int watch(void *cookie, double sigma, const void *pixels)
{
    static const double octave = 0.505; /* half, and some room for rounding */
    struct job *job = cookie;
    job->shown = job->watching && (job->frame == 0 || sigma <= octave * job->frame_sigma);
    if (!job->shown)
        return 0;
    job->frame_sigma = sigma;
    job->code = write_frame(job, pixels);
    return job->code;
}

/* Draw picture `number` into job->image. */
static int draw(struct job *job, int number)
{
    const struct task *task = job->task;
    job->number = number;
    job->frame = 0;
    cli_progress_begin(&job->progress, "drawing", task->common.quiet);
    ddz_status status = ddz_decoder_set(job->decoder, DDZ_PARAM_SEED,
                                        (uint32_t)(task->decoding.seed + (uint32_t)(number - 1)));
    if (status == DDZ_OK)
        status = decode_image(job->decoder, DDZ_RECON_SAMPLE, &job->image);
    cli_progress_end();
    if (job->code != CLI_OK)
        return job->code;
    if (status != DDZ_OK)
        return cli_fail_status(job->stream.name, status);
    return task->frames && !job->shown ? write_frame(job, job->image.pixels) : CLI_OK;
}

static void print_outcome(const struct job *job, const char *path)
{
    const struct task *task = job->task;
    ddz_info info;
    if (!task->verbose || ddz_decoder_info(job->decoder, &info, sizeof info) != DDZ_OK)
        return;
    uint32_t seed = task->decoding.seed + (uint32_t)(job->number - 1);
    if (task->from)
        cli_note("seed %u -> %s: %u x %u, on from %llu bits of %s", seed, path, info.width, info.height,
                 (unsigned long long)info.bits, job->stream.name);
    else
        cli_note("seed %u -> %s: %u x %u", seed, path, info.width, info.height);
}

static int draw_to_file(struct job *job, int number)
{
    struct output output;
    struct image_view view;
    const struct output_guard guard = {.input = job->task->from};
    job->number = number;
    char *path = picture_name(job);
    int code = path ? output_begin(&output, path, guard) : cli_fail(CLI_LIMIT, "out of memory");
    if (code == CLI_OK) {
        code = draw(job, number);
        if (code == CLI_OK)
            code = stream_view(&job->stream, job->decoder, &job->image, &view);
        code = picture_finish(&output, path, &view, code);
    }
    if (code == CLI_OK)
        print_outcome(job, file_output_name(path));
    free(path);
    return code;
}

static int draw_pictures(struct job *job)
{
    const struct task *task = job->task;
    int code = task->frames ? folder_make(task->frames) : CLI_OK;
    for (int i = 1; i <= task->count && code == CLI_OK; i++) {
        code = task->frames ? draw(job, i) : draw_to_file(job, i);
        if (code == CLI_OK && task->frames)
            print_outcome(job, task->frames);
    }
    return code;
}

/* Draw all pictures into a sheet. */
static int fill(struct sheet *sheet, struct job *job)
{
    for (int i = 1; i <= job->task->count; i++) {
        int code = draw(job, i);
        if (code != CLI_OK)
            return code;
        sheet_place(sheet, (uint32_t)(i - 1), job->image.pixels);
        print_outcome(job, file_output_name(job->task->output));
    }
    return CLI_OK;
}

static int draw_grid(struct job *job)
{
    const struct task *task = job->task;
    struct sheet sheet;
    struct output output;
    const struct output_guard guard = {.input = task->from};
    int code = sheet_make(&sheet, (uint32_t)task->count, job->image.width, job->image.height);
    if (code == CLI_OK)
        code = output_begin(&output, task->output, guard);
    if (code == CLI_OK) {
        struct image_view view;
        code = fill(&sheet, job);
        if (code == CLI_OK)
            code = stream_view(&job->stream, job->decoder, &sheet.image, &view);
        view.exif = view.xmp = NULL; /* which are a single picture's */
        code = picture_finish(&output, task->output, &view, code);
    }
    image_free(&sheet.image);
    return code;
}

/* ---- Work ----------------------------------------------------------------------------------- */

/* Room for one picture, and frames that are like it. */
static ddz_status make_room(struct job *job)
{
    const ddz_info *size = &job->stream.info;
    int channels = job->task->grid ? 3 : stream_channels(job->decoder);
    if (image_alloc(&job->image, size->width, size->height, channels, 8) != 0)
        return DDZ_ERR_MEMORY;
    return job->task->frames ? ddz_decoder_set_observer(job->decoder, watch, job, pixel_format(channels, 8))
                             : DDZ_OK;
}

/* Decode what all pictures share, so that their frames begin behind it and a digest is checked. */
static ddz_status decode_stream(struct job *job)
{
    cli_progress_begin(&job->progress, "decoding", job->task->common.quiet);
    ddz_status status = decode_image(job->decoder, DDZ_RECON_MEAN, &job->image);
    cli_progress_end();
    return status;
}

static int begin(struct job *job)
{
    const ddz_info *size = &job->stream.info;
    const struct image image = {.width = size->width, .height = size->height, .channels = 4, .depth = 8};
    int code = check_pixels(job->stream.name, &job->task->common, size->width, size->height);
    if (code == CLI_OK)
        code = decoder_check_memory(job->stream.name, &job->task->common, job->decoder, size, &image);
    if (code != CLI_OK)
        return code;
    ddz_status status = job->task->from ? ddz_decoder_feed(job->decoder, job->stream.data, job->stream.size)
                                        : ddz_decoder_begin(job->decoder, size->width, size->height);
    if (status == DDZ_OK)
        status = make_room(job);
    if (status == DDZ_OK && job->task->from)
        status = decode_stream(job);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(job->stream.name, status);
}

static int run(struct task *task, const char *argv0, struct job *job)
{
    ddz_model *model = NULL;
    int code = model_load(task->common.model, argv0, &job->stream.info, &model);
    if (code != CLI_OK)
        return code;
    task->decoding.max_bits = stream_limit_bits(&task->limit, &job->stream.info);
    ddz_status status = decoder_open(model, &task->common, &task->decoding, &job->progress, &job->decoder);
    code = status == DDZ_OK ? begin(job) : cli_fail_status(job->stream.name, status);
    job->watching = task->frames != NULL;
    if (code == CLI_OK)
        code = task->grid ? draw_grid(job) : draw_pictures(job);
    image_free(&job->image);
    ddz_decoder_free(job->decoder);
    ddz_model_free(model);
    return code;
}

int main(int argc, char **argv)
{
    struct task task;
    cli_begin("ddpmsample");
    int status = read_arguments(&task, argc, argv);
    if (status != CLI_OK || task.common.done)
        return status;
    struct job job = {.task = &task};
    if (task.from) {
        status = stream_open(&job.stream, task.from, &task.common);
        if (status == CLI_OK)
            status = stream_read(&job.stream);
    } else {
        job.stream.name = "--size";
        job.stream.info.width = task.width ? task.width : DEFAULT_SIDE;
        job.stream.info.height = task.height ? task.height : DEFAULT_SIDE;
    }
    if (status == CLI_OK)
        status = run(&task, argv[0], &job);
    stream_close(&job.stream);
    return status;
}
