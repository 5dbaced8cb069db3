/* The network's kernels against the formulas of conv.h, exactly. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "exact.h"
#include "guard.h"
#include "nn/conv/conv.h"
#include "runner.h"

/* Numbers drawn one after the other */
struct draw {
    uint64_t seed, count;
};

static uint64_t draw64(struct draw *d)
{
    return hash_pair(d->seed, d->count++);
}

static int draw(struct draw *d, int count)
{
    return (int)(draw64(d) % (uint64_t)count);
}

/* A map in memory of exact size between guard pages: what a kernel may touch, and nothing else */
struct guarded {
    struct map map;
    int16_t *memory;
    size_t values;
};

/* Pixels (-edge, -edge) to (rows - 1 + edge, width - 1 + edge), the last one of `channels` values */
static struct guarded guarded_map(struct draw *d, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t channels,
                                  int edge)
{
    struct guarded g = {.map = {.width = width, .step = channels + 2 * draw(d, 2) * draw(d, 9)}};
    g.map.row = (width + 1) * g.map.step + 2 * (draw(d, 3) == 0) * draw(d, 30);
    ptrdiff_t last = (rows - 1 + edge) * g.map.row + (width - 1 + edge) * g.map.step + channels;
    ptrdiff_t before = edge * (g.map.row + g.map.step);
    g.values = (size_t)(before + last);
    g.memory = guard_alloc(2 * g.values);
    g.map.data = g.memory + before;
    return g;
}

static void guarded_free(struct guarded *g)
{
    guard_free(g->memory, 2 * g->values);
}

/* A layer and its band */
struct trial {
    struct layer_shape shape;
    struct conv conv;
    struct conv_band band;
    struct guarded in, out, gates;
    ptrdiff_t out_rows, channels; /* of out */
    int8_t *weight;
    size_t weights;
    int32_t mult[4 * 8 * CONV_BLOCK];
    int64_t bias[4 * 8 * CONV_BLOCK];
};

