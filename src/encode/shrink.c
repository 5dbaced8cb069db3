#include "encode/shrink.h"

#include <math.h>
#include <stdbool.h>

/*
 * The error is worked on in tiles of blocks side by side. A transform down their columns serves the blocks of two shifts,
 * and so does the one back: between the two, what the shifts give is added up. Without fused multiplications the result
 * is the same by any instruction set.
 */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    SIDE = 8,
    SHIFTS = 4,
    MARGIN = SIDE / 2, /* of a tile on both sides, for the blocks of the other shift */
    MOST = 128,        /* columns of a tile with its margins */
    TILE = MOST - 2 * MARGIN
};

/* A plane of a tile by rows, and by columns */
typedef float rows[SIDE][MOST];
typedef float columns[MOST][SIDE];

struct frame {
    const int16_t *x, *estimate;
    const struct offset *offset; /* NULL: 0 */
    int32_t *error;
    int64_t width, height;
    float noise2;
    int64_t top; /* where the first strip of blocks begins: 0, or half a block above */
};

/* ---- Transforms ------------------------------------------------------------------------------ */

/* Orthonormal DCT-II of 8 values, by sums and differences of those in a mirror. C<k> is cos(k pi / 16) / 2. */
#define C1 0.49039264020f
#define C2 0.46193976626f
#define C3 0.41573480615f
#define C4 0.35355339059f
#define C5 0.27778511651f
#define C6 0.19134171618f
#define C7 0.09754516101f

/* `n` at once, whose values are `stride` apart */
static inline void dct(const float *restrict from, size_t stride, float *restrict to, size_t to_stride,
                       size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float *x = from + i;
        float *z = to + i;
        float x0 = x[0], x1 = x[stride], x2 = x[2 * stride], x3 = x[3 * stride];
        float x4 = x[4 * stride], x5 = x[5 * stride], x6 = x[6 * stride], x7 = x[7 * stride];
        float s0 = x0 + x7, s1 = x1 + x6, s2 = x2 + x5, s3 = x3 + x4;
        float d0 = x0 - x7, d1 = x1 - x6, d2 = x2 - x5, d3 = x3 - x4;
        float a = s0 + s3, b = s1 + s2, c = s0 - s3, d = s1 - s2;
        z[0] = C4 * (a + b);
        z[to_stride] = C1 * d0 + C3 * d1 + C5 * d2 + C7 * d3;
        z[2 * to_stride] = C2 * c + C6 * d;
        z[3 * to_stride] = C3 * d0 - C7 * d1 - C1 * d2 - C5 * d3;
        z[4 * to_stride] = C4 * (a - b);
        z[5 * to_stride] = C5 * d0 - C1 * d1 + C7 * d2 + C3 * d3;
        z[6 * to_stride] = C6 * c - C2 * d;
        z[7 * to_stride] = C7 * d0 - C5 * d1 + C3 * d2 - C1 * d3;
    }
}

static inline void dct_back(const float *restrict from, size_t stride, float *restrict to, size_t to_stride,
                            size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float *z = from + i;
        float *x = to + i;
        float z1 = z[stride], z3 = z[3 * stride], z5 = z[5 * stride], z7 = z[7 * stride];
        float a = C4 * (z[0] + z[4 * stride]), b = C4 * (z[0] - z[4 * stride]);
        float c = C2 * z[2 * stride] + C6 * z[6 * stride], d = C6 * z[2 * stride] - C2 * z[6 * stride];
        float s0 = a + c, s1 = b + d, s2 = b - d, s3 = a - c;
        float d0 = C1 * z1 + C3 * z3 + C5 * z5 + C7 * z7;
        float d1 = C3 * z1 - C7 * z3 - C1 * z5 - C5 * z7;
        float d2 = C5 * z1 - C1 * z3 + C7 * z5 + C3 * z7;
        float d3 = C7 * z1 - C5 * z3 + C3 * z5 - C1 * z7;
        x[0] = s0 + d0;
        x[to_stride] = s1 + d1;
        x[2 * to_stride] = s2 + d2;
        x[3 * to_stride] = s3 + d3;
        x[4 * to_stride] = s3 - d3;
        x[5 * to_stride] = s2 - d2;
        x[6 * to_stride] = s1 - d1;
        x[7 * to_stride] = s0 - d0;
    }
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

static void to_columns(const float (*from)[MOST], size_t n, float (*to)[SIDE])
{
    for (size_t j = 0; j < n; j++)
        for (int i = 0; i < SIDE; i++)
            to[j][i] = from[i][j];
}

static void to_rows(const float (*from)[SIDE], size_t n, float (*to)[MOST])
{
    for (int i = 0; i < SIDE; i++)
        for (size_t j = 0; j < n; j++)
            to[i][j] = from[j][i];
}

