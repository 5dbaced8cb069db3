#include "encode/stream.h"

#include <math.h>

#include "api/samples.h"
#include "base/fixed.h"
#include "encode/exact.h"
#include "encode/layers.h"
#include "encode/preview.h"
#include "encode/target.h"
#include "encode/walk.h"
#include "format/records.h"
#include "format/settings.h"

static void begin_stream(ddz_encoder *e)
{
    const struct settings settings = {.trellis_bits = e->register_bits,
                                      .calls_log2 = e->walk.calls_log2,
                                      .uniform = e->walk.uniform,
                                      .updates_log2 = e->walk.updates_log2,
                                      .views_log2 = ddz_ilog2((uint64_t)e->views),
                                      .end_level = e->walk.end_level,
                                      .model_id = e->model->id};
    uint64_t preview_bits = 0;
    for (int i = 0; i < e->schedule.preview_steps; i++)
        preview_bits += e->schedule.step[i].bits;
    ddz_stream_writer_begin(&e->writer, &settings, preview_bits);
    e->step_count = 0;
}

/* Walk the chain, again if it has to end later. */
static ddz_status walk(ddz_encoder *e)
{
    /* another walk may follow where the first can miss its target */
    bool may_miss = e->target_kind == DDZ_TARGET_BYTES || e->target_kind == DDZ_TARGET_PSNR, again = true;
    int exact = e->with_exact ? 20 : 0; /* percent of the work that follow */
    ddz_status status = DDZ_OK;
    while (status == DDZ_OK && again) {
        ddz_progress_next(&e->progress, may_miss ? 80 : 100 - exact);
        begin_stream(e);
        status = ddz_encoder_walk(e);
        again = !e->preview_only && !e->chain_room && !e->too_long;
        if (status == DDZ_OK && again)
            status = ddz_target_end_later(e, &again);
    }
    return status == DDZ_OK && ddz_stream_writer_failed(&e->writer) ? DDZ_ERR_MEMORY : status;
}

/* ---- An exact layer behind the chain ------------------------------------------------------------- */

/* May it be no photograph? Of most photographs few pixels repeat a neighbour, and none have few colours. */
static bool repeats(const struct layout *layout, const void *pixels)
{
    const struct sample_repeats r = ddz_samples_repeats(layout, pixels);
    const uint64_t count = (uint64_t)layout->width * layout->height;
    const uint32_t few = ddz_samples_form(layout, pixels).channels == 1 ? 32 : SAMPLE_COLOURS_MOST;
    return 2 * r.alike > count || (r.colours <= few && 4 * r.colours <= count);
}

/* Of a photograph by the coder of graphics: bytes of the chain before it */
static uint64_t beginning_size(const struct exact_layer *exact)
{
    enum { ONE_OF = 48 };
    return ddz_exact_is_stored(exact) ? 0 : exact->graphics_size / ONE_OF;
}

/* Take the samples, before the chain is walked, and see whether a chain is worth it. */
static ddz_status open_exact(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_progress_next(&e->progress, 10);
    ddz_status status =
        ddz_exact_open(&e->exact, &e->mem, layout, pixels, (int)e->value[ENCODER_MAX_ERROR], &e->progress);
    if (status == DDZ_OK)
        status = ddz_exact_judge(&e->exact, &e->progress);
    if (status == DDZ_OK && e->exact.is_graphics && e->value[ENCODER_EXACT] != EXACT_KEEPS_CHAIN) {
        e->chain_room = repeats(layout, pixels) ? 0 : beginning_size(&e->exact);
        e->preview_only = !e->chain_room;
    }
    return status;
}

/* The stream again, with the chain's preview alone, or what a short one has of it */
static ddz_status walk_preview(ddz_encoder *e)
{
    e->preview_only = true;
    ddz_stream_writer_free(&e->writer);
    ddz_status status = ddz_layers_open_stream(e);
    if (status == DDZ_OK)
        status = ddz_target_choose_end(e);
    if (status != DDZ_OK)
        return status;
    begin_stream(e);
    return ddz_encoder_walk(e);
}

/* The picture's samples make room for a walk, or a walk for them. */
static ddz_status change_to_walk(ddz_encoder *e)
{
    ddz_exact_forget_samples(&e->exact);
    return ddz_encoder_take_room(e);
}

