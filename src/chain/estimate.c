/* Where the chain begins, and the calls of the network. */
#include <string.h>

#include "base/fixed.h"
#include "chain/chain.h"
#include "chain/fields.h"
#include "diffusion/precondition.h"
#include "nn/mirror.h"

void ddz_chain_start(struct chain *chain)
{
    chain->deferred = 0;
    chain_move(chain, chain->pyramid.coarsest, 0);
    memset(chain->y, 0, ddz_chain_samples(chain, chain->scale) * sizeof *chain->y);
    ddz_chain_next_estimate(chain);
}

void ddz_chain_place(struct chain *chain, const int16_t *x, const int32_t *noise, int32_t level)
{
    chain_move(chain, 0, ddz_sigma_q8(level));
    size_t n = ddz_chain_samples(chain, 0);
    for (size_t i = 0; i < n; i++)
        chain->y[i] = x[i] + (int32_t)asr64(chain->sigma_q8 * noise[i], 20);
}

static int present_label(const struct chain *chain, int32_t level_q8)
{
    /* rounded, so that the logarithm's last bit cannot change the label at LEVEL_LIFT itself */
    return ddz_scale_label(&chain->pyramid, chain->scale, (int32_t)rshift_round(level_q8, 8));
}

/* The label of y as it is; 0 before the first step. */
static int label_now(const struct chain *chain)
{
    return chain->sigma_q8 ? present_label(chain, ddz_level_q8_of_sigma(chain->sigma_q8)) : 0;
}

struct net_call ddz_chain_net_call(const struct chain *chain)
{
    int32_t level_q8 = ddz_level_q8_of_sigma(chain->sigma_q8);
    return (struct net_call){chain->pyramid.width[chain->scale], chain->pyramid.height[chain->scale],
                             present_label(chain, level_q8), level_q8, chain->aside};
}

/* Views of y at labels up to 4, where time matters: `views`, or as many as are enough for a thumbnail at its finest scale */
static int views_of(const struct chain *chain, int views, int enough)
{
    return chain->few_views && chain->scale == chain->finest && views > enough ? enough : views;
}

int ddz_chain_next_views(const struct chain *chain)
{
    return label_has_views(label_now(chain)) ? views_of(chain, MAX_VIEWS, 1) : 1;
}

void ddz_chain_next_estimate(struct chain *chain)
{
    ddz_chain_catch_up(chain);
    if (chain->estimate_kind != ESTIMATE_UPDATED)
        ddz_chain_call(chain, ddz_chain_next_views(chain));
}

void ddz_chain_last_estimate(struct chain *chain, int views)
{
    ddz_chain_catch_up(chain);
    int label = label_now(chain);
    ddz_chain_call(chain, label > 4 ? MAX_VIEWS : views_of(chain, label < 2 ? views : MAX_VIEWS, 2));
}

/* Between y and the network, piece by piece */
struct conversion {
    const struct precondition *p;
    struct chain *chain;
    size_t samples;
};

enum { PIECE = 1 << 16 }; /* a multiple of the 4 samples whose remainders share a byte */

static size_t piece_size(const struct conversion *c, size_t index)
{
    size_t rest = c->samples - index * PIECE;
    return rest < PIECE ? rest : PIECE;
}

static void to_network(void *argument, size_t index, int lane)
{
    const struct conversion *c = argument;
    size_t at = index * PIECE;
    (void)lane;
    ddz_precondition_input(c->p, c->chain->y + at, c->chain->vector + at, piece_size(c, index));
}

static void from_network(void *argument, size_t index, int lane)
{
    const struct conversion *c = argument;
    size_t at = index * PIECE;
    (void)lane;
    ddz_precondition_output(c->p, c->chain->y + at, c->chain->vector + at, c->chain->estimate + at,
                            piece_size(c, index));
}

static void convert(struct chain *chain, const struct precondition *p, parallel_item *piece)
{
    struct conversion c = {p, chain, ddz_chain_samples(chain, chain->scale)};
    ddz_parallel_for(chain->parallel, (c.samples + PIECE - 1) / PIECE, piece, &c);
}

/* vector = F of y seen in a mirror */
static void call_view(struct chain *chain, const struct precondition *p, int mirror)
{
    const struct net_call call = ddz_chain_net_call(chain);
    convert(chain, p, to_network);
    ddz_mirror(chain->vector, call.width, call.height, mirror);
    ddz_net_forward(chain->net, chain->vector, chain->vector, &call);
    ddz_mirror(chain->vector, call.width, call.height, mirror);
}

