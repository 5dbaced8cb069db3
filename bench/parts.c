/*
 * Where the time of encoding and decoding goes, as CSV. The linker's --wrap puts a stopwatch around
 * the functions below (Makefile.am has the same list); what is in none of them is "rest", so that
 * the parts add up to the whole. The library is the one that everybody uses.
 *
 *   parts [--bpp X] [--effort N] [--threads N] [--repeats N] MODEL.ddm PICTURE.png
 */
#include <assert.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chain/chain.h"
#include "channel/impulses.h"
#include "channel/mix.h"
#include "channel/viterbi.h"
#include "diffusion/lift.h"
#include "diffusion/precondition.h"
#include "encode/covariance.h"
#include "encode/pilot.h"
#include "encode/preview.h"
#include "encode/shrink.h"
#include "encode/state.h"
#include "format/stream_reader.h"
#include "imgio/png.h"
#include "nn/net.h"
#include "tools/coders.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/options.h"
#include "tools/picture.h"

/* ---- Stopwatch ------------------------------------------------------------------------------ */

enum part {
    REST,
    START,
    INPUT,
    PILOT,
    OPENING,
    NETWORK,
    UPDATE,
    AIM,
    CHAIN,
    MIXING,
    SEARCH,
    WALK,
    PREVIEW,
    DIGEST,
    OUTPUT,
    PARTS
};

static const char *const part_names[PARTS] = {
    [START] = "start: model, allocation, weights",
    [INPUT] = "input: PNG or stream",
    [PILOT] = "pilot, with its network",
    [OPENING] = "choice of the first bits, with its network",
    [NETWORK] = "network, and steps on its way",
    [UPDATE] = "updates",
    [AIM] = "aim: Jacobian, shrinkage",
    [CHAIN] = "diffusion: preconditioning, posterior, lift",
    [MIXING] = "mixing, and what it changes of y",
    [SEARCH] = "trellis search",
    [WALK] = "trellis walk",
    [PREVIEW] = "pictures from estimates",
    [DIGEST] = "digest",
    [OUTPUT] = "output: PNG or stream",
    [REST] = "rest",
};

struct times {
    double wall, cpu;
};

static struct {
    struct times part[PARTS], last;
    enum part now;
    int depth;
} watch;

/* The watch is the main thread's: what other threads call, within a part that has several at work, is that
 * part's time. */
static _Thread_local bool watching;

