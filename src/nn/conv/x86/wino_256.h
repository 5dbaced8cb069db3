/*
 * Body of Winograd's kernels with vectors of 256 bits (winograd.h). The file that includes it has included winograd.h, and
 * defines dot(sum, w, x), sum + the products of pairs, of a vec and two __m256i; it makes its kernel of STEPS_256.
 */
#include <immintrin.h>
#include <string.h>

#include "base/fetch.h"
#include "nn/conv/x86/end_256.h"

/* Not __m256i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef uint32_t vec __attribute__((vector_size(32)));

INLINE vec vec_all(uint32_t x)
{
    return (vec)_mm256_set1_epi32((int32_t)x);
}

#include "nn/conv/wino_sums.h"

#define ADD _mm256_add_epi16
#define SUB _mm256_sub_epi16
#define ABS _mm256_abs_epi16
#define TIMES(x, n) _mm256_slli_epi16(x, n) /* 2^n */

INLINE __m256i load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE void store(int16_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* ---- Input --------------------------------------------------------------------------------- */

/* d B: four inputs of a column */
INLINE void down(const int16_t *in, ptrdiff_t row, __m256i d[4], __m256i t[4])
{
    for (int y = 0; y < 4; y++)
        d[y] = load(in + y * row);
    t[0] = SUB(d[0], d[2]);
    t[1] = ADD(d[1], d[2]);
    t[2] = SUB(d[2], d[1]);
    t[3] = SUB(d[1], d[3]);
}

/* 16 channels. x + 8192 has one of its two highest bits where x is too large, and so has the result. */
INLINE __m256i input_16_2(const struct wino_patch *p, ptrdiff_t channel, int16_t *v, ptrdiff_t next)
{
    __m256i t[4][4], range = _mm256_setzero_si256();
    for (int x = 0; x < 4; x++) {
        __m256i d[4];
        down(p->in + x * p->step + channel, p->row, d, t[x]);
        for (int y = 0; y < 4; y++)
            range = _mm256_or_si256(range, ADD(d[y], _mm256_set1_epi16(WINO_SMALL)));
    }
    for (int y = 0; y < 4; y++, v += 4 * next) {
        store(v, SUB(t[0][y], t[2][y]));
        store(v + next, ADD(t[1][y], t[2][y]));
        store(v + 2 * next, SUB(t[2][y], t[1][y]));
        store(v + 3 * next, SUB(t[1][y], t[3][y]));
    }
    return range;
}

/* The last 16 channels may be among those before, too. */
static bool input_2(const struct wino_patch *p, int16_t *v)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    __m256i range = _mm256_setzero_si256();
    for (ptrdiff_t c = 0; c < p->channels; c += 16) {
        ptrdiff_t channel = c + 16 <= p->channels ? c : p->channels - 16;
        range = _mm256_or_si256(range, input_16_2(p, channel, v + channel, next));
    }
    return _mm256_testz_si256(range, _mm256_set1_epi16((short)~(2 * WINO_SMALL - 1)));
}

/* The largest of a row of V, each roughly an eighth; t: of inputs of up to WINO_MOST */
INLINE __m256i rough(const __m256i t[6][4], int y)
{
#define T(x) _mm256_srai_epi16(t[x][y], 3)
#define MAX _mm256_max_epu16
    __m256i a = SUB(T(4), T(2)), b = SUB(T(3), T(1)), c = SUB(T(0), T(2)), d = SUB(T(5), T(3));
    __m256i e = SUB(T(4), TIMES(T(2), 2)), f = SUB(T(3), TIMES(T(1), 2));
    __m256i v0 = ABS(ADD(a, TIMES(c, 2))), v12 = ADD(ABS(e), ABS(f));
    __m256i v34 = ADD(ABS(a), TIMES(ABS(b), 1)), v5 = ABS(SUB(d, TIMES(b, 2)));
    return MAX(MAX(v0, v12), MAX(v34, v5));
#undef T
}

static __attribute__((noinline)) bool fits_4(const __m256i t[6][4], __m256i most)
{
    __m256i largest = MAX(MAX(rough(t, 0), rough(t, 1)), MAX(rough(t, 2), rough(t, 3)));
    __m256i above = _mm256_or_si256(_mm256_subs_epu16(largest, _mm256_set1_epi16(WINO_ROUGH)),
                                    _mm256_subs_epu16(most, _mm256_set1_epi16(WINO_MOST)));
    return _mm256_testz_si256(above, above);
}

/* What there is to know of a tile's inputs */
struct inputs {
    bool large;  /* some are above WINO_SURE */
    __m256i acc; /* sums to more than |acc| */
};

