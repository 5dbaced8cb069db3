#include "diffusion/lift.h"

#include <stddef.h>

#include "base/fixed.h"

/* Row y of fine as pairs; the last column or row stands in for one that is missing. */
struct quad {
    const int16_t *a, *b, *c, *d; /* a b / c d */
};

static struct quad quad_at(const int16_t *fine, uint32_t w, uint32_t h, uint32_t x, uint32_t y)
{
    size_t right = 2 * x + 1 < w ? 3 : 0;
    size_t below = 2 * y + 1 < h ? (size_t)w * 3 : 0;
    const int16_t *a = fine + ((size_t)2 * y * w + 2 * (size_t)x) * 3;
    return (struct quad){a, a + right, a + below, a + below + right};
}

void ddz_lift_average(const int16_t *fine, uint32_t w, uint32_t h, int16_t *coarse)
{
    for (uint32_t y = 0; y < (h + 1) / 2; y++)
        for (uint32_t x = 0; x < (w + 1) / 2; x++) {
            struct quad q = quad_at(fine, w, h, x, y);
            for (int k = 0; k < 3; k++)
                *coarse++ = (int16_t)rshift_round((int64_t)q.a[k] + q.b[k] + q.c[k] + q.d[k], 2);
        }
}

void ddz_lift_split(const int16_t *fine, uint32_t w, uint32_t h, int32_t *bands)
{
    size_t band = (size_t)3 * ((w + 1) / 2) * ((h + 1) / 2);
    for (uint32_t y = 0; y < (h + 1) / 2; y++)
        for (uint32_t x = 0; x < (w + 1) / 2; x++) {
            struct quad q = quad_at(fine, w, h, x, y);
            for (int k = 0; k < 3; k++, bands++) {
                int64_t a = q.a[k], b = q.b[k], c = q.c[k], d = q.d[k];
                bands[0] = (int32_t)rshift_round(a - b + c - d, 1);
                bands[band] = (int32_t)rshift_round(a + b - c - d, 1);
                bands[2 * band] = (int32_t)rshift_round(a - b - c + d, 1);
            }
        }
}

void ddz_lift_join(const int32_t *coarse, const int32_t *bands, int32_t *fine, uint32_t w, uint32_t h)
{
    uint32_t across = (w + 1) / 2;
    size_t band = (size_t)3 * across * ((h + 1) / 2);
    for (uint32_t y = 0; y < h; y++) {
        int sy = y & 1 ? -1 : 1;
        for (uint32_t x = 0; x < w; x++) {
            int sx = x & 1 ? -1 : 1;
            size_t i = 3 * ((size_t)(y / 2) * across + x / 2);
            for (int k = 0; k < 3; k++, i++) {
                int64_t detail = (int64_t)sx * bands[i] + (int64_t)sy * bands[band + i] +
                                 (int64_t)sx * sy * bands[2 * band + i];
                *fine++ = (int32_t)(coarse[i] + rshift_round(detail, 1));
            }
        }
    }
}

/* Detail of one coarse sample from its neighbours: half-cell averages of the quadratic differ by a quarter of
 * the neighbours' difference. */
static int64_t across(int64_t left, int64_t right)
{
    return rshift_round(left - right, 2);
}

static int64_t diagonal(int64_t above_left, int64_t above_right, int64_t below_left, int64_t below_right)
{
    return rshift_round(above_left - above_right - below_left + below_right, 5);
}

void ddz_lift_predict(const int16_t *coarse, uint32_t w, uint32_t h, int32_t *bands)
{
    size_t band = (size_t)3 * w * h;
    for (uint32_t y = 0; y < h; y++) {
        size_t up = y ? (size_t)w * 3 : 0, down = y + 1 < h ? (size_t)w * 3 : 0;
        for (uint32_t x = 0; x < w; x++) {
            ptrdiff_t left = x ? -3 : 0, right = x + 1 < w ? 3 : 0;
            for (int k = 0; k < 3; k++, coarse++, bands++) {
                const int16_t *above = coarse - up, *below = coarse + down;
                bands[0] = (int32_t)across(coarse[left], coarse[right]);
                bands[band] = (int32_t)across(*above, *below);
                bands[2 * band] = (int32_t)diagonal(above[left], above[right], below[left], below[right]);
            }
        }
    }
}

void ddz_lift_enlarge_row(const int32_t *coarse, uint32_t w, uint32_t h, uint32_t y, int32_t *fine)
{
    uint32_t columns = (w + 1) / 2, rows = (h + 1) / 2;
    size_t row = (size_t)3 * columns;
    const int32_t *here = coarse + y / 2 * row;
    const int32_t *above = y / 2 ? here - row : here, *below = y / 2 + 1 < rows ? here + row : here;
    int sy = y & 1 ? -1 : 1;
    for (uint32_t x = 0; x < columns; x++) {
        ptrdiff_t left = x ? -3 : 0, right = x + 1 < columns ? 3 : 0;
        for (int k = 0; k < 3; k++, here++, above++, below++, fine++) {
            int64_t even = sy * across(*above, *below), odd = even;
            int64_t sides = across(here[left], here[right]),
                    corners = sy * diagonal(above[left], above[right], below[left], below[right]);
            even += sides + corners;
            odd -= sides + corners;
            fine[0] = (int32_t)(*here + rshift_round(even, 1));
            if (2 * x + 1 < w)
                fine[3] = (int32_t)(*here + rshift_round(odd, 1));
        }
        fine += 3;
    }
}
