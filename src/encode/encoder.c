/*
 * The encoder's public calls, but for those that tell what it has sent.
 */
#include <string.h>

#include "base/fixed.h"
#include "chain/report.h"
#include "cpu/cpu.h"
#include "ddz/research.h"
#include "encode/exact.h"
#include "encode/layers.h"
#include "encode/preview.h"
#include "encode/stream.h"
#include "format/exact_layer.h"
#include "format/limits.h"

/* Effort 1 to 9: calls of the network in the last octave, steps to a call, views for the picture, states of the
 * search, and searches for a part of the preview. */
static const struct {
    int calls_log2, updates_log2, views_log2, register_bits, trials;
} efforts[9] = {{1, 2, 0, 8, 1},    {1, 2, 1, 10, 4},   {1, 2, 1, 12, 8},
                {1, 2, 1, 14, 16},  {1, 2, 1, 16, 32},  {2, 2, 2, 16, 64},
                {2, 2, 2, 16, 256}, {3, 2, 2, 16, 512}, {4, 1, 2, 16, 1024}};

static const struct parameter parameters[ENCODER_PARAMETERS] = {
    [ENCODER_THREADS] = {DDZ_PARAM_THREADS, PARAMETER_WHOLE, 0, 256, 0},
    [ENCODER_CPU_FEATURES] = {DDZ_PARAM_CPU_FEATURES, PARAMETER_WHOLE, -1, INT64_MAX, -1},
    [ENCODER_MAX_PIXELS] = {DDZ_PARAM_MAX_PIXELS, PARAMETER_WHOLE, 1, MAX_PIXELS, 1 << 26},
    [ENCODER_MEMORY_LIMIT] = {DDZ_PARAM_MEMORY_LIMIT, PARAMETER_WHOLE, 0, INT64_MAX, 0},
    [ENCODER_EFFORT] = {DDZ_PARAM_EFFORT, PARAMETER_WHOLE, 1, 9, 5},
    [ENCODER_TRELLIS_BITS] = {DDZ_PARAM_TRELLIS_BITS, PARAMETER_WHOLE_OR_ZERO, TRELLIS_MIN_BITS,
                              TRELLIS_MAX_BITS, 0},
    [ENCODER_STEERING] = {DDZ_PARAM_STEERING, PARAMETER_WHOLE, 0, 4000, 700},
    [ENCODER_KEEP_INVISIBLE] = {DDZ_PARAM_KEEP_INVISIBLE, PARAMETER_WHOLE, 0, 1, 0},
    [ENCODER_EXACT] = {DDZ_PARAM_EXACT, PARAMETER_WHOLE, EXACT_AUTOMATIC, EXACT_KEEPS_CHAIN, EXACT_AUTOMATIC},
    [ENCODER_MAX_ERROR] = {DDZ_PARAM_MAX_ERROR, PARAMETER_WHOLE, 0, EXACT_MAX_ERROR, 0},
    [ENCODER_CALLS] = {DDZ_RESEARCH_CALLS_PER_OCTAVE, PARAMETER_POWER_OR_ZERO, 2, 32, 0},
    [ENCODER_UPDATES] = {DDZ_RESEARCH_UPDATES, PARAMETER_POWER_OR_ZERO, 1, 8, 0},
    [ENCODER_IDEAL] = {DDZ_RESEARCH_IDEAL_CHANNEL, PARAMETER_WHOLE, 0, 1, 0},
    [ENCODER_IDEAL_SEED] = {DDZ_RESEARCH_IDEAL_SEED, PARAMETER_WHOLE, 0, UINT32_MAX, 1},
    [ENCODER_STEP_PSNR] = {DDZ_RESEARCH_STEP_PSNR, PARAMETER_WHOLE, 0, 1, 0},
};

/* ---- Settings ------------------------------------------------------------------------------- */

/* Of a lack of memory, the caller wants to know whether it was the limit. */
static ddz_status outward(const ddz_encoder *e, ddz_status status)
{
    return status == DDZ_ERR_MEMORY && e->account.exceeded ? DDZ_ERR_MEMORY_LIMIT : status;
}

