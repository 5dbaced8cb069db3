#include "nn/conv/gather.h"

#include <stdalign.h>
#include <string.h>

enum {
    PIXELS = 8,                                /* gathered at a time; the weights are read once for all */
    MOST = DIRECT_MAX_TAPS * CONV_MAX_CHANNELS /* inputs of a filter */
};

/* ---- Layout -------------------------------------------------------------------------------- */

/* The rows of weights follow each other without a gap. A last chunk reads past its row, and past the last one. */
size_t ddz_gather_packed_size(const struct layer_shape *shape)
{
    return ddz_direct_packed_size(shape) + GATHER_CHUNK * sizeof(int16_t);
}

/* [entries][taps][cin] */
void ddz_gather_pack(const struct conv_layer *layer, void *packed)
{
    const struct layer_shape *shape = layer->shape;
    ptrdiff_t inputs = shape->taps * shape->cin;
    int16_t *to = packed;
    for (int entry = 0; entry < ddz_direct_entries(shape); entry++, to += inputs) {
        int source = ddz_direct_channel(shape, entry);
        for (ptrdiff_t i = 0; i < inputs; i++)
            to[i] = source < 0 ? 0 : layer->weight[source * inputs + i];
    }
    memset(to, 0, GATHER_CHUNK * sizeof *to);
}

/* ---- Inputs -------------------------------------------------------------------------------- */

/* The filters' taps from the first that counts to the last: a row of inputs has zeros for those between that do
 * not count, and behind the last. */
struct rows {
    int first_tap;
    ptrdiff_t used, step; /* inputs of a row, and those rounded up to whole chunks */
    alignas(32) int16_t in[PIXELS * MOST];
};

static void rows_init(struct rows *rows, const struct direct_run *run)
{
    int cin = 2 * run->pairs;
    rows->first_tap = run->tap[0];
    rows->used = (ptrdiff_t)(run->tap[run->taps - 1] + 1 - rows->first_tap) * cin;
    rows->step = (rows->used + GATHER_CHUNK - 1) / GATHER_CHUNK * GATHER_CHUNK;
    memset(rows->in, 0, (size_t)(PIXELS * rows->step) * sizeof *rows->in);
}

/* How many taps from `t` on are neighbours in memory as in the filter */
static int adjacent(const struct direct_run *run, int t)
{
    int n = 1;
    while (t + n < run->taps && run->tap[t + n] == run->tap[t] + n &&
           run->in[t + n] == run->in[t] + (ptrdiff_t)n * 2 * run->pairs)
        n++;
    return n;
}

static void copy(int16_t *in, ptrdiff_t in_step, ptrdiff_t pixel, ptrdiff_t at, const int16_t *from,
                 ptrdiff_t count)
{
    memcpy(in + pixel * in_step + at, from, (size_t)count * sizeof *in);
}

/* The inputs of `count` pixels; the rows behind them are left as they are. */
static void rows_fill(struct rows *rows, const struct direct_run *run, const struct gather_kernel *kernel,
                      ptrdiff_t pixel, ptrdiff_t count)
{
    int cin = 2 * run->pairs;
    for (int t = 0, taps; t < run->taps; t += taps) {
        const int16_t *from = run->in[t] + pixel * run->in_step;
        ptrdiff_t at = (ptrdiff_t)(run->tap[t] - rows->first_tap) * cin;
        taps = adjacent(run, t);
        for (ptrdiff_t i = 0; i < count; i++)
            (kernel->fill ? kernel->fill : copy)(rows->in, rows->step, i, at, from + i * run->in_step,
                                                 taps * cin);
    }
}

/* ---- Outputs ------------------------------------------------------------------------------- */

static void store(const struct direct_run *run, int block, ptrdiff_t pixel, const int32_t *acc)
{
    const ptrdiff_t first = (ptrdiff_t)block * CONV_BLOCK;
    const struct rescaling rescaling = rescaling_from(&run->rescaling, first);
    const int16_t *gates = NULL;
    if (run->end == END_GATE_BY)
        gates = run->gates + pixel * run->gates_step + first;
    ddz_direct_end(&rescaling, run->end, acc, gates,
                   run->out + pixel * run->out_step + (run->end == END_GATE ? first / 2 : first));
}

void ddz_gather_run(const struct direct_run *run, const struct gather_kernel *kernel)
{
    struct rows rows;
    rows_init(&rows, run);
    const ptrdiff_t cin = 2 * run->pairs, inputs = run->kernel_taps * cin;
    struct gather_tile tile = {run,  NULL,   rows.step,           rows.step / GATHER_CHUNK,
                               NULL, inputs, rows.first_tap * cin};
    for (ptrdiff_t pixel = 0; pixel < run->pixels; pixel += PIXELS) {
        ptrdiff_t count = run->pixels - pixel < PIXELS ? run->pixels - pixel : PIXELS;
        rows_fill(&rows, run, kernel, pixel, count);
        for (int block = 0; block < run->blocks; block++)
            for (ptrdiff_t i = 0; i < count; i += GATHER_TILE) {
                int32_t acc[GATHER_TILE * CONV_BLOCK];
                tile.in = rows.in + i * rows.step;
                tile.weight = run->weight + block * CONV_BLOCK * inputs;
                kernel->sums(&tile, acc);
                for (ptrdiff_t k = 0; k < GATHER_TILE && i + k < count; k++)
                    store(run, block, pixel + i + k, acc + k * CONV_BLOCK);
            }
    }
}
