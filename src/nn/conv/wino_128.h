/*
 * Body of Winograd's kernels with vectors of 128 bits (winograd.h). The compiler's vectors do what every instruction set
 * has; the file that includes it defines
 *   max_16, min_16     of two v16, as signed values
 *   multiply_tiles(positions, product)    a wino_steps' `multiply`
 * and makes its kernel of `steps_128`.
 */
#include <string.h>

/* 16-bit values are unsigned where they may overflow. */
typedef uint16_t v16 __attribute__((vector_size(16)));
typedef int16_t s16 __attribute__((vector_size(16)));
typedef uint32_t vec __attribute__((vector_size(16)));
typedef int32_t v32 __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_all(uint32_t x)
{
    return (vec){x, x, x, x};
}

INLINE v16 all_16(int x)
{
    const uint16_t y = (uint16_t)x;
    return (v16){y, y, y, y, y, y, y, y};
}

INLINE v16 max_16(v16 a, v16 b);
INLINE v16 min_16(v16 a, v16 b);

#include "nn/conv/wino_sums.h"

INLINE v16 load_16(const int16_t *p)
{
    v16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_16(int16_t *p, v16 v)
{
    memcpy(p, &v, sizeof v);
}

/* ---- Input --------------------------------------------------------------------------------- */

/* 8 channels at a time; the last ones may be among those before, too. */
INLINE ptrdiff_t eight_from(ptrdiff_t channel, ptrdiff_t channels)
{
    return channel + 8 <= channels ? channel : channels - 8;
}

/* The least and largest of inputs */
struct range {
    v16 low, high;
};

INLINE bool beyond(const struct range *range, int least, int most)
{
    const s16 v = ((s16)range->low < (s16)all_16(least)) | ((s16)range->high > (s16)all_16(most));
    uint64_t half[2];
    memcpy(half, &v, sizeof v);
    return (half[0] | half[1]) != 0;
}

/* d B: the four inputs of a column */
INLINE void down(const int16_t *in, ptrdiff_t row, struct range *range, v16 t[4])
{
    v16 d[4];
    for (int y = 0; y < 4; y++) {
        d[y] = load_16(in + y * row);
        range->low = min_16(range->low, d[y]);
        range->high = max_16(range->high, d[y]);
    }
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
}

static bool input_2(const struct wino_patch *p, int16_t *v)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    struct range range = {all_16(0), all_16(0)};
    for (ptrdiff_t c = 0; c < p->channels; c += 8) {
        const ptrdiff_t channel = eight_from(c, p->channels);
        int16_t *to = v + channel;
        v16 t[4][4];
        for (int x = 0; x < 4; x++)
            down(p->in + x * p->step + channel, p->row, &range, t[x]);
        for (int y = 0; y < 4; y++, to += 4 * next) {
            store_16(to, t[0][y] - t[2][y]);
            store_16(to + next, t[1][y] + t[2][y]);
            store_16(to + 2 * next, t[2][y] - t[1][y]);
            store_16(to + 3 * next, t[1][y] - t[3][y]);
        }
    }
    return !beyond(&range, -WINO_SMALL, WINO_SMALL - 1);
}

INLINE v16 times_4(v16 x)
{
    return x << 2;
}

/* A row of V, of a row of d's transform */
INLINE void across(const v16 t[6], v16 v[6])
{
    v16 a = t[4] - t[2], b = t[3] - t[1], e = t[4] - times_4(t[2]), f = t[3] - times_4(t[1]);
    v[0] = a + times_4(t[0] - t[2]);
    v[1] = e + f;
    v[2] = e - f;
    v[3] = a + (b + b);
    v[4] = a - (b + b);
    v[5] = t[5] - t[3] - times_4(b);
}

/* Does V fit? It is computed roughly; t: of inputs of up to WINO_MOST. */
static __attribute__((noinline)) bool fits_4(const v16 t[4][6])
{
    struct range range = {all_16(0), all_16(0)};
    for (int y = 0; y < 4; y++) {
        v16 eighth[6], v[6];
        for (int x = 0; x < 6; x++)
            eighth[x] = (v16)((s16)t[y][x] >> 3);
        across(eighth, v);
        for (int x = 0; x < 6; x++) {
            range.low = min_16(range.low, v[x]);
            range.high = max_16(range.high, v[x]);
        }
    }
    return !beyond(&range, -WINO_ROUGH, WINO_ROUGH);
}

