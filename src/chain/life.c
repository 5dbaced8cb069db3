/* The chain's memory, and where it is. */
#include "chain/chain.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "chain/fields.h"

/* ---- Life ---------------------------------------------------------------------------------- */

size_t ddz_chain_capacity(uint32_t width, uint32_t height)
{
    /* a lift's bands cover the picture padded to even sides; and each half of an array begins aligned */
    size_t samples = ddz_size_mul(3, ddz_size_mul((size_t)width + 1, (size_t)height + 1));
    return ddz_size_add(samples, DDZ_ALIGN - 1) / DDZ_ALIGN * DDZ_ALIGN;
}

/* The chain has its network, or NULL: the rest. */
static bool allocate(struct chain *chain)
{
    const struct mem *mem = &chain->mem;
    chain->y = ddz_mem_alloc(mem, chain->capacity, sizeof *chain->y);
    chain->estimate = ddz_mem_alloc(mem, chain->capacity, 2 * sizeof *chain->estimate);
    chain->remainders = ddz_mem_alloc(mem, chain->capacity / 4, 1);
    chain->room.count = ddz_mix_room(chain->capacity);
    chain->room.values = ddz_mem_alloc(mem, chain->room.count, sizeof *chain->room.values);
    if (!chain->net || !chain->y || !chain->estimate || !chain->remainders || !chain->room.values)
        return false;
    ddz_mem_scatter(mem, chain->y, chain->capacity * sizeof *chain->y);
    ddz_mem_scatter(mem, chain->estimate, 2 * chain->capacity * sizeof *chain->estimate);
    chain->vector = chain->estimate + chain->capacity;
    ddz_chain_start(chain);
    return true;
}

struct chain *ddz_chain_new(const struct mem *mem, const struct ddz_model *model, enum net_use use,
                            uint32_t width, uint32_t height, int finest, struct parallel *parallel,
                            uint64_t features)
{
    struct pyramid pyramid = ddz_pyramid_of(width, height);
    uint32_t w = pyramid.width[finest], h = pyramid.height[finest];
    struct chain *chain = ddz_mem_alloc(mem, 1, sizeof *chain);
    if (!chain)
        return NULL;
    *chain = (struct chain){.mem = *mem,
                            .model = model,
                            .use = use,
                            .net = ddz_net_new(mem, model, use, w, h, parallel, features),
                            .features = features,
                            .parallel = parallel,
                            .pyramid = pyramid,
                            .finest = finest,
                            .capacity = ddz_chain_capacity(w, h)};
    if (allocate(chain))
        return chain;
    ddz_chain_free(chain);
    return NULL;
}

struct chain *ddz_chain_new_coarse(const struct chain *whole, int finest)
{
    uint32_t width = whole->pyramid.width[finest], height = whole->pyramid.height[finest];
    struct chain *chain = ddz_mem_alloc(&whole->mem, 1, sizeof *chain);
    if (!chain)
        return NULL;
    *chain = (struct chain){.mem = whole->mem,
                            .model = whole->model,
                            .net = ddz_net_new_beside(whole->net, width, height),
                            .pyramid = whole->pyramid,
                            .finest = finest,
                            .grey = whole->grey,
                            .capacity = ddz_chain_capacity(width, height)};
    if (allocate(chain))
        return chain;
    ddz_chain_free(chain);
    return NULL;
}

void ddz_chain_set_grey(struct chain *chain)
{
    chain->grey = true;
    ddz_chain_start(chain);
}

void ddz_chain_set_few_views(struct chain *chain)
{
    chain->few_views = true;
}

void ddz_chain_set_aside(struct chain *chain, bool aside)
{
    chain->aside = aside;
}

void ddz_chain_forget_network(struct chain *chain)
{
    assert(chain->deferred == 0);
    ddz_net_free(chain->net);
    ddz_mem_free(&chain->mem, chain->slot);
    chain->net = NULL;
    chain->slot = NULL;
    chain->slots = 0;
}

bool ddz_chain_recall_network(struct chain *chain)
{
    if (!chain->net)
        chain->net = ddz_net_new(&chain->mem, chain->model, chain->use, chain->pyramid.width[chain->finest],
                                 chain->pyramid.height[chain->finest], chain->parallel, chain->features);
    return chain->net != NULL;
}

void ddz_chain_free(struct chain *chain)
{
    if (!chain)
        return;
    struct mem mem = chain->mem;
    ddz_mem_free(&mem, chain->y); /* lifts may have made it change places with the estimate */
    ddz_mem_free(&mem, chain->estimate);
    ddz_mem_free(&mem, chain->remainders);
    ddz_mem_free(&mem, chain->room.values);
    ddz_mem_free(&mem, chain->slot);
    ddz_net_free(chain->net);
    ddz_mem_free(&mem, chain);
}

static uint64_t array_memory(uint64_t capacity)
{
    return sizeof(struct chain) + 8 * capacity + capacity / 4 + 4 * (uint64_t)ddz_mix_room(capacity);
}

uint64_t ddz_chain_memory(const struct ddz_model *model, enum net_use use, uint32_t width, uint32_t height,
                          int lanes, uint64_t features)
{
    return array_memory(ddz_chain_capacity(width, height)) +
           ddz_net_memory(model, use, width, height, lanes, features);
}

uint64_t ddz_chain_updates_memory(const struct ddz_model *model, uint32_t width, uint32_t height, int label,
                                  int updates, bool deferred)
{
    if (updates == 0)
        return 0;
    if (!deferred || updates > FLOW_UPDATES || label_has_views(label))
        return ddz_net_memory_kept(model, width, height);
    return (uint64_t)(updates - 1) * ddz_chain_capacity(width, height) * sizeof(int16_t);
}

uint64_t ddz_chain_memory_coarse(const struct ddz_model *model, uint32_t width, uint32_t height,
                                 uint64_t features)
{
    return array_memory(ddz_chain_capacity(width, height)) +
           ddz_net_memory_beside(model, width, height, features);
}

/* ---- Where it is --------------------------------------------------------------------------- */

const struct pyramid *ddz_chain_pyramid(const struct chain *chain)
{
    return &chain->pyramid;
}

size_t ddz_chain_samples(const struct chain *chain, int scale)
{
    return (size_t)3 * chain->pyramid.width[scale] * chain->pyramid.height[scale];
}

struct chain_position ddz_chain_position(const struct chain *chain)
{
    return (struct chain_position){chain->scale, chain->sigma_q8, chain->estimate_kind};
}

const int16_t *ddz_chain_estimate(const struct chain *chain)
{
    return chain->estimate;
}

uint32_t ddz_chain_digest(const struct chain *chain)
{
    assert(chain->deferred == 0);
    enum { PIECE = 1024 };
    uint8_t bytes[4 * PIECE];
    uLong crc = crc32(0, NULL, 0);
    size_t n = ddz_chain_samples(chain, chain->scale);
    for (size_t i = 0; i < n; i += PIECE) {
        size_t count = n - i < PIECE ? n - i : PIECE;
        for (size_t k = 0; k < count; k++)
            put_le32(bytes + 4 * k, (uint32_t)chain->y[i + k]);
        crc = crc32(crc, bytes, (uInt)(4 * count));
    }
    return (uint32_t)crc;
}
