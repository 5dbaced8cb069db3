/* Winograd's convolutions with AVX-512 and VNNI; compiled with the flags of conv_avx512.c. */
#include "nn/conv/winograd.h"

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "this file needs its own compiler flags"
#endif

#include <immintrin.h>
#include <string.h>

#include "base/fetch.h"
#include "nn/conv/x86/direct_avx512.h"
#include "nn/conv/x86/end_avx512.h"

/* Not __m512i, a vector of 64-bit values: GCC would copy each sum to and fro between the two types. */
typedef uint32_t vec __attribute__((vector_size(64)));

INLINE vec vec_all(uint32_t x)
{
    return (vec)_mm512_set1_epi32((int32_t)x);
}

#include "nn/conv/wino_sums.h"

#define ADD _mm512_add_epi16
#define SUB _mm512_sub_epi16
#define ABS _mm512_abs_epi16
#define TIMES(x, n) _mm512_slli_epi16(x, n) /* 2^n */

/* ---- Input --------------------------------------------------------------------------------- */

/* 32 channels of a patch, or those of them that `lanes` has */
struct part {
    const int16_t *in;
    ptrdiff_t row, step;
    __mmask32 lanes;
};

INLINE struct part part_of(const struct wino_patch *p, ptrdiff_t channel)
{
    ptrdiff_t left = p->channels - channel;
    return (struct part){p->in + channel, p->row, p->step, left < 32 ? (1u << left) - 1 : ~0u};
}

INLINE void store(const struct part *p, int16_t *to, __m512i v)
{
    _mm512_mask_storeu_epi16(to, p->lanes, v);
}

/* d B: the four inputs of column x */
INLINE void down(const struct part *p, int x, __m512i d[4], __m512i t[4])
{
    for (int y = 0; y < 4; y++)
        d[y] = _mm512_maskz_loadu_epi16(p->lanes, p->in + y * p->row + x * p->step);
    t[0] = SUB(d[0], d[2]);
    t[1] = ADD(d[1], d[2]);
    t[2] = SUB(d[2], d[1]);
    t[3] = SUB(d[1], d[3]);
}

/* x + 8192 has one of its two highest bits where x is too large, and so has the result. */
INLINE __m512i input_32_2(const struct part *p, int16_t *v, ptrdiff_t next)
{
    __m512i t[4][4], range = _mm512_setzero_si512();
    for (int x = 0; x < 4; x++) {
        __m512i d[4];
        down(p, x, d, t[x]);
        for (int y = 0; y < 4; y++)
            range = _mm512_or_si512(range, ADD(d[y], _mm512_set1_epi16(WINO_SMALL)));
    }
    for (int y = 0; y < 4; y++, v += 4 * next) {
        store(p, v, SUB(t[0][y], t[2][y]));
        store(p, v + next, ADD(t[1][y], t[2][y]));
        store(p, v + 2 * next, SUB(t[2][y], t[1][y]));
        store(p, v + 3 * next, SUB(t[1][y], t[3][y]));
    }
    return range;
}

static bool input_2(const struct wino_patch *p, int16_t *v)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    __m512i range = _mm512_setzero_si512();
    for (ptrdiff_t c = 0; c < p->channels; c += 32) {
        const struct part part = part_of(p, c);
        range = _mm512_or_si512(range, input_32_2(&part, v + c, next));
    }
    return _mm512_test_epi16_mask(range, _mm512_set1_epi16((short)~(2 * WINO_SMALL - 1))) == 0;
}

/* The largest of a row of V, each roughly an eighth; t: of inputs of up to WINO_MOST */
INLINE __m512i rough(const __m512i t[6][4], int y)
{
#define T(x) _mm512_srai_epi16(t[x][y], 3)
#define MAX _mm512_max_epu16
    __m512i a = SUB(T(4), T(2)), b = SUB(T(3), T(1)), c = SUB(T(0), T(2)), d = SUB(T(5), T(3));
    __m512i e = SUB(T(4), TIMES(T(2), 2)), f = SUB(T(3), TIMES(T(1), 2));
    __m512i v0 = ABS(ADD(a, TIMES(c, 2))), v12 = ADD(ABS(e), ABS(f));
    __m512i v34 = ADD(ABS(a), TIMES(ABS(b), 1)), v5 = ABS(SUB(d, TIMES(b, 2)));
    return MAX(MAX(v0, v12), MAX(v34, v5));
#undef T
}

INLINE bool above(__m512i v, int limit)
{
    return _mm512_cmpgt_epu16_mask(v, _mm512_set1_epi16((short)limit)) != 0;
}