static struct times clocks(void)
{
    struct timespec wall, cpu;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct times){(double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec,
                          (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec};
}

/* The time since the last call is the present part's. */
static void switch_to(enum part part)
{
    struct times now = clocks(), *sum = &watch.part[watch.now];
    sum->wall += now.wall - watch.last.wall;
    sum->cpu += now.cpu - watch.last.cpu;
    watch.last = now;
    watch.now = part;
}

/* A part called by another is that one's. */
static void enter(enum part part)
{
    if (watching && watch.depth++ == 0)
        switch_to(part);
}

static void leave(void)
{
    if (watching && --watch.depth == 0)
        switch_to(REST);
}

static void watch_reset(void)
{
    memset(&watch, 0, sizeof watch);
    watch.last = clocks();
}

/* ---- What is timed --------------------------------------------------------------------------- */

/* The linker puts these in the functions' places, and does not look at their types. */
#define SAME_TYPE(type, name, parameters)                                                                    \
    static_assert(_Generic(&name, type(*) parameters : 1, default : 0), #name " has another type");

#define WRAP(part, type, name, parameters, ...)                                                              \
    SAME_TYPE(type, name, parameters)                                                                        \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        enter(part);                                                                                         \
        type result = __real_##name(__VA_ARGS__);                                                            \
        leave();                                                                                             \
        return result;                                                                                       \
    }

#define WRAP_VOID(part, name, parameters, ...)                                                               \
    SAME_TYPE(void, name, parameters)                                                                        \
    void __real_##name parameters;                                                                           \
    void __wrap_##name parameters;                                                                           \
    void __wrap_##name parameters                                                                            \
    {                                                                                                        \
        enter(part);                                                                                         \
        __real_##name(__VA_ARGS__);                                                                          \
        leave();                                                                                             \
    }

WRAP(START, int, model_load, (const char *name, const char *argv0, const ddz_info *stream, ddz_model **model),
     name, argv0, stream, model)
WRAP(START, struct chain *, ddz_chain_new,
     (const struct mem *mem, const struct ddz_model *model, enum net_use use, uint32_t width, uint32_t height,
      int finest, struct parallel *parallel, uint64_t features),
     mem, model, use, width, height, finest, parallel, features)
WRAP(START, struct viterbi *, ddz_viterbi_new,
     (const struct mem *mem, int register_bits, uint32_t branches, struct parallel *parallel,
      uint64_t features),
     mem, register_bits, branches, parallel, features)
WRAP(INPUT, int, picture_load, (const char *path, const struct common *common, struct image *image), path,
     common, image)
WRAP(INPUT, ddz_status, ddz_stream_reader_feed,
     (struct stream_reader * l, const uint8_t *data, size_t size, int last_bits), l, data, size, last_bits)
WRAP(PILOT, ddz_status, ddz_pilot_end_level,
     (struct chain * chain, const int16_t *x, int32_t *noise, struct pilot_goal goal,
      struct progress *progress, int32_t *end_level),
     chain, x, noise, goal, progress, end_level)
WRAP(OPENING, ddz_status, ddz_preview_choose, (ddz_encoder * e), e)
WRAP_VOID(AIM, ddz_covariance_aim,
          (struct chain * chain, const int16_t *x, double noise, struct offset offset, int32_t *room,
           struct parallel *parallel),
          chain, x, noise, offset, room, parallel)
WRAP_VOID(AIM, ddz_shrink_error,
          (const int16_t *x, const struct offset *offset, const int16_t *estimate, uint32_t width,
           uint32_t height, double noise, int32_t *error, struct parallel *parallel),
          x, offset, estimate, width, height, noise, error, parallel)
WRAP_VOID(NETWORK, ddz_net_forward,
          (struct net * net, const int16_t *in, int16_t *out, const struct net_call *call), net, in, out,
          call)
WRAP_VOID(NETWORK, ddz_net_call, (struct net * net, const struct net_call *call, const struct net_rows *rows),
          net, call, rows)
WRAP_VOID(NETWORK, ddz_net_flow,
          (struct net * net, const struct net_call *call, int updates, const struct net_rows *rows), net,
          call, updates, rows)
WRAP_VOID(UPDATE, ddz_net_update, (struct net * net, const int16_t *in, int16_t *out), net, in, out)
WRAP_VOID(CHAIN, ddz_precondition_input,
          (const struct precondition *p, const int32_t *y, int16_t *in, size_t n), p, y, in, n)
WRAP_VOID(CHAIN, ddz_precondition_output,
          (const struct precondition *p, const int32_t *y, const int16_t *f, int16_t *estimate, size_t n), p,
          y, f, estimate, n)
WRAP_VOID(CHAIN, ddz_posterior_shift, (const struct reverse_step *s, int32_t *differences, size_t n), s,
          differences, n)
WRAP_VOID(CHAIN, ddz_lift_average, (const int16_t *fine, uint32_t w, uint32_t h, int16_t *coarse), fine, w, h,
          coarse)
WRAP_VOID(CHAIN, ddz_lift_split, (const int16_t *fine, uint32_t w, uint32_t h, int32_t *bands), fine, w, h,
          bands)
WRAP_VOID(CHAIN, ddz_lift_join,
          (const int32_t *coarse, const int32_t *bands, int32_t *fine, uint32_t w, uint32_t h), coarse, bands,
          fine, w, h)
WRAP_VOID(CHAIN, ddz_lift_predict, (const int16_t *coarse, uint32_t w, uint32_t h, int32_t *bands), coarse, w,
          h, bands)
WRAP_VOID(MIXING, ddz_mix_forward,
          (const struct mixing *m, int32_t *values, struct mix_room room, struct parallel *parallel), m,
          values, room, parallel)
WRAP_VOID(MIXING, ddz_mix_units,
          (const struct mixing *m, struct mix_room room, struct parallel *parallel,
           const struct mix_phase *phase, int phases, void *argument),
          m, room, parallel, phase, phases, argument)
WRAP_VOID(SEARCH, ddz_viterbi_search,
          (struct viterbi * v, const struct trellis *t, const struct coordinates *delta, uint32_t given,
           uint8_t *bits),
          v, t, delta, given, bits)
WRAP_VOID(WALK, ddz_trellis_walk,
          (const struct trellis *t, const uint8_t *bits, uint32_t known, struct placement where, int16_t *c,
           struct parallel *parallel),
          t, bits, known, where, c, parallel)
WRAP(WALK, struct impulse_list, ddz_impulse_list_make,
     (const struct trellis *t, const uint8_t *bits, const struct mixing *m, uint32_t *room,
      struct parallel *parallel),
     t, bits, m, room, parallel)
WRAP_VOID(PREVIEW, ddz_chain_pixels,
          (struct chain * chain, int shown, const struct layout *layout, const uint8_t *alpha, void *pixels),
          chain, shown, layout, alpha, pixels)
WRAP(DIGEST, uint32_t, ddz_chain_digest, (const struct chain *chain), chain)
WRAP(OUTPUT, int, png_write, (FILE * file, const struct image_view *image, struct image_messages *messages),
     file, image, messages)

/* ---- The work ------------------------------------------------------------------------------- */

struct task {
    double bpp;
    int effort, threads, repeats;
    const char *model, *picture;
};

struct stream {
    uint8_t *data;
    size_t size;
};

/* Into a file that is gone at once, as the programs write into one that stays. */
static int write_picture(const struct image_view *image)
{
    struct image_messages messages;
    FILE *file = tmpfile();
    int failed = !file || png_write(file, image, &messages) != 0;
    if (file)
        failed = fclose(file) != 0 || failed;
    return failed ? cli_fail(CLI_FILE, "a temporary picture cannot be written") : CLI_OK;
}

static int keep(const ddz_encoder *encoder, struct stream *stream)
{
    const uint8_t *data;
    ddz_status status = ddz_encoder_stream(encoder, &data, &stream->size);
    if (status != DDZ_OK)
        return cli_fail_status("stream", status);
    uint8_t *copy = realloc(stream->data, stream->size);
    if (!copy)
        return cli_fail(CLI_LIMIT, "out of memory");
    stream->data = memcpy(copy, data, stream->size);
    return CLI_OK;
}

/* All that ddpmenc does, but for writing the stream. */
static int encode(const struct task *task, struct stream *stream)
{
    struct common common = common_usual(0);
    common.threads = task->threads;
    struct encoding encoding = encoding_usual();
    encoding.effort = task->effort;
    encoding.target = DDZ_TARGET_BYTES;
    ddz_model *model = NULL;
    ddz_encoder *encoder = NULL;
    struct image image = {0};
    int code = picture_load(task->picture, &common, &image);
    if (code == CLI_OK)
        code = model_load(task->model, "parts", NULL, &model);
    if (code == CLI_OK) {
        const struct image_view view = image_view(&image);
        encoding.target_value = (double)cli_bytes_of_bpp(task->bpp, image.width, image.height);
        ddz_status status = encoder_open(model, &common, &encoding, NULL, &encoder);
        if (status == DDZ_OK)
            status = encode_image(encoder, &view);
        code = status == DDZ_OK ? keep(encoder, stream) : cli_fail_status(task->picture, status);
    }
    ddz_encoder_free(encoder);
    ddz_model_free(model);
    image_free(&image);
    return code;
}

static int decode_stream(ddz_decoder *decoder, const struct stream *stream)
{
    ddz_info info;
    struct image image = {0};
    ddz_status status = ddz_decoder_feed(decoder, stream->data, stream->size);
    if (status == DDZ_OK)
        status = ddz_decoder_info(decoder, &info, sizeof info);
    if (status == DDZ_OK && image_alloc(&image, info.width, info.height, 3, 8) != 0)
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK)
        status = decode_image(decoder, DDZ_RECON_MEAN, &image);
    const struct image_view view = image_view(&image);
    int code = status == DDZ_OK ? write_picture(&view) : cli_fail_status("stream", status);
    image_free(&image);
    return code;
}

