#include "nn/conv/winograd.h"

#include <stdlib.h>
#include <string.h>

#include "base/once.h"
#include "nn/conv/gather.h"

enum { MAX_POSITIONS = 24, MAX_COLUMNS = 4 };

static int columns_of(enum wino_form form)
{
    return form == WINO_4 ? 4 : 2;
}

static int positions_of(enum wino_form form)
{
    return 4 * (columns_of(form) + 2);
}

/* ---- Weights ------------------------------------------------------------------------------- */

/*
 * Packed are U of F(2x4), wino_patch's `most`, and what there is of all; to spare, U of F(2x2) and the weights of the direct
 * kernel. Each part is made when it is used for the first time: the forms that others fall back on may never be, and
 * memory that is not touched costs nothing.
 */
enum wino_part { PART_2, PART_4, PART_DIRECT, WINO_PARTS };

struct wino_made {
    struct once part[WINO_PARTS];
};

/* Values of U */
static size_t weights_of(const struct layer_shape *shape, enum wino_form form)
{
    return (size_t)ddz_direct_entries(shape) * (size_t)(positions_of(form) * shape->cin);
}

static size_t most_at(const struct layer_shape *shape)
{
    return weights_of(shape, WINO_4) * sizeof(int16_t);
}

static size_t made_at(const struct layer_shape *shape)
{
    return most_at(shape) + (size_t)shape->cin * sizeof(int16_t); /* of an even number of channels */
}

/* Among what is to spare */
static size_t direct_at(const struct layer_shape *shape)
{
    return weights_of(shape, WINO_2) * sizeof(int16_t);
}

bool ddz_wino_supports(const struct conv_layer *layer)
{
    const struct layer_shape *shape = layer->shape;
    return shape->taps == 9 && shape->cin >= WINO_MIN_CHANNELS && shape->cin <= WINO_MAX_CHANNELS &&
           ddz_direct_supports(layer);
}

size_t ddz_wino_packed_size(const struct layer_shape *shape)
{
    return made_at(shape) + sizeof(struct wino_made);
}

size_t ddz_wino_spare_size(const struct layer_shape *shape)
{
    const size_t beyond =
        GATHER_CHUNK * CONV_BLOCK * sizeof(int16_t); /* some direct kernels read behind weights */
    return direct_at(shape) + ddz_direct_packed_size(shape) + beyond;
}

/* Pairs of input channels for a block of outputs: transformed at once, by the compiler's vectors. */
enum { LANES = 2 * CONV_BLOCK };
typedef int16_t lanes[LANES];

/* G times a column g0, g1, g2, or a row times H of 2 */
static void transform_2(const lanes g0, const lanes g1, const lanes g2, lanes *u)
{
    for (int i = 0; i < LANES; i++) {
        u[0][i] = (int16_t)(2 * g0[i]);
        u[1][i] = (int16_t)(g0[i] + g1[i] + g2[i]);
        u[2][i] = (int16_t)(g0[i] - g1[i] + g2[i]);
        u[3][i] = (int16_t)(2 * g2[i]);
    }
}

static void transform_4(const lanes g0, const lanes g1, const lanes g2, lanes *u)
{
    for (int i = 0; i < LANES; i++) {
        u[0][i] = (int16_t)(6 * g0[i]);
        u[1][i] = (int16_t)(-4 * (g0[i] + g1[i] + g2[i]));
        u[2][i] = (int16_t)(-4 * (g0[i] - g1[i] + g2[i]));
        u[3][i] = (int16_t)(g0[i] + 2 * g1[i] + 4 * g2[i]);
        u[4][i] = (int16_t)(g0[i] - 2 * g1[i] + 4 * g2[i]);
        u[5][i] = (int16_t)(24 * g2[i]);
    }
}

/* U of filters g of 3x3 weights, a position `next` values from the one before */
static void transform(const lanes g[9], enum wino_form form, int16_t *to, ptrdiff_t next)
{
    lanes down[3][4], u[MAX_COLUMNS + 2];
    for (int x = 0; x < 3; x++)
        transform_2(g[x], g[3 + x], g[6 + x], down[x]);
    for (int y = 0; y < 4; y++) {
        (form == WINO_4 ? transform_4 : transform_2)(down[0][y], down[1][y], down[2][y], u);
        for (int x = 0; x < columns_of(form) + 2; x++, to += next)
            memcpy(to, u[x], sizeof u[x]);
    }
}

/* Filters of a block for input channels c and c + 1 */
static void take_filters(const struct conv_layer *layer, int block, int c, lanes g[9])
{
    const ptrdiff_t cin = layer->shape->cin;
    for (int o = 0; o < CONV_BLOCK; o++) {
        int source = ddz_direct_channel(layer->shape, block + o);
        const int8_t *weight = layer->weight + source * 9 * cin + c;
        for (int tap = 0; tap < 9; tap++) {
            g[tap][2 * o] = source < 0 ? 0 : weight[tap * cin];
            g[tap][2 * o + 1] = source < 0 ? 0 : weight[tap * cin + 1];
        }
    }
}

