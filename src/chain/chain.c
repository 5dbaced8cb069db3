#include "chain/chain.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "base/units.h"
#include "diffusion/lift.h"
#include "diffusion/precondition.h"
#include "nn/mirror.h"

enum { WORK_ARRAYS = 6 };

static const uint64_t chain_key = 0x64647A2D31u;

static size_t capacity_of(uint32_t width, uint32_t height)
{
    /* a lift's bands cover the picture padded to even sides */
    return ddz_size_mul(3, ddz_size_mul((size_t)width + 1, (size_t)height + 1));
}

/* The chain has its network, or NULL: the rest. */
static ddz_status allocate(struct chain *chain)
{
    int32_t **arrays[WORK_ARRAYS] = {&chain->y,     &chain->estimate, &chain->bands,
                                     &chain->shift, &chain->mixed,    &chain->scratch};
    bool ok = true;
    for (int i = 0; i < WORK_ARRAYS; i++)
        ok = (*arrays[i] = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof(int32_t))) && ok;
    chain->activations = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof(int16_t));
    if (!ok || !chain->activations || !chain->net) {
        ddz_chain_free(chain);
        return DDZ_ERR_MEMORY;
    }
    ddz_chain_start(chain);
    return DDZ_OK;
}

ddz_status ddz_chain_init(struct chain *chain, const struct mem *mem, const struct ddz_model *model,
                          uint32_t width, uint32_t height, struct parallel *parallel, uint64_t features)
{
    *chain = (struct chain){.mem = *mem,
                            .model = model,
                            .net = ddz_net_new(mem, model, width, height, parallel, features),
                            .parallel = parallel,
                            .pyramid = ddz_pyramid_of(width, height),
                            .capacity = capacity_of(width, height)};
    return allocate(chain);
}

ddz_status ddz_chain_init_coarse(struct chain *chain, const struct chain *whole, int finest)
{
    uint32_t width = whole->pyramid.width[finest], height = whole->pyramid.height[finest];
    *chain = (struct chain){.mem = whole->mem,
                            .model = whole->model,
                            .net = ddz_net_new_beside(whole->net, width, height),
                            .pyramid = whole->pyramid,
                            .capacity = capacity_of(width, height)};
    return allocate(chain);
}

static uint64_t array_memory(uint64_t capacity)
{
    return capacity * (WORK_ARRAYS * sizeof(int32_t) + sizeof(int16_t));
}

uint64_t ddz_chain_memory(const struct ddz_model *model, uint32_t width, uint32_t height, int states,
                          uint64_t features)
{
    uint64_t capacity = capacity_of(width, height);
    uint64_t state = 2 * capacity * sizeof(int32_t) + ddz_net_state_size(model, width, height);
    return array_memory(capacity) + ddz_net_memory(model, width, height, features) + (uint64_t)states * state;
}

uint64_t ddz_chain_memory_coarse(const struct ddz_model *model, uint32_t width, uint32_t height,
                                 uint64_t features)
{
    return array_memory(capacity_of(width, height)) + ddz_net_memory_beside(model, width, height, features);
}

