/*
 * Speed of the network's kernels in GMAC/s, one thread: for each instruction set a loop of nothing
 * but its multiply-add on registers, the convolutions of a network of 48, 96 and 160 channels, and
 * the whole network. Results are compared with the portable kernels while they are timed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tests/toy_model.h"
#include "base/hash.h"
#include "cpu/cpu.h"
#include "nn/kernels.h"
#include "nn/net.h"

enum { WIDTH = 768, HEIGHT = 512, REPEATS = 5 };

static const char *const names[] = {"portable", "AVX2", "AVX-512"};

/* Of processor time: other programs may be running. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *check(void *p)
{
    if (!p) {
        fprintf(stderr, "kernels: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- The instruction itself ---------------------------------------------------------------- */

enum { LOOPS = 4000000, CHAINS = 12 };

#ifdef __x86_64__
#include <immintrin.h>

/* OPAQUE keeps the compiler from simplifying what it cannot see is used. */
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))

/* Sums of 32-bit values: GCC copies a sum of type __m256i at each addition. */
typedef int32_t sum8 __attribute__((vector_size(32)));

__attribute__((target("avx2"))) static double peak_avx2(void)
{
    sum8 acc[CHAINS];
    __m256i w = _mm256_set1_epi16(3), x = _mm256_set1_epi16(5);
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = (sum8)_mm256_set1_epi32(i);
    for (int n = 0; n < LOOPS; n++) {
        UNROLL for (int i = 0; i < CHAINS; i++)
        {
            OPAQUE(x);
            acc[i] += (sum8)_mm256_madd_epi16(w, x);
        }
    }
    UNROLL for (int i = 0; i < CHAINS; i++) OPAQUE(acc[i]);
    return 16.0 * CHAINS * LOOPS;
}

__attribute__((target("avx512f,avx512vnni"))) static double peak_avx512(void)
{
    __m512i acc[CHAINS], w = _mm512_set1_epi32(3), x = _mm512_set1_epi32(5);
    UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_set1_epi32(i);
    for (int n = 0; n < LOOPS; n++) {
        OPAQUE(w);
        UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_dpwssd_epi32(acc[i], w, x);
    }
    UNROLL for (int i = 0; i < CHAINS; i++) OPAQUE(acc[i]);
    return 32.0 * CHAINS * LOOPS;
}
#endif

