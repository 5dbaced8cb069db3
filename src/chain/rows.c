/* Calls of the network with one view of y, row by row, and the steps that are made on the way. */
#include "chain/fields.h"
#include "diffusion/precondition.h"

struct flow {
    struct chain *chain;
    struct precondition p;
    size_t row; /* samples of a row */
};

static const int16_t *take(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *room)
{
    const struct flow *flow = cookie;
    const struct chain *chain = flow->chain;
    if (part > 0)
        return chain->waiting[part - 1].noise + y * flow->row;
    ddz_precondition_input(&flow->p, chain->y + y * flow->row, room, rows * flow->row);
    return room;
}

/* y of these rows is the call's until the first step comes to them: nobody takes them any more then. */
static void give(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *values)
{
    const struct flow *flow = cookie;
    struct chain *chain = flow->chain;
    size_t begin = y * flow->row, n = rows * flow->row;
    if (part > 0) {
        ddz_chain_make_rows(chain, &chain->waiting[part - 1], begin, values, n);
        return;
    }
    ddz_precondition_output(&flow->p, chain->y + begin, values, chain->estimate + begin, n);
    chain_take_colour_out(chain, chain->estimate + begin, n);
}

void ddz_chain_call_rows(struct chain *chain, int steps)
{
    struct flow flow = {chain, ddz_precondition_of(chain->sigma_q8),
                        (size_t)3 * chain->pyramid.width[chain->scale]};
    const struct net_rows rows = {take, give, &flow};
    const struct net_call call = ddz_chain_net_call(chain);
    if (steps > 0)
        ddz_net_flow(chain->net, &call, steps, &rows);
    else
        ddz_net_call(chain->net, &call, &rows);
}
