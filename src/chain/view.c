/* Pictures of the chain's estimate. */
#include "chain/chain.h"
#include "chain/fields.h"
#include "diffusion/lift.h"

/* ---- Size ---------------------------------------------------------------------------------- */

static void widen(const int16_t *from, int32_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* The estimate at scale 1, interpolated up from a coarser one that the chain has come to. Lies where the vector
 * does, which has room for two such pictures: 12 bytes a pixel of scale 1, and 12 of scale 2. */
static const int32_t *enlarge(struct chain *chain)
{
    const struct pyramid *p = &chain->pyramid;
    int32_t *first = (int32_t *)(void *)chain->vector, *second = first + ddz_chain_samples(chain, 1);
    int32_t *now = chain->scale % 2 ? first : second, *next = chain->scale % 2 ? second : first;
    widen(chain->estimate, now, ddz_chain_samples(chain, chain->scale));
    for (int scale = chain->scale - 1; scale >= 1; scale--) {
        uint32_t width = p->width[scale], height = p->height[scale];
        for (uint32_t y = 0; y < height; y++)
            ddz_lift_enlarge_row(now, width, height, y, next + (size_t)3 * width * y);
        int32_t *old = now;
        now = next;
        next = old;
    }
    return now;
}

void ddz_chain_show(struct chain *chain, chain_row *show, void *cookie)
{
    uint32_t width = chain->pyramid.width[0], height = chain->pyramid.height[0];
    const int32_t *half = chain->scale > 0 ? enlarge(chain) : NULL;
    int32_t *row = chain->room.values;
    for (uint32_t y = 0; y < height; y++) {
        if (half)
            ddz_lift_enlarge_row(half, width, height, y, row);
        else
            widen(chain->estimate + (size_t)3 * width * y, row, (size_t)3 * width);
        show(cookie, y, row);
    }
}

/* ---- Pixels -------------------------------------------------------------------------------- */

struct pixels {
    const struct layout *layout;
    const uint8_t *alpha;
    void *pixels;
};

static void write_row(void *cookie, uint32_t y, const int32_t *row)
{
    const struct pixels *p = cookie;
    ddz_pixels_write_row(p->layout, y, row, p->alpha, p->pixels);
}

void ddz_chain_pixels(struct chain *chain, const struct layout *layout, const uint8_t *alpha, void *pixels)
{
    struct pixels p = {layout, alpha, pixels};
    ddz_chain_show(chain, write_row, &p);
}