/* All that ddpmdec does, but for reading the stream. */
static int decode(const struct task *task, struct stream *stream)
{
    struct common common = common_usual(0);
    common.threads = task->threads;
    struct decoding decoding = decoding_usual();
    ddz_model *model = NULL;
    ddz_decoder *decoder = NULL;
    int code = model_load(task->model, "parts", NULL, &model);
    if (code == CLI_OK) {
        ddz_status status = decoder_open(model, &common, &decoding, NULL, &decoder);
        code = status == DDZ_OK ? decode_stream(decoder, stream) : cli_fail_status("stream", status);
    }
    ddz_decoder_free(decoder);
    ddz_model_free(model);
    return code;
}

/* ---- Results -------------------------------------------------------------------------------- */

static double whole(const struct times *part)
{
    double sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += part[i].wall;
    return sum;
}

/* Prints the fastest of several runs. */
static int time_work(const struct task *task, const char *name,
                     int (*work)(const struct task *task, struct stream *stream), struct stream *stream)
{
    struct times best[PARTS];
    for (int i = 0; i < task->repeats; i++) {
        watch_reset();
        int code = work(task, stream);
        if (code != CLI_OK)
            return code;
        switch_to(REST);
        if (i == 0 || whole(watch.part) < whole(best))
            memcpy(best, watch.part, sizeof best);
    }
    for (int i = 1; i <= PARTS; i++) /* rest, which is 0, comes last */
        printf("%s,\"%s\",%d,%.9f,%.9f\n", name, part_names[i % PARTS], task->threads, best[i % PARTS].wall,
               best[i % PARTS].cpu);
    return CLI_OK;
}