/* [blocks][positions][pairs][CONV_BLOCK][2] */
static void pack_form(const struct conv_layer *layer, enum wino_form form, int16_t *to)
{
    const struct layer_shape *shape = layer->shape;
    const ptrdiff_t next = (ptrdiff_t)shape->cin * CONV_BLOCK;
    for (int block = 0; block < ddz_direct_entries(shape); block += CONV_BLOCK) {
        for (int c = 0; c < shape->cin; c += 2) {
            lanes g[9];
            take_filters(layer, block, c, g);
            transform(g, form, to + c * CONV_BLOCK, next);
        }
        to += positions_of(form) * next;
    }
}

static void find_most(const struct conv_layer *layer, int16_t *most)
{
    const ptrdiff_t cin = layer->shape->cin;
    memset(most, 0, (size_t)cin * sizeof *most);
    for (int o = 0; o < layer->shape->cout; o++)
        for (ptrdiff_t c = 0; c < cin; c++) {
            int sum = 0;
            for (int tap = 0; tap < 9; tap++)
                sum += abs(layer->weight[(o * 9 + tap) * cin + c]);
            most[c] = (int16_t)(sum > most[c] ? sum : most[c]);
        }
}

void ddz_wino_pack(const struct conv_layer *layer, void *packed)
{
    memset((char *)packed + made_at(layer->shape), 0, sizeof(struct wino_made));
}

/* A part of what is packed, which is made if it is not there. */
static const void *part_of(const struct conv *conv, enum wino_part part, const struct wino_kernel *kernel)
{
    const struct conv_layer *layer = &conv->layer;
    const struct layer_shape *shape = layer->shape;
    char *packed = conv->packed, *spare = conv->spare;
    void *const at[WINO_PARTS] = {spare, packed, spare + direct_at(shape)};
    struct once *once = &((struct wino_made *)(packed + made_at(shape)))->part[part];
    if (ddz_once_begin(once)) {
        if (part == PART_DIRECT)
            kernel->pack_direct(layer, at[part]);
        else
            pack_form(layer, part == PART_4 ? WINO_4 : WINO_2, at[part]);
        if (part == PART_4)
            find_most(layer, (int16_t *)(packed + most_at(shape)));
        ddz_once_done(once);
    }
    return at[part];
}

/* ---- Tiles --------------------------------------------------------------------------------- */

enum { WINO_REST = 24 /* tiles put by for the next form */ };

/* A band at work */
struct wino_work {
    const struct conv *conv;
    const struct conv_band *band;
    const struct wino_kernel *kernel;
    const int16_t *most;
    _Alignas(64) int16_t v[MAX_POSITIONS * WINO_TILES * WINO_MAX_CHANNELS];
    _Alignas(64) int32_t m[WINO_BLOCKS * MAX_POSITIONS * WINO_TILES * CONV_BLOCK];
    _Alignas(64) int16_t edge[4 * (MAX_COLUMNS + 2) * WINO_MAX_CHANNELS];
};

/* The patch of a tile. What lies beyond the map's border is not in memory: such a patch is put together. */
static struct wino_patch patch_of(struct wino_work *w, const struct wino_place *place, int columns)
{
    const struct map *in = &w->band->in;
    int channels = w->conv->layer.shape->cin;
    struct wino_patch patch = {map_pixel(in, place->y - 1, place->x - 1), in->row, in->step, channels,
                               w->most};
    if (place->rows == 2 && place->columns == columns)
        return patch;
    patch.in = w->edge;
    patch.step = channels;
    patch.row = (columns + 2) * patch.step;
    memset(w->edge, 0, (size_t)(4 * patch.row) * sizeof *w->edge);
    for (int y = 0; y < place->rows + 2; y++)
        for (int x = 0; x < place->columns + 2; x++)
            memcpy(w->edge + y * patch.row + x * patch.step,
                   map_pixel(in, place->y + y - 1, place->x + x - 1), (size_t)channels * sizeof *w->edge);
    return patch;
}

static bool take_in(struct wino_work *w, enum wino_form form, const struct wino_place *place, int tile)
{
    const struct wino_patch patch = patch_of(w, place, columns_of(form));
    return w->kernel->steps[form].input(&patch, w->v + (ptrdiff_t)tile * patch.channels);
}