static ddz_status change_to_samples(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_encoder_forget_room(e);
    e->exact.mem = e->mem;
    e->exact.width = layout->width;
    e->exact.height = layout->height;
    return ddz_exact_read(&e->exact, layout, pixels);
}

/* The coder of graphics does not need the chain, but prefixes of the stream do: below the rows that are there, a
 * photograph shall be one. */
static ddz_status walk_beginning(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_status status = change_to_walk(e);
    e->chain_room = beginning_size(&e->exact);
    if (status == DDZ_OK && e->chain_room)
        begin_stream(e);
    if (status == DDZ_OK)
        status = e->chain_room ? ddz_encoder_walk(e) : walk_preview(e);
    return status == DDZ_OK ? change_to_samples(e, layout, pixels) : status;
}

/* The record's content by what the whole chain knows, unless the stream is smaller with the beginning alone; or, if the
 * chain has to stay, the smaller content. */
static ddz_status code_exact(ddz_encoder *e, const struct layout *layout, const void *pixels,
                             uint8_t **content, size_t *size)
{
    ddz_chain_last_estimate(e->chain, e->views);
    ddz_status status = ddz_exact_code(&e->exact, e->chain, &e->progress, content, size);
    bool keep = e->value[ENCODER_EXACT] == EXACT_KEEPS_CHAIN;
    uint64_t all = *size + (keep ? 0 : e->writer.main.position / 8);
    if (status == DDZ_OK && all > e->exact.size_alone)
        status = ddz_exact_code_graphics(&e->exact);
    e->exact_alone = status == DDZ_OK && e->exact.graphics &&
                     e->exact.graphics_size + (keep ? 0 : beginning_size(&e->exact)) < all;
    return e->exact_alone && !keep ? walk_beginning(e, layout, pixels) : status;
}

/* Behind the chain: its record */
static ddz_status put_exact(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    uint8_t *content = NULL;
    size_t size = 0;
    ddz_status status = DDZ_OK;
    ddz_progress_next(&e->progress, 100);
    e->exact_alone = e->preview_only || e->chain_room;
    if (!e->exact_alone)
        status = code_exact(e, layout, pixels, &content, &size);
    if (status == DDZ_OK && e->exact_alone)
        status =
            ddz_stream_writer_put_exact(&e->writer, RECORD_EXACT, e->exact.graphics, e->exact.graphics_size);
    else if (status == DDZ_OK)
        status = ddz_stream_writer_put_exact(&e->writer, RECORD_EXACT, content, size);
    ddz_mem_free(&e->mem, content);
    return status;
}

/* ---- One stream ----------------------------------------------------------------------------------- */

/* Choose the preview, and walk as far as the stream goes. */
static ddz_status make_chain(ddz_encoder *e)
{
    ddz_status status = ddz_target_choose_end(e);
    if (status == DDZ_OK && !e->ideal) {
        ddz_progress_next(&e->progress, 20);
        status = ddz_preview_choose(e);
    }
    return status == DDZ_OK ? walk(e) : status;
}

static ddz_status finish(ddz_encoder *e)
{
    if (e->ideal) {
        e->stream_size = (size_t)ceil(ddz_target_ideal_bits(e) / 8);
        return DDZ_OK;
    }
    return ddz_stream_writer_finish(&e->writer, ddz_chain_digest(e->chain), &e->stream, &e->stream_size);
}

static void forget_stream(ddz_encoder *e)
{
    ddz_mem_free(&e->mem, e->stream);
    ddz_mem_free(&e->mem, e->preview_bits);
    e->stream = e->preview_bits = NULL;
    e->stream_size = 0;
    ddz_stream_writer_free(&e->writer);
    e->with_exact = e->preview_only = e->short_preview = e->too_long = false;
    e->chain_room = 0;
}

/* A chain, and an exact layer behind it if one is wanted */
static ddz_status make_exact(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    e->with_exact = true;
    ddz_status status = open_exact(e, layout, pixels);
    if (status == DDZ_OK)
        status = change_to_walk(e);
    if (status == DDZ_OK)
        status = ddz_layers_open_stream(e);
    if (status == DDZ_OK)
        status = make_chain(e);
    if (status == DDZ_OK)
        status = change_to_samples(e, layout, pixels);
    if (status == DDZ_OK)
        status = put_exact(e, layout, pixels);
    return status == DDZ_OK ? finish(e) : status;
}

/* A chain, and the exact layer of some blocks if there is one; e->too_long, and no stream, if that takes e->most bytes or
 * more */