static __attribute__((noinline)) bool fits_4(const __m512i t[6][4], __m512i most)
{
    __m512i largest = MAX(MAX(rough(t, 0), rough(t, 1)), MAX(rough(t, 2), rough(t, 3)));
    return !above(largest, WINO_ROUGH) && !above(most, WINO_MOST);
}

/* What there is to know of a tile's inputs */
struct inputs {
    bool large;  /* some are above WINO_SURE */
    __m512i acc; /* sums to more than |acc| */
};

/* False: V does not fit. */
INLINE bool input_32_4(const struct part *p, const int16_t *weights, int16_t *v, ptrdiff_t next,
                       struct inputs *inputs)
{
    __m512i t[6][4], most = _mm512_setzero_si512();
    for (int x = 0; x < 6; x++) {
        __m512i d[4];
        down(p, x, d, t[x]);
        for (int y = 0; y < 4; y++)
            most = MAX(most, ABS(d[y]));
    }
    inputs->acc = _mm512_dpwssd_epi32(inputs->acc, most, _mm512_maskz_loadu_epi16(p->lanes, weights));
    if (__builtin_expect(above(most, WINO_SURE), 0)) {
        inputs->large = true;
        if (!fits_4(t, most))
            return false;
    }
    for (int y = 0; y < 4; y++, v += 6 * next) {
        __m512i a = SUB(t[4][y], t[2][y]), b = SUB(t[3][y], t[1][y]), b2 = TIMES(b, 1);
        __m512i e = SUB(t[4][y], TIMES(t[2][y], 2)), f = SUB(t[3][y], TIMES(t[1][y], 2));
        store(p, v, ADD(a, TIMES(SUB(t[0][y], t[2][y]), 2)));
        store(p, v + next, ADD(e, f));
        store(p, v + 2 * next, SUB(e, f));
        store(p, v + 3 * next, ADD(a, b2));
        store(p, v + 4 * next, SUB(a, b2));
        store(p, v + 5 * next, SUB(SUB(t[5][y], t[3][y]), TIMES(b, 2)));
    }
    return true;
}

/* The sum of 16 unsigned values */
static uint64_t total(__m512i v)
{
    const __m512i low = _mm512_and_si512(v, _mm512_set1_epi64(UINT32_MAX)), high = _mm512_srli_epi64(v, 32);
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(low, high));
}

static bool input_4(const struct wino_patch *p, int16_t *v)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    struct inputs inputs = {false, _mm512_setzero_si512()};
    for (ptrdiff_t c = 0; c < p->channels; c += 32) {
        const struct part part = part_of(p, c);
        if (!input_32_4(&part, p->most + c, v + c, next, &inputs))
            return false;
    }
    return !inputs.large || total(inputs.acc) < WINO_ACC;
}

/* ---- Matrix products ----------------------------------------------------------------------- */

