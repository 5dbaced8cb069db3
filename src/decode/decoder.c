/*
 * The decoder's public calls: settings, the stream as it arrives, and what it says.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "api/parameters.h"
#include "chain/report.h"
#include "cpu/cpu.h"
#include "decode/exact.h"
#include "decode/state.h"
#include "format/frames.h"
#include "format/header.h"
#include "format/limits.h"

static const struct parameter parameters[DECODER_PARAMETERS] = {
    [DECODER_THREADS] = {DDZ_PARAM_THREADS, PARAMETER_WHOLE, 0, 256, 0},
    [DECODER_CPU_FEATURES] = {DDZ_PARAM_CPU_FEATURES, PARAMETER_WHOLE, -1, INT64_MAX, -1},
    [DECODER_MAX_PIXELS] = {DDZ_PARAM_MAX_PIXELS, PARAMETER_WHOLE, 1, MAX_PIXELS, 1 << 26},
    [DECODER_MEMORY_LIMIT] = {DDZ_PARAM_MEMORY_LIMIT, PARAMETER_WHOLE, 0, INT64_MAX, 0},
    [DECODER_MAX_BITS] = {DDZ_PARAM_MAX_BITS, PARAMETER_WHOLE, 0, INT64_MAX, INT64_MAX},
    [DECODER_SEED] = {DDZ_PARAM_SEED, PARAMETER_WHOLE, 0, UINT32_MAX, 1},
    [DECODER_SAMPLE_STEPS] = {DDZ_PARAM_SAMPLE_STEPS, PARAMETER_POWER, 1, 32, 8},
    [DECODER_SCALE] = {DDZ_PARAM_SCALE, PARAMETER_WHOLE, 0, MAX_SHOWN_SCALE, 0},
};

/* The walk that is assumed while the settings have not arrived. */
static const struct walk default_walk = {.end_level = 132, .calls_log2 = 3};

ddz_status ddz_decoder_new(const ddz_model *model, const ddz_allocator *allocator, ddz_decoder **decoder)
{
    if (!decoder)
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(allocator);
    ddz_decoder *d = ddz_mem_alloc(&mem, 1, sizeof *d);
    if (!d)
        return DDZ_ERR_MEMORY;
    d->mem = mem;
    d->mem.account = &d->account;
    d->model = model;
    ddz_parameters_default(parameters, DECODER_PARAMETERS, d->value);
    ddz_stream_reader_init(&d->reader, &d->mem, (uint64_t)d->value[DECODER_MAX_PIXELS]);
    *decoder = d;
    return DDZ_OK;
}

ddz_status ddz_decoder_set(ddz_decoder *d, int parameter, int64_t value)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    int64_t changed[DECODER_PARAMETERS];
    memcpy(changed, d->value, sizeof changed);
    ddz_status status = ddz_parameters_set(parameters, DECODER_PARAMETERS, changed, parameter, value);
    if (status != DDZ_OK)
        return status;
    if (d->begun && parameter != DDZ_PARAM_SEED && parameter != DDZ_PARAM_SAMPLE_STEPS)
        return DDZ_ERR_STATE;
    memcpy(d->value, changed, sizeof changed);
    d->reader.max_pixels = (uint64_t)d->value[DECODER_MAX_PIXELS];
    d->account.limit = (uint64_t)d->value[DECODER_MEMORY_LIMIT];
    return DDZ_OK;
}

/* For the updates of estimates */
static uint64_t updates_memory(const ddz_decoder *d, const struct pyramid *p, int finest)
{
    enum { DEFAULT_UPDATES_LOG2 = 2 }; /* of ddpmenc, but at effort 9 */
    int log2 = d->reader.has_settings ? d->reader.settings.updates_log2 : DEFAULT_UPDATES_LOG2;
    int label = finest == 0 ? 0 : ddz_scale_label(p, finest, LEVEL_LIFTED);
    return ddz_chain_updates_memory(d->model, p->width[finest], p->height[finest], label, (1 << log2) - 1,
                                    decoder_defers(d, p));
}

