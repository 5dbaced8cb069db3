/*
 * wino_128.h's matrix products where an instruction multiplies pairs of 16-bit values and adds both: the file that
 * includes it defines dot(w, x), of two v16. Two tiles and a block's 16 outputs at a time are as many sums as 16 registers
 * hold.
 */
#include "base/fetch.h"

INLINE v16 pair_16(const int16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return (v16)(v32){pair, pair, pair, pair};
}

/* The sums are variables of their own, because compilers do not always keep an array of them in registers. */
INLINE void two_tiles(const int16_t *u, ptrdiff_t channels, const int16_t *v, int32_t *m)
{
    const int16_t *end = v + channels;
    vec a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
    do {
        fetch(u + WINO_AHEAD);
        v16 x = pair_16(v), y = pair_16(v + channels), w = load_16(u);
        a0 += dot(w, x);
        b0 += dot(w, y);
        w = load_16(u + 8);
        a1 += dot(w, x);
        b1 += dot(w, y);
        w = load_16(u + 16);
        a2 += dot(w, x);
        b2 += dot(w, y);
        w = load_16(u + 24);
        a3 += dot(w, x);
        b3 += dot(w, y);
        u += 2 * CONV_BLOCK;
        v += 2;
    } while (v != end);
    vec *to = (vec *)m;
    to[0] = a0, to[1] = a1, to[2] = a2, to[3] = a3;
    to[4] = b0, to[5] = b1, to[6] = b2, to[7] = b3;
}

/* An odd number of tiles: the one behind them is multiplied, too, whatever is there. */
INLINE void multiply_tiles(int positions, const struct wino_product *p)
{
    const ptrdiff_t channels = p->channels;
    for (int i = 0; i < positions; i++) {
        const int16_t *u = p->u + i * channels * CONV_BLOCK, *v = p->v + i * WINO_TILES * channels;
        int32_t *m = p->m + i * WINO_TILES * CONV_BLOCK;
        for (int t = 0; t < p->tiles; t += 2)
            two_tiles(u, channels, v + t * channels, m + t * CONV_BLOCK);
    }
}