static void draw_shape(struct draw *d, struct layer_shape *shape)
{
    static const int taps[] = {9, 9, 9, 4, 1};
    *shape = (struct layer_shape){
        .taps = taps[draw(d, 5)], .cin = 2 * (1 + draw(d, draw(d, 30) ? 12 : 100)), .end = END_STORE};
    shape->end = shape->taps == 9 ? (enum layer_end)draw(d, 4) : draw(d, 2) ? END_STORE : END_ADD;
    int channels = 1 + draw(d, 8 * CONV_BLOCK);
    if (shape->end == END_GATE)
        channels = (channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    shape->cout = shape->taps == 1 ? 4 * channels : channels;
}

static void draw_numbers(struct draw *d, struct trial *t)
{
    int quiet = draw(d, 30), limit = draw(d, 3) ? 40 : 61;
    t->weights = (size_t)(t->shape.cout * t->shape.taps * t->shape.cin);
    t->weight = guard_alloc(t->weights);
    for (size_t i = 0; i < t->weights; i++)
        t->weight[i] = (int8_t)draw(d, 256);
    for (int o = 0; o < t->shape.cout; o++) {
        t->mult[o] = (int32_t)((int64_t)(draw64(d) % ((1u << 30) + 1)) - (1 << 29)) >> quiet;
        t->bias[o] = (int64_t)(draw64(d) % ((uint64_t)1 << limit)) - ((int64_t)1 << (limit - 1));
    }
}

static void draw_maps(struct draw *d, struct trial *t)
{
    const struct layer_shape *shape = &t->shape;
    struct conv_band *band = &t->band;
    ptrdiff_t width = 1 + draw(d, draw(d, 10) ? 20 : 80), rows = 1 + draw(d, 6);
    int kind = 1 + draw(d, 2), edge = shape->taps == 9, down = shape->taps == 4 ? 2 : 1,
        up = shape->taps == 1 ? 2 : 1;
    t->channels =
        shape->end == END_GATE || shape->taps == 1 ? shape->cout / (shape->taps == 1 ? 4 : 2) : shape->cout;
    ptrdiff_t room = (t->channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    t->in = guarded_map(d, down * rows, down * width, shape->cin, edge);
    t->out_rows = up * rows;
    t->out = guarded_map(d, t->out_rows, up * width, shape->end == END_GATE ? t->channels : room, 0);
    t->gates = guarded_map(d, rows, width, room, 0);
    *band = (struct conv_band){.in = t->in.map, .out = t->out.map, .gates = t->gates.map, .rows = rows};
    band->above = edge && draw(d, 2);
    band->below = edge && draw(d, 2);
    for (ptrdiff_t y = band->above ? -1 : 0; y < down * rows + band->below; y++)
        for (ptrdiff_t x = 0; x < down * width; x++)
            fill(map_pixel(&band->in, y, x), (size_t)shape->cin, kind, draw64(d));
    for (ptrdiff_t y = 0; y < t->out_rows; y++)
        for (ptrdiff_t x = 0; x < up * width; x++)
            fill(map_pixel(&band->out, y, x), (size_t)t->channels, kind, draw64(d));
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++)
            fill(map_pixel(&band->gates, y, x), (size_t)t->channels, kind, draw64(d));
}

/* A filter's value at a pixel of the band's rows, before the residual and the clamp */
static int64_t filtered(const struct trial *t, int o, ptrdiff_t y, ptrdiff_t x)
{
    const struct layer_shape *shape = &t->shape;
    int side = shape->taps == 9 ? 3 : shape->taps == 4 ? 2 : 1, pad = side == 3, stride = side == 2 ? 2 : 1;
    int64_t acc = 0;
    for (int tap = 0; tap < shape->taps; tap++) {
        const int16_t *in =
            map_pixel(&t->band.in, y * stride + tap / side - pad, x * stride + tap % side - pad);
        for (int c = 0; c < shape->cin; c++)
            acc += t->weight[(o * shape->taps + tap) * shape->cin + c] * in[c];
    }
    int64_t v = acc * t->mult[o] + t->bias[o], d = (int64_t)1 << t->conv.layer.shift;
    return v >= 0 ? v / d : -((d - 1 - v) / d);
}

/* What a channel of an output pixel must become; `before`: what it was */
static int16_t expected_value(const struct trial *t, int channel, ptrdiff_t y, ptrdiff_t x, int16_t before)
{
    int up = t->shape.taps == 1;
    int o = up ? 4 * channel + (int)(y % 2 * 2 + x % 2) : channel;
    int64_t v = filtered(t, o, up ? y / 2 : y, up ? x / 2 : x);
    v = clamp(t->shape.end == END_ADD ? v + before : v, -32768, 32767);
    int64_t gate = t->shape.end == END_GATE      ? filtered(t, o + (int)t->channels, y, x)
                   : t->shape.end == END_GATE_BY ? map_pixel(&t->gates.map, y, x)[channel]
                                                 : 0;
    if (t->shape.end == END_GATE || t->shape.end == END_GATE_BY)
        v = round_shift(v * clamp(gate, 0, 32767), 15);
    return (int16_t)v;
}

static void check_result(const struct trial *t, const int16_t *before, const char *name, uint64_t seed)
{
    const struct map *out = &t->out.map;
    for (ptrdiff_t y = 0; y < t->out_rows; y++) {
        for (ptrdiff_t x = 0; x < out->width; x++)
            for (int c = 0; c < t->channels; c++) {
                const int16_t *v = map_pixel(out, y, x) + c;
                if (*v != expected_value(t, c, y, x, before[v - t->out.memory]))
                    ck_abort_msg("%s, seed %d: pixel %d, %d, channel %d", name, (int)seed, (int)y, (int)x, c);
            }
        for (ptrdiff_t c = 0; y + 1 < t->out_rows && c < out->step; c++)
            ck_assert_int_eq(map_pixel(out, y, out->width)[c], 0);
    }
}

static void try_kernel(const struct conv_kernel *kernel, uint64_t seed)
{
    static struct trial t;
    struct draw d = {seed, 0};
    draw_shape(&d, &t.shape);
    draw_numbers(&d, &t);
    draw_maps(&d, &t);
    t.conv = (struct conv){.layer = {&t.shape, t.weight, 8 + draw(&d, 33)}, .kernel = kernel};
    if (kernel->supports(&t.conv.layer)) {
        size_t packed = kernel->packed_size(&t.shape), rescale = kernel->rescale_size(&t.shape),
               spare = conv_spare_size(kernel, &t.shape);
        t.conv.packed = guard_alloc((packed + 63) & ~(size_t)63);
        t.conv.rescale = guard_alloc((rescale + 63) & ~(size_t)63);
        t.conv.spare = guard_alloc((spare + 63) & ~(size_t)63);
        kernel->pack(&t.conv.layer, t.conv.packed);
        kernel->rescale(&t.conv.layer, t.mult, t.bias, t.conv.rescale);
        int16_t *before = guard_copy(t.out.memory, 2 * t.out.values);
        kernel->run(&t.conv, &t.band);
        check_result(&t, before, kernel->kernel.name, seed);
        guard_free(before, 2 * t.out.values);
        guard_free(t.conv.packed, (packed + 63) & ~(size_t)63);
        guard_free(t.conv.rescale, (rescale + 63) & ~(size_t)63);
        guard_free(t.conv.spare, (spare + 63) & ~(size_t)63);
    }
    guarded_free(&t.in);
    guarded_free(&t.out);
    guarded_free(&t.gates);
    guard_free(t.weight, t.weights);
}

/* Every kernel on layers and bands of random shape, against the formulas of conv.h */
START_TEST(kernels_equal_the_formula)
{
    const struct conv_kernel *kernel = ddz_conv_kernels[_i];
    for (uint64_t seed = 0; kernel_runs(&kernel->kernel, ddz_cpu_allowed(-1)) && seed < 600; seed++)
        try_kernel(kernel, seed);
}
END_TEST

/* The portable kernel takes what no other does; a feature that is not allowed is not used. */
START_TEST(choice_of_kernels)
{
    const struct layer_shape shape = {.taps = 9, .cin = 16, .cout = 32, .end = END_GATE};
    const struct conv_layer layer = {&shape, NULL, 30};
    ck_assert_ptr_eq(ddz_conv_choose(&layer, 0), &ddz_conv_c);
    ck_assert_int_eq(ddz_conv_c.kernel.needs, 0);
    for (int i = 0; ddz_conv_kernels[i]; i++) {
        uint64_t needs = ddz_conv_kernels[i]->kernel.needs;
        ck_assert_uint_eq(ddz_conv_choose(&layer, needs)->kernel.needs & ~needs, 0);
        ck_assert(ddz_conv_kernels[i + 1] || ddz_conv_kernels[i] == &ddz_conv_c);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ddz_conv_kernels[i]->kernel.name, ddz_conv_kernels[k]->kernel.name);
    }
}
END_TEST

