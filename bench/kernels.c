/*
 * Speed of the network and its kernels in GMAC/s, as CSV, for every instruction set that the machine
 * has: a loop of nothing but the multiply-add instruction, single convolutions (of one thread only),
 * and whole calls of a model's network. Results are compared with the portable kernels' on the way.
 *
 *   kernels [--threads N] [--quick] MODEL.ddm
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/parallel.h"
#include "cpu/cpu.h"
#include "ddz/research.h"
#include "nn/conv/conv.h"
#include "nn/net.h"
#include "peak.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/options.h"

struct settings {
    int threads, quick;
    struct parallel *parallel;
};

/* What is measured, as far as the machine has it */
static const struct variant {
    const char *name;
    uint64_t features;
} variants[] = {{"portable", 0},
                {"SSE2", DDZ_CPU_SSE2},
                {"AVX2", DDZ_CPU_SSE2 | DDZ_CPU_AVX2},
                {"AVX-VNNI", DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVXVNNI},
                {"AVX-512", DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVX512},
                {"AMX", DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVX512 | DDZ_CPU_AMX},
                {"NEON", DDZ_CPU_NEON},
                {"dot products", DDZ_CPU_NEON | DDZ_CPU_DOTPROD},
                {"matrix products", DDZ_CPU_NEON | DDZ_CPU_DOTPROD | DDZ_CPU_I8MM}};

enum { VARIANTS = sizeof variants / sizeof *variants };

static int is_here(const struct variant *v)
{
    return (v->features & ~ddz_cpu_allowed(-1)) == 0;
}

