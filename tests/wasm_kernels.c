/*
 * The kernels for WebAssembly against the portable ones, on layers and branches of random shape: a program by itself,
 * which tests/wasm.sh compiles and runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "channel/search/search.h"
#include "cpu/cpu.h"
#include "nn/conv/conv.h"

enum {
    TRIALS = 300,
    MAX_WIDTH = 20,
    MAX_ROWS = 6,
    MAX_CIN = 48,
    MAX_COUT = 64,
    MAX_OWNED = 64,
    MAX_BITS = 12
};

static uint64_t drawn;

static int draw(int count)
{
    return (int)(hash_pair(1, drawn++) % (uint64_t)count);
}

static void *check(void *p)
{
    if (!p)
        exit(99);
    return p;
}

static void *aligned(size_t size)
{
    size = (size + 63) / 64 * 64 + 64;
    return memset(check(aligned_alloc(64, size)), 0, size);
}

/* Any of int16, its ends among them, or what kernels with bounds of their own take */
static void fill(int16_t *v, size_t count, int quiet)
{
    for (size_t i = 0; i < count; i++)
        v[i] = (int16_t)((draw(8) ? draw(65536) - 32768 : draw(2) ? INT16_MAX : INT16_MIN) / (1 << quiet));
}

/* A map of zeros around `rows` rows, and the values that it takes */
static struct map map_of(ptrdiff_t width, ptrdiff_t rows, ptrdiff_t step, size_t *values)
{
    struct map map = {.width = width, .step = step, .row = (width + 1) * step};
    *values = (size_t)((rows + 2) * map.row + 2 * step);
    map.data = (int16_t *)aligned(*values * sizeof(int16_t)) + map.row + map.step;
    return map;
}

static void map_free(struct map *map)
{
    free(map->data - map->row - map->step);
}

static void run(const struct conv_kernel *kernel, const struct conv_layer *layer, const int32_t *mult,
                const int64_t *bias, const struct conv_band *band)
{
    struct conv conv = {*layer, kernel, aligned(kernel->packed_size(layer->shape)),
                        aligned(conv_spare_size(kernel, layer->shape)),
                        aligned(kernel->rescale_size(layer->shape))};
    kernel->pack(layer, conv.packed);
    kernel->rescale(layer, mult, bias, conv.rescale);
    kernel->run(&conv, band);
    free(conv.packed);
    free(conv.spare);
    free(conv.rescale);
}

static int16_t *copy_of(const struct map *map, size_t values)
{
    int16_t *copy = check(malloc(values * sizeof *copy));
    return memcpy(copy, map->data - map->row - map->step, values * sizeof *copy);
}

