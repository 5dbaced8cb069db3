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

/* A side of the picture at a scale */
static uint32_t width_at(const struct chain *chain, int scale)
{
    return ddz_side_at(chain->pyramid.width[0], scale);
}

static uint32_t height_at(const struct chain *chain, int scale)
{
    return ddz_side_at(chain->pyramid.height[0], scale);
}

/* The estimate at scale `shown`, coarser than that of the chain; lies where the vector does. */
static const int16_t *reduce(struct chain *chain, int shown)
{
    const int16_t *fine = chain->estimate;
    for (int scale = chain->scale; scale < shown; scale++) {
        ddz_lift_average(fine, width_at(chain, scale), height_at(chain, scale), chain->vector);
        fine = chain->vector;
    }
    return fine;
}

/* The estimate at scale `last`, interpolated up from a coarser or the same one that the chain has come to. `last` is
 * coarser than the chain's finest scale. Lies where the vector does, which has room for two pictures of the scale that
 * follows the finest: 12 bytes a pixel of it, and 12 of the one before. */
static const int32_t *enlarge(struct chain *chain, int last)
{
    int32_t *first = (int32_t *)(void *)chain->vector, *second = first + ddz_chain_samples(chain, last);
    bool odd = (chain->scale - last) % 2;
    int32_t *now = odd ? second : first, *next = odd ? first : second;
    widen(chain->estimate, now, ddz_chain_samples(chain, chain->scale));
    for (int scale = chain->scale - 1; scale >= last; scale--) {
        uint32_t width = width_at(chain, scale), height = height_at(chain, scale);
        for (uint32_t y = 0; y < height; y++)
            ddz_lift_enlarge_row(now, width, height, y, next + (size_t)3 * width * y);
        int32_t *old = now;
        now = next;
        next = old;
    }
    return now;
}

void ddz_chain_show(struct chain *chain, int shown, chain_row *show, void *cookie)
{
    uint32_t width = width_at(chain, shown), height = height_at(chain, shown);
    const int32_t *half = chain->scale > shown ? enlarge(chain, shown + 1) : NULL;
    const int16_t *whole = half ? NULL : reduce(chain, shown);
    int32_t *row = chain->room.values;
    for (uint32_t y = 0; y < height; y++) {
        if (half)
            ddz_lift_enlarge_row(half, width, height, y, row);
        else
            widen(whole + (size_t)3 * width * y, row, (size_t)3 * width);
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

void ddz_chain_pixels(struct chain *chain, int shown, const struct layout *layout, const uint8_t *alpha,
                      void *pixels)
{
    struct pixels p = {layout, alpha, pixels};
    ddz_chain_show(chain, shown, write_row, &p);
}
