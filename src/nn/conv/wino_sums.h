/*
 * The outputs' transform (winograd.h) with a compiler's vectors. The file that includes it defines `vec`, of some uint32,
 * INLINE, and vec_all(x), a vector of one value.
 */

/* A^T M of column x of M; `next` is from position to position. */
INLINE void wino_column(const int32_t *m, ptrdiff_t next, int x, int columns, vec *upper, vec *lower)
{
    vec m0, m1, m2, m3;
    m += x * next;
    m0 = *(const vec *)m;
    m1 = *(const vec *)(m + (columns + 2) * next);
    m2 = *(const vec *)(m + 2 * (columns + 2) * next);
    m3 = *(const vec *)(m + 3 * (columns + 2) * next);
    *upper = m0 + m1 + m2;
    *lower = m1 - m2 - m3;
}

/* Times D */
INLINE void wino_across_2(const vec r[4], vec *sum)
{
    sum[0] = r[0] + r[1] + r[2];
    sum[1] = r[1] - r[2] - r[3];
}

INLINE void wino_across_4(const vec r[6], vec *sum)
{
    const vec third = vec_all(0xAAAAAAAB); /* 3 * 0xAAAAAAAB = 1 modulo 2^32 */
    vec a = r[1] + r[2], b = r[1] - r[2], c = r[3] + r[4], d = r[3] - r[4];
    d += d;
    sum[0] = (r[0] + a + c) * third;
    sum[1] = (b + d) * third;
    sum[2] = (a + (c << 2)) * third;
    sum[3] = (b + (d << 2) + r[5]) * third;
}

/* Sums of a tile: [2][columns], 4 or 16 times as large */
INLINE void wino_sums(const int32_t *m, int columns, vec *sum)
{
    vec upper[6], lower[6];
    for (int x = 0; x < columns + 2; x++)
        wino_column(m, WINO_TILES * CONV_BLOCK, x, columns, &upper[x], &lower[x]);
    (columns == 4 ? wino_across_4 : wino_across_2)(upper, sum);
    (columns == 4 ? wino_across_4 : wino_across_2)(lower, sum + columns);
}