/* Whether all kernels that can run a random layer give the same on a band */
static int agree(void)
{
    static const int taps[] = {9, 9, 4, 1};
    struct layer_shape shape = {.taps = taps[draw(4)], .cin = 2 + 2 * draw(MAX_CIN / 2)};
    int up = shape.taps == 1 ? 2 : 1, down = shape.taps == 4 ? 2 : 1,
        channels = 16 * (1 + draw(MAX_COUT / 16));
    shape.end = shape.taps == 9 ? (enum layer_end)draw(4) : END_STORE;
    shape.cout = shape.taps == 1 ? 4 * channels : shape.end == END_GATE ? 2 * channels : channels;
    static int8_t weight[9 * MAX_CIN * 4 * MAX_COUT];
    static int32_t mult[4 * MAX_COUT];
    static int64_t bias[4 * MAX_COUT];
    for (size_t i = 0; i < sizeof weight; i++)
        weight[i] = (int8_t)draw(256);
    for (int o = 0; o < shape.cout; o++) {
        mult[o] = draw(1 << 30) - (1 << 29);
        bias[o] = ((int64_t)draw(1 << 30) - (1 << 29)) * draw(1 << 30);
    }
    ptrdiff_t width = 1 + draw(MAX_WIDTH), rows = 1 + draw(MAX_ROWS);
    const int quiet = draw(2) * draw(8);
    size_t in_values, out_values, gates_values;
    struct map in = map_of(down * width, down * rows, shape.cin, &in_values);
    struct map out = map_of(up * width, up * rows, channels, &out_values);
    struct map gates = map_of(width, rows, channels, &gates_values);
    for (ptrdiff_t y = 0; y < down * rows; y++)
        fill(map_pixel(&in, y, 0), (size_t)(down * width * shape.cin), quiet);
    for (ptrdiff_t y = 0; y < up * rows; y++)
        fill(map_pixel(&out, y, 0), (size_t)(up * width * channels), 0);
    for (ptrdiff_t y = 0; y < rows; y++)
        fill(map_pixel(&gates, y, 0), (size_t)(width * channels), 0);
    struct conv_band band = {.in = in, .out = out, .gates = gates, .rows = rows};
    const struct conv_layer layer = {&shape, weight, 8 + draw(33)};
    int16_t *before = copy_of(&out, out_values);
    run(&ddz_conv_c, &layer, mult, bias, &band);
    int16_t *expected = copy_of(&out, out_values);
    int same = memcmp(expected, before, out_values * sizeof *before) != 0;
    for (const struct conv_kernel *const *k = ddz_conv_kernels; *k != &ddz_conv_c; k++) {
        if (!(*k)->supports(&layer))
            continue;
        memcpy(out.data - out.row - out.step, before, out_values * sizeof *before);
        run(*k, &layer, mult, bias, &band);
        int16_t *got = copy_of(&out, out_values);
        same = same && memcmp(got, expected, out_values * sizeof *got) == 0;
        free(got);
    }
    free(before);
    free(expected);
    map_free(&in);
    map_free(&out);
    map_free(&gates);
    return same;
}

/* Whether two kernels of vectors of 8 scores agree on random branches */
static int agree_on_branches(const struct search_kernel *kernel)
{
    static int16_t values[MAX_OWNED + SEARCH_SLACK], scores[2][1 << MAX_BITS];
    static uint8_t decisions[2][SEARCH_BATCH * (1 << MAX_BITS) / 8];
    static struct search_room room[SEARCH_BATCH];
    int register_bits = 8 + draw(MAX_BITS - 7), slots = search_slots(register_bits);
    uint32_t states = 1u << register_bits, owned = (uint32_t)(1 + draw(draw(2) ? 30 : MAX_OWNED));
    struct search_batch batch = {.register_bits = register_bits, .backward = draw(2), .room = room};
    batch.run.count = 1 + draw(SEARCH_BATCH);
    batch.run.low = draw(slots + 1 - batch.run.count);
    for (int k = 0; k < batch.run.count; k++) {
        struct search_branch *b = &batch.branch[k];
        *b = (struct search_branch){.owned = owned, .values = values};
        b->slot = batch.backward ? batch.run.low + k : batch.run.low + batch.run.count - 1 - k;
        b->key.add = (uint32_t)draw(65536);
        b->key.mul = ((uint32_t)draw(65536) | 1) << (17 - register_bits) & 0xFFFF;
    }
    for (uint32_t i = 0; i < owned; i++)
        values[i] = (int16_t)(draw(1001) - 500);
    for (uint32_t i = 0; i < states; i++)
        scores[0][i] = scores[1][i] = (int16_t)(draw(64) - 32);
    for (int i = 0; i < 2; i++) {
        batch.scores = scores[i];
        batch.decisions = decisions[i];
        (i ? kernel : &ddz_search_c)->step(&batch);
    }
    return memcmp(scores[0], scores[1], states * sizeof *scores[0]) == 0 &&
           memcmp(decisions[0], decisions[1], (size_t)batch.run.count * states / 8) == 0;
}

int main(void)
{
    int bad = 0;
    if (ddz_conv_kernels[0] == &ddz_conv_c || ddz_search_kernels[0] == &ddz_search_c)
        bad = printf("no kernels beside the portable ones\n");
    for (int i = 0; i < TRIALS && !bad; i++)
        if (!agree() || !agree_on_branches(ddz_search_kernels[0]))
            bad = printf("trial %d: the kernels differ\n", i);
    if (!bad)
        printf("%s: as the portable kernels in %d trials\n", ddz_conv_kernels[0]->kernel.name, TRIALS);
    return bad != 0;
}
