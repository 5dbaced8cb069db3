/*
 * The encoder's public calls, and how a stream is put together.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "codec/encoder.h"
#include "codec/report.h"
#include "container/frames.h"
#include "container/header.h"
#include "ddz/research.h"
#include "diffusion/lift.h"

/* Effort 1 to 9: calls of the network in the last octave, steps to a call, states of the search, and searches
 * for a part of layer 0. */
static const struct {
    int calls_log2, updates_log2, register_bits, trials;
} efforts[9] = {{0, 2, 8, 1},    {1, 2, 10, 8},   {1, 2, 12, 16},   {2, 1, 14, 64},  {2, 2, 15, 256},
                {2, 2, 16, 512}, {3, 2, 16, 768}, {3, 2, 16, 1024}, {4, 1, 16, 2048}};

static const struct parameter parameters[ENCODER_PARAMETERS] = {
    [ENCODER_THREADS] = {DDZ_PARAM_THREADS, PARAMETER_WHOLE, 0, 256, 0},
    [ENCODER_CPU_FEATURES] = {DDZ_PARAM_CPU_FEATURES, PARAMETER_WHOLE, -1, INT64_MAX, -1},
    [ENCODER_MAX_PIXELS] = {DDZ_PARAM_MAX_PIXELS, PARAMETER_WHOLE, 1, MAX_PIXELS, 1 << 26},
    [ENCODER_EFFORT] = {DDZ_PARAM_EFFORT, PARAMETER_WHOLE, 1, 9, 5},
    [ENCODER_TRELLIS_BITS] = {DDZ_PARAM_TRELLIS_BITS, PARAMETER_WHOLE_OR_ZERO, TRELLIS_MIN_BITS,
                              TRELLIS_MAX_BITS, 0},
    [ENCODER_STEERING] = {DDZ_PARAM_STEERING, PARAMETER_WHOLE, 0, 4000, 1000},
    [ENCODER_CALLS] = {DDZ_RESEARCH_CALLS_PER_OCTAVE, PARAMETER_POWER_OR_ZERO, 2, 32, 0},
    [ENCODER_UPDATES] = {DDZ_RESEARCH_UPDATES, PARAMETER_POWER_OR_ZERO, 1, 8, 0},
    [ENCODER_IDEAL] = {DDZ_RESEARCH_IDEAL_CHANNEL, PARAMETER_WHOLE, 0, 1, 0},
    [ENCODER_IDEAL_SEED] = {DDZ_RESEARCH_IDEAL_SEED, PARAMETER_WHOLE, 0, UINT32_MAX, 1},
};

/* ---- Settings ------------------------------------------------------------------------------- */

ddz_status ddz_encoder_new(const ddz_model *model, const ddz_allocator *allocator, ddz_encoder **encoder)
{
    if (!model || !encoder)
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(allocator);
    ddz_encoder *e = ddz_mem_alloc(&mem, 1, sizeof *e);
    if (!e)
        return DDZ_ERR_MEMORY;
    e->mem = mem;
    e->model = model;
    ddz_parameters_default(parameters, ENCODER_PARAMETERS, e->value);
    e->target_kind = DDZ_TARGET_QUALITY;
    e->target_value = 60;
    ddz_bit_writer_init(&e->opening, &e->mem);
    ddz_bit_writer_init(&e->main, &e->mem);
    *encoder = e;
    return DDZ_OK;
}