void ddz_chain_free(struct chain *chain)
{
    int32_t *arrays[] = {chain->y, chain->estimate, chain->bands, chain->shift, chain->mixed, chain->scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        ddz_mem_free(&chain->mem, arrays[i]);
    ddz_mem_free(&chain->mem, chain->activations);
    ddz_net_free(chain->net);
    *chain = (struct chain){0};
}

size_t ddz_chain_samples(const struct chain *chain, int scale)
{
    return (size_t)3 * chain->pyramid.width[scale] * chain->pyramid.height[scale];
}

void ddz_chain_start(struct chain *chain)
{
    chain->scale = chain->pyramid.coarsest;
    chain->sigma_q8 = 0;
    chain->estimate_kind = ESTIMATE_NONE;
    memset(chain->y, 0, ddz_chain_samples(chain, chain->scale) * sizeof *chain->y);
    ddz_chain_next_estimate(chain);
}

/* How the network is told what y is */
static int present_label(const struct chain *chain, int32_t level_q8)
{
    /* rounded, so that the logarithm's last bit cannot change the label at LEVEL_LIFT itself */
    return ddz_scale_label(&chain->pyramid, chain->scale, (int32_t)rshift_round(level_q8, 8));
}

void ddz_chain_next_estimate(struct chain *chain)
{
    if (chain->estimate_kind == ESTIMATE_UPDATED)
        return;
    /* small pictures cost little; the smallest are estimated hundreds of times to choose their bits */
    int label = chain->sigma_q8 ? present_label(chain, ddz_level_q8_of_sigma(chain->sigma_q8)) : 0;
    ddz_chain_call(chain, label >= 2 && label <= 4 ? MAX_VIEWS : 1);
}

void ddz_chain_last_estimate(struct chain *chain)
{
    ddz_chain_call(chain, MAX_VIEWS);
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
            chain->estimate[i] = chain->model->mean[i % 3];
        return;
    }
    struct precondition p = ddz_precondition_of(chain->sigma_q8);
    int32_t level_q8 = ddz_level_q8_of_sigma(chain->sigma_q8);
    int label = present_label(chain, level_q8);
    uint32_t width = chain->pyramid.width[chain->scale], height = chain->pyramid.height[chain->scale];
    memset(chain->scratch, 0, n * sizeof *chain->scratch);
    for (int i = views - 1; i >= 0; i--) { /* y as it is comes last, so that updates have its gates */
        ddz_precondition_input(&p, chain->y, chain->activations, n);
        ddz_mirror(chain->activations, width, height, mirrors[i]);
        ddz_net_forward(chain->net, chain->activations, chain->activations, width, height, label, level_q8);
        ddz_mirror(chain->activations, width, height, mirrors[i]);
        for (size_t j = 0; j < n; j++)
            chain->scratch[j] += chain->activations[j];
    }
    for (size_t j = 0; j < n; j++)
        chain->activations[j] = (int16_t)rshift_round((int64_t)chain->scratch[j] * (MAX_VIEWS / views), 2);
    ddz_precondition_output(&p, chain->y, chain->activations, chain->estimate, n);
}

void ddz_chain_enter_lift(struct chain *chain, const struct step *step)
{
    ddz_lift_predict(chain->estimate, chain->pyramid.width[chain->scale], chain->pyramid.height[chain->scale],
                     chain->scratch);
    memcpy(chain->predicted_bands, chain->scratch, step->samples * sizeof *chain->scratch);
    memset(chain->bands, 0, step->samples * sizeof *chain->bands);
    chain->estimate_kind = ESTIMATE_NONE;
}

static uint64_t step_key(int index)
{
    return hash_pair(chain_key, (uint64_t)index);
}

struct trellis ddz_chain_trellis(const struct step *step, int index, uint32_t bits, int register_bits)
{
    return (struct trellis){
        .samples = step->samples, .branches = bits, .register_bits = register_bits, .key = step_key(index)};
}

struct reverse_step ddz_chain_reverse_step(const struct step *step)
{
    return step->lift ? ddz_reverse_step_lift(step->level_to)
                      : ddz_reverse_step_of(step->level_from, step->level_to);
}

void ddz_chain_draw_bits(uint64_t key, uint8_t *bits, uint32_t count)
{
    for (uint32_t i = 0; i < (count + 7) / 8; i++)
        bits[i] = (uint8_t)hash_pair(key, i);
}

/* Replace the bits from `known` on. */
static void draw_missing(const struct trellis *t, uint8_t *bits, uint32_t known)
{
    for (uint32_t i = known; i < t->branches; i++) {
        uint8_t mask = (uint8_t)(0x80 >> (i & 7));
        bool one = hash_pair(t->key ^ chain_key, i) & 1;
        bits[i >> 3] = (uint8_t)(one ? bits[i >> 3] | mask : bits[i >> 3] & ~mask);
    }
}