ddz_status ddz_encoder_new(const ddz_model *model, const ddz_allocator *allocator, ddz_encoder **encoder)
{
    if (!model || !encoder)
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(allocator);
    ddz_encoder *e = ddz_mem_alloc(&mem, 1, sizeof *e);
    if (!e)
        return DDZ_ERR_MEMORY;
    e->mem = mem;
    e->mem.account = &e->account;
    e->model = model;
    ddz_parameters_default(parameters, ENCODER_PARAMETERS, e->value);
    e->target_kind = DDZ_TARGET_QUALITY;
    e->target_value = 60;
    ddz_stream_writer_init(&e->writer, &e->mem);
    *encoder = e;
    return DDZ_OK;
}

ddz_status ddz_encoder_set(ddz_encoder *e, int parameter, int64_t value)
{
    if (!e)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_parameters_set(parameters, ENCODER_PARAMETERS, e->value, parameter, value);
    e->account.limit = (uint64_t)e->value[ENCODER_MEMORY_LIMIT];
    return status;
}

static bool target_valid(ddz_target target, double v)
{
    switch (target) {
    case DDZ_TARGET_QUALITY:
        return v >= 0 && v <= 100;
    case DDZ_TARGET_BYTES:
        return v >= 1 && v <= 1e15;
    case DDZ_TARGET_PSNR:
        return v > 0 && v <= 100;
    case DDZ_TARGET_SIGMA:
        return v > 0 && ddz_report_level(v) >= LEVEL_MIN_END && ddz_report_level(v) <= LEVEL_MAX_END;
    }
    return false;
}

ddz_status ddz_encoder_set_target(ddz_encoder *e, ddz_target target, double value)
{
    if (!e || (int)target < 0)
        return DDZ_ERR_ARGUMENT;
    if (target > DDZ_TARGET_SIGMA)
        return DDZ_ERR_UNSUPPORTED;
    if (!target_valid(target, value))
        return DDZ_ERR_ARGUMENT;
    e->target_kind = target;
    e->target_value = value;
    return DDZ_OK;
}

ddz_status ddz_encoder_set_progress(ddz_encoder *e, ddz_progress progress, void *cookie)
{
    if (!e)
        return DDZ_ERR_ARGUMENT;
    e->progress = (struct progress){.callback = progress, .cookie = cookie};
    return DDZ_OK;
}

ddz_status ddz_encoder_set_runner(ddz_encoder *e, ddz_runner runner, void *cookie, int threads)
{
    if (!e || (runner && (threads < 1 || threads > PARALLEL_MAX_THREADS)))
        return DDZ_ERR_ARGUMENT;
    e->runner = (struct parallel_runner){runner, cookie, threads};
    return DDZ_OK;
}

ddz_status ddz_encoder_set_extra(ddz_encoder *e, ddz_extra kind, const uint8_t *data, size_t size)
{
    if (!e || (!data && size))
        return DDZ_ERR_ARGUMENT;
    return outward(e, ddz_extras_set(&e->mem, &e->extras, (int)kind, data, size));
}

/* What the settings mean for the next picture */
static void apply_settings(ddz_encoder *e)
{
    const int64_t *value = e->value;
    int effort = (int)value[ENCODER_EFFORT] - 1;
    e->features = ddz_cpu_allowed(value[ENCODER_CPU_FEATURES]);
    /* what steering holds back, an exact layer has to say again: with half of it, both together are smallest */
    e->steering = (double)value[ENCODER_STEERING] / (value[ENCODER_EXACT] > 0 ? 2000 : 1000);
    e->ideal = value[ENCODER_IDEAL];
    e->automatic = value[ENCODER_EXACT] == EXACT_AUTOMATIC && !e->ideal;
    e->register_bits =
        value[ENCODER_TRELLIS_BITS] ? (int)value[ENCODER_TRELLIS_BITS] : efforts[effort].register_bits;
    e->trials = efforts[effort].trials;
    e->views = 1 << efforts[effort].views_log2;
    e->walk =
        (struct walk){.calls_log2 = efforts[effort].calls_log2, .updates_log2 = efforts[effort].updates_log2};
    if (value[ENCODER_CALLS]) {
        e->walk.calls_log2 = ddz_ilog2((uint64_t)value[ENCODER_CALLS]);
        e->walk.uniform = true;
        e->walk.updates_log2 = 0;
    }
    if (value[ENCODER_UPDATES])
        e->walk.updates_log2 = ddz_ilog2((uint64_t)value[ENCODER_UPDATES]);
}

