/*
 * Direct convolutions by AMX's products of matrices of bytes; compiled with the flags of conv_avx512.c, and
 * -mamx-tile -mamx-int8.
 *
 * An input is 256 h + l with h a signed and l an unsigned byte, and a weight is a byte: two products, whose sums make
 * that of the inputs, modulo 2^32. Rows of pixels are split into the two halves once. What a row of a filter sees, its
 * segment, lies in one piece, so that the inputs of 16 pixels, each a step behind the one before, are a matrix.
 */
#include "nn/conv/direct.h"

#if !(defined(__AMX_INT8__) || defined(__AMXINT8__)) || !defined(__AVX512VBMI__)
#error "this file needs its own compiler flags"
#endif

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "nn/conv/x86/end_avx512.h"

enum {
    PIXELS = 16,                  /* of a tile: its rows, of 64 bytes */
    CHUNK = 64,                   /* inputs that are multiplied at a time */
    UNIT = 2,                     /* tiles of sums that are computed at a time */
    PART = 2 * PIXELS,            /* pixels of a row that are computed together */
    SEGMENTS = 3,                 /* at most, of a filter */
    MOST = 72 << 10,              /* bytes of a half of their inputs */
    WEIGHTS = CHUNK * CONV_BLOCK, /* bytes of a tile of weights */
    PARTS = 4                     /* of the outputs of 1x1, each of which is a pixel */
};

/* ---- Shapes -------------------------------------------------------------------------------- */

/* A filter: `segments` rows of `pixels` pixels, `stride` pixels from the one for an output to the one for the next */
struct filter {
    ptrdiff_t segments, pixels, stride;
    ptrdiff_t step;   /* bytes from a split pixel to the next */
    ptrdiff_t chunks; /* of a segment */
};

/* Where this takes no more chunks, pixels begin with a line of the cache, or with as few of them as can be. */
static struct filter filter_of(const struct layer_shape *shape)
{
    struct filter f = {.segments = shape->taps == 9 ? 3 : shape->taps == 4 ? 2 : 1};
    f.pixels = f.segments;
    f.stride = shape->taps == 4 ? 2 : 1;
    f.chunks = (f.pixels * shape->cin + CHUNK - 1) / CHUNK;
    ptrdiff_t whole = CHUNK;
    do {
        f.step = (shape->cin + whole - 1) / whole * whole;
        whole /= 2;
    } while (f.pixels * f.step > f.chunks * CHUNK);
    return f;
}

/* Bytes of a row of split pixels, for `pixels` outputs; the last chunk may end behind them. */
static ptrdiff_t row_bytes(const struct filter *f, ptrdiff_t pixels)
{
    return ((pixels - 1) * f->stride + f->pixels) * f->step + CHUNK;
}

static bool supports(const struct conv_layer *layer)
{
    const struct filter f = filter_of(layer->shape);
    return ddz_direct_supports(layer) && f.segments * row_bytes(&f, PIXELS) <= MOST;
}

/* ---- Weights ------------------------------------------------------------------------------- */

static size_t block_bytes(const struct filter *f)
{
    return (size_t)(f->segments * f->chunks * WEIGHTS);
}

static size_t packed_size(const struct layer_shape *shape)
{
    const struct filter f = filter_of(shape);
    return (size_t)(ddz_direct_entries(shape) / CONV_BLOCK) * block_bytes(&f);
}

/* One filter: for each segment and each chunk of it [CHUNK / 4][CONV_BLOCK][4], of which it has one in CONV_BLOCK */
static void pack_filter(const struct filter *f, const int8_t *weight, ptrdiff_t channels, int8_t *to)
{
    for (ptrdiff_t segment = 0; segment < f->segments; segment++)
        for (ptrdiff_t pixel = 0; pixel < f->pixels; pixel++) {
            ptrdiff_t at = segment * f->chunks * CHUNK + pixel * f->step;
            for (ptrdiff_t end = at + channels; at < end; at++)
                to[at / 4 * CONV_BLOCK * 4 + at % 4] = *weight++;
        }
}

/* [blocks] */
static void pack(const struct conv_layer *layer, void *packed)
{
    const struct layer_shape *shape = layer->shape;
    const struct filter f = filter_of(shape);
    memset(packed, 0, packed_size(shape));
    for (int entry = 0; entry < ddz_direct_entries(shape); entry++) {
        int8_t *to = (int8_t *)packed + (size_t)(entry / CONV_BLOCK) * block_bytes(&f);
        int source = ddz_direct_channel(shape, entry);
        if (source >= 0)
            pack_filter(&f, layer->weight + (ptrdiff_t)source * shape->taps * shape->cin, shape->cin,
                        to + entry % CONV_BLOCK * 4);
    }
}

/* ---- Inputs -------------------------------------------------------------------------------- */