/* y += change; a lift also joins its bands to the coarse y */
static void add_change(struct chain *chain, const struct step *step)
{
    int32_t *y = step->lift ? chain->bands : chain->y;
    for (size_t i = 0; i < step->samples; i++)
        y[i] += chain->change[i];
    if (!step->lift)
        return;
    chain->scale = step->scale;
    ddz_lift_join(chain->y, chain->bands, chain->scratch, chain->pyramid.width[step->scale],
                  chain->pyramid.height[step->scale]);
    int32_t *old = chain->y;
    chain->y = chain->scratch;
    chain->scratch = old;
}

static void change_from_noise(struct chain *chain, const struct step *step)
{
    struct reverse_step r = ddz_chain_reverse_step(step);
    ddz_reverse_step_change(&r, step->lift ? chain->bands : chain->y, chain->estimate, chain->noise,
                            chain->change, step->samples);
}

/* The noise as the network takes it */
static void keep_noise(struct chain *chain, const struct step *step)
{
    for (size_t i = 0; i < step->samples; i++)
        chain->activations[i] = (int16_t)clamp64(chain->noise[i], INT16_MIN, INT16_MAX);
}

/* xhat_0 + sigma_s sqrt(1 - r^2) J c, c being what keep_noise kept */
static void update_estimate(struct chain *chain, const struct step *step)
{
    int64_t noise_q8 = ddz_chain_reverse_step(step).noise_q8;
    ddz_net_update(chain->net, chain->activations, chain->activations);
    for (size_t i = 0; i < step->samples; i++) {
        int64_t moved = chain->estimate[i] + rshift_round(noise_q8 * chain->activations[i], 20);
        chain->estimate[i] = (int32_t)clamp64(moved, -CENTRE, CENTRE);
    }
}

void ddz_chain_apply_noise(struct chain *chain, const struct step *step)
{
    if (step->update)
        keep_noise(chain, step);
    change_from_noise(chain, step);
    add_change(chain, step);
    chain->sigma_q8 = ddz_sigma_q8(step->level_to);
    chain->estimate_kind = step->update ? ESTIMATE_UPDATED : ESTIMATE_NONE;
    if (step->update)
        update_estimate(chain, step);
}

void ddz_chain_apply(struct chain *chain, const struct step *step, const struct trellis *t, uint8_t *bits,
                     uint32_t known)
{
    bool fresh = step->lift || step->level_from == LEVEL_NOTHING;
    if (fresh && known < t->branches) {
        draw_missing(t, bits, known);
        known = t->branches;
    }
    struct mixing m = ddz_mix_plan(t->samples, t->branches, t->key);
    ddz_trellis_walk(t, bits, known, chain->mixed, chain->parallel);
    ddz_mix_inverse(&m, chain->mixed, chain->noise, chain->scratch, chain->parallel);
    if (known == t->branches) {
        ddz_chain_apply_noise(chain, step);
        return;
    }
    chain->estimate_kind = ESTIMATE_NONE;
    change_from_noise(chain, step);
    ddz_mix_forward(&m, chain->change, chain->mixed, chain->scratch, chain->parallel);
    uint32_t first = trellis_first(t, known);
    memset(chain->mixed + first, 0, (t->samples - first) * sizeof *chain->mixed);
    ddz_mix_inverse(&m, chain->mixed, chain->change, chain->scratch, chain->parallel);
    add_change(chain, step);
    chain->sigma_q8 = ddz_sigma_between_q8(step->level_from, step->level_to, known, t->branches);
}

/* From centred units to 1/256 grey level */
static int32_t grey_of(int32_t value)
{
    return (int32_t)clamp64((int64_t)value + CENTRE, 0, MAX_SAMPLE);
}

/* The estimate interpolated to full size, in centred units; in a work array if the chain has not come
 * so far. */