/* Samples of the aim's offset, or of x_0 at the coarser scales */
static size_t offset_samples(const struct pyramid *p)
{
    size_t capacity = ddz_chain_capacity(p->width[0], p->height[0]), coarser = 0;
    for (int k = 1; k <= p->coarsest; k++)
        coarser += (size_t)3 * p->width[k] * p->height[k];
    return coarser > capacity ? coarser : capacity;
}

/* What ddz_encoder_take_room allocates */
static uint64_t room_memory(const struct pyramid *p, int register_bits, int lanes)
{
    uint64_t capacity = ddz_chain_capacity(p->width[0], p->height[0]);
    return sizeof(int32_t) * capacity + sizeof(int16_t) * (uint64_t)offset_samples(p) + 2 * (capacity / 8) +
           ddz_viterbi_memory(register_bits, (uint32_t)capacity, lanes);
}

/* Whether a target PSNR is reached is seen in estimates that leave those alone which the walk goes on from. */
static enum net_use network_use(const ddz_encoder *e)
{
    return e->target_kind == DDZ_TARGET_PSNR ? NET_ASIDE : NET_KEEPS;
}

ddz_status ddz_encoder_memory(const ddz_encoder *e, uint32_t width, uint32_t height, uint64_t *bytes)
{
    enum { SLACK = 1 << 13, LANE_SLACK = 1 << 10 }; /* what allocations take beside what they give */
    if (!e || !bytes || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    struct ddz_encoder plan = {.target_kind = e->target_kind, .target_value = e->target_value};
    memcpy(plan.value, e->value, sizeof plan.value);
    apply_settings(&plan);
    int lanes = e->runner.run ? e->runner.lanes : ddz_parallel_threads((int)e->value[ENCODER_THREADS]);
    struct pyramid p = ddz_pyramid_of(width, height);
    plan.walk.end_level = LEVEL_MIN_END; /* the preview is the same for any */
    ddz_schedule_build(&plan.schedule, e->model, &p, plan.walk);
    uint64_t states = 0, preview = plan.ideal ? 0
                                              : ddz_preview_memory(&plan.schedule, &p, e->model, lanes,
                                                                   plan.trials, plan.features);
    if (e->target_kind == DDZ_TARGET_PSNR)
        states = 2 * ddz_chain_state_memory(width, height, ENCODER_STATE);
    /* the preview is chosen before the walk, which keeps states; an exact layer is tried and coded without room for walks */
    uint64_t exact = e->value[ENCODER_EXACT] ? ddz_exact_memory(width, height) : 0;
    uint64_t walk = room_memory(&p, plan.register_bits, lanes) + (preview > states ? preview : states);
    if (e->value[ENCODER_EXACT] > 0 && walk < exact)
        walk = exact;
    *bytes = sizeof(int16_t) * 3 * (uint64_t)width * height + walk +
             ddz_chain_memory(e->model, network_use(e), width, height, lanes, plan.features);
    if (*bytes < exact) /* if the chain may be missing, it is tried before that is there */
        *bytes = exact;
    *bytes += sizeof plan + SLACK + (uint64_t)lanes * LANE_SLACK;
    return DDZ_OK;
}

/* ---- One picture ---------------------------------------------------------------------------- */

void ddz_encoder_forget_room(ddz_encoder *e)
{
    ddz_chain_state_free(e->before_step);
    ddz_chain_state_free(e->present);
    ddz_viterbi_free(e->viterbi);
    ddz_mem_free(&e->mem, e->bits);
    ddz_mem_free(&e->mem, e->room.shift);
    ddz_mem_free(&e->mem, e->room.offset.low);
    ddz_mem_free(&e->mem, e->room.offset.far);
    e->before_step = e->present = NULL;
    e->viterbi = NULL;
    e->bits = NULL;
    e->room = (struct shift_room){0};
    for (int k = 1; k <= PYRAMID_MAX_SCALES; k++)
        e->x[k] = NULL;
}

ddz_status ddz_encoder_take_room(ddz_encoder *e)
{
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    size_t samples = ddz_chain_capacity(p->width[0], p->height[0]);
    e->bits = ddz_mem_alloc(&e->mem, samples / 8 + 1, 1);
    e->room.shift = ddz_mem_alloc(&e->mem, samples, sizeof *e->room.shift);
    e->room.offset.low = ddz_mem_alloc(&e->mem, offset_samples(p), sizeof *e->room.offset.low);
    e->room.offset.far = ddz_mem_alloc(&e->mem, samples / 8 + 1, 1);
    e->viterbi = ddz_viterbi_new(&e->mem, e->register_bits, (uint32_t)samples, e->parallel, e->features);
    if (!e->bits || !e->room.shift || !e->room.offset.low || !e->room.offset.far || !e->viterbi)
        return DDZ_ERR_MEMORY;
    ddz_mem_scatter(&e->mem, e->room.shift, samples * sizeof *e->room.shift);
    int16_t *x = e->room.offset.low;
    for (int k = 1; k <= p->coarsest; k++) {
        e->x[k] = x;
        x += (size_t)3 * p->width[k] * p->height[k];
    }
    return DDZ_OK;
}

static void forget_picture(ddz_encoder *e)
{
    ddz_encoder_forget_room(e);
    ddz_chain_free(e->chain);
    e->chain = NULL;
    ddz_parallel_free(e->parallel);
    e->parallel = NULL;
    ddz_mem_free(&e->mem, e->x[0]);
    e->x[0] = NULL;
    ddz_mem_free(&e->mem, e->alpha);
    ddz_mem_free(&e->mem, e->preview_bits);
    ddz_mem_free(&e->mem, e->stream);
    e->alpha = e->preview_bits = e->stream = NULL;
    e->stream_size = e->step_count = 0;
    ddz_stream_writer_free(&e->writer);
    ddz_exact_free(&e->exact);
    e->with_exact = e->preview_only = e->short_preview = e->too_long = false;
    e->chain_room = 0;
    ddz_partial_free(&e->partial, &e->mem);
    e->most = UINT64_MAX;
}

void ddz_encoder_free(ddz_encoder *e)
{
    if (!e)
        return;
    struct mem mem = {e->mem.functions, NULL}; /* the account goes with the encoder */
    forget_picture(e);
    ddz_extras_free(&e->mem, &e->extras);
    ddz_mem_free(&mem, e);
}

static ddz_status take_pixels(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    e->x[0] = ddz_mem_alloc(&e->mem, ddz_chain_samples(e->chain, 0), sizeof *e->x[0]);
    if (!e->x[0])
        return DDZ_ERR_MEMORY;
    ddz_pixels_read(layout, pixels, e->x[0]);
    return ddz_layers_prepare(e);
}

static ddz_status open_picture(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_status status = ddz_layers_take_alpha(e, layout, pixels);
    if (status != DDZ_OK)
        return status;
    e->parallel = ddz_parallel_new(&e->mem, (int)e->value[ENCODER_THREADS], &e->runner);
    if (!e->parallel)
        return DDZ_ERR_MEMORY;
    e->chain = ddz_chain_new(&e->mem, e->model, network_use(e), layout->width, layout->height, 0, e->parallel,
                             e->features);
    if (!e->chain)
        return DDZ_ERR_MEMORY;
    return take_pixels(e, layout, pixels);
}

ddz_status ddz_encoder_encode(ddz_encoder *e, uint32_t width, uint32_t height, ddz_pixel_format format,
                              const void *pixels, size_t stride, size_t size)
{
    struct layout layout;
    if (!e || !pixels || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_layout_make(&layout, format, width, height, stride, size);
    if (status != DDZ_OK)
        return status;
    if ((int64_t)width * height > e->value[ENCODER_MAX_PIXELS])
        return DDZ_ERR_PIXEL_LIMIT;
    forget_picture(e);
    e->account.exceeded = false;
    apply_settings(e);
    status = ddz_progress_begin(&e->progress);
    if (status == DDZ_OK && e->automatic)
        status = ddz_encoder_try_graphics(e, &layout, pixels);
    if (status == DDZ_OK && e->automatic)
        status = ddz_encoder_try_partial(e, &layout, pixels);
    if (status == DDZ_OK)
        status = open_picture(e, &layout, pixels);
    if (status == DDZ_OK)
        status = ddz_encoder_make_stream(e, &layout, pixels);
    if (status == DDZ_OK)
        status = ddz_progress_end(&e->progress);
    if (status != DDZ_OK)
        forget_picture(e);
    return outward(e, status);
}