/* A set allows what its features build on; nothing that the machine lacks is allowed. */
START_TEST(cpu_features)
{
    uint64_t here = ddz_cpu_features();
    ck_assert_uint_eq(ddz_cpu_allowed(0), 0);
    ck_assert_uint_eq(ddz_cpu_allowed(-1), here);
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_SSE2), here & DDZ_CPU_SSE2);
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AVX2), here & (DDZ_CPU_SSE2 | DDZ_CPU_AVX2));
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AVX512), here & (DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVX512));
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AVXVNNI),
                      here & (DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVXVNNI));
    ck_assert_uint_eq(ddz_cpu_allowed(DDZ_CPU_AMX),
                      here & (DDZ_CPU_SSE2 | DDZ_CPU_AVX2 | DDZ_CPU_AVX512 | DDZ_CPU_AMX));
    /* But $DDZ_FEATURES may hide what others build on. */
    uint64_t all = ddz_cpu_detect();
    ck_assert(!(all & DDZ_CPU_AVX512) || all & DDZ_CPU_AVX2);
    ck_assert(!(all & DDZ_CPU_AMX) || all & DDZ_CPU_AVX512);
    ck_assert(!(all & DDZ_CPU_AVXVNNI) || all & DDZ_CPU_AVX2);
    ck_assert(!(all & DDZ_CPU_AVX2) || all & DDZ_CPU_SSE2);
}
END_TEST

/* Linux does not let a process use tiles whose signals have no room for them: others are used. In a process of its own,
 * since leave is given for good. */
START_TEST(signal_stacks_without_room)
{
    static char usual[8192];
    const stack_t stack = {.ss_sp = usual, .ss_size = sizeof usual};
    const uint64_t expected = ddz_cpu_features() & ~(uint64_t)DDZ_CPU_AMX;
    pid_t child = fork();
    if (child == 0)
        _exit(sigaltstack(&stack, NULL) == 0 && ddz_cpu_allowed(-1) != expected);
    int status = 1;
    ck_assert(child > 0 && waitpid(child, &status, 0) == child);
    ck_assert_int_eq(status, 0);
}
END_TEST

static int kernels(void)
{
    int count = 0;
    while (ddz_conv_kernels[count])
        count++;
    return count;
}

int main(void)
{
    TCase *tc = tcase_create("conv");
    tcase_add_test(tc, signal_stacks_without_room);
    tcase_add_test(tc, cpu_features);
    tcase_add_loop_test(tc, kernels_equal_the_formula, 0, kernels());
    tcase_add_test(tc, choice_of_kernels);
    return run_cases("conv", 300, &tc, 1);
}
