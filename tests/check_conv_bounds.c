/* The network's 3x3 kernels where the ways in which they compute meet: weights and inputs at the bounds of each, and
 * single inputs beyond them, so that parts of a band are computed in another way. The formulas of conv.h, exactly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "exact.h"
#include "guard.h"
#include "nn/conv/conv.h"
#include "runner.h"

enum { MAX_FILTER = 65535 /* sum of |weight|, by the format */ };

/* What kernels may take for a bound: of inputs for which transformed ones fit 16 bits by any signs or by most, of
 * inputs for which four or sixteen times a sum fits 32 bits, and int16's own. */
static const int magnitudes[] = {300,  1637, 1638, 1639, 2047, 2048, 2730,  2731,
                                 2900, 4095, 4096, 8191, 8192, 8193, 32767, 32768};

enum { MAGNITUDES = sizeof magnitudes / sizeof *magnitudes };

/* How inputs of that magnitude are laid out */
enum pattern {
    PATTERN_NOISE,    /* anything up to it */
    PATTERN_SIGNS,    /* it, with any sign */
    PATTERN_CONSTANT, /* it, with one sign */
    PATTERN_WORST,    /* as the rows of the transforms' matrices have signs */
    PATTERN_ONE,      /* one of it, among small ones */
    PATTERNS
};

struct trial {
    struct layer_shape shape;
    struct conv conv;
    struct conv_band band;
    int16_t *in, *out, *gates;
    size_t in_size, out_size, gates_size;
    ptrdiff_t channels; /* of out */
    int8_t *weight;
    int32_t *mult;
    int64_t *bias;
    uint64_t seed, drawn;
};

static int draw(struct trial *t, int count)
{
    return (int)(hash_pair(t->seed, t->drawn++) % (uint64_t)count);
}

static int16_t signed_value(int magnitude, int negative)
{
    return (int16_t)clamp(negative ? -magnitude : magnitude, INT16_MIN, INT16_MAX);
}

static void draw_shape(struct trial *t)
{
    static const int cin[] = {16, 18, 32, 46, 56, 64};
    struct layer_shape *shape = &t->shape;
    *shape = (struct layer_shape){.taps = 9, .cin = cin[draw(t, 6)], .end = (enum layer_end)(t->seed % 4)};
    t->channels = shape->end == END_GATE ? 8 * (1 + draw(t, 3)) : 1 + draw(t, 40);
    shape->cout = (int)t->channels * (shape->end == END_GATE ? 2 : 1);
    t->band.in.width = 1 + draw(t, 30);
    t->band.rows = 1 + draw(t, 9);
    t->band.above = t->band.below = true;
}

/* Weights as large as they may be, with signs that are all alike, or any; every third filter is anything, and all
 * are smaller in every third layer. */
static void draw_weights(struct trial *t)
{
    int inputs = 9 * t->shape.cin, most = draw(t, 3) ? 127 : 25;
    t->weight = guard_alloc((size_t)(inputs * t->shape.cout));
    for (int o = 0; o < t->shape.cout; o++) {
        int left = MAX_FILTER, sign = draw(t, 2), kind = draw(t, 3);
        for (int i = 0; i < inputs; i++) {
            int w = kind == 2 ? draw(t, most / 2) : most;
            w = w < left ? w : left;
            left -= w;
            t->weight[o * inputs + i] = (int8_t)((kind ? draw(t, 2) : sign) ? -w : w);
        }
    }
}

/* Multipliers with which sums of about inputs * magnitude * 2^10 or all of them come to int16, or anything */
static void draw_rescaling(struct trial *t, int magnitude)
{
    int shift = 8 + (int)(t->seed / 4 % 33);
    int64_t large = ((int64_t)1 << shift) / (draw(t, 2) ? magnitude : magnitude / 32 + 1) * (1 + draw(t, 3));
    t->conv.layer = (struct conv_layer){&t->shape, t->weight, shift};
    t->mult = guard_alloc((size_t)t->shape.cout * sizeof *t->mult);
    t->bias = guard_alloc((size_t)t->shape.cout * sizeof *t->bias);
    for (int o = 0; o < t->shape.cout; o++) {
        int64_t mult = clamp(large, 1, 1 << 29) * (draw(t, 2) ? 1 : -1);
        t->mult[o] = (int32_t)(draw(t, 8) ? mult : (mult < 0 ? -(1 << 29) : 1 << 29) >> draw(t, 31));
        int bits = draw(t, 4) ? shift + 14 : 60;
        t->bias[o] = (int64_t)(hash_pair(t->seed, t->drawn++) % ((uint64_t)2 << bits)) - ((int64_t)1 << bits);
    }
}

