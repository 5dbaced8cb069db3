/* A chain's state, kept aside. */
#include <assert.h>
#include <string.h>

#include "chain/chain.h"
#include "chain/fields.h"

struct chain_state {
    struct mem mem;
    int scale;
    int64_t sigma_q8;
    enum estimate_kind estimate_kind;
    int views;
    int32_t *y, *own_y; /* NULL, as the others: not kept; owned, or the caller's */
    int16_t *estimate;
};

struct chain_state *ddz_chain_state_new(const struct chain *chain, int parts)
{
    struct chain_state *state = ddz_mem_alloc(&chain->mem, 1, sizeof *state);
    if (!state)
        return NULL;
    state->mem = chain->mem;
    if (parts & CHAIN_Y)
        state->y = state->own_y = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof *state->y);
    if (parts & CHAIN_ESTIMATE)
        state->estimate = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof *state->estimate);
    if ((state->y || !(parts & CHAIN_Y)) && (state->estimate || !(parts & CHAIN_ESTIMATE)))
        return state;
    ddz_chain_state_free(state);
    return NULL;
}

void ddz_chain_state_lend_y(struct chain_state *state, int32_t *y)
{
    state->y = y;
}

void ddz_chain_state_free(struct chain_state *state)
{
    if (!state)
        return;
    struct mem mem = state->mem;
    ddz_mem_free(&mem, state->own_y);
    ddz_mem_free(&mem, state->estimate);
    ddz_mem_free(&mem, state);
}

uint64_t ddz_chain_state_memory(uint32_t width, uint32_t height, int parts)
{
    uint64_t samples = ddz_chain_capacity(width, height), bytes = sizeof(struct chain_state);
    bytes += parts & CHAIN_Y ? samples * sizeof(int32_t) : 0;
    bytes += parts & CHAIN_ESTIMATE ? samples * sizeof(int16_t) : 0;
    return bytes;
}

void ddz_chain_save(const struct chain *chain, struct chain_state *state)
{
    assert(chain->deferred == 0);
    size_t n = ddz_chain_samples(chain, chain->scale);
    state->scale = chain->scale;
    state->sigma_q8 = chain->sigma_q8;
    state->estimate_kind = state->estimate ? chain->estimate_kind : ESTIMATE_NONE;
    state->views = chain->views;
    if (state->y)
        memcpy(state->y, chain->y, n * sizeof *state->y);
    if (state->estimate)
        memcpy(state->estimate, chain->estimate, n * sizeof *state->estimate);
}

void ddz_chain_restore(struct chain *chain, const struct chain_state *state)
{
    chain->deferred = 0;
    chain_move(chain, state->scale, state->sigma_q8);
    chain->estimate_kind = state->estimate_kind;
    chain->views = state->views;
    size_t n = ddz_chain_samples(chain, chain->scale);
    if (state->y)
        memcpy(chain->y, state->y, n * sizeof *state->y);
    if (state->estimate)
        memcpy(chain->estimate, state->estimate, n * sizeof *state->estimate);
}