/* Views that are added up, piece by piece */
struct sum {
    struct chain *chain;
    int views;
    bool first;
};

/* The first of two is kept as it is, and the second makes the mean, rounded up. */
static void add_of_two(struct chain *chain, bool first, size_t begin, size_t end)
{
    if (first)
        memcpy(chain->estimate + begin, chain->vector + begin, (end - begin) * sizeof *chain->vector);
    else
        for (size_t i = begin; i < end; i++)
            chain->vector[i] = (int16_t)asr32(chain->estimate[i] + chain->vector[i] + 1, 1);
}

/* Of four, as far as they are added up: their sum is 4 estimate + remainder, so that it needs no wider array. */
static void add_of_four(struct chain *chain, bool first, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        uint8_t *remainders = &chain->remainders[i / 4];
        int shift = 2 * (int)(i % 4), sum = chain->vector[i];
        if (!first)
            sum += 4 * chain->estimate[i] + (*remainders >> shift & 3);
        chain->estimate[i] = (int16_t)asr32(sum, 2);
        *remainders = (uint8_t)((*remainders & ~(3 << shift)) | (sum & 3) << shift);
    }
}

static void add_piece(void *argument, size_t index, int lane)
{
    const struct sum *sum = argument;
    size_t begin = index * PIECE, rest = ddz_chain_samples(sum->chain, sum->chain->scale) - begin;
    size_t end = begin + (rest < PIECE ? rest : PIECE);
    (void)lane;
    (sum->views == 2 ? add_of_two : add_of_four)(sum->chain, sum->first, begin, end);
}

/* The mean of four, rounded */
static void round_piece(void *argument, size_t index, int lane)
{
    const struct sum *sum = argument;
    struct chain *chain = sum->chain;
    size_t begin = index * PIECE, rest = ddz_chain_samples(chain, chain->scale) - begin;
    (void)lane;
    for (size_t i = begin; i < begin + (rest < PIECE ? rest : PIECE); i++)
        chain->vector[i] = (int16_t)(chain->estimate[i] + (chain->remainders[i / 4] >> 2 * (i % 4) & 3) / 2);
}

/* The last one makes the mean of them, in the vector. */
static void add_view(struct chain *chain, int views, bool first, bool last)
{
    struct sum sum = {chain, views, first};
    size_t pieces = (ddz_chain_samples(chain, chain->scale) + PIECE - 1) / PIECE;
    ddz_parallel_for(chain->parallel, pieces, add_piece, &sum);
    if (last && views > 2)
        ddz_parallel_for(chain->parallel, pieces, round_piece, &sum);
}

void ddz_chain_call(struct chain *chain, int views)
{
    static const int mirrors[MAX_VIEWS] = {0, MIRROR_ACROSS | MIRROR_DOWN, MIRROR_ACROSS, MIRROR_DOWN};
    if (chain->estimate_kind == ESTIMATE_CALLED && chain->views == views)
        return;
    chain->estimate_kind = ESTIMATE_CALLED;
    chain->views = views;
    size_t n = ddz_chain_samples(chain, chain->scale);
    if (!chain->sigma_q8) {
        for (size_t i = 0; i < n; i++)
            chain->estimate[i] = (int16_t)chain->model->mean[i % 3];
        chain_take_colour_out(chain, chain->estimate, n);
        return;
    }
    if (views == 1) {
        ddz_chain_call_rows(chain, 0);
        return;
    }
    struct precondition p = ddz_precondition_of(chain->sigma_q8);
    for (int i = views - 1; i >= 0; i--) { /* y as it is comes last, so that updates have its gates */
        call_view(chain, &p, mirrors[i]);
        add_view(chain, views, i == views - 1, i == 0);
    }
    convert(chain, &p, from_network);
    chain_take_colour_out(chain, chain->estimate, n);
}

int16_t *ddz_chain_vector(struct chain *chain)
{
    return chain->vector;
}

void ddz_chain_times_jacobian(struct chain *chain, int16_t *v)
{
    ddz_net_update(chain->net, v, v);
    chain_take_colour_out(chain, v, ddz_chain_samples(chain, chain->scale));
}