/* More than |acc|, of inputs from low to high in each channel */
static int64_t most_of(const struct wino_patch *p, const int16_t *low, const int16_t *high)
{
    int64_t sum = 0;
    for (int c = 0; c < p->channels; c++)
        sum += (int64_t)p->most[c] * (high[c] > -low[c] ? high[c] : -low[c]);
    return sum;
}

static bool input_4(const struct wino_patch *p, int16_t *v)
{
    const ptrdiff_t next = WINO_TILES * (ptrdiff_t)p->channels;
    int16_t low[WINO_MAX_CHANNELS], high[WINO_MAX_CHANNELS];
    bool large = false;
    for (ptrdiff_t c = 0; c < p->channels; c += 8) {
        const ptrdiff_t channel = eight_from(c, p->channels);
        int16_t *to = v + channel;
        struct range range = {all_16(0), all_16(0)};
        v16 t[4][6];
        for (int x = 0; x < 6; x++) {
            v16 column[4];
            down(p->in + x * p->step + channel, p->row, &range, column);
            for (int y = 0; y < 4; y++)
                t[y][x] = column[y];
        }
        store_16(low + channel, range.low);
        store_16(high + channel, range.high);
        if (beyond(&range, -WINO_SURE, WINO_SURE)) {
            large = true;
            if (beyond(&range, -WINO_MOST, WINO_MOST) || !fits_4(t))
                return false;
        }
        for (int y = 0; y < 4; y++, to += 6 * next) {
            v16 row[6];
            across(t[y], row);
            for (int x = 0; x < 6; x++)
                store_16(to + x * next, row[x]);
        }
    }
    return !large || most_of(p, low, high) < WINO_ACC;
}

/* ---- Output -------------------------------------------------------------------------------- */

INLINE void end_tile(const struct wino_output *o, const struct wino_place *place, const int32_t *m,
                     int columns)
{
    int32_t acc[8][CONV_BLOCK];
    for (int lane = 0; lane < CONV_BLOCK; lane += 4) {
        vec sum[8];
        wino_sums(m + lane, columns, sum);
        for (int i = 0; i < 2 * columns; i++) {
            const v32 whole = (v32)sum[i] >> (columns == 4 ? 4 : 2);
            memcpy(&acc[i][lane], &whole, sizeof whole);
        }
    }
    for (int y = 0; y < place->rows; y++)
        for (int x = 0; x < place->columns; x++) {
            int16_t *out = map_pixel(&o->band->out, place->y + y, place->x + x) + o->channel;
            const int16_t *gates = NULL;
            if (o->end == END_GATE_BY)
                gates = map_pixel(&o->band->gates, place->y + y, place->x + x) + o->channel;
            ddz_direct_end(&o->rescaling, o->end, acc[y * columns + x], gates, out);
        }
}

static void output_2(const struct wino_output *o, const int32_t *m)
{
    for (int t = 0; t < o->tiles; t++)
        end_tile(o, &o->place[t], m + t * CONV_BLOCK, 2);
}

static void output_4(const struct wino_output *o, const int32_t *m)
{
    for (int t = 0; t < o->tiles; t++)
        end_tile(o, &o->place[t], m + t * CONV_BLOCK, 4);
}

/* ---- Matrix products ----------------------------------------------------------------------- */

INLINE void multiply_tiles(int positions, const struct wino_product *p);

static void multiply_16(const struct wino_product *p)
{
    multiply_tiles(16, p);
}

static void multiply_24(const struct wino_product *p)
{
    multiply_tiles(24, p);
}

#define STEPS_128                                                                                            \
    {                                                                                                        \
        [WINO_2] = {input_2, multiply_16, output_2}, [WINO_4] = { input_4, multiply_24, output_4 }           \
    }