INLINE vec dot(vec acc, __m512i w, __m512i x)
{
    return (vec)_mm512_dpwssd_epi32((__m512i)acc, w, x);
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_4(M) EACH_2(M) M(2) M(3)
#define EACH_12(M) EACH_4(M) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)

#define SUMS(t) vec a##t = {0}, b##t = {0};
#define STEP(t)                                                                                              \
    {                                                                                                        \
        int32_t pair;                                                                                        \
        memcpy(&pair, v + t * channels, sizeof pair);                                                        \
        __m512i x = _mm512_set1_epi32(pair);                                                                 \
        a##t = dot(a##t, wa, x);                                                                             \
        if (two)                                                                                             \
            b##t = dot(b##t, wb, x);                                                                         \
    }
#define STORE(t)                                                                                             \
    _mm512_store_si512(m + t * CONV_BLOCK, (__m512i)a##t);                                                   \
    if (two)                                                                                                 \
        _mm512_store_si512(m + m_next + t * CONV_BLOCK, (__m512i)b##t);

/* TILES tiles of a position: sums of a block's 16 channels, or of two blocks', in registers. They are variables of
 * their own, because compilers do not always keep an array of them there. */
#define MULTIPLY(TILES)                                                                                      \
    INLINE void multiply_##TILES(const int16_t *u, ptrdiff_t channels, const int16_t *v, int32_t *m,         \
                                 bool two, ptrdiff_t u_next, ptrdiff_t m_next)                               \
    {                                                                                                        \
        const int16_t *end = v + channels;                                                                   \
        EACH_##TILES(SUMS) do                                                                                \
        {                                                                                                    \
            __m512i wa = _mm512_load_si512(u), wb = two ? _mm512_load_si512(u + u_next) : wa;                \
            fetch(u + WINO_AHEAD);                                                                           \
            if (two)                                                                                         \
                fetch(u + u_next + WINO_AHEAD);                                                              \
            EACH_##TILES(STEP) u += 2 * CONV_BLOCK;                                                          \
            v += 2;                                                                                          \
        }                                                                                                    \
        while (v != end)                                                                                     \
            ;                                                                                                \
        EACH_##TILES(STORE)                                                                                  \
    }

MULTIPLY(12)
MULTIPLY(4)
MULTIPLY(2)
MULTIPLY(1)

#define TAKE(TILES)                                                                                          \
    for (; tiles - t >= TILES; t += TILES, v += TILES * channels, m += TILES * CONV_BLOCK)                   \
        multiply_##TILES(u, channels, v, m, two, u_next, m_next);

INLINE void multiply(int positions, const struct wino_product *p, bool two)
{
    const ptrdiff_t channels = p->channels, u_next = positions * channels * CONV_BLOCK;
    const ptrdiff_t m_next = positions * WINO_TILES * CONV_BLOCK;
    const int tiles = p->tiles;
    for (int i = 0; i < positions; i++) {
        const int16_t *u = p->u + i * channels * CONV_BLOCK, *v = p->v + i * WINO_TILES * channels;
        int32_t *m = p->m + i * WINO_TILES * CONV_BLOCK;
        int t = 0;
        TAKE(12)
        TAKE(4)
        TAKE(2)
        TAKE(1)
    }
}
/* clang-format on */

static void multiply_16(const struct wino_product *p)
{
    p->blocks == 2 ? multiply(16, p, true) : multiply(16, p, false);
}

static void multiply_24(const struct wino_product *p)
{
    p->blocks == 2 ? multiply(24, p, true) : multiply(24, p, false);
}

/* ---- Output -------------------------------------------------------------------------------- */

/* How a block's tiles end */
struct tile_ending {
    struct ending ending;
    const struct conv_band *band;
    ptrdiff_t channel;
    int columns;
};

INLINE __m512i value(const struct tile_ending *e, vec sum)
{
    return ending_value(&e->ending, _mm512_srai_epi32((__m512i)sum, e->columns == 4 ? 4 : 2));
}

/* Row y of a tile, of which the map has `width` pixels */
INLINE void end_row(const struct tile_ending *e, const struct wino_place *place, int y, int width,
                    const vec *sum)
{
    const struct map *out = &e->band->out, *gates = &e->band->gates;
    int16_t *to = map_pixel(out, place->y + y, place->x) + e->channel;
    const int16_t *by =
        e->ending.end == END_GATE_BY ? map_pixel(gates, place->y + y, place->x) + e->channel : NULL;
    for (int x = 0; x < e->columns && x < width; x += 2) {
        const bool two = x + 1 < width;
        ending_two(&e->ending, value(e, sum[x]), value(e, sum[x + 1]), to, two ? out->step : 0, by,
                   two ? gates->step : 0);
        to += 2 * out->step;
        if (by)
            by += 2 * gates->step;
    }
}

/* Most tiles are whole: they have a copy in which the compiler knows it, and keeps the sums in registers. */
INLINE void end_tile(const struct tile_ending *e, const struct wino_place *place, const int32_t *m)
{
    vec sum[8];
    wino_sums(m, e->columns, sum);
    if (place->rows == 2 && place->columns == e->columns) {
        end_row(e, place, 0, e->columns, sum);
        end_row(e, place, 1, e->columns, sum + e->columns);
    } else {
        end_row(e, place, 0, place->columns, sum);
        if (place->rows == 2)
            end_row(e, place, 1, place->columns, sum + e->columns);
    }
}

INLINE void end_tiles(const struct wino_output *o, const int32_t *m, int columns, enum layer_end end,
                      bool upper)
{
    const struct tile_ending e = {ending_of(&o->rescaling, end, upper), o->band, o->channel, columns};
    for (int t = 0; t < o->tiles; t++)
        end_tile(&e, &o->place[t], m + t * CONV_BLOCK);
}

#include "nn/conv/x86/wino_outputs.h"

/* ---- The kernel ---------------------------------------------------------------------------- */

static const struct wino_kernel wino = {
    {[WINO_2] = {input_2, multiply_16, output_2}, [WINO_4] = {input_4, multiply_24, output_4}},
    WINO_BLOCKS,
    ddz_direct_avx512,
    ddz_direct_pack};

WINO_CONV_KERNEL(ddz_conv_wino_avx512, "avx512 winograd", DDZ_CPU_AVX512, wino);