/* False: V does not fit. */
INLINE bool input_16_4(const struct wino_patch *p, ptrdiff_t channel, int16_t *v, struct inputs *inputs)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    __m256i t[6][4], most = _mm256_setzero_si256();
    for (int x = 0; x < 6; x++) {
        __m256i d[4];
        down(p->in + x * p->step + channel, p->row, d, t[x]);
        for (int y = 0; y < 4; y++)
            most = MAX(most, ABS(d[y]));
    }
    inputs->acc = _mm256_add_epi32(inputs->acc, _mm256_madd_epi16(most, load(p->most + channel)));
    __m256i above = _mm256_subs_epu16(most, _mm256_set1_epi16(WINO_SURE));
    if (__builtin_expect(!_mm256_testz_si256(above, above), 0)) {
        inputs->large = true;
        if (!fits_4(t, most))
            return false;
    }
    for (int y = 0; y < 4; y++, v += 6 * next) {
        __m256i a = SUB(t[4][y], t[2][y]), b = SUB(t[3][y], t[1][y]), b2 = TIMES(b, 1);
        __m256i e = SUB(t[4][y], TIMES(t[2][y], 2)), f = SUB(t[3][y], TIMES(t[1][y], 2));
        store(v, ADD(a, TIMES(SUB(t[0][y], t[2][y]), 2)));
        store(v + next, ADD(e, f));
        store(v + 2 * next, SUB(e, f));
        store(v + 3 * next, ADD(a, b2));
        store(v + 4 * next, SUB(a, b2));
        store(v + 5 * next, SUB(SUB(t[5][y], t[3][y]), TIMES(b, 2)));
    }
    return true;
}

/* The sum of 8 unsigned values */
static uint64_t total(__m256i v)
{
    uint32_t lane[8];
    uint64_t sum = 0;
    _mm256_storeu_si256((__m256i *)lane, v);
    for (int i = 0; i < 8; i++)
        sum += lane[i];
    return sum;
}

static bool input_4(const struct wino_patch *p, int16_t *v)
{
    struct inputs inputs = {false, _mm256_setzero_si256()};
    for (ptrdiff_t c = 0; c < p->channels; c += 16) {
        ptrdiff_t channel = c + 16 <= p->channels ? c : p->channels - 16;
        if (!input_16_4(p, channel, v + channel, &inputs))
            return false;
    }
    return !inputs.large || total(inputs.acc) < WINO_ACC;
}

/* ---- Matrix products ----------------------------------------------------------------------- */

INLINE vec dot(vec sum, __m256i w, __m256i x);

/* clang-format off: it takes the macros' statements for something else. */
#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_4(M) EACH_2(M) M(2) M(3)
#define EACH_6(M) EACH_4(M) M(4) M(5)

#define SUMS(p) vec a##p = {0}, b##p = {0};
#define STEP(p)                                                                                              \
    {                                                                                                        \
        int32_t pair;                                                                                        \
        memcpy(&pair, v + p * channels, sizeof pair);                                                        \
        __m256i x = _mm256_set1_epi32(pair);                                                                 \
        a##p = dot(a##p, wa, x);                                                                             \
        b##p = dot(b##p, wb, x);                                                                             \
    }