ddz_status ddz_decoder_memory(const ddz_decoder *d, uint32_t width, uint32_t height, uint64_t *bytes)
{
    enum {
        SLACK = 1 << 13 /* what allocations take beside what they give */,
        PIXEL_SIZE = 8 /* at most, of what is shown */
    };
    if (!d || !bytes || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    uint64_t pixels = (uint64_t)decoder_side(d, width) * decoder_side(d, height);
    struct pyramid p = ddz_pyramid_of(width, height);
    int finest = ddz_schedule_finest(&p, decoder_scale(d));
    uint32_t w = p.width[finest], h = p.height[finest];
    int lanes = d->runner.run ? d->runner.lanes : ddz_parallel_threads((int)d->value[DECODER_THREADS]);
    uint64_t features = ddz_cpu_allowed(d->value[DECODER_CPU_FEATURES]);
    *bytes = sizeof *d + SLACK + ddz_frame_reader_memory() + ddz_chain_capacity(w, h) / 8 +
             (d->observer ? PIXEL_SIZE * pixels : 0) + ddz_exact_show_memory(d, width, height) +
             ddz_chain_memory(d->model, NET_FLOWS, w, h, lanes, features) + updates_memory(d, &p, finest) +
             ddz_chain_state_memory(w, h, CHAIN_Y);
    return DDZ_OK;
}

ddz_status ddz_decoder_set_progress(ddz_decoder *d, ddz_progress progress, void *cookie)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    d->progress = (struct progress){.callback = progress, .cookie = cookie};
    return DDZ_OK;
}

ddz_status ddz_decoder_set_runner(ddz_decoder *d, ddz_runner runner, void *cookie, int threads)
{
    if (!d || (runner && (threads < 1 || threads > PARALLEL_MAX_THREADS)))
        return DDZ_ERR_ARGUMENT;
    if (d->begun)
        return DDZ_ERR_STATE;
    d->runner = (struct parallel_runner){runner, cookie, threads};
    return DDZ_OK;
}

ddz_status ddz_decoder_set_observer(ddz_decoder *d, ddz_observer observer, void *cookie,
                                    ddz_pixel_format format)
{
    struct layout layout;
    if (!d)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_layout_make(&layout, format, 1, 1, 0, SIZE_MAX);
    if (status != DDZ_OK)
        return status;
    d->observer = observer;
    d->observer_cookie = cookie;
    d->observer_format = format;
    return DDZ_OK;
}

void ddz_decoder_free(ddz_decoder *d)
{
    if (!d)
        return;
    struct mem mem = {d->mem.functions, NULL}; /* the account goes with the decoder */
    ddz_stream_reader_free(&d->reader);
    ddz_exact_forget(d);
    ddz_chain_state_free(d->arrived);
    ddz_chain_free(d->chain);
    ddz_parallel_free(d->parallel);
    ddz_mem_free(&d->mem, d->bits);
    ddz_mem_free(&d->mem, d->observed);
    ddz_mem_free(&d->mem, d->small_alpha);
    ddz_mem_free(&d->mem, d->tail);
    ddz_mem_free(&mem, d);
}

/* ---- The stream ----------------------------------------------------------------------------- */

/* The schedule of all of the stream becomes that of the picture that is written. */
static void fit_schedule(ddz_decoder *d)
{
    d->schedule.steps = ddz_schedule_enough(&d->schedule, &d->pyramid, decoder_scale(d));
    if (ddz_schedule_is_thumbnail(&d->pyramid, decoder_scale(d)))
        ddz_schedule_save_calls(&d->schedule, &d->pyramid, decoder_scale(d));
}

static void build_schedule(ddz_decoder *d, struct walk walk)
{
    ddz_schedule_build(&d->schedule, d->model, &d->pyramid, walk);
    if (d->reader.header.short_preview)
        ddz_schedule_shorten(&d->schedule);
}

/* Header and model are there: where the preview ends. */
static ddz_status meet_model(ddz_decoder *d)
{
    const struct header *h = &d->reader.header;
    uint64_t preview_bits = 0;
    d->wrong_model = !ddz_model_matches(d->model, h->model_low, HEADER_MODEL_BITS);
    if (d->wrong_model)
        return DDZ_ERR_WRONG_MODEL;
    d->pyramid = ddz_pyramid_of(h->width, h->height);
    build_schedule(d, default_walk);
    for (int i = 0; i < d->schedule.preview_steps; i++)
        preview_bits += d->schedule.step[i].bits;
    fit_schedule(d);
    return ddz_stream_reader_set_preview(&d->reader, preview_bits);
}