/* The halves of a row of pixels */
struct halves {
    uint8_t *high, *low;
};

/* 64 values: the halves of two vectors. Packing leaves eights of the two side by side. */
INLINE void store_halves(__m512i a, __m512i b, struct halves to, ptrdiff_t at)
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), byte = _mm512_set1_epi16(255);
    __m512i h = _mm512_packus_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
    __m512i l = _mm512_packus_epi16(_mm512_and_si512(a, byte), _mm512_and_si512(b, byte));
    _mm512_storeu_si512(to.high + at, _mm512_permutexvar_epi64(order, h));
    _mm512_storeu_si512(to.low + at, _mm512_permutexvar_epi64(order, l));
}

/* What is stored behind a pixel is written over by the next one, or is in the room behind the last. */
static void split(const int16_t *from, ptrdiff_t step, ptrdiff_t channels, ptrdiff_t pixels, struct halves to,
                  ptrdiff_t to_step)
{
    const ptrdiff_t whole = channels & ~(ptrdiff_t)63, rest = channels - whole;
    const uint64_t lanes = ((uint64_t)1 << rest) - 1;
    for (ptrdiff_t x = 0; x < pixels; x++, from += step) {
        const ptrdiff_t at = x * to_step;
        for (ptrdiff_t c = 0; c < whole; c += 64)
            store_halves(_mm512_loadu_si512(from + c), _mm512_loadu_si512(from + c + 32), to, at + c);
        if (rest)
            store_halves(_mm512_maskz_loadu_epi16((__mmask32)lanes, from + whole),
                         _mm512_maskz_loadu_epi16((__mmask32)(lanes >> 32), from + whole + 32), to,
                         at + whole);
    }
}

/* ---- Outputs ------------------------------------------------------------------------------- */

/* How outputs end: constants where they can be */
struct end {
    enum layer_end kind;
    bool upper; /* ending_of */
};

/* Sums of 16 pixels and a block of outputs: of high bytes, then of low ones */
struct sums {
    int32_t half[2][PIXELS][CONV_BLOCK];
};

/* Pixels whose sums are there, and become values while the next ones' are computed: different parts of the processor
 * do the two. */
struct job {
    const int32_t *sums; /* of the next pixel, as `out` and `gates` */
    ptrdiff_t left;      /* pixels */
    ptrdiff_t entry;     /* the block's first */
    int16_t *out;
    const int16_t *gates;
};

struct outputs {
    struct rescaling rescaling; /* of all entries */
    ptrdiff_t out_step, gates_step;
    struct job job[UNIT];
    int next; /* of the jobs; UNIT: all are done */
    int turn; /* which sums are those of the jobs */
    _Alignas(64) struct sums sums[2][UNIT];
};

INLINE __m512i sum_of(const int32_t *sums)
{
    __m512i high = _mm512_load_si512(sums), low = _mm512_load_si512(sums + PIXELS * CONV_BLOCK);
    return _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
}

INLINE struct ending block_ending(const struct rescaling *r, ptrdiff_t entry, struct end end)
{
    const struct rescaling block = {r->bias + entry, r->mult + entry, r->low + entry, r->high + entry,
                                    r->shift};
    return ending_of(&block, end.kind, end.upper);
}

/* The next `pairs` pairs of pixels of a job, or those that are left; returns how many. */
INLINE ptrdiff_t end_job(const struct outputs *o, struct job *job, ptrdiff_t pairs, struct end end)
{
    const struct ending e = block_ending(&o->rescaling, job->entry, end);
    const ptrdiff_t step = o->out_step, gates_step = o->gates_step;
    const int32_t *sums = job->sums;
    const int16_t *gates = job->gates;
    int16_t *out = job->out;
    ptrdiff_t left = job->left, done = 0;
    for (; done < pairs && left > 0; done++, left -= 2) {
        const bool two = left > 1;
        ending_two(&e, ending_value(&e, sum_of(sums)), ending_value(&e, sum_of(sums + CONV_BLOCK)), out,
                   two ? step : 0, gates, two ? gates_step : 0);
        sums += 2 * CONV_BLOCK;
        out += 2 * step;
        if (end.kind == END_GATE_BY)
            gates += 2 * gates_step;
    }
    job->sums = sums;
    job->gates = gates;
    job->out = out;
    job->left = left;
    return done;
}

INLINE void end_pairs(struct outputs *o, ptrdiff_t pairs, struct end end)
{
    while (pairs > 0 && o->next < UNIT) {
        struct job *job = &o->job[o->next];
        pairs -= end_job(o, job, pairs, end);
        o->next += job->left <= 0;
    }
}

/* ---- Products ------------------------------------------------------------------------------ */

