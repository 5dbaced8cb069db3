/* Steps that wait for the call that they begin with, and are made on its way down the picture. */
#include <assert.h>

#include "chain/chain.h"
#include "chain/change.h"
#include "chain/fields.h"

/* Room for the noise of so many steps, of which the vector is one's */
static bool ensure_slots(struct chain *chain, int count)
{
    if (count - 1 <= chain->slots)
        return true;
    ddz_mem_free(&chain->mem, chain->slot);
    ddz_net_keep(chain->net, 0, 0); /* coarser scales needed it */
    chain->slot =
        ddz_mem_alloc(&chain->mem, ddz_size_mul(chain->capacity, (size_t)count - 1), sizeof *chain->slot);
    chain->slots = chain->slot ? count - 1 : 0;
    if (chain->slot)
        ddz_mem_scatter(&chain->mem, chain->slot,
                        chain->capacity * (size_t)chain->slots * sizeof *chain->slot);
    return chain->slot;
}

static bool can_wait(struct chain *chain, const struct step *step, int updates)
{
    if (chain->use != NET_FLOWS || !step->update || step->lift || step->level_from == LEVEL_NOTHING)
        return false;
    if (chain->deferred > 0)
        return chain->deferred < FLOW_UPDATES && chain->deferred <= chain->slots;
    return updates <= FLOW_UPDATES && chain->estimate_kind != ESTIMATE_UPDATED &&
           ddz_chain_next_views(chain) == 1 && ensure_slots(chain, updates);
}

bool ddz_chain_defer(struct chain *chain, const struct step *step, int updates, const struct trellis *t,
                     const uint8_t *bits)
{
    if (!can_wait(chain, step, updates))
        return false;
    struct change change = {.step = ddz_chain_reverse_step(step), .samples = step->samples};
    change.vector =
        chain->deferred ? chain->slot + (size_t)(chain->deferred - 1) * chain->capacity : chain->vector;
    ddz_change_take(chain, t, bits, &change);
    if (ddz_change_has_beyond(chain, &change))
        return false;
    chain->waiting[chain->deferred++] = (struct waiting){change.step, step->level_to, change.vector};
    return true;
}

static struct change change_of_waiting(struct chain *chain, const struct waiting *w)
{
    return (struct change){.step = w->step,
                           .y = chain->y,
                           .estimate = chain->estimate,
                           .vector = w->noise,
                           .samples = ddz_chain_samples(chain, chain->scale)};
}

void ddz_chain_make_rows(struct chain *chain, const struct waiting *w, size_t begin, int16_t *moved, size_t n)
{
    struct change change = change_of_waiting(chain, w);
    ddz_change_pass(&change, begin, begin + n);
    chain_take_colour_out(chain, moved, n);
    ddz_change_move(w->step.noise_q8, moved, chain->estimate + begin, n);
}

/* The call is kept, and the steps follow it one by one. */
static void make_after_call(struct chain *chain, int steps)
{
    ddz_chain_call(chain, 1);
    for (int i = 0; i < steps; i++) {
        struct change change = change_of_waiting(chain, &chain->waiting[i]);
        ddz_change_pass_all(chain, &change);
        ddz_change_update(chain, &change);
    }
}

void ddz_chain_catch_up(struct chain *chain)
{
    int steps = chain->deferred;
    if (steps == 0)
        return;
    chain->deferred = 0;
    if (chain->one_by_one)
        make_after_call(chain, steps);
    else
        ddz_chain_call_rows(chain, steps);
    chain->one_by_one = false;
    chain->sigma_q8 = ddz_sigma_q8(chain->waiting[steps - 1].level_to);
    chain->estimate_kind = ESTIMATE_UPDATED;
}

bool ddz_chain_prepare_update(struct chain *chain)
{
    if (chain->use != NET_FLOWS)
        return true;
    if (chain->estimate_kind == ESTIMATE_UPDATED && chain->deferred == 0) {
        assert(ddz_net_is_kept(chain->net));
        return true;
    }
    chain->one_by_one = chain->deferred > 0;
    if (chain->estimate_kind == ESTIMATE_CALLED && !ddz_net_is_kept(chain->net))
        chain->estimate_kind = ESTIMATE_NONE;
    return ddz_net_keep(chain->net, chain->pyramid.width[chain->scale], chain->pyramid.height[chain->scale]);
}