static int read_arguments(struct task *task, int argc, char **argv)
{
    static const struct option words[] = {{"bpp", required_argument, NULL, 'b'},
                                          {"effort", required_argument, NULL, 'e'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"repeats", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    int option, status = CLI_OK;
    while (status == CLI_OK && (option = getopt_long(argc, argv, "", words, NULL)) != -1)
        switch (option) {
        case 'b':
            status = cli_real("--bpp", optarg, 0.01, 48, &task->bpp);
            break;
        case 'e':
            status = cli_int("--effort", optarg, 1, 9, &task->effort);
            break;
        case 't':
            status = cli_int("--threads", optarg, 1, 256, &task->threads);
            break;
        case 'r':
            status = cli_int("--repeats", optarg, 1, 1000, &task->repeats);
            break;
        default: /* getopt has said why */
            status = CLI_USAGE;
        }
    if (status == CLI_OK && argc - optind != 2)
        return cli_fail(CLI_USAGE, "two names are needed: MODEL.ddm PICTURE.png");
    task->model = argv[optind];
    task->picture = status == CLI_OK ? argv[optind + 1] : NULL;
    return status;
}

int main(int argc, char **argv)
{
    struct task task = {.bpp = 1, .effort = 5, .threads = 1, .repeats = 3};
    struct stream stream = {NULL, 0};
    watching = true;
    cli_begin("parts");
    int code = read_arguments(&task, argc, argv);
    if (code != CLI_OK)
        return code;
    puts("work,part,threads,wall_s,cpu_s");
    code = time_work(&task, "encode", encode, &stream);
    if (code == CLI_OK)
        code = time_work(&task, "decode", decode, &stream);
    free(stream.data);
    return code == CLI_OK ? cli_flush() : code;
}