/* The settings are there: all of the model's identity, and the schedule. */
static ddz_status meet_settings(ddz_decoder *d)
{
    const struct settings *s = &d->reader.settings;
    d->wrong_model = s->model_id != d->model->id;
    if (d->wrong_model)
        return DDZ_ERR_WRONG_MODEL;
    ddz_stream_reader_settle(&d->reader);
    struct walk walk = {s->end_level, s->calls_log2, s->uniform, s->updates_log2};
    build_schedule(d, walk);
    fit_schedule(d);
    return DDZ_OK;
}

/* Draw the conclusions from what the reader knows. */
static ddz_status follow(ddz_decoder *d)
{
    struct stream_reader *r = &d->reader;
    if (!d->model || d->wrong_model || r->part == PART_HEADER)
        return stream_error(d);
    if (!r->has_preview && r->error == DDZ_OK)
        meet_model(d);
    if (!d->wrong_model && r->has_settings && !r->settled)
        meet_settings(d);
    return stream_error(d);
}

ddz_status ddz_decoder_set_model(ddz_decoder *d, const ddz_model *model)
{
    if (!d || !model)
        return DDZ_ERR_ARGUMENT;
    if (d->reader.settled)
        return DDZ_ERR_STATE;
    ddz_chain_state_free(d->arrived);
    ddz_chain_free(d->chain);
    ddz_mem_free(&d->mem, d->bits);
    d->arrived = NULL;
    d->chain = NULL;
    d->bits = NULL;
    d->wrong_model = d->digest_agrees = d->ended = false;
    d->cursor = (struct step_cursor){0};
    d->views = 0;
    d->model = model;
    if (d->reader.part != PART_HEADER)
        meet_model(d);
    return follow(d);
}

ddz_status ddz_decoder_feed(ddz_decoder *d, const uint8_t *data, size_t size)
{
    if (!d || (!data && size))
        return DDZ_ERR_ARGUMENT;
    d->begun = true;
    uint64_t max_bits = (uint64_t)d->value[DECODER_MAX_BITS], room = max_bits - d->bits_taken;
    if (size <= room / 8) {
        d->bits_taken += 8 * (uint64_t)size;
        ddz_stream_reader_feed(&d->reader, data, size, 8);
        return follow(d);
    }
    size_t whole = (size_t)(room / 8);
    int rest = (int)(room % 8);
    d->bits_taken = max_bits;
    ddz_stream_reader_feed(&d->reader, data, whole, 8);
    if (rest) {
        uint8_t last = (uint8_t)(data[whole] & (0xFF00 >> rest));
        ddz_stream_reader_feed(&d->reader, &last, 1, rest);
    }
    return follow(d);
}

ddz_status ddz_decoder_begin(ddz_decoder *d, uint32_t width, uint32_t height)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    if (!d->model || d->begun)
        return DDZ_ERR_STATE;
    uint8_t bytes[HEADER_MAX_SIZE];
    struct header header = {
        .width = width, .height = height, .model_low = ddz_header_model_low(d->model->id)};
    size_t size = ddz_header_write(&header, bytes);
    return size ? ddz_decoder_feed(d, bytes, size) : DDZ_ERR_ARGUMENT;
}

/* ---- What has arrived ----------------------------------------------------------------------- */

/* Bytes behind the last field would be left unset, and could be a field of a later version. */
#define NO_PADDING(type, last)                                                                               \
    static_assert(offsetof(type, last) + sizeof(((type *)0)->last) == sizeof(type), "structures have no "    \
                                                                                    "tail")
NO_PADDING(ddz_info, exact_blocks);
NO_PADDING(ddz_step, missing);

static ddz_info header_info(const struct header *h)
{
    return (ddz_info){.width = h->width,
                      .height = h->height,
                      .model_id = h->model_low,
                      .model_id_bits = HEADER_MODEL_BITS,
                      .scales = ddz_pyramid_of(h->width, h->height).coarsest,
                      .grey = h->grey,
                      .orientation = h->orientation ? h->orientation : 1,
                      .picture_width = h->width,
                      .picture_height = h->height,
                      .side_layers = h->layered};
}

