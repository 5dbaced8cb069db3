#include "encode/shrink.h"

#include <math.h>
#include <string.h>

enum { SIDE = 8, SHIFTS = 4 };

typedef float block[SIDE][SIDE];

/* Orthonormal DCT-II: row k is the k-th cosine. */
static void dct_matrix(block m)
{
    const double pi = 3.14159265358979323846;
    for (int k = 0; k < SIDE; k++)
        for (int i = 0; i < SIDE; i++)
            m[k][i] = (float)(sqrt((k ? 2.0 : 1.0) / SIDE) * cos(pi * (2 * i + 1) * k / (2 * SIDE)));
}

/* b = m b m^T */
static void sandwich(const block m, block b)
{
    block t = {{0}};
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            for (int j = 0; j < SIDE; j++)
                t[i][j] += m[i][k] * b[k][j];
    for (int i = 0; i < SIDE; i++) {
        float row[SIDE] = {0};
        for (int k = 0; k < SIDE; k++)
            for (int j = 0; j < SIDE; j++)
                row[j] += t[i][k] * m[j][k];
        memcpy(b[i], row, sizeof row);
    }
}

static void transpose(const block from, block to)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            to[i][j] = from[j][i];
}

static void shrink(block b, float noise2)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            float z2 = b[i][j] * b[i][j];
            b[i][j] *= z2 / (z2 + noise2);
        }
}

/* An orthonormal luminance and two differences of colour; `inverse`: back. */
static void turn_colours(block c[3], int inverse)
{
    const float third = 0.57735026919f, half = 0.70710678119f, sixth = 0.40824829046f;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            float a = c[0][i][j], b = c[1][i][j], d = c[2][i][j];
            if (inverse) {
                c[0][i][j] = third * a + half * b + sixth * d;
                c[1][i][j] = third * a - 2 * sixth * d;
                c[2][i][j] = third * a - half * b + sixth * d;
            } else {
                c[0][i][j] = third * (a + b + d);
                c[1][i][j] = half * (a - d);
                c[2][i][j] = sixth * (a - 2 * b + d);
            }
        }
}

struct frame {
    const int32_t *x;
    const int16_t *estimate;
    int32_t *error; /* the sum of all shifts */
    int64_t width, height;
    int64_t left, top; /* where the first block begins */
    float noise2;
    block forward, backward;
};

static int64_t inside(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* Shrink one block of the error at (left, top), which may stick out, and add it to the sum. */
static void shrink_block(const struct frame *f, int64_t left, int64_t top)
{
    block c[3];
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            int64_t at = 3 * (inside(top + i, f->height) * f->width + inside(left + j, f->width));
            for (int k = 0; k < 3; k++)
                c[k][i][j] = (float)(f->x[at + k] - f->estimate[at + k]);
        }
    turn_colours(c, 0);
    for (int k = 0; k < 3; k++) {
        sandwich(f->forward, c[k]);
        shrink(c[k], f->noise2);
        sandwich(f->backward, c[k]);
    }
    turn_colours(c, 1);
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            int64_t y = top + i, x = left + j;
            if (y >= 0 && y < f->height && x >= 0 && x < f->width)
                for (int k = 0; k < 3; k++)
                    f->error[3 * (y * f->width + x) + k] += (int32_t)lrintf(c[k][i][j]);
        }
}

/* A row of blocks */
static void shrink_row(void *argument, size_t index, int lane)
{
    (void)lane;
    const struct frame *f = argument;
    for (int64_t at = f->left; at < f->width; at += SIDE)
        shrink_block(f, at, f->top + (int64_t)index * SIDE);
}

void ddz_shrink_error(const int32_t *x, const int16_t *estimate, uint32_t width, uint32_t height,
                      double noise, int32_t *error, struct parallel *parallel)
{
    struct frame f = {.x = x,
                      .estimate = estimate,
                      .error = error,
                      .width = width,
                      .height = height,
                      .noise2 = (float)(noise * noise)};
    int64_t n = 3 * f.width * f.height;
    dct_matrix(f.forward);
    transpose(f.forward, f.backward);
    memset(error, 0, (size_t)n * sizeof *error);
    for (int shift = 0; shift < SHIFTS; shift++) {
        f.left = shift & 1 ? -SIDE / 2 : 0;
        f.top = shift & 2 ? -SIDE / 2 : 0;
        ddz_parallel_for(parallel, (size_t)((f.height - f.top + SIDE - 1) / SIDE), shrink_row, &f);
    }
    for (int64_t i = 0; i < n; i++)
        error[i] /= SHIFTS;
}