static void bench_instruction(ddz_isa isa)
{
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = seconds(), macs = 0;
#ifdef __x86_64__
        if (isa == DDZ_ISA_AVX2)
            macs = peak_avx2();
        if (isa == DDZ_ISA_AVX512)
            macs = peak_avx512();
#endif
        double rate = macs / (seconds() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    if (isa != DDZ_ISA_PORTABLE)
        printf("%-9s the instruction alone        %7.1f GMAC/s\n", names[isa], best);
}

/* ---- One convolution ------------------------------------------------------------------------ */

struct shape {
    const char *name;
    int taps, channels, outputs;
    ptrdiff_t pixels; /* of a row */
};

static const struct shape shapes[] = {
    {"3x3, 12 to 48", 9, 12, 48, 384},
    {"3x3, 48 to 48", 9, 48, 48, 384},
    {"3x3, 48 to 16", 9, 48, 16, 384},
    {"3x3, 96 to 96", 9, 96, 96, 192},
    {"3x3, 160 to 160", 9, 160, 160, 96},
    {"1x1, 96 to 48", 1, 96, 48, 192},
    {"3x3, 160 to 160, row of 3", 9, 160, 160, 3},
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

static void bench_conv(ddz_isa isa, const struct shape *s)
{
    struct buffers b = buffers_new(s);
    struct conv_run run = {.in_step = s->channels,
                           .kernel_taps = s->taps,
                           .pairs = s->channels / 2,
                           .blocks = s->outputs / KERNEL_BLOCK,
                           .weight = b.weight,
                           .mult = b.mult,
                           .bias = b.bias,
                           .shift = 34,
                           .relu = 1,
                           .out_step = s->outputs,
                           .pixels = s->pixels,
                           .out = b.expected};
    for (; run.taps < s->taps; run.taps++) {
        run.in[run.taps] = b.in + (run.taps / 3 * (s->pixels + 2) + run.taps % 3) * s->channels;
        run.tap[run.taps] = run.taps;
    }
    conv_c(&run);
    struct kernels kernels;
    kernels_init(&kernels, isa);
    double macs = (double)s->taps * s->channels * s->outputs * (double)s->pixels, best = 0;
    int count = (int)((isa == DDZ_ISA_PORTABLE ? 2e8 : 2e9) / macs) + 1;
    run.out = b.out;
    for (int i = 0; i < REPEATS; i++) {
        double start = seconds();
        for (int n = 0; n < count; n++)
            kernels.conv(&run);
        double rate = macs * count / (seconds() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    if (memcmp(b.out, b.expected, 2 * (size_t)(s->outputs * s->pixels)) != 0) {
        fprintf(stderr, "kernels: %s differs: %s\n", names[isa], s->name);
        exit(1);
    }
    printf("%-9s %-28s %7.1f GMAC/s\n", names[isa], s->name, best);
    buffers_free(&b);
}

/* ---- The network ---------------------------------------------------------------------------- */

/* Milliseconds of a call, best of several; the result is left in `out`. */
static double bench_net(const ddz_model *model, ddz_isa isa, uint32_t width, uint32_t height, int16_t *out)
{
    size_t values = (size_t)width * height * 3;
    int16_t *in = check(malloc(2 * values));
    for (size_t i = 0; i < values; i++)
        in[i] = (int16_t)((int)(hash_pair(4, i) % 16384) - 8192);
    struct mem mem = mem_init(NULL);
    struct net *net = check(net_new(&mem, model, width, height, 1, isa));
    double best = 1e9;
    int repeats = isa == DDZ_ISA_PORTABLE ? 1 : width < 100 ? 100 : REPEATS;
    for (int i = 0; i < repeats; i++) {
        double start = seconds();
        net_forward(net, in, out, width, height, 1, 100);
        double time = (seconds() - start) * 1e3;
        best = time < best ? time : best;
    }
    net_free(net);
    free(in);
    return best;
}

static void bench_nets(void)
{
    static const uint32_t sizes[][2] = {{WIDTH, HEIGHT}, {96, 64}, {24, 16}, {6, 4}};
    const struct toy_shape shape = {
        .levels = 3, .embedding = 32, .channels = {48, 96, 160}, .blocks = {2, 3, 4}};
    size_t size;
    uint8_t *file = toy_model_shaped(1, &shape, &size);
    ddz_model *model;
    if (ddz_model_load(file, size, NULL, &model))
        exit(1);
    int16_t *expected = check(malloc(6 * WIDTH * HEIGHT)), *out = check(malloc(6 * WIDTH * HEIGHT));
    for (int s = 0; s < 4; s++)
        for (int isa = DDZ_ISA_PORTABLE; isa <= (int)cpu_isa(DDZ_ISA_BEST); isa++) {
            uint32_t width = sizes[s][0], height = sizes[s][1];
            double ms = bench_net(model, isa, width, height, isa ? out : expected);
            if (isa && memcmp(out, expected, (size_t)width * height * 6) != 0) {
                fprintf(stderr, "kernels: %s differs: network\n", names[isa]);
                exit(1);
            }
            double macs = (double)ddz_model_macs_per_pixel(model) * width * height;
            printf("%-9s network, %3u x %3u           %7.1f GMAC/s %9.3f ms\n", names[isa], width, height,
                   macs / ms * 1e-6, ms);
        }
    free(expected);
    free(out);
    ddz_model_free(model);
    free(file);
}

int main(void)
{
    for (int isa = DDZ_ISA_PORTABLE; isa <= (int)cpu_isa(DDZ_ISA_BEST); isa++) {
        bench_instruction(isa);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            bench_conv(isa, &shapes[i]);
    }
    bench_nets();
    return 0;
}