ddz_status ddz_encoder_set(ddz_encoder *e, int parameter, int64_t value)
{
    return e ? ddz_parameters_set(parameters, ENCODER_PARAMETERS, e->value, parameter, value)
             : DDZ_ERR_ARGUMENT;
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

ddz_status ddz_encoder_set_extra(ddz_encoder *e, ddz_extra kind, const uint8_t *data, size_t size)
{
    if (!e || (!data && size))
        return DDZ_ERR_ARGUMENT;
    return ddz_extras_set(&e->mem, &e->extras, (int)kind, data, size);
}

/* What the settings mean for the next picture */
static void apply_settings(ddz_encoder *e)
{
    const int64_t *value = e->value;
    int effort = (int)value[ENCODER_EFFORT] - 1;
    e->threads = ddz_chain_threads((int)value[ENCODER_THREADS]);
    e->isa = ddz_cpu_isa_of(value[ENCODER_CPU_FEATURES]);
    e->steering = (double)value[ENCODER_STEERING] / 1000;
    e->ideal = value[ENCODER_IDEAL];
    e->register_bits =
        value[ENCODER_TRELLIS_BITS] ? (int)value[ENCODER_TRELLIS_BITS] : efforts[effort].register_bits;
    e->trials = efforts[effort].trials;
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

/* ---- One picture ---------------------------------------------------------------------------- */

static void forget_picture(ddz_encoder *e)
{
    if (e->has_chain)
        ddz_chain_free(&e->chain);
    e->has_chain = false;
    ddz_viterbi_free(e->viterbi);
    e->viterbi = NULL;
    for (int k = 0; k <= PYRAMID_MAX_SCALES; k++) {
        ddz_mem_free(&e->mem, e->x[k]);
        e->x[k] = NULL;
    }
    ddz_mem_free(&e->mem, e->alpha);
    ddz_mem_free(&e->mem, e->bits);
    ddz_mem_free(&e->mem, e->preview);
    ddz_mem_free(&e->mem, e->target);
    ddz_mem_free(&e->mem, e->opening_bits);
    ddz_mem_free(&e->mem, e->stream);
    e->target = NULL;
    e->alpha = e->bits = e->preview = e->opening_bits = e->stream = NULL;
    e->stream_size = e->step_count = 0;
    ddz_bit_writer_free(&e->opening);
    ddz_bit_writer_free(&e->main);
    e->eighths = 0;
}

void ddz_encoder_free(ddz_encoder *e)
{
    if (!e)
        return;
    struct mem mem = e->mem;
    forget_picture(e);
    ddz_extras_free(&mem, &e->extras);
    ddz_mem_free(&mem, e);
}

/* x_0 at every scale */
static ddz_status make_pyramid(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    const struct pyramid *p = &e->chain.pyramid;
    for (int k = 0; k <= p->coarsest; k++) {
        e->x[k] = ddz_mem_alloc(&e->mem, (size_t)3 * p->width[k] * p->height[k], sizeof(int32_t));
        if (!e->x[k])
            return DDZ_ERR_MEMORY;
        if (k > 0)
            ddz_lift_average(e->x[k - 1], p->width[k - 1], p->height[k - 1], e->x[k]);
        else
            ddz_pixels_read(layout, pixels, e->x[0]);
    }
    return DDZ_OK;
}

/* The alpha plane of the pixels, else that of the extras, into e->alpha. */
static ddz_status take_alpha(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    const uint8_t *extra = e->extras.data[DDZ_EXTRA_ALPHA - 1];
    size_t size = (size_t)layout->width * layout->height;
    bool of_pixels = ddz_layout_has_alpha(layout);
    if (!of_pixels && !extra)
        return DDZ_OK;
    if (!of_pixels && e->extras.size[DDZ_EXTRA_ALPHA - 1] != size)
        return DDZ_ERR_ARGUMENT;
    e->alpha = ddz_mem_alloc(&e->mem, size, 1);
    if (!e->alpha)
        return DDZ_ERR_MEMORY;
    if (!of_pixels) {
        memcpy(e->alpha, extra, size);
    } else if (!ddz_pixels_read_alpha(layout, pixels, e->alpha)) {
        ddz_mem_free(&e->mem, e->alpha);
        e->alpha = NULL;
    }
    return DDZ_OK;
}

static ddz_status open_picture(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_status status = take_alpha(e, layout, pixels);
    if (status == DDZ_OK)
        status =
            ddz_chain_init(&e->chain, &e->mem, e->model, layout->width, layout->height, e->threads, e->isa);
    if (status != DDZ_OK)
        return status;
    e->has_chain = true;
    e->bits = ddz_mem_alloc(&e->mem, e->chain.capacity / 8 + 1, 1);
    e->preview = ddz_mem_alloc(&e->mem, e->chain.capacity, 1);
    e->target = ddz_mem_alloc(&e->mem, e->chain.capacity, sizeof *e->target);
    e->viterbi = ddz_viterbi_new(&e->mem, e->register_bits, e->threads, e->isa);
    return e->bits && e->preview && e->target && e->viterbi ? make_pyramid(e, layout, pixels)
                                                            : DDZ_ERR_MEMORY;
}

/* Header, layer 0, main frame, extras, digest in one buffer; cut to the target in bytes. */
static ddz_status assemble(ddz_encoder *e, const uint8_t *head, size_t head_size, const uint8_t *extras,
                           size_t extras_size)
{
    uint8_t *frame;
    size_t frame_size, opening_size = ddz_bit_writer_bytes(&e->opening);
    ddz_status status =
        ddz_frame_store(&e->mem, e->main.data, ddz_bit_writer_bytes(&e->main), &frame, &frame_size);
    if (status != DDZ_OK)
        return status;
    size_t total = head_size + opening_size + frame_size + extras_size + 4;
    e->stream = ddz_mem_alloc(&e->mem, total, 1);
    if (e->stream) {
        uint8_t *p = e->stream;
        memcpy(p, head, head_size);
        p += head_size;
        if (opening_size)
            memcpy(p, e->opening.data, opening_size);
        p += opening_size;
        memcpy(p, frame, frame_size);
        p += frame_size;
        if (extras_size)
            memcpy(p, extras, extras_size);
        put_le32(p + extras_size, ddz_chain_digest(&e->chain));
        e->stream_size = total;
        if (e->target_kind == DDZ_TARGET_BYTES && (double)total > e->target_value)
            e->stream_size = (size_t)e->target_value;
    }
    ddz_mem_free(&e->mem, frame);
    return e->stream ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* Room for layer 0 and for the content of the main frame, by the target in bytes. */
static void set_limits(ddz_encoder *e, size_t head_size, size_t extras_size)
{
    e->opening_limit = e->main_limit = UINT64_MAX;
    if (e->target_kind != DDZ_TARGET_BYTES)
        return;
    uint64_t opening_bits = 0, bytes = (uint64_t)e->target_value;
    for (int i = 0; i < e->schedule.opening; i++)
        opening_bits += e->schedule.step[i].bits;
    uint64_t others = head_size + (opening_bits + 7) / 8 + extras_size + 4;
    e->opening_limit = bytes > head_size ? 8 * (bytes - head_size) : 0;
    e->main_limit = bytes > others ? 8 * ddz_frame_content_for(bytes - others) : 0;
    if (e->main_limit < 8 * SETTINGS_SIZE)
        e->main_limit = 8 * SETTINGS_SIZE;
}

static void begin_stream(ddz_encoder *e, bool has_extras)
{
    uint8_t settings[SETTINGS_SIZE];
    struct settings stored = {.trellis_bits = e->register_bits,
                              .calls_log2 = e->walk.calls_log2,
                              .uniform = e->walk.uniform,
                              .updates_log2 = e->walk.updates_log2,
                              .end_level = e->walk.end_level,
                              .model_id = e->model->id,
                              .has_extras = has_extras};
    ddz_settings_write(&stored, settings);
    ddz_bit_truncate(&e->opening, 0);
    ddz_bit_truncate(&e->main, 0);
    ddz_bit_append(&e->main, settings, 8 * SETTINGS_SIZE);
    e->step_count = 0;
    e->eighths = 0;
}

/* The frame of the side layers; *size 0 if there are none. */
static ddz_status make_extras(const ddz_encoder *e, uint8_t **frame, size_t *size)
{
    const struct pyramid *p = &e->chain.pyramid;
    struct extras extras = e->extras; /* lent */
    extras.data[DDZ_EXTRA_ALPHA - 1] = e->alpha;
    extras.size[DDZ_EXTRA_ALPHA - 1] = e->alpha ? (size_t)p->width[0] * p->height[0] : 0;
    if (!ddz_extras_any(&extras))
        return DDZ_OK;
    return ddz_extras_compress(&e->mem, &extras, p->width[0], p->height[0], frame, size);
}

/* Walk the chain, again if it has to end later, and put the stream together. */
static ddz_status walk(ddz_encoder *e, const uint8_t *head, size_t head_size, const uint8_t *extras,
                       size_t extras_size)
{
    ddz_status status = ddz_target_choose_end(e);
    bool again = false;
    if (status == DDZ_OK && !e->ideal) {
        ddz_progress_next(&e->progress, 20);
        status = ddz_opening_choose(e);
    }
    while (status == DDZ_OK) {
        /* another walk may follow where the first can miss its target */
        bool may_miss = e->target_kind == DDZ_TARGET_BYTES || e->target_kind == DDZ_TARGET_PSNR;
        ddz_progress_next(&e->progress, may_miss ? 80 : 100);
        set_limits(e, head_size, extras_size);
        begin_stream(e, extras_size > 0);
        status = ddz_encoder_walk(e);
        if (status == DDZ_OK)
            status = ddz_target_end_later(e, &again);
        if (status == DDZ_OK && !again)
            break;
    }
    if (status == DDZ_OK && (e->opening.failed || e->main.failed))
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK && e->ideal)
        e->stream_size = (size_t)ceil(ddz_encoder_ideal_bits(e) / 8);
    else if (status == DDZ_OK)
        status = assemble(e, head, head_size, extras, extras_size);
    return status;
}

static ddz_status encode(ddz_encoder *e)
{
    const struct pyramid *p = &e->chain.pyramid;
    uint8_t head[HEADER_MAX_SIZE], *extras = NULL;
    struct header header = {
        .width = p->width[0], .height = p->height[0], .model_low = ddz_header_model_low(e->model->id)};
    size_t head_size = ddz_header_write(&header, head), extras_size = 0;
    if (e->target_kind == DDZ_TARGET_BYTES && e->target_value < (double)head_size)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_progress_begin(&e->progress);
    if (status == DDZ_OK)
        status = make_extras(e, &extras, &extras_size);
    if (status == DDZ_OK)
        status = walk(e, head, head_size, extras, extras_size);
    ddz_mem_free(&e->mem, extras);
    return status == DDZ_OK ? ddz_progress_end(&e->progress) : status;
}

ddz_status ddz_encoder_encode(ddz_encoder *e, uint32_t width, uint32_t height, ddz_pixel_format format,
                              const void *pixels, size_t stride, size_t size)
{
    struct layout layout;
    if (!e || !pixels || width < 1 || height < 1 || width > HEADER_MAX_SIDE || height > HEADER_MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_layout_make(&layout, format, width, height, stride, size);
    if (status != DDZ_OK)
        return status;
    if ((int64_t)width * height > e->value[ENCODER_MAX_PIXELS])
        return DDZ_ERR_PIXEL_LIMIT;
    forget_picture(e);
    apply_settings(e);
    status = open_picture(e, &layout, pixels);
    if (status == DDZ_OK)
        status = encode(e);
    if (status != DDZ_OK)
        forget_picture(e);
    return status;
}

/* ---- Results -------------------------------------------------------------------------------- */

ddz_status ddz_encoder_stream(const ddz_encoder *e, const uint8_t **data, size_t *size)
{
    if (!e || !data || !size)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    *data = e->stream;
    *size = e->stream_size;
    return DDZ_OK;
}

ddz_status ddz_encoder_step_count(const ddz_encoder *e, size_t *count)
{
    if (!e || !count)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    *count = e->step_count;
    return DDZ_OK;
}

ddz_status ddz_encoder_step(const ddz_encoder *e, size_t index, ddz_step *step, size_t step_size)
{
    if (!e || !step || index >= e->step_count)
        return DDZ_ERR_ARGUMENT;
    ddz_copy_sized(step, step_size, &e->steps[index].step, sizeof e->steps[index].step);
    return DDZ_OK;
}

ddz_status ddz_research_encoder_step(const ddz_encoder *e, size_t index, ddz_research_step *step,
                                     size_t step_size)
{
    if (!e || !step || index >= e->step_count)
        return DDZ_ERR_ARGUMENT;
    ddz_copy_sized(step, step_size, &e->steps[index].research, sizeof e->steps[index].research);
    return DDZ_OK;
}

ddz_status ddz_encoder_picture(ddz_encoder *e, ddz_pixel_format format, void *pixels, size_t stride,
                               size_t size)
{
    struct layout layout;
    if (!e || !pixels)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    ddz_status status =
        ddz_layout_make(&layout, format, e->chain.pyramid.width[0], e->chain.pyramid.height[0], stride, size);
    if (status != DDZ_OK)
        return status;
    ddz_chain_last_estimate(&e->chain);
    ddz_chain_pixels(&e->chain, &layout, e->alpha, pixels);
    return DDZ_OK;
}

ddz_status ddz_research_encoder_estimate(ddz_encoder *e, int32_t *estimate, size_t count)
{
    if (!e || !estimate)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    if (count != ddz_chain_samples(&e->chain, 0))
        return DDZ_ERR_ARGUMENT;
    ddz_chain_last_estimate(&e->chain);
    ddz_chain_full_estimate(&e->chain, estimate);
    return DDZ_OK;
}