/* A part of a row: inputs, weights and outputs */
struct part {
    const struct filter *filter;
    struct halves segment[SEGMENTS]; /* of the first pixel */
    const int8_t *weight;            /* of the first block */
    ptrdiff_t pixels, entry;         /* the first */
    int blocks;
    int16_t *out;
    const int16_t *gates; /* NULL: none */
};

/* Inputs and weights of two tiles of sums: the same inputs, or the same weights */
struct unit {
    ptrdiff_t pixel[UNIT];
    const int8_t *weight[UNIT];
};

/* Tiles 0 to 3 have the sums of high and low bytes in turn, 4 and 5 inputs, 6 and 7 weights. Meanwhile the outputs of
 * the unit before end, some pairs with each chunk, and all with the last. */
INLINE void multiply(const struct part *p, const struct unit *unit, struct outputs *o, bool same_inputs,
                     struct end end)
{
    const struct filter *f = p->filter;
    const ptrdiff_t chunks = f->chunks, pairs = UNIT * PIXELS / 2 / (f->segments * chunks) + 1,
                    step = f->stride * f->step, at = unit->pixel[0] * step, at2 = unit->pixel[1] * step;
    const int8_t *w = unit->weight[0], *w2 = unit->weight[1];
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (const struct halves *s = p->segment; s < p->segment + f->segments; s++)
        for (ptrdiff_t i = 0; i < chunks; i++, w += WEIGHTS, w2 += WEIGHTS) {
            _tile_loadd(4, s->high + at + i * CHUNK, step);
            _tile_loadd(5, s->low + at + i * CHUNK, step);
            _tile_loadd(6, w, CHUNK);
            _tile_dpbssd(0, 4, 6);
            _tile_dpbusd(1, 5, 6);
            if (same_inputs) {
                _tile_loadd(7, w2, CHUNK);
                _tile_dpbssd(2, 4, 7);
                _tile_dpbusd(3, 5, 7);
            } else {
                _tile_loadd(4, s->high + at2 + i * CHUNK, step);
                _tile_loadd(5, s->low + at2 + i * CHUNK, step);
                _tile_dpbssd(2, 4, 6);
                _tile_dpbusd(3, 5, 6);
            }
            end_pairs(o, pairs, end);
        }
}

static void store(struct sums sums[UNIT])
{
    enum { ROW = CONV_BLOCK * sizeof(int32_t) };
    _tile_stored(0, sums[0].half[0], ROW);
    _tile_stored(1, sums[0].half[1], ROW);
    _tile_stored(2, sums[1].half[0], ROW);
    _tile_stored(3, sums[1].half[1], ROW);
}

static struct job job_of(const struct part *p, const struct outputs *o, const struct sums *sums, int block,
                         ptrdiff_t pixel, enum layer_end end)
{
    const ptrdiff_t channel = (ptrdiff_t)block * CONV_BLOCK / (end == END_GATE ? 2 : 1);
    const ptrdiff_t left = p->pixels - pixel;
    return (struct job){
        .sums = sums->half[0][0],
        .left = left < PIXELS ? left : PIXELS,
        .entry = p->entry + (ptrdiff_t)block * CONV_BLOCK,
        .out = p->out + pixel * o->out_step + channel,
        .gates = p->gates ? p->gates + pixel * o->gates_step + channel : NULL,
    };
}

/* 16 pixels from `pixel` on, two blocks; or of the last block twice as many. Where these are not there, the first ones'
 * sums are computed once more. */
INLINE void run_unit(const struct part *p, struct outputs *o, int block, ptrdiff_t pixel, struct end end)
{
    const bool same_inputs = block + 1 < p->blocks;
    const bool more = !same_inputs && pixel + PIXELS < p->pixels;
    const int8_t *weight = p->weight + (size_t)block * block_bytes(p->filter);
    const struct unit unit = {{pixel, more ? pixel + PIXELS : pixel},
                              {weight, weight + (same_inputs ? block_bytes(p->filter) : 0)}};
    if (same_inputs)
        multiply(p, &unit, o, true, end);
    else
        multiply(p, &unit, o, false, end);
    o->turn ^= 1;
    struct sums *sums = o->sums[o->turn];
    store(sums);
    o->job[0] = job_of(p, o, &sums[0], block, pixel, end.kind);
    o->job[1] = job_of(p, o, &sums[1], block + same_inputs, pixel + (same_inputs ? 0 : PIXELS), end.kind);
    o->next = 0;
}

INLINE void run_part(const struct part *p, struct outputs *o, struct end end)
{
    for (int block = 0; block < p->blocks; block += 2) {
        const ptrdiff_t pixels = block + 1 < p->blocks ? PIXELS : 2 * PIXELS;
        for (ptrdiff_t pixel = 0; pixel < p->pixels; pixel += pixels)
            run_unit(p, o, block, pixel, end);
    }
}

