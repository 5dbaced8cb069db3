#include "nn/conv/direct.h"

#include <string.h>

#include "base/fixed.h"

enum { RUN_PIXELS = 64 /* rows are joined to runs of at least this many pixels */ };

/* ---- Layout -------------------------------------------------------------------------------- */

/* Sets of blocks: 4 where the outputs are shuffled into 2x2 pixels, else 1 */
static int parts_of(const struct layer_shape *shape)
{
    return shape->taps == 1 ? 4 : 1;
}

/* Of each part */
static int blocks_of(const struct layer_shape *shape)
{
    return (shape->cout / parts_of(shape) + CONV_BLOCK - 1) / CONV_BLOCK;
}

int ddz_direct_entries(const struct layer_shape *shape)
{
    return parts_of(shape) * blocks_of(shape) * CONV_BLOCK;
}

/* For 2x2 pixels the order is that of torch's pixel_shuffle: the part, 2 dy + dx, is the faster index. */
int ddz_direct_channel(const struct layer_shape *shape, int entry)
{
    int parts = parts_of(shape), outputs = blocks_of(shape) * CONV_BLOCK, half = CONV_BLOCK / 2;
    int part = entry / outputs, o = entry % outputs;
    if (shape->end == END_GATE) {
        int channel = o / CONV_BLOCK * half + o % half;
        return o % CONV_BLOCK < half ? channel : shape->cout / 2 + channel;
    }
    int source = o * parts + part;
    return source < shape->cout ? source : -1;
}

bool ddz_direct_supports(const struct conv_layer *layer)
{
    const struct layer_shape *shape = layer->shape;
    return shape->cin % 2 == 0 && (shape->end != END_GATE || shape->cout % CONV_BLOCK == 0);
}

size_t ddz_direct_packed_size(const struct layer_shape *shape)
{
    return (size_t)ddz_direct_entries(shape) * (size_t)(shape->taps * shape->cin) * sizeof(int16_t);
}

void ddz_direct_pack(const struct conv_layer *layer, void *packed)
{
    const struct layer_shape *shape = layer->shape;
    int inputs = shape->taps * shape->cin; /* cin is even: pairs do not straddle taps */
    int16_t *to = packed;
    for (int block = 0; block < ddz_direct_entries(shape) / CONV_BLOCK; block++)
        for (int i = 0; i < inputs; i += 2)
            for (int o = 0; o < CONV_BLOCK; o++, to += 2) {
                int source = ddz_direct_channel(shape, block * CONV_BLOCK + o);
                const int8_t *from = layer->weight + (ptrdiff_t)source * inputs + i;
                to[0] = source < 0 ? 0 : from[0];
                to[1] = source < 0 ? 0 : from[1];
            }
}

/* bias[entries], then mult, low and high */
size_t ddz_direct_rescale_size(const struct layer_shape *shape)
{
    return (size_t)ddz_direct_entries(shape) * (sizeof(int64_t) + 3 * sizeof(int32_t));
}

struct arrays {
    int64_t *bias;
    int32_t *mult, *low, *high;
};

static struct arrays arrays_of(void *rescale, const struct layer_shape *shape)
{
    int64_t *bias = rescale;
    ptrdiff_t entries = ddz_direct_entries(shape);
    int32_t *mult = (int32_t *)(bias + entries);
    return (struct arrays){bias, mult, mult + entries, mult + 2 * entries};
}

struct rescaling ddz_direct_rescaling(const struct conv *conv, ptrdiff_t entry)
{
    const struct arrays a = arrays_of(conv->rescale, conv->layer.shape);
    return (struct rescaling){a.bias + entry, a.mult + entry, a.low + entry, a.high + entry,
                              conv->layer.shift};
}

/* Before the shift, values pass the edges -2^(17 + shift) and 2^(17 + shift) between the sums `low` and `high`. At
 * most two steps of a sum, 2^30, beyond an edge, they are below 2^(17 + shift) + 2^30 there. */