ddz_status ddz_probe(const uint8_t *data, size_t size, ddz_info *info, size_t info_size)
{
    struct header header;
    if ((!data && size) || !info)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = ddz_header_read(data, size, &header);
    if (status != DDZ_OK)
        return status;
    ddz_info found = header_info(&header);
    ddz_copy_sized(info, info_size, &found, sizeof found);
    return DDZ_OK;
}

ddz_status ddz_decoder_info(const ddz_decoder *d, ddz_info *info, size_t info_size)
{
    if (!d || !info)
        return DDZ_ERR_ARGUMENT;
    if (d->reader.part == PART_HEADER)
        return d->reader.error ? d->reader.error : DDZ_ERR_TRUNCATED;
    ddz_info found = header_info(&d->reader.header);
    found.picture_width = decoder_side(d, found.width);
    found.picture_height = decoder_side(d, found.height);
    found.bits = d->bits_taken;
    found.complete = d->reader.part == PART_END;
    found.digest_agrees = d->digest_agrees;
    found.skipped_records = d->reader.layers.skipped;
    found.trailing_bytes = d->reader.trailing;
    ddz_status status = ddz_stream_reader_damage(&d->reader, &found.damaged_extras);
    if (status != DDZ_OK)
        return decoder_status(d, status);
    if (d->reader.has_settings) {
        const struct settings *s = &d->reader.settings;
        found.model_id = s->model_id;
        found.model_id_bits = 32;
        found.trellis_bits = s->trellis_bits;
        found.calls_per_octave = 1 << s->calls_log2;
        found.updates = 1 << s->updates_log2;
        found.sigma_end = ddz_report_sigma(s->end_level);
    }
    struct exact_head exact;
    const struct exact_reader *layer = &d->reader.layers.exact;
    if (ddz_exact_head_read(layer->data, layer->size, &exact) == DDZ_OK) {
        found.exact_channels = exact.channels;
        found.exact_depth = exact.depth;
        found.exact_error = exact.error;
        found.exact_rows = d->exact_rows;
        found.exact_blocks = exact.coder == EXACT_BLOCKS;
    }
    ddz_copy_sized(info, info_size, &found, sizeof found);
    return DDZ_OK;
}

ddz_status ddz_decoder_step_count(ddz_decoder *d, size_t *count)
{
    if (!d || !count)
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    struct step_cursor cursor = {0};
    struct step_bits found;
    size_t n = 0;
    int more;
    while ((more = ddz_step_reader_next(&d->reader, &d->schedule, &cursor, &found)) > 0) {
        ddz_step *s = &d->steps[n++];
        *s = ddz_report_step(&d->schedule.step[cursor.index - 1]);
        s->offset_bits = found.offset_bits;
        s->bits = found.side_bits + found.known;
        s->missing = found.bits - found.known;
        if (found.known < found.bits)
            break;
    }
    *count = n;
    return more < 0 ? DDZ_ERR_CORRUPT : DDZ_OK;
}

ddz_status ddz_decoder_step(ddz_decoder *d, size_t index, ddz_step *step, size_t step_size)
{
    size_t count = 0;
    if (!d || !step)
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    (void)ddz_decoder_step_count(d, &count); /* damage lies behind the steps that are there */
    if (index >= count)
        return DDZ_ERR_ARGUMENT;
    ddz_copy_sized(step, step_size, &d->steps[index], sizeof d->steps[index]);
    return DDZ_OK;
}

/* A layer and its state */
static ddz_status find_extra(const ddz_decoder *d, ddz_extra kind, const uint8_t **data, size_t *size,
                             ddz_extra_state *state)
{
    if (!d || (int)kind < 1)
        return DDZ_ERR_ARGUMENT;
    if ((int)kind > EXTRA_KINDS)
        return DDZ_ERR_UNSUPPORTED;
    return decoder_status(d, ddz_stream_reader_extra(&d->reader, kind, data, size, state));
}

ddz_status ddz_decoder_extra(const ddz_decoder *d, ddz_extra kind, const uint8_t **data, size_t *size)
{
    ddz_extra_state state;
    return data && size ? find_extra(d, kind, data, size, &state) : DDZ_ERR_ARGUMENT;
}

ddz_status ddz_decoder_extra_state(const ddz_decoder *d, ddz_extra kind, ddz_extra_state *state)
{
    const uint8_t *data;
    size_t size;
    return state ? find_extra(d, kind, &data, &size, state) : DDZ_ERR_ARGUMENT;
}