static int16_t *new_map(struct map *map, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t channels, int edge,
                        size_t *size)
{
    *map = (struct map){.width = width, .step = channels, .row = (width + 1) * channels};
    ptrdiff_t before = edge * (map->row + map->step), last = rows - 1 + edge;
    *size = (size_t)(before + last * map->row + (width + edge) * map->step) * sizeof(int16_t);
    int16_t *memory = guard_alloc(*size);
    map->data = memory + before;
    return memory;
}

/* Signs by position in the 4 x 6 inputs of a tile: rows of the transforms' matrices, down and across */
static int worst_sign(int kind, ptrdiff_t y, ptrdiff_t x)
{
    static const char *const down[] = {"+0-0", "0++0", "0-+0", "0+0-"};
    static const char *const across[] = {"+0-0+0", "0--++0", "0+--+0", "0--++0", "0+--+0", "0+0-0+"};
    return down[kind % 4][y % 4] == '-' ? across[kind / 4 % 6][x % 6] != '-'
                                        : across[kind / 4 % 6][x % 6] == '-';
}

static void draw_inputs(struct trial *t, int magnitude, enum pattern pattern)
{
    const struct map *in = &t->band.in;
    int sign = draw(t, 2), kind = draw(t, 24);
    for (ptrdiff_t y = -1; y <= t->band.rows; y++)
        for (ptrdiff_t x = 0; x < in->width; x++)
            for (int c = 0; c < t->shape.cin; c++) {
                int16_t *v = map_pixel(in, y, x) + c;
                if (pattern == PATTERN_CONSTANT)
                    *v = signed_value(magnitude, sign);
                else if (pattern == PATTERN_SIGNS)
                    *v = signed_value(magnitude, draw(t, 2));
                else if (pattern == PATTERN_WORST)
                    *v = signed_value(magnitude, worst_sign(kind, y + 1, x + 1) ^ sign);
                else
                    *v = signed_value(draw(t, (pattern == PATTERN_ONE ? 300 : magnitude) + 1), draw(t, 2));
            }
    if (pattern == PATTERN_ONE)
        map_pixel(in, draw(t, (int)t->band.rows + 2) - 1, draw(t, (int)in->width))[draw(t, t->shape.cin)] =
            signed_value(magnitude, sign);
}

