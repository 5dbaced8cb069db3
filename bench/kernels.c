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
#include "cpu/cpu.h"
#include "ddz/research.h"
#include "nn/kernels.h"
#include "nn/net.h"
#include "peak.h"
#include "tools/message.h"
#include "tools/models.h"
#include "tools/options.h"

struct settings {
    int threads, quick;
};

/* What is measured, as far as the machine has it */
static const struct variant {
    const char *name;
    uint64_t features;
} variants[] = {{"portable", 0}, {"AVX2", DDZ_CPU_AVX2}, {"AVX-512", DDZ_CPU_AVX2 | DDZ_CPU_AVX512}};

enum { VARIANTS = sizeof variants / sizeof *variants };

static int is_here(const struct variant *v)
{
    return (v->features & ~ddz_cpu_features()) == 0;
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

static void bench_instruction(const struct settings *set, const struct variant *v)
{
    double best = 1e9, macs = 0;
    for (int i = 0; i < repeats(set); i++) {
        double start = seconds(set), sum = 0;
#pragma omp parallel for num_threads(set->threads) schedule(static, 1) reduction(+ : sum)
        for (int thread = 0; thread < set->threads; thread++)
            sum += peak_macs(v->features);
        double time = seconds(set) - start;
        best = time < best ? time : best;
        macs = sum;
    }
    if (macs > 0)
        print(set, v, "instruction alone", macs, best);
}

/* ---- One convolution ------------------------------------------------------------------------ */

struct shape {
    const char *name;
    int taps, channels, outputs;
    ptrdiff_t pixels; /* of a row */
};

static const struct shape shapes[] = {
    {"3x3 12 to 64", 9, 12, 64, 384},     {"3x3 64 to 64", 9, 64, 64, 384},
    {"3x3 32 to 64", 9, 32, 64, 384},     {"3x3 64 to 16", 9, 64, 16, 384},
    {"3x3 112 to 112", 9, 112, 112, 192}, {"3x3 176 to 176", 9, 176, 176, 96},
    {"1x1 112 to 64", 1, 112, 64, 192},   {"3x3 176 to 176 row of 3", 9, 176, 176, 3},
};

struct buffers {
    int16_t *in, *weight, *out, *expected;
    int32_t *mult;
    int64_t *bias;
};

static struct buffers buffers_new(const struct shape *s)
{
    size_t inputs = (size_t)(s->channels * (s->pixels + 2)) * 3;
    size_t weights = (size_t)(s->taps * s->channels * s->outputs), outputs = (size_t)(s->outputs * s->pixels);
    struct buffers b = {check(malloc(2 * inputs)),
                        check(aligned_alloc(64, (2 * weights + 63) / 64 * 64)),
                        check(malloc(2 * outputs)),
                        check(malloc(2 * outputs)),
                        check(malloc(4 * (size_t)s->outputs)),
                        check(malloc(8 * (size_t)s->outputs))};
    for (size_t i = 0; i < inputs; i++)
        b.in[i] = (int16_t)hash_pair(1, i);
    for (size_t i = 0; i < weights; i++)
        b.weight[i] = (int8_t)hash_pair(2, i) / 4;
    for (int i = 0; i < s->outputs; i++) {
        b.mult[i] = 1 << 24;
        b.bias[i] = (int64_t)(hash_pair(3, (uint64_t)i) % ((uint64_t)1 << 44));
    }
    return b;
}

static void buffers_free(struct buffers *b)
{
    free(b->in);
    free(b->weight);
    free(b->out);
    free(b->expected);
    free(b->mult);
    free(b->bias);
}

static struct conv_run conv_run(const struct shape *s, const struct buffers *b)
{
    struct conv_run run = {.in_step = s->channels,
                           .kernel_taps = s->taps,
                           .pairs = s->channels / 2,
                           .blocks = s->outputs / KERNEL_BLOCK,
                           .weight = b->weight,
                           .mult = b->mult,
                           .bias = b->bias,
                           .shift = 34,
                           .out_step = s->outputs,
                           .pixels = s->pixels,
                           .out = b->expected};
    for (; run.taps < s->taps; run.taps++) {
        run.in[run.taps] = b->in + (run.taps / 3 * (s->pixels + 2) + run.taps % 3) * s->channels;
        run.tap[run.taps] = run.taps;
    }
    return run;
}

static void bench_conv(const struct settings *set, const struct variant *v, const struct shape *s)
{
    struct buffers b = buffers_new(s);
    struct conv_run run = conv_run(s, &b);
    ddz_conv_c(&run);
    run.out = b.out;
    struct kernels kernels;
    ddz_kernels_init(&kernels, v->features);
    double macs = (double)s->taps * s->channels * s->outputs * (double)s->pixels, best = 1e9;
    int count = (int)((v->features == 0 || set->quick ? 5e7 : 2e9) / macs) + 1;
    for (int i = 0; i < repeats(set); i++) {
        double start = seconds(set);
        for (int n = 0; n < count; n++)
            kernels.conv(&run);
        double time = (seconds(set) - start) / count;
        best = time < best ? time : best;
    }
    check_equal(b.out, b.expected, (size_t)(s->outputs * s->pixels), v, s->name);
    print(set, v, s->name, macs, best);
    buffers_free(&b);
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
    struct net *net = check(ddz_net_new(&mem, model, size.width, size.height, set->threads, v->features));
    double best = 1e9;
    int count = v->features == 0 ? 1 : size.width < 100 ? 20 * repeats(set) : repeats(set);
    for (int i = 0; i < count; i++) {
        double start = seconds(set);
        ddz_net_forward(net, in, out, size.width, size.height, 1, 100);
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
    for (const struct variant *v = variants; v < variants + VARIANTS && is_here(v); v++) {
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
    puts("isa,what,threads,gmac_per_s,milliseconds");
    for (const struct variant *v = variants; v < variants + VARIANTS && is_here(v); v++) {
        bench_instruction(&set, v);
        for (size_t i = 0; set.threads == 1 && i < sizeof shapes / sizeof *shapes; i++)
            bench_conv(&set, v, &shapes[i]);
    }
    for (size_t i = set.quick; i < sizeof sizes / sizeof *sizes; i++)
        bench_nets(&set, model, sizes[i]);
    ddz_model_free(model);
    return cli_flush();
}
