/* The encoder's public calls that tell what it has sent. */
#include "base/fixed.h"
#include "base/units.h"
#include "ddz/research.h"
#include "encode/state.h"

ddz_status ddz_encoder_stream(const ddz_encoder *e, const uint8_t **data, size_t *size)
{
    if (!e || !data || !size)
        return DDZ_ERR_ARGUMENT;
    if (!e->chain)
        return DDZ_ERR_STATE;
    *data = e->stream;
    *size = e->stream_size;
    return DDZ_OK;
}

ddz_status ddz_encoder_extra_state(const ddz_encoder *e, ddz_extra kind, ddz_extra_state *state)
{
    if (!e || !state || (int)kind < 1)
        return DDZ_ERR_ARGUMENT;
    if (!e->chain)
        return DDZ_ERR_STATE;
    if ((int)kind > EXTRA_KINDS)
        return DDZ_ERR_UNSUPPORTED;
    *state = e->writer.side.state[kind - 1];
    return DDZ_OK;
}

ddz_status ddz_encoder_step_count(const ddz_encoder *e, size_t *count)
{
    if (!e || !count)
        return DDZ_ERR_ARGUMENT;
    if (!e->chain)
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
    if (!e->chain)
        return DDZ_ERR_STATE;
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    ddz_status status = ddz_layout_make(&layout, format, p->width[0], p->height[0], stride, size);
    if (status != DDZ_OK)
        return status;
    ddz_chain_last_estimate(e->chain, e->views);
    ddz_chain_pixels(e->chain, 0, &layout, e->alpha, pixels);
    if (e->with_exact)
        ddz_exact_show_samples(&e->exact, e->exact_alone, &layout, pixels);
    else if (e->partial.content)
        ddz_exact_show_blocks(&e->exact, &e->partial.blocks, &layout, pixels);
    return DDZ_OK;
}

/* Rows of an estimate in 1/256 of a grey level */
struct grey_levels {
    int32_t *estimate;
    size_t row; /* samples */
};

static void keep_grey_levels(void *cookie, uint32_t y, const int32_t *row)
{
    const struct grey_levels *out = cookie;
    for (size_t i = 0; i < out->row; i++)
        out->estimate[y * out->row + i] = (int32_t)clamp64((int64_t)row[i] + CENTRE, 0, MAX_SAMPLE);
}

ddz_status ddz_research_encoder_estimate(ddz_encoder *e, int32_t *estimate, size_t count)
{
    if (!e || !estimate)
        return DDZ_ERR_ARGUMENT;
    if (!e->chain)
        return DDZ_ERR_STATE;
    if (count != ddz_chain_samples(e->chain, 0))
        return DDZ_ERR_ARGUMENT;
    ddz_chain_last_estimate(e->chain, e->views);
    struct grey_levels out = {estimate, (size_t)3 * ddz_chain_pyramid(e->chain)->width[0]};
    ddz_chain_show(e->chain, 0, keep_grey_levels, &out);
    return DDZ_OK;
}
