/* What a chain knows of its picture, for the exact layer. */
#include "base/fixed.h"
#include "chain/chain.h"
#include "chain/fields.h"

struct copy {
    int16_t *estimate;
    size_t row;
};

static void keep_row(void *cookie, uint32_t y, const int32_t *row)
{
    const struct copy *to = cookie;
    for (size_t i = 0; i < to->row; i++)
        to->estimate[y * to->row + i] = (int16_t)clamp64(row[i], INT16_MIN, INT16_MAX);
}

ddz_status ddz_chain_known(struct chain *chain, struct residual_known *known, int16_t **enlarged)
{
    uint32_t width = chain->pyramid.width[0], height = chain->pyramid.height[0];
    *enlarged = NULL;
    *known = (struct residual_known){width, height, chain->estimate, chain->y};
    if (chain->scale == 0 && chain->sigma_q8)
        return DDZ_OK;
    known->noisy = NULL;
    known->estimate = *enlarged = ddz_mem_alloc(&chain->mem, ddz_chain_samples(chain, 0), sizeof **enlarged);
    if (!*enlarged)
        return DDZ_ERR_MEMORY;
    struct copy copy = {*enlarged, (size_t)3 * width};
    ddz_chain_show(chain, 0, keep_row, &copy);
    return DDZ_OK;
}