/* ---- Bands --------------------------------------------------------------------------------- */

/* A band, and pixels from `x` on of each of its rows */
struct columns {
    const struct conv *conv;
    const struct conv_band *band;
    struct filter filter;
    struct halves row[SEGMENTS];
    ptrdiff_t x, pixels;
};

/* Row `y` of the input */
static void split_row(const struct columns *c, ptrdiff_t y, struct halves to)
{
    const struct filter *f = &c->filter;
    const ptrdiff_t before = f->pixels == 3; /* the pixel on the left */
    split(map_pixel(&c->band->in, y, c->x * f->stride - before), c->band->in.step, c->conv->layer.shape->cin,
          (c->pixels - 1) * f->stride + f->pixels, to, f->step);
}

/* What row y of the output sees. Rows of 3x3 serve three times: row y is in number y % 3. */
static void take_rows(const struct columns *c, ptrdiff_t y, struct halves segment[SEGMENTS])
{
    const ptrdiff_t segments = c->filter.segments;
    for (ptrdiff_t i = 0; i < segments; i++) {
        const ptrdiff_t at = segments == 3 ? y - 1 + i : segments * y + i;
        segment[i] = c->row[(at + segments) % segments];
        if (segments < 3 || y == 0 || i == 2)
            split_row(c, at, segment[i]);
    }
}

/* Pixel `number` of each 2x2 pixels that 1x1 gives; else 0 */
static struct part part_of(const struct columns *c, ptrdiff_t y, int number)
{
    const struct layer_shape *shape = c->conv->layer.shape;
    const int up = shape->taps == 1 ? 2 : 1, entries = ddz_direct_entries(shape) / (up * up);
    const int blocks = entries / CONV_BLOCK;
    return (struct part){
        .filter = &c->filter,
        .weight = (const int8_t *)c->conv->packed + (size_t)(number * blocks) * block_bytes(&c->filter),
        .pixels = c->pixels,
        .entry = (ptrdiff_t)number * entries,
        .blocks = blocks,
        .out = map_pixel(&c->band->out, up * y + number / 2, up * c->x + number % 2),
        .gates = shape->end == END_GATE_BY ? map_pixel(&c->band->gates, y, c->x) : NULL,
    };
}

INLINE void run_columns(const struct columns *c, struct outputs *o, struct end end)
{
    for (ptrdiff_t y = 0; y < c->band->rows; y++) {
        struct halves segment[SEGMENTS];
        take_rows(c, y, segment);
        for (int number = 0; number < (c->conv->layer.shape->taps == 1 ? PARTS : 1); number++) {
            struct part part = part_of(c, y, number);
            for (int i = 0; i < SEGMENTS; i++)
                part.segment[i] = segment[i];
            run_part(&part, o, end);
        }
    }
}

/* Rows and bytes of a row of each of the eight tiles */
static void configure(void)
{
    static const struct {
        uint8_t palette, start, zero[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } tiles = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    static_assert(sizeof tiles == 64, "what the instruction reads");
    _tile_loadconfig(&tiles);
}

/* All columns, up to `most` of them at a time */
INLINE void run_all(struct columns *c, ptrdiff_t width, ptrdiff_t most, struct outputs *o, struct end end)
{
    for (; c->x < width; c->x += most) {
        c->pixels = width - c->x < most ? width - c->x : most;
        run_columns(c, o, end);
    }
    end_pairs(o, UNIT * PIXELS, end);
}

static void run_band(const struct conv *conv, const struct conv_band *band)
{
    _Alignas(64) uint8_t high[MOST], low[MOST];
    struct columns c = {conv, band, filter_of(conv->layer.shape), {{NULL, NULL}}, 0, 0};
    struct outputs o = {.rescaling = ddz_direct_rescaling(conv, 0), .next = UNIT};
    const bool up = conv->layer.shape->taps == 1;
    const ptrdiff_t width = up ? band->in.width : band->out.width;
    ptrdiff_t most = c.filter.segments * row_bytes(&c.filter, PART) <= MOST ? PART : PIXELS;
    for (ptrdiff_t i = 0; i < c.filter.segments; i++)
        c.row[i] =
            (struct halves){high + i * row_bytes(&c.filter, most), low + i * row_bytes(&c.filter, most)};
    o.out_step = band->out.step * (up ? 2 : 1);
    o.gates_step = band->gates.step;
    configure();
#define RUN(kind, upper) run_all(&c, width, most, &o, (struct end){kind, upper})
    WITH_END(conv->layer.shape->end, conv->layer.shift, RUN)
#undef RUN
    _tile_release();
}

const struct conv_kernel ddz_conv_amx = {{"amx", DDZ_CPU_AMX},    supports,           packed_size, pack,
                                         ddz_direct_rescale_size, ddz_direct_rescale, run_band,    NULL};