static void draw_maps(struct trial *t, int magnitude, enum pattern pattern)
{
    struct conv_band *band = &t->band;
    ptrdiff_t width = band->in.width, room = (t->channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
    t->in = new_map(&band->in, band->rows, width, t->shape.cin, 1, &t->in_size);
    t->out = new_map(&band->out, band->rows, width, t->shape.end == END_GATE ? t->channels : room, 0,
                     &t->out_size);
    t->gates = new_map(&band->gates, band->rows, width, room, 0, &t->gates_size);
    draw_inputs(t, magnitude, pattern);
    for (ptrdiff_t y = 0; y < band->rows; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            fill(map_pixel(&band->out, y, x), (size_t)t->channels, 1, t->seed + t->drawn++);
            fill(map_pixel(&band->gates, y, x), (size_t)t->channels, 1, t->seed + t->drawn++);
        }
}

static int64_t filtered(const struct trial *t, int o, ptrdiff_t y, ptrdiff_t x)
{
    int64_t acc = 0, d = (int64_t)1 << t->conv.layer.shift;
    for (int tap = 0; tap < 9; tap++)
        for (int c = 0; c < t->shape.cin; c++)
            acc += t->weight[(o * 9 + tap) * t->shape.cin + c] *
                   map_pixel(&t->band.in, y + tap / 3 - 1, x + tap % 3 - 1)[c];
    int64_t v = acc * t->mult[o] + t->bias[o];
    return v >= 0 ? v / d : -((d - 1 - v) / d);
}

static int16_t expected(const struct trial *t, int o, ptrdiff_t y, ptrdiff_t x, int16_t before)
{
    const enum layer_end end = t->shape.end;
    int64_t v = clamp(filtered(t, o, y, x) + (end == END_ADD ? before : 0), INT16_MIN, INT16_MAX);
    if (end == END_GATE)
        v = round_shift(v * clamp(filtered(t, o + (int)t->channels, y, x), 0, INT16_MAX), 15);
    if (end == END_GATE_BY)
        v = round_shift(v * clamp(map_pixel(&t->band.gates, y, x)[o], 0, INT16_MAX), 15);
    return (int16_t)v;
}

/* Some rows and pixels of a trial are enough, others each time. */
static void check_result(const struct trial *t, const int16_t *before, const char *what)
{
    for (ptrdiff_t y = 0; y < t->band.rows; y++)
        for (ptrdiff_t x = 0; x < t->band.in.width; x++)
            for (ptrdiff_t o = (x + y + (ptrdiff_t)t->seed) % 5; o < t->channels; o += 5) {
                const int16_t *v = map_pixel(&t->band.out, y, x) + o;
                int16_t right = expected(t, (int)o, y, x, before[v - t->out]);
                if (*v != right)
                    ck_abort_msg("%s, seed %d: row %d, pixel %d, channel %d: %d, not %d", what, (int)t->seed,
                                 (int)y, (int)x, (int)o, *v, right);
            }
    for (ptrdiff_t y = 0; y + 1 < t->band.rows; y++)
        for (ptrdiff_t c = 0; c < t->band.out.step; c++)
            ck_assert_int_eq(map_pixel(&t->band.out, y, t->band.in.width)[c], 0);
}

static void run_kernel(struct trial *t, const struct conv_kernel *kernel, int magnitude, enum pattern pattern)
{
    char what[80];
    size_t packed = (kernel->packed_size(&t->shape) + 63) / 64 * 64,
           rescale = (kernel->rescale_size(&t->shape) + 63) / 64 * 64,
           spare = (conv_spare_size(kernel, &t->shape) + 63) / 64 * 64;
    t->conv.kernel = kernel;
    t->conv.packed = guard_alloc(packed);
    t->conv.rescale = guard_alloc(rescale);
    t->conv.spare = guard_alloc(spare);
    kernel->pack(&t->conv.layer, t->conv.packed);
    kernel->rescale(&t->conv.layer, t->mult, t->bias, t->conv.rescale);
    int16_t *before = guard_copy(t->out, t->out_size);
    snprintf(what, sizeof what, "%s, magnitude %d, pattern %d", kernel->kernel.name, magnitude, (int)pattern);
    kernel->run(&t->conv, &t->band);
    check_result(t, before, what);
    guard_free(before, t->out_size);
    guard_free(t->conv.packed, packed);
    guard_free(t->conv.rescale, rescale);
    guard_free(t->conv.spare, spare);
}

static void try_kernel(const struct conv_kernel *kernel, int magnitude, enum pattern pattern, uint64_t seed)
{
    struct trial t = {.seed = seed};
    draw_shape(&t);
    draw_weights(&t);
    draw_rescaling(&t, magnitude);
    draw_maps(&t, magnitude, pattern);
    if (kernel->supports(&t.conv.layer))
        run_kernel(&t, kernel, magnitude, pattern);
    guard_free(t.in, t.in_size);
    guard_free(t.out, t.out_size);
    guard_free(t.gates, t.gates_size);
    guard_free(t.weight, (size_t)(9 * t.shape.cin * t.shape.cout));
    guard_free(t.mult, (size_t)t.shape.cout * sizeof *t.mult);
    guard_free(t.bias, (size_t)t.shape.cout * sizeof *t.bias);
}

/* All ends with all shifts, which the seed runs through, for each magnitude and pattern of inputs */
START_TEST(kernels_at_their_bounds)
{
    const struct conv_kernel *kernel = ddz_conv_kernels[_i];
    if (!kernel_runs(&kernel->kernel, ddz_cpu_allowed(-1)))
        return;
    uint64_t seed = 0;
    for (int round = 0; round < 8; round++)
        for (int m = 0; m < MAGNITUDES; m++)
            for (int pattern = 0; pattern < PATTERNS; pattern++)
                try_kernel(kernel, magnitudes[m], (enum pattern)pattern, seed++);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("bounds");
    int kernels = 0;
    while (ddz_conv_kernels[kernels])
        kernels++;
    tcase_add_loop_test(tc, kernels_at_their_bounds, 0, kernels);
    return run_cases("conv_bounds", 300, &tc, 1);
}