#define STORE(p)                                                                                             \
    _mm256_store_si256((__m256i *)(m + p * CONV_BLOCK), (__m256i)a##p);                                      \
    _mm256_store_si256((__m256i *)(m + p * CONV_BLOCK + 8), (__m256i)b##p);

/* TILES tiles of a position: sums of a block's 16 channels, in registers. They are variables of their own, because
 * compilers do not always keep an array of them there. */
#define MULTIPLY(TILES)                                                                                      \
    INLINE void multiply_##TILES(const int16_t *u, ptrdiff_t channels, const int16_t *v, int32_t *m)         \
    {                                                                                                        \
        const int16_t *end = v + channels;                                                                   \
        EACH_##TILES(SUMS) do                                                                                \
        {                                                                                                    \
            __m256i wa = load(u), wb = load(u + CONV_BLOCK);                                                 \
            fetch(u + WINO_AHEAD);                                                                           \
            EACH_##TILES(STEP) u += 2 * CONV_BLOCK;                                                          \
            v += 2;                                                                                          \
        }                                                                                                    \
        while (v != end)                                                                                     \
            ;                                                                                                \
        EACH_##TILES(STORE)                                                                                  \
    }

MULTIPLY(6)
MULTIPLY(4)
MULTIPLY(2)
MULTIPLY(1)

#define TAKE(TILES)                                                                                          \
    for (; tiles - t >= TILES; t += TILES, v += TILES * channels, m += TILES * CONV_BLOCK)                   \
        multiply_##TILES(u, channels, v, m);

INLINE void multiply(int positions, const struct wino_product *p)
{
    const ptrdiff_t channels = p->channels;
    const int tiles = p->tiles;
    for (int i = 0; i < positions; i++) {
        const int16_t *u = p->u + i * channels * CONV_BLOCK, *v = p->v + i * WINO_TILES * channels;
        int32_t *m = p->m + i * WINO_TILES * CONV_BLOCK;
        int t = 0;
        TAKE(6)
        TAKE(4)
        TAKE(2)
        TAKE(1)
    }
}
/* clang-format on */

static void multiply_16(const struct wino_product *p)
{
    multiply(16, p);
}

static void multiply_24(const struct wino_product *p)
{
    multiply(24, p);
}

/* ---- Output -------------------------------------------------------------------------------- */

INLINE __m256i value(const struct rescale *s, vec sum, int columns, bool upper)
{
    __m256i acc = _mm256_srai_epi32((__m256i)sum, columns == 4 ? 4 : 2);
    return upper ? rescale_upper(s, acc) : rescale_lower(s, acc);
}

/* How a block's sums end, of 8 channels */
struct ending {
    const struct conv_band *band;
    struct rescale scale, gate_scale; /* gate_scale: with END_GATE */
    enum layer_end end;
    ptrdiff_t channel;
    bool upper;
    int columns; /* the form's */
};

/* Row y of a tile, of which the map has `width` pixels; gate: with END_GATE */
INLINE void end_row(const struct ending *e, const struct wino_place *place, int y, int width, const vec *sum,
                    const vec *gate)
{
    const struct map *out = &e->band->out, *gates = &e->band->gates;
    int16_t *to = map_pixel(out, place->y + y, place->x) + e->channel;
    const int16_t *by = e->end == END_GATE_BY ? map_pixel(gates, place->y + y, place->x) + e->channel : NULL;
    for (int x = 0; x < e->columns && x < width; x += 2) {
        const int i = y * e->columns + x;
        const bool two = x + 1 < width;
        __m256i a = value(&e->scale, sum[i], e->columns, e->upper);
        __m256i b = value(&e->scale, sum[i + 1], e->columns, e->upper);
        if (e->end == END_GATE) {
            __m256i c = value(&e->gate_scale, gate[i], e->columns, e->upper);
            __m256i d = value(&e->gate_scale, gate[i + 1], e->columns, e->upper);
            store_8(to, two ? out->step : 0, gated(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)));
        } else {
            end_8(e->end, a, b, to, two ? out->step : 0, by, two ? gates->step : 0);
        }
        to += 2 * out->step;
        if (by)
            by += 2 * gates->step;
    }
}

/* Most tiles are whole: they have a copy in which the compiler knows it, and keeps the sums in registers. */
INLINE void end_tile(const struct ending *e, const struct wino_place *place, const int32_t *m)
{
    vec sum[8], gate[8];
    wino_sums(m, e->columns, sum);
    if (e->end == END_GATE)
        wino_sums(m + 8, e->columns, gate);
    if (place->rows == 2 && place->columns == e->columns) {
        end_row(e, place, 0, e->columns, sum, gate);
        end_row(e, place, 1, e->columns, sum, gate);
    } else {
        end_row(e, place, 0, place->columns, sum, gate);
        if (place->rows == 2)
            end_row(e, place, 1, place->columns, sum, gate);
    }
}

INLINE void end_tiles(const struct wino_output *o, const int32_t *m, int columns, enum layer_end end,
                      bool upper)
{
    const struct rescale first = rescale_make(&o->rescaling, 0), second = rescale_make(&o->rescaling, 8);
    for (int half = 0; half < (end == END_GATE ? 1 : 2); half++) {
        const struct ending e = {.band = o->band,
                                 .scale = half ? second : first,
                                 .gate_scale = second,
                                 .end = end,
                                 .channel = o->channel + 8 * half,
                                 .upper = upper,
                                 .columns = columns};
        for (int t = 0; t < o->tiles; t++)
            end_tile(&e, &o->place[t], m + t * CONV_BLOCK + 8 * half);
    }
}

#include "nn/conv/x86/wino_outputs.h"

#define STEPS_256                                                                                            \
    {                                                                                                        \
        [WINO_2] = {input_2, multiply_16, output_2}, [WINO_4] = { input_4, multiply_24, output_4 }           \
    }