static ddz_status make_lossy(ddz_encoder *e)
{
    ddz_status status = make_chain(e);
    if (status == DDZ_OK && !e->too_long && e->partial.content)
        status =
            ddz_stream_writer_put_exact(&e->writer, RECORD_EXACT_BLOCKS, e->partial.content, e->partial.size);
    if (status == DDZ_OK && !e->too_long)
        status = finish(e);
    e->too_long = e->too_long || e->stream_size >= e->most;
    return status;
}

/* ---- The exact picture in place of the chain's ------------------------------------------------------ */

ddz_status ddz_encoder_try_graphics(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    if (!repeats(layout, pixels))
        return DDZ_OK;
    ddz_progress_next(&e->progress, 10);
    ddz_status status = ddz_exact_open(&e->exact, &e->mem, layout, pixels, 0, &e->progress);
    ddz_exact_forget_samples(&e->exact);
    return status;
}

static double expected_sigma(void *cookie, const struct block_cost *cost)
{
    return ddz_target_expected_sigma(cookie, cost);
}

/* Does a target in bytes leave room for a chain? */
static bool partial_fits(ddz_encoder *e, const struct layout *layout)
{
    const double most = 0.75, size = (double)ddz_partial_record_size(&e->partial);
    const double least = (double)ddz_layers_least_size(e, layout->width, layout->height);
    return e->target_kind != DDZ_TARGET_BYTES ||
           (size <= most * e->target_value && size + least <= e->target_value);
}

/* Is the whole picture exactly hardly larger? */
static bool whole_is_better(const ddz_encoder *e)
{
    const double worth = 0.9;
    return e->target_kind != DDZ_TARGET_BYTES && e->exact.graphics &&
           (double)e->partial.size + e->partial.others >= worth * (double)e->exact.graphics_size;
}

ddz_status ddz_encoder_try_partial(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_status status =
        ddz_partial_find(&e->partial, &e->mem, layout, pixels, expected_sigma, e, &e->progress);
    if (e->partial.content && (!partial_fits(e, layout) || whole_is_better(e)))
        ddz_partial_free(&e->partial, &e->mem);
    return status;
}

/* The preview, and behind it the picture by the coder of graphics, or as it is */
static ddz_status make_alone(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    ddz_status status = DDZ_OK;
    e->with_exact = e->preview_only = true;
    if (!e->exact.graphics)
        status = ddz_exact_store(&e->exact, &e->mem, layout, pixels);
    if (status == DDZ_OK)
        status = ddz_layers_open_stream(e);
    if (status == DDZ_OK)
        status = make_chain(e);
    if (status == DDZ_OK)
        status = put_exact(e, layout, pixels);
    return status == DDZ_OK ? finish(e) : status;
}

/* The chain's stream, unless the exact picture takes no more bytes. */
static ddz_status make_shorter(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    bool fits = false;
    ddz_status status = DDZ_OK;
    if (e->exact.graphics) {
        status = make_alone(e, layout, pixels);
        e->most = e->stream_size;
        fits = e->target_kind == DDZ_TARGET_BYTES && (double)e->most <= e->target_value;
    }
    if (status == DDZ_OK && !fits) {
        forget_stream(e);
        status = ddz_layers_open_stream(e);
        if (status == DDZ_OK && !e->exact.graphics)
            e->most = ddz_layers_size_with(e, ddz_samples_size(layout, pixels));
        if (status == DDZ_OK)
            status = make_lossy(e);
    }
    if (status == DDZ_OK && e->too_long) {
        forget_stream(e);
        status = make_alone(e, layout, pixels);
    }
    /* somebody may ask for them */
    bool kept = e->with_exact || e->partial.content;
    return status == DDZ_OK && kept ? change_to_samples(e, layout, pixels) : status;
}

ddz_status ddz_encoder_make_stream(ddz_encoder *e, const struct layout *layout, const void *pixels)
{
    if (e->value[ENCODER_EXACT] > 0 && !e->ideal)
        return make_exact(e, layout, pixels);
    ddz_status status = ddz_encoder_take_room(e);
    if (status == DDZ_OK && e->automatic)
        return make_shorter(e, layout, pixels);
    if (status == DDZ_OK)
        status = ddz_layers_open_stream(e);
    return status == DDZ_OK ? make_lossy(e) : status;
}