static void limit(const struct arrays *to, ptrdiff_t i, int shift)
{
    const int64_t edge = (int64_t)1 << (17 + shift), mult = to->mult[i], bias = to->bias[i];
    to->low[i] = INT32_MIN;
    to->high[i] = INT32_MAX;
    if (mult == 0) {
        to->bias[i] = clamp64(bias, -edge, edge);
        return;
    }
    int64_t a = (edge - bias) / mult, b = (-edge - bias) / mult;
    int64_t low = (a < b ? a : b) - 1, high = (a < b ? b : a) + 1;
    if (low > INT32_MAX || high < INT32_MIN) { /* all sums are on one side */
        to->mult[i] = 0;
        to->bias[i] = (low > INT32_MAX) == (mult > 0) ? -edge : edge;
        return;
    }
    to->low[i] = (int32_t)clamp64(low, INT32_MIN, INT32_MAX);
    to->high[i] = (int32_t)clamp64(high, INT32_MIN, INT32_MAX);
}

void ddz_direct_rescale(const struct conv_layer *layer, const int32_t *mult, const int64_t *bias,
                        void *rescale)
{
    const struct layer_shape *shape = layer->shape;
    const struct arrays to = arrays_of(rescale, shape);
    for (int i = 0; i < ddz_direct_entries(shape); i++) {
        int o = ddz_direct_channel(shape, i);
        to.mult[i] = o < 0 ? 0 : mult[o];
        to.bias[i] = o < 0 ? 0 : bias[o];
        limit(&to, i, layer->shift);
    }
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void rescale(const struct rescaling *r, const int32_t *acc, const int16_t *residual, int16_t *v)
{
    for (int o = 0; o < CONV_BLOCK; o++) {
        int64_t sum = asr64((int64_t)acc[o] * r->mult[o] + r->bias[o], r->shift);
        if (residual)
            sum += residual[o];
        v[o] = (int16_t)clamp64(sum, INT16_MIN, INT16_MAX);
    }
}

/* v * max(gate, 0) / 2^15, rounded */
static void gate(const int16_t *v, const int16_t *gates, int count, int16_t *out)
{
    for (int o = 0; o < count; o++) {
        int32_t open = gates[o] < 0 ? 0 : gates[o];
        out[o] = (int16_t)asr32(v[o] * open + (1 << 14), 15);
    }
}

void ddz_direct_end(const struct rescaling *rescaling, enum layer_end end, const int32_t *acc,
                    const int16_t *gates, int16_t *out)
{
    enum { HALF = CONV_BLOCK / 2 };
    int16_t v[CONV_BLOCK];
    if (end == END_STORE || end == END_ADD) {
        rescale(rescaling, acc, end == END_ADD ? out : NULL, out);
        return;
    }
    rescale(rescaling, acc, NULL, v);
    if (end == END_GATE)
        gate(v, v + HALF, HALF, out);
    else
        gate(v, gates, CONV_BLOCK, out);
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static struct direct_run run_of(const struct conv *conv, const struct conv_band *band, int part)
{
    const struct layer_shape *shape = conv->layer.shape;
    ptrdiff_t first = (ptrdiff_t)part * blocks_of(shape) * CONV_BLOCK;
    return (struct direct_run){
        .in_step = band->in.step,
        .pairs = shape->cin / 2,
        .blocks = blocks_of(shape),
        .kernel_taps = shape->taps,
        .weight = (const int16_t *)conv->packed + first * shape->taps * shape->cin,
        .rescaling = ddz_direct_rescaling(conv, first),
        .end = shape->end,
        .gates_step = band->gates.step,
        .out_step = band->out.step,
    };
}

static void add_tap(struct direct_run *run, int tap, const int16_t *in)
{
    run->in[run->taps] = in;
    run->tap[run->taps++] = tap;
}

/* Does the border pixel between two rows lie where the next pixel of a run would be? */
static bool rows_join(const struct map *map)
{
    return map->row == (map->width + 1) * map->step;
}

/* Rows y to end, as one run across the borders between them; what lands there is cleared. Taps that see nothing
 * but border are left out. */
static void run_rows(const struct conv *conv, const struct conv_band *band, ptrdiff_t y, ptrdiff_t end,
                     direct_fn *inner)
{
    struct direct_run run = run_of(conv, band, 0);
    ptrdiff_t width = band->in.width;
    bool alone = end - y == 1, above = y > 0 || band->above, below = end < band->rows || band->below;
    for (int t = 0; t < 9; t++) {
        int dy = t / 3 - 1, dx = t % 3 - 1;
        bool zeros = (alone && ((dy < 0 && !above) || (dy > 0 && !below))) || (dx != 0 && width == 1);
        if (!zeros)
            add_tap(&run, t, map_pixel(&band->in, y + dy, dx));
    }
    run.out = map_pixel(&band->out, y, 0);
    if (run.end == END_GATE_BY)
        run.gates = map_pixel(&band->gates, y, 0);
    run.pixels = (end - y) * (width + 1) - 1;
    inner(&run);
    for (; y + 1 < end; y++)
        memset(map_pixel(&band->out, y, width), 0, (size_t)band->out.step * sizeof(int16_t));
}

/* Rows are joined, so that small maps fill the kernels' tiles, too. */
static void run_3x3(const struct conv *conv, const struct conv_band *band, direct_fn *inner)
{
    bool join = rows_join(&band->in) && rows_join(&band->out) &&
                (conv->layer.shape->end != END_GATE_BY || rows_join(&band->gates));
    ptrdiff_t rows = join ? RUN_PIXELS / (band->in.width + 1) + 1 : 1;
    for (ptrdiff_t y = 0; y < band->rows; y += rows)
        run_rows(conv, band, y, y + rows < band->rows ? y + rows : band->rows, inner);
}

void ddz_direct_run_part(const struct conv *conv, const struct conv_band *band, ptrdiff_t y, int rows,
                         ptrdiff_t x, ptrdiff_t pixels, direct_fn *inner)
{
    for (ptrdiff_t end = y + rows; y < end; y++) {
        struct direct_run run = run_of(conv, band, 0);
        for (int t = 0; t < 9; t++)
            add_tap(&run, t, map_pixel(&band->in, y + t / 3 - 1, x + t % 3 - 1));
        run.out = map_pixel(&band->out, y, x);
        if (run.end == END_GATE_BY)
            run.gates = map_pixel(&band->gates, y, x);
        run.pixels = pixels;
        inner(&run);
    }
}

/* 2x2, stride 2 */
static void run_down(const struct conv *conv, const struct conv_band *band, direct_fn *inner)
{
    for (ptrdiff_t y = 0; y < band->rows; y++) {
        struct direct_run run = run_of(conv, band, 0);
        for (int t = 0; t < 4; t++)
            add_tap(&run, t, map_pixel(&band->in, 2 * y + t / 2, t % 2));
        run.in_step *= 2;
        run.out = map_pixel(&band->out, y, 0);
        run.pixels = band->out.width;
        inner(&run);
    }
}

/* 1x1 to 2x2 pixels */
static void run_up(const struct conv *conv, const struct conv_band *band, direct_fn *inner)
{
    for (ptrdiff_t y = 0; y < band->rows; y++)
        for (int part = 0; part < 4; part++) {
            struct direct_run run = run_of(conv, band, part);
            add_tap(&run, 0, map_pixel(&band->in, y, 0));
            run.out = map_pixel(&band->out, 2 * y + part / 2, part % 2);
            run.out_step *= 2;
            run.pixels = band->in.width;
            inner(&run);
        }
}

void ddz_direct_run(const struct conv *conv, const struct conv_band *band, direct_fn *inner)
{
    int taps = conv->layer.shape->taps;
    (taps == 9 ? run_3x3 : taps == 4 ? run_down : run_up)(conv, band, inner);
}