static const int32_t *finest_estimate(struct chain *chain)
{
    const int32_t *coarse = chain->estimate;
    int32_t *next = chain->enlarged, *other = chain->enlarged_further;
    for (int scale = chain->scale; scale > 0; scale--) {
        const struct pyramid *p = &chain->pyramid;
        ddz_lift_predict(coarse, p->width[scale], p->height[scale], chain->scratch);
        ddz_lift_join(coarse, chain->scratch, next, p->width[scale - 1], p->height[scale - 1]);
        coarse = next;
        next = other;
        other = coarse == chain->enlarged ? chain->enlarged : chain->enlarged_further;
    }
    return coarse;
}

void ddz_chain_full_estimate(struct chain *chain, int32_t *full)
{
    const int32_t *finest = finest_estimate(chain);
    size_t n = ddz_chain_samples(chain, 0);
    for (size_t i = 0; i < n; i++)
        full[i] = grey_of(finest[i]);
}

void ddz_chain_picture(struct chain *chain, uint8_t *rgb)
{
    const int32_t *finest = finest_estimate(chain);
    size_t n = ddz_chain_samples(chain, 0);
    for (size_t i = 0; i < n; i++)
        rgb[i] = (uint8_t)((grey_of(finest[i]) + GREY_LEVEL / 2) / GREY_LEVEL);
}

void ddz_chain_pixels(struct chain *chain, const struct layout *layout, const uint8_t *alpha, void *pixels)
{
    ddz_pixels_write(layout, finest_estimate(chain), alpha, pixels);
}

ddz_status ddz_chain_state_reserve(struct chain_state *state, const struct chain *chain, bool updates)
{
    if (!state->y)
        state->y = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof *state->y);
    if (!state->estimate)
        state->estimate = ddz_mem_alloc(&chain->mem, chain->capacity, sizeof *state->estimate);
    if (updates && !state->net)
        state->net = ddz_mem_alloc(
            &chain->mem, ddz_net_state_size(chain->model, chain->pyramid.width[0], chain->pyramid.height[0]),
            1);
    return state->y && state->estimate && (state->net || !updates) ? DDZ_OK : DDZ_ERR_MEMORY;
}

void ddz_chain_state_free(struct chain_state *state, const struct mem *mem)
{
    ddz_mem_free(mem, state->y);
    ddz_mem_free(mem, state->estimate);
    ddz_mem_free(mem, state->net);
    *state = (struct chain_state){0};
}

void ddz_chain_save(struct chain *chain, struct chain_state *state)
{
    if (state->net)
        ddz_net_save(chain->net, state->net);
    size_t bytes = ddz_chain_samples(chain, chain->scale) * sizeof *chain->y;
    memcpy(state->y, chain->y, bytes);
    memcpy(state->estimate, chain->estimate, bytes);
    state->scale = chain->scale;
    state->sigma_q8 = chain->sigma_q8;
    state->estimate_kind = chain->estimate_kind;
    state->views = chain->views;
}

void ddz_chain_restore(struct chain *chain, const struct chain_state *state)
{
    if (state->net)
        ddz_net_restore(chain->net, state->net);
    chain->scale = state->scale;
    chain->sigma_q8 = state->sigma_q8;
    chain->estimate_kind = state->estimate_kind;
    chain->views = state->views;
    size_t bytes = ddz_chain_samples(chain, chain->scale) * sizeof *chain->y;
    memcpy(chain->y, state->y, bytes);
    memcpy(chain->estimate, state->estimate, bytes);
}

void ddz_chain_place(struct chain *chain, const int32_t *x, int32_t level)
{
    chain->scale = 0;
    chain->sigma_q8 = ddz_sigma_q8(level);
    chain->estimate_kind = ESTIMATE_NONE;
    size_t n = ddz_chain_samples(chain, 0);
    for (size_t i = 0; i < n; i++)
        chain->y[i] = x[i] + (int32_t)asr64(chain->sigma_q8 * chain->noise[i], 20);
}

uint32_t ddz_chain_digest(const struct chain *chain)
{
    uLong crc = crc32(0, NULL, 0);
    size_t n = ddz_chain_samples(chain, chain->scale);
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        put_le32(bytes, (uint32_t)chain->y[i]);
        crc = crc32(crc, bytes, sizeof bytes);
    }
    return (uint32_t)crc;
}