/* One thread: processor time, since other programs may be running. Several: time. */
static double seconds(const struct settings *set)
{
    struct timespec t;
    clock_gettime(set->threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *check(void *p)
{
    if (!p)
        exit(cli_fail(CLI_LIMIT, "out of memory"));
    return p;
}

static void check_equal(const int16_t *out, const int16_t *expected, size_t values, const struct variant *v,
                        const char *what)
{
    if (memcmp(out, expected, values * sizeof *out) != 0)
        exit(cli_fail(CLI_INPUT, "%s differs from portable: %s", v->name, what));
}

static int repeats(const struct settings *set)
{
    return set->quick ? 1 : 5;
}

/* One line: multiply-adds in the best of several times. */
static void print(const struct settings *set, const struct variant *v, const char *what, double macs,
                  double best)
{
    printf("%s,%s,%d,%.4g,%.4g\n", v->name, what, set->threads, macs / best * 1e-9, best * 1e3);
    fflush(stdout);
}

/* ---- The instruction itself ---------------------------------------------------------------- */

struct peak {
    uint64_t features;
    double macs[256];
};

static void peak_item(void *argument, size_t index, int lane)
{
    (void)lane;
    struct peak *peak = argument;
    peak->macs[index] = peak_macs(peak->features);
}

static void bench_instruction(const struct settings *set, const struct variant *v)
{
    static struct peak peak;
    double best = 1e9, macs = 0;
    peak.features = v->features;
    for (int i = 0; i < repeats(set); i++) {
        double start = seconds(set);
        ddz_parallel_for(set->parallel, (size_t)set->threads, peak_item, &peak);
        double time = seconds(set) - start;
        best = time < best ? time : best;
    }
    for (int i = 0; i < set->threads; i++)
        macs += peak.macs[i];
    if (macs > 0)
        print(set, v, "instruction alone", macs, best);
}

/* ---- One convolution ------------------------------------------------------------------------ */

struct shape {
    const char *name;
    int taps, channels, outputs;
    ptrdiff_t width, rows;
};

static const struct shape shapes[] = {
    {"3x3 12 to 64", 9, 12, 64, 384, 1},     {"3x3 64 to 64", 9, 64, 64, 384, 1},
    {"3x3 32 to 64", 9, 32, 64, 384, 1},     {"3x3 64 to 16", 9, 64, 16, 384, 1},
    {"3x3 112 to 112", 9, 112, 112, 192, 1}, {"3x3 176 to 176", 9, 176, 176, 96, 1},
    {"1x1 112 to 256", 1, 112, 256, 192, 1}, {"3x3 176 to 176 row of 3", 9, 176, 176, 3, 1},
};

/* A layer on one band, both with room around them */
struct trial {
    struct layer_shape shape;
    struct conv conv;
    struct conv_band band;
    int16_t *in, *out;
    size_t out_values;
    int8_t *weight;
};

static void *check_aligned(size_t size)
{
    size = (size + 63) / 64 * 64;
    void *p = check(aligned_alloc(64, size));
    memset(p, 0, size);
    return p;
}

/* A map of `rows` rows and its border in `data`, which has map_values() */
static struct map map_in(int16_t *data, ptrdiff_t width, ptrdiff_t step)
{
    struct map map = {.width = width, .step = step, .row = (width + 1) * step};
    map.data = data + map.row + map.step;
    return map;
}

static size_t map_values(ptrdiff_t width, ptrdiff_t rows, ptrdiff_t step)
{
    return (size_t)(((width + 1) * (rows + 2) + 1) * step);
}

static struct trial trial_new(const struct shape *s, const struct conv_kernel *kernel)
{
    struct trial t = {.shape = {.taps = s->taps, .cin = s->channels, .cout = s->outputs, .end = END_STORE}};
    ptrdiff_t up = s->taps == 1 ? 2 : 1, step = s->outputs / (up * up);
    size_t in_values = map_values(s->width, s->rows, s->channels),
           weights = (size_t)(s->taps * s->channels * s->outputs);
    t.out_values = map_values(up * s->width, up * s->rows, step);
    t.in = check_aligned(2 * in_values);
    t.out = check_aligned(2 * t.out_values);
    t.weight = check_aligned(weights);
    for (size_t i = 0; i < in_values; i++)
        t.in[i] = (int16_t)((int)(hash_pair(1, i) % 2048) - 1024); /* as activations are */
    for (size_t i = 0; i < weights; i++)
        t.weight[i] = (int8_t)hash_pair(2, i) / 4;
    int32_t *mult = check_aligned(4 * (size_t)s->outputs);
    int64_t *bias = check_aligned(8 * (size_t)s->outputs);
    for (int i = 0; i < s->outputs; i++) {
        mult[i] = 1 << 24;
        bias[i] = (int64_t)(hash_pair(3, (uint64_t)i) % ((uint64_t)1 << 44));
    }
    t.conv = (struct conv){.layer = {NULL, t.weight, 34}, .kernel = kernel};
    t.conv.packed = check_aligned(kernel->packed_size(&t.shape));
    t.conv.spare = check_aligned(conv_spare_size(kernel, &t.shape));
    t.conv.rescale = check_aligned(kernel->rescale_size(&t.shape));
    t.band = (struct conv_band){.in = map_in(t.in, s->width, s->channels),
                                .out = map_in(t.out, up * s->width, step),
                                .rows = s->rows,
                                .above = true,
                                .below = true};
    struct conv_layer layer = {&t.shape, t.weight, 34};
    kernel->pack(&layer, t.conv.packed);
    kernel->rescale(&layer, mult, bias, t.conv.rescale);
    free(mult);
    free(bias);
    return t;
}

static void trial_run(struct trial *t)
{
    t->conv.layer.shape = &t->shape;
    t->conv.kernel->run(&t->conv, &t->band);
}

static void trial_free(struct trial *t)
{
    free(t->conv.packed);
    free(t->conv.rescale);
    free(t->weight);
    free(t->out);
    free(t->in);
}

static void bench_conv(const struct settings *set, const struct variant *v, const struct shape *s)
{
    struct trial expected = trial_new(s, &ddz_conv_c);
    trial_run(&expected);
    const struct conv_layer layer = {&expected.shape, expected.weight, 34};
    struct trial t = trial_new(s, ddz_conv_choose(&layer, v->features));
    double macs = (double)s->taps * s->channels * s->outputs * (double)(s->width * s->rows), best = 1e9;
    int count = (int)((v->features == 0 || set->quick ? 5e7 : 2e9) / macs) + 1;
    for (int i = 0; i < repeats(set); i++) {
        double start = seconds(set);
        for (int n = 0; n < count; n++)
            trial_run(&t);
        double time = (seconds(set) - start) / count;
        best = time < best ? time : best;
    }
    check_equal(t.out, expected.out, t.out_values, v, s->name);
    print(set, v, s->name, macs, best);
    trial_free(&t);
    trial_free(&expected);
}

/* ---- The network ---------------------------------------------------------------------------- */

struct size {
    uint32_t width, height;
};

/* Seconds of a call, best of several; the result is left in `out`. */
static double bench_net(const struct settings *set, const ddz_model *model, const struct variant *v,
                        struct size size, int16_t *out)
{
    size_t values = (size_t)size.width * size.height * 3;
    int16_t *in = check(malloc(2 * values));
    for (size_t i = 0; i < values; i++)
        in[i] = (int16_t)((int)(hash_pair(4, i) % 16384) - 8192);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net =
        check(ddz_net_new(&mem, model, NET_KEEPS, size.width, size.height, set->parallel, v->features));
    double best = 1e9;
    int count = v->features == 0 ? 1 : size.width < 100 ? 20 * repeats(set) : repeats(set);
    for (int i = 0; i < count; i++) {
        double start = seconds(set);
        ddz_net_forward(net, in, out, &(struct net_call){size.width, size.height, 1, 100, false});
        double time = seconds(set) - start;
        best = time < best ? time : best;
    }
    ddz_net_free(net);
    free(in);
    return best;
}

static void bench_nets(const struct settings *set, const ddz_model *model, struct size size)
{
    size_t values = (size_t)size.width * size.height * 3;
    int16_t *expected = check(malloc(2 * values)), *out = check(malloc(2 * values));
    char what[40];
    snprintf(what, sizeof what, "network %u x %u", size.width, size.height);
    for (const struct variant *v = variants; v < variants + VARIANTS; v++) {
        if (!is_here(v))
            continue;
        double best = bench_net(set, model, v, size, v->features ? out : expected);
        if (v->features)
            check_equal(out, expected, values, v, what);
        print(set, v, what, (double)ddz_research_model_macs_per_pixel(model) * size.width * size.height,
              best);
    }
    free(expected);
    free(out);
}

static int read_arguments(struct settings *set, int argc, char **argv)
{
    static const struct option words[] = {
        {"threads", required_argument, NULL, 't'}, {"quick", no_argument, NULL, 'q'}, {NULL, 0, NULL, 0}};
    int option, status = CLI_OK;
    while (status == CLI_OK && (option = getopt_long(argc, argv, "", words, NULL)) != -1)
        if (option == 't')
            status = cli_int("--threads", optarg, 1, 256, &set->threads);
        else if (option == 'q')
            set->quick = 1;
        else
            status = CLI_USAGE; /* getopt has said why */
    if (status == CLI_OK && argc - optind != 1)
        status = cli_fail(CLI_USAGE, "one name is needed: MODEL.ddm");
    return status;
}

int main(int argc, char **argv)
{
    static const struct size sizes[] = {{768, 512}, {96, 64}, {24, 16}, {6, 4}};
    struct settings set = {.threads = 1};
    ddz_model *model;
    cli_begin("kernels");
    int status = read_arguments(&set, argc, argv);
    if (status == CLI_OK)
        status = model_load(argv[optind], argv[0], NULL, &model);
    if (status != CLI_OK)
        return status;
    struct mem mem = ddz_mem_init(NULL);
    set.parallel = check(ddz_parallel_new(&mem, set.threads, NULL));
    puts("isa,what,threads,gmac_per_s,milliseconds");
    for (const struct variant *v = variants; v < variants + VARIANTS; v++) {
        if (!is_here(v))
            continue;
        bench_instruction(&set, v);
        for (size_t i = 0; set.threads == 1 && i < sizeof shapes / sizeof *shapes; i++)
            bench_conv(&set, v, &shapes[i]);
    }
    for (size_t i = set.quick; i < sizeof sizes / sizeof *sizes; i++)
        bench_nets(&set, model, sizes[i]);
    ddz_parallel_free(set.parallel);
    ddz_model_free(model);
    return cli_flush();
}
