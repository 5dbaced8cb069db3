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
#include "diffusion/lift.h"

/* Effort 1 to 9: calls of the network in the last octave, steps to a call, states of the search, and searches
 * for a part of layer 0. */
static const struct {
    int calls_log2, updates_log2, register_bits, trials;
} efforts[9] = {{0, 2, 8, 1},    {1, 2, 10, 8},   {1, 2, 12, 16},   {2, 1, 14, 64},  {2, 2, 15, 256},
                {2, 2, 16, 512}, {3, 2, 16, 768}, {3, 2, 16, 1024}, {4, 1, 16, 2048}};

void ddz_encoder_defaults(ddz_encoder_settings *settings)
{
    *settings = (ddz_encoder_settings){.struct_size = sizeof *settings,
                                       .target = DDZ_TARGET_QUALITY,
                                       .target_value = 60,
                                       .effort = 5,
                                       .steering = 1,
                                       .seed = 1,
                                       .channel = DDZ_CHANNEL_TRELLIS,
                                       .isa = DDZ_ISA_BEST,
                                       .max_pixels = (uint64_t)1 << 26};
}

static bool target_valid(const ddz_encoder_settings *s)
{
    double v = s->target_value;
    switch (s->target) {
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

static bool settings_valid(const ddz_encoder_settings *s)
{
    int n = s->calls_per_octave, updates = s->updates;
    return s->struct_size == sizeof *s && target_valid(s) && s->effort >= 1 && s->effort <= 9 &&
           s->steering >= 0 && s->steering <= 4 &&
           (s->trellis_bits == 0 ||
            (s->trellis_bits >= TRELLIS_MIN_BITS && s->trellis_bits <= TRELLIS_MAX_BITS)) &&
           (n == 0 || (n >= 2 && n <= 32 && (n & (n - 1)) == 0)) && updates >= 0 && updates <= 8 &&
           (updates & (updates - 1)) == 0 && s->threads >= 0 && s->threads <= 256 &&
           (s->channel == DDZ_CHANNEL_TRELLIS || s->channel == DDZ_CHANNEL_IDEAL) && s->max_pixels >= 1 &&
           s->max_pixels <= MAX_PIXELS;
}

ddz_status ddz_encoder_new(const ddz_model *model, const ddz_encoder_settings *settings,
                           ddz_encoder **encoder)
{
    ddz_encoder_settings defaults;
    ddz_encoder_defaults(&defaults);
    if (!settings)
        settings = &defaults;
    if (!model || !encoder || !settings_valid(settings))
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(&settings->allocator);
    ddz_encoder *e = ddz_mem_alloc(&mem, 1, sizeof *e);
    if (!e)
        return DDZ_ERR_MEMORY;
    e->mem = mem;
    e->settings = *settings;
    e->settings.threads = ddz_chain_threads(settings->threads);
    e->model = model;
    e->register_bits =
        settings->trellis_bits ? settings->trellis_bits : efforts[settings->effort - 1].register_bits;
    e->walk.calls_log2 = efforts[settings->effort - 1].calls_log2;
    e->walk.updates_log2 = efforts[settings->effort - 1].updates_log2;
    e->trials = efforts[settings->effort - 1].trials;
    if (settings->calls_per_octave) {
        e->walk.calls_log2 = ddz_ilog2((uint64_t)settings->calls_per_octave);
        e->walk.uniform = true;
        e->walk.updates_log2 = 0;
    }
    if (settings->updates)
        e->walk.updates_log2 = ddz_ilog2((uint64_t)settings->updates);
    ddz_bit_writer_init(&e->opening, &e->mem);
    ddz_bit_writer_init(&e->main, &e->mem);
    e->viterbi = ddz_viterbi_new(&e->mem, e->register_bits, e->settings.threads, settings->isa);
    if (!e->viterbi) {
        ddz_encoder_free(e);
        return DDZ_ERR_MEMORY;
    }
    *encoder = e;
    return DDZ_OK;
}

static void forget_picture(ddz_encoder *e)
{
    if (e->has_chain)
        ddz_chain_free(&e->chain);
    e->has_chain = false;
    for (int k = 0; k <= PYRAMID_MAX_SCALES; k++) {
        ddz_mem_free(&e->mem, e->x[k]);
        e->x[k] = NULL;
    }
    ddz_mem_free(&e->mem, e->bits);
    ddz_mem_free(&e->mem, e->preview);
    ddz_mem_free(&e->mem, e->target);
    ddz_mem_free(&e->mem, e->opening_bits);
    ddz_mem_free(&e->mem, e->stream);
    e->target = NULL;
    e->bits = e->preview = e->opening_bits = e->stream = NULL;
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
    ddz_viterbi_free(e->viterbi);
    ddz_bit_writer_free(&e->opening);
    ddz_bit_writer_free(&e->main);
    ddz_mem_free(&mem, e);
}

ddz_status ddz_encoder_set_extra(ddz_encoder *e, ddz_extra kind, const uint8_t *data, size_t size)
{
    if (!e || (!data && size))
        return DDZ_ERR_ARGUMENT;
    return ddz_extras_set(&e->mem, &e->extras, (int)kind, data, size);
}

/* x_0 at every scale */
static ddz_status make_pyramid(ddz_encoder *e)
{
    const struct pyramid *p = &e->chain.pyramid;
    for (int k = 0; k <= p->coarsest; k++) {
        e->x[k] = ddz_mem_alloc(&e->mem, (size_t)3 * p->width[k] * p->height[k], sizeof(int32_t));
        if (!e->x[k])
            return DDZ_ERR_MEMORY;
        if (k > 0)
            ddz_lift_average(e->x[k - 1], p->width[k - 1], p->height[k - 1], e->x[k]);
        for (size_t i = 0; k == 0 && i < (size_t)3 * p->width[0] * p->height[0]; i++)
            e->x[0][i] = 256 * e->rgb[i] - 32640;
    }
    return DDZ_OK;
}

static ddz_status open_picture(ddz_encoder *e, uint32_t width, uint32_t height)
{
    ddz_status status =
        ddz_chain_init(&e->chain, &e->mem, e->model, width, height, e->settings.threads, e->settings.isa);
    if (status != DDZ_OK)
        return status;
    e->has_chain = true;
    e->bits = ddz_mem_alloc(&e->mem, e->chain.capacity / 8 + 1, 1);
    e->preview = ddz_mem_alloc(&e->mem, e->chain.capacity, 1);
    e->target = ddz_mem_alloc(&e->mem, e->chain.capacity, sizeof *e->target);
    return e->bits && e->preview && e->target ? make_pyramid(e) : DDZ_ERR_MEMORY;
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
        if (e->settings.target == DDZ_TARGET_BYTES && (double)total > e->settings.target_value)
            e->stream_size = (size_t)e->settings.target_value;
    }
    ddz_mem_free(&e->mem, frame);
    return e->stream ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* Room for layer 0 and for the content of the main frame, by the target in bytes. */
static void set_limits(ddz_encoder *e, size_t head_size, size_t extras_size)
{
    e->opening_limit = e->main_limit = UINT64_MAX;
    if (e->settings.target != DDZ_TARGET_BYTES)
        return;
    uint64_t opening_bits = 0, bytes = (uint64_t)e->settings.target_value;
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

static ddz_status encode(ddz_encoder *e)
{
    const struct pyramid *p = &e->chain.pyramid;
    uint8_t head[HEADER_MAX_SIZE];
    struct header header = {
        .width = p->width[0], .height = p->height[0], .model_low = ddz_header_model_low(e->model->id)};
    size_t head_size = ddz_header_write(&header, head);
    uint8_t *extras = NULL;
    size_t extras_size = 0;
    ddz_status status = DDZ_OK;
    if (e->settings.target == DDZ_TARGET_BYTES && e->settings.target_value < (double)head_size)
        return DDZ_ERR_ARGUMENT;
    if (ddz_extras_any(&e->extras))
        status = ddz_extras_compress(&e->mem, &e->extras, p->width[0], p->height[0], &extras, &extras_size);
    if (status != DDZ_OK)
        return status;

    ddz_target_choose_end(e);
    do {
        set_limits(e, head_size, extras_size);
        begin_stream(e, extras_size > 0);
        status = ddz_encoder_walk(e);
    } while (status == DDZ_OK && ddz_target_end_later(e));
    if (status == DDZ_OK && (e->opening.failed || e->main.failed))
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK && e->settings.channel == DDZ_CHANNEL_IDEAL)
        e->stream_size = (size_t)ceil(ddz_encoder_ideal_bits(e) / 8);
    else if (status == DDZ_OK)
        status = assemble(e, head, head_size, extras, extras_size);
    ddz_mem_free(&e->mem, extras);
    return status;
}

ddz_status ddz_encoder_encode(ddz_encoder *e, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    if (!e || !rgb || width < 1 || height < 1 || width > HEADER_MAX_SIDE || height > HEADER_MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    if ((uint64_t)width * height > e->settings.max_pixels)
        return DDZ_ERR_LIMIT;
    forget_picture(e);
    e->rgb = rgb;
    ddz_status status = open_picture(e, width, height);
    if (status == DDZ_OK)
        status = encode(e);
    e->rgb = NULL;
    if (status != DDZ_OK)
        forget_picture(e);
    return status;
}

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

size_t ddz_encoder_steps(const ddz_encoder *e, const ddz_step **steps)
{
    *steps = e->steps;
    return e->step_count;
}

ddz_status ddz_encoder_picture(ddz_encoder *e, uint8_t *rgb)
{
    if (!e || !rgb)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    ddz_chain_last_estimate(&e->chain);
    ddz_chain_picture(&e->chain, rgb);
    return DDZ_OK;
}

ddz_status ddz_encoder_estimate(ddz_encoder *e, int32_t *estimate)
{
    if (!e || !estimate)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    ddz_chain_last_estimate(&e->chain);
    ddz_chain_full_estimate(&e->chain, estimate);
    return DDZ_OK;
}
