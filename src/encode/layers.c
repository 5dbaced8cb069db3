#include "encode/layers.h"

#include <string.h>

#include "diffusion/schedule.h"
#include "encode/fill.h"
#include "format/header.h"
#include "format/limits.h"
#include "format/settings.h"

enum {
    FRAMING = 64, /* bytes of frames and records around the settings, more than enough */
    SAVES_ONE_OF = 8
};

ddz_status ddz_layers_take_alpha(ddz_encoder *e, const struct layout *layout, const void *pixels)
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

static bool is_grey(const int16_t *x, size_t samples)
{
    size_t i = 0;
    while (i < samples && x[i] == x[i + 1] && x[i] == x[i + 2])
        i += 3;
    return i == samples;
}

ddz_status ddz_layers_prepare(ddz_encoder *e)
{
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    ddz_status status = DDZ_OK;
    if (e->alpha && !e->value[ENCODER_KEEP_INVISIBLE])
        status = ddz_fill_invisible(&e->mem, e->alpha, p->width[0], p->height[0], e->x[0]);
    if (status == DDZ_OK && e->partial.content)
        status = ddz_partial_soften(&e->partial, &e->mem, p->width[0], p->height[0], e->x[0]);
    e->grey = is_grey(e->x[0], ddz_chain_samples(e->chain, 0)) && e->partial.channels != 3;
    if (e->grey)
        ddz_chain_set_grey(e->chain);
    return status;
}

/* Bits of the preview, which no setting changes */
static uint64_t preview_bits(ddz_encoder *e, const struct pyramid *p, bool is_short)
{
    uint64_t bits = 0;
    e->walk.end_level = LEVEL_MIN_END;
    ddz_schedule_build(&e->schedule, e->model, p, e->walk);
    if (is_short)
        ddz_schedule_shorten(&e->schedule);
    for (int i = 0; i < e->schedule.preview_steps; i++)
        bits += e->schedule.step[i].bits;
    return bits;
}

/* Of a stream with all of its preview, or a little more */
static uint64_t least_size(uint64_t preview)
{
    return HEADER_MAX_SIZE + preview / 8 + SETTINGS_SIZE + FRAMING;
}

uint64_t ddz_layers_size_with(ddz_encoder *e, uint64_t bytes)
{
    return least_size(preview_bits(e, ddz_chain_pyramid(e->chain), e->short_preview)) + e->writer.side.size +
           bytes;
}

uint64_t ddz_layers_least_size(ddz_encoder *e, uint32_t width, uint32_t height)
{
    const struct pyramid p = ddz_pyramid_of(width, height);
    return least_size(preview_bits(e, &p, false));
}

/* A picture that takes hardly more bytes than its preview does not need all of that, and one that is stored as it is
 * should not take more. */
static void choose_preview(ddz_encoder *e)
{
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    e->short_preview = false;
    if (!e->preview_only || !e->exact.graphics)
        return;
    uint64_t saved = (preview_bits(e, p, false) - preview_bits(e, p, true)) / 8;
    e->short_preview = SAVES_ONE_OF * saved > e->exact.graphics_size || ddz_exact_is_stored(&e->exact);
}

ddz_status ddz_layers_open_stream(ddz_encoder *e)
{
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    choose_preview(e);
    struct header header = {.width = p->width[0],
                            .height = p->height[0],
                            .model_low = ddz_header_model_low(e->model->id),
                            .short_preview = e->short_preview,
                            .grey = e->grey};
    struct extras extras = e->extras; /* lent */
    bool limited = e->target_kind == DDZ_TARGET_BYTES && !e->preview_only;
    /* a partial layer is always less than the target */
    uint64_t max_size =
        limited ? (uint64_t)e->target_value - ddz_partial_record_size(&e->partial) : UINT64_MAX;
    uint64_t preview = preview_bits(e, p, e->short_preview), least = least_size(preview);
    /* an exact layer needs a whole chain before it */
    if (e->with_exact && max_size < least)
        max_size = least;
    extras.data[DDZ_EXTRA_ALPHA - 1] = e->alpha;
    extras.size[DDZ_EXTRA_ALPHA - 1] = e->alpha ? (size_t)p->width[0] * p->height[0] : 0;
    ddz_status status =
        ddz_stream_writer_open(&e->writer, &header, &extras, preview, max_size, e->with_exact);
    if (status == DDZ_OK && e->alpha && e->writer.side.state[DDZ_EXTRA_ALPHA - 1] == DDZ_EXTRA_LEFT_OUT) {
        ddz_mem_free(&e->mem, e->alpha);
        e->alpha = NULL;
    }
    return status;
}