/* Once V is there */
static void multiply_and_store(struct wino_work *w, enum wino_form form, const struct wino_place *place,
                               int tiles)
{
    const struct layer_shape *shape = w->conv->layer.shape;
    const struct wino_steps *steps = &w->kernel->steps[form];
    const int blocks = ddz_direct_entries(shape) / CONV_BLOCK, most = w->kernel->blocks;
    const int16_t *u = part_of(w->conv, form == WINO_4 ? PART_4 : PART_2, w->kernel);
    struct wino_product product = {u, w->v, w->m, shape->cin, tiles, 0};
    struct wino_output output = {.band = w->band, .end = shape->end, .place = place, .tiles = tiles};
    for (int block = 0; block < blocks; block += product.blocks) {
        product.blocks = blocks - block < most ? blocks - block : most;
        steps->multiply(&product);
        for (int i = 0; i < product.blocks; i++) {
            int entry = (block + i) * CONV_BLOCK;
            output.rescaling = ddz_direct_rescaling(w->conv, entry);
            output.channel = shape->end == END_GATE ? entry / 2 : entry;
            steps->output(&output, w->m + i * positions_of(form) * WINO_TILES * CONV_BLOCK);
        }
        product.u += (ptrdiff_t)product.blocks * positions_of(form) * shape->cin * CONV_BLOCK;
    }
}

/* The layer with the direct kernel's weights */
static struct conv direct_of(const struct conv *conv, const struct wino_kernel *kernel)
{
    struct conv direct = *conv;
    direct.packed = (void *)part_of(conv, PART_DIRECT, kernel);
    return direct;
}

/* Of tiles of 2 columns, those side by side at a time */
static void run_direct(struct wino_work *w, const struct wino_place *place, int tiles)
{
    const struct conv direct = direct_of(w->conv, w->kernel);
    for (int t = 0; t < tiles;) {
        const struct wino_place *first = &place[t];
        ptrdiff_t width = 0;
        for (; t < tiles && place[t].y == first->y && place[t].x == first->x + width; t++)
            width += place[t].columns;
        ddz_direct_run_part(&direct, w->band, first->y, first->rows, first->x, width, w->kernel->direct);
    }
}

static void run_form(struct wino_work *w, enum wino_form form, const struct wino_place *place, int tiles);

/* Tiles of 4 columns, as twice as many of 2 */
static void run_halves(struct wino_work *w, const struct wino_place *place, int tiles)
{
    struct wino_place half[2 * WINO_REST];
    int halves = 0;
    for (int t = 0; t < tiles; t++)
        for (int x = 0; x < place[t].columns; x += 2) {
            int columns = place[t].columns - x < 2 ? 1 : 2;
            half[halves++] = (struct wino_place){place[t].y, place[t].x + x, place[t].rows, columns};
        }
    run_form(w, WINO_2, half, halves);
}

/* Tiles whose inputs are too large for the form are put by, until they are some. Then, or at the end, V is free. */
static void run_form(struct wino_work *w, enum wino_form form, const struct wino_place *place, int tiles)
{
    struct wino_place taken[WINO_TILES], rest[WINO_REST];
    int count = 0, left = 0;
    for (int t = 0; t < tiles; t++) {
        const bool last = t + 1 == tiles;
        if (take_in(w, form, &place[t], count))
            taken[count++] = place[t];
        else
            rest[left++] = place[t];
        if (count == WINO_TILES || (count > 0 && (last || left == WINO_REST))) {
            multiply_and_store(w, form, taken, count);
            count = 0;
        }
        if (left == WINO_REST || (left > 0 && last)) {
            (form == WINO_4 ? run_halves : run_direct)(w, rest, left);
            left = 0;
        }
    }
}

static void run_tiles(struct wino_work *w, enum wino_form form)
{
    enum { PLACES = 8 * WINO_TILES };
    const ptrdiff_t columns = columns_of(form), width = w->band->in.width, rows = w->band->rows;
    struct wino_place place[PLACES];
    int tiles = 0;
    for (ptrdiff_t y = 0; y < rows; y += 2)
        for (ptrdiff_t x = 0; x < width; x += columns) {
            ptrdiff_t left = width - x;
            place[tiles++] =
                (struct wino_place){y, x, rows - y < 2 ? 1 : 2, (int)(left < columns ? left : columns)};
            if (tiles == PLACES || (y + 2 >= rows && x + columns >= width)) {
                run_form(w, form, place, tiles);
                tiles = 0;
            }
        }
}

/* A band of few pixels takes the time in which its weights are read, of which a direct kernel has fewer. */
static void run_few(const struct conv *conv, const struct conv_band *band, const struct wino_kernel *kernel)
{
    const struct conv direct = direct_of(conv, kernel);
    ddz_direct_run(&direct, band, kernel->direct);
}

void ddz_wino_run(const struct conv *conv, const struct conv_band *band, const struct wino_kernel *kernel)
{
    if (band->rows * band->in.width < WINO_MIN_PIXELS) {
        run_few(conv, band, kernel);
        return;
    }
    struct wino_work work; /* large, and not cleared */
    part_of(conv, PART_4, kernel);
    work.conv = conv;
    work.band = band;
    work.kernel = kernel;
    work.most = (const int16_t *)((const char *)conv->packed + most_at(conv->layer.shape));
    run_tiles(&work, WINO_4);
}