static int64_t inside(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static inline int32_t nearest(float v)
{
    return (int32_t)(v + copysignf(0.5f, v));
}

/* Values first to end of a row, and outside of them the outermost */
static void extend_row(float *row, int64_t first, int64_t end, int64_t n)
{
    for (int64_t i = 0; i < first; i++)
        row[i] = row[first];
    for (int64_t i = end; i < n; i++)
        row[i] = row[end - 1];
}

/* To n samples from number `at` on. Sums of integers this small are exact. */
static void add_offset(const struct offset *offset, size_t at, size_t n, float *rgb)
{
    const int16_t *low = offset->low + at;
    unsigned far = 0;
    for (size_t i = 0; i < n; i++)
        rgb[i] += (float)low[i];
    for (size_t i = at / 8; i <= (at + n - 1) / 8; i++)
        far |= offset->far[i];
    for (size_t i = 0; far && i < n; i++)
        if (offset->far[(at + i) / 8] >> (at + i) % 8 & 1)
            rgb[i] += (float)offset_missing(low[i]);
}

/* A row of the error, n pixels from `left` on, as an orthonormal luminance and two differences of colour. A loop over
 * samples is apart from one over pixels: not every instruction set can make vectors of the latter. */
static void load_row(const struct frame *f, int64_t left, int64_t y, int64_t n, float *p, float *q, float *r)
{
    const float third = 0.57735026919f, half = 0.70710678119f, sixth = 0.40824829046f;
    float rgb[3 * MOST];
    int64_t first = inside(left, f->width), end = inside(left + n - 1, f->width) + 1, before = first - left;
    const int64_t at = 3 * (y * f->width + first);
    const int16_t *x = f->x + at, *estimate = f->estimate + at;
    for (int64_t i = 0; i < 3 * (end - first); i++)
        rgb[i] = (float)(x[i] - estimate[i]);
    if (f->offset)
        add_offset(f->offset, (size_t)at, 3 * (size_t)(end - first), rgb);
    for (int64_t i = 0; i < end - first; i++) {
        float a = rgb[3 * i], b = rgb[3 * i + 1], c = rgb[3 * i + 2];
        p[before + i] = third * (a + b + c);
        q[before + i] = half * (a - c);
        r[before + i] = sixth * (a - 2 * b + c);
    }
    extend_row(p, before, end - left, n);
    extend_row(q, before, end - left, n);
    extend_row(r, before, end - left, n);
}

/* The sum of two shifts, and then the mean of that and of the sum of the two others, whose strips begin half a block
 * above */
static void store_row(const struct frame *f, int64_t left, int64_t y, int64_t n, const float *p,
                      const float *q, const float *r)
{
    const float third = 0.57735026919f, half = 0.70710678119f, sixth = 0.40824829046f;
    float rgb[3 * MOST];
    int32_t *error = f->error + 3 * (y * f->width + left);
    for (int64_t i = 0; i < n; i++) {
        rgb[3 * i] = third * p[i] + half * q[i] + sixth * r[i];
        rgb[3 * i + 1] = third * p[i] - 2 * sixth * r[i];
        rgb[3 * i + 2] = third * p[i] - half * q[i] + sixth * r[i];
    }
    if (f->top == 0)
        for (int64_t i = 0; i < 3 * n; i++)
            error[i] = nearest(rgb[i]);
    else
        for (int64_t i = 0; i < 3 * n; i++)
            error[i] = nearest((rgb[i] + (float)error[i]) * (1.0f / SHIFTS));
}

static void shrink(float z[SIDE * SIDE], float noise2)
{
#pragma omp simd
    for (int i = 0; i < SIDE * SIDE; i++) {
        float z2 = z[i] * z[i];
        z[i] *= z2 / (z2 + noise2);
    }
}

/* What the blocks of n columns give, into `sum`; to what is there: `add` */
static void shrink_blocks(const float (*from)[SIDE], size_t n, float noise2, bool add, float (*sum)[SIDE])
{
    for (size_t j = 0; j < n; j += SIDE) {
        float z[SIDE * SIDE], x[SIDE * SIDE], *to = sum[j];
        dct(from[j], SIDE, z, SIDE, SIDE);
        shrink(z, noise2);
        dct_back(z, SIDE, x, SIDE, SIDE);
        for (int i = 0; i < SIDE * SIDE; i++)
            to[i] = add ? to[i] + x[i] : x[i];
    }
}

static void shrink_plane(float (*plane)[MOST], size_t n, float noise2)
{
    rows bands;
    columns u, sum;
    dct(plane[0], MOST, bands[0], MOST, n);
    to_columns((const float(*)[MOST])bands, n, u);
    shrink_blocks((const float(*)[SIDE])u, n, noise2, false, sum);
    shrink_blocks((const float(*)[SIDE])u + MARGIN, n - 2 * MARGIN, noise2, true, sum + MARGIN);
    to_rows((const float(*)[SIDE])sum, n, bands);
    dct_back(bands[0], MOST, plane[0], MOST, n);
}

/* A tile at (left, top), which may stick out */
static void shrink_tile(const struct frame *f, int64_t left, int64_t top)
{
    rows plane[3];
    int64_t rest = f->width - left, wide = rest < TILE ? rest : TILE;
    int64_t n = (wide + SIDE - 1) / SIDE * SIDE + 2 * MARGIN;
    for (int i = 0; i < SIDE; i++)
        load_row(f, left - MARGIN, inside(top + i, f->height), n, plane[0][i], plane[1][i], plane[2][i]);
    for (int k = 0; k < 3; k++)
        shrink_plane(plane[k], (size_t)n, f->noise2);
    for (int i = 0; i < SIDE; i++)
        if (top + i >= 0 && top + i < f->height)
            store_row(f, left, top + i, wide, plane[0][i] + MARGIN, plane[1][i] + MARGIN,
                      plane[2][i] + MARGIN);
}

static void shrink_strip(void *argument, size_t index, int lane)
{
    const struct frame *f = argument;
    (void)lane;
    for (int64_t left = 0; left < f->width; left += TILE)
        shrink_tile(f, left, f->top + (int64_t)index * SIDE);
}

void ddz_shrink_error(const int16_t *x, const struct offset *offset, const int16_t *estimate, uint32_t width,
                      uint32_t height, double noise, int32_t *error, struct parallel *parallel)
{
    struct frame f = {x, estimate, offset, error, width, height, (float)(noise * noise), 0};
    ddz_parallel_for(parallel, (size_t)(f.height + SIDE - 1) / SIDE, shrink_strip, &f);
    f.top = -MARGIN;
    ddz_parallel_for(parallel, (size_t)(f.height + MARGIN + SIDE - 1) / SIDE, shrink_strip, &f);
}
