/* From how many of a stream's bytes a small picture can be made. */
#include "base/mem.h"
#include "decode/state.h"

/* A stream whose beginnings are tried */
struct trial {
    const ddz_model *model;
    const ddz_allocator *allocator;
    const uint8_t *data;
    size_t size;
    int scale;
};

/* What a beginning has */
struct found {
    uint64_t bits; /* of steps that are of use at that scale */
    bool all;      /* all of these that the stream has */
};

static struct found find_bits(const ddz_decoder *d)
{
    struct step_cursor cursor = {0};
    struct step_bits step = {0};
    struct found found = {0, d->reader.part == PART_END};
    bool whole = true;
    while (whole && ddz_step_reader_next(&d->reader, &d->schedule, &cursor, &step) > 0) {
        whole = step.known == step.bits;
        found.bits += step.known;
    }
    if (whole && d->reader.has_preview && cursor.index == d->schedule.steps)
        found.all = true;
    return found;
}

/* Behind an error there is nothing of use. */
static ddz_status attempt(const struct trial *t, size_t size, struct found *found)
{
    ddz_decoder *d = NULL;
    ddz_status status = ddz_decoder_new(t->model, t->allocator, &d);
    if (status == DDZ_OK)
        status = ddz_decoder_set(d, DDZ_PARAM_MAX_PIXELS, MAX_PIXELS);
    if (status == DDZ_OK)
        status = ddz_decoder_set(d, DDZ_PARAM_SCALE, t->scale);
    if (status == DDZ_OK)
        status = ddz_decoder_feed(d, t->data, size);
    if (d && status != DDZ_ERR_MEMORY && status != DDZ_ERR_ARGUMENT)
        *found = find_bits(d);
    if (status == DDZ_OK && d->reader.part == PART_HEADER)
        status = DDZ_ERR_TRUNCATED;
    ddz_decoder_free(d);
    return status;
}

/* The least beginning that has so many bits, up to `high` bytes */
static ddz_status search(const struct trial *t, uint64_t bits, size_t low, size_t high, size_t *bytes)
{
    ddz_status status = DDZ_OK;
    while (low < high && status != DDZ_ERR_MEMORY) {
        size_t middle = low + (high - low) / 2;
        struct found found = {0};
        status = attempt(t, middle, &found);
        if (found.bits < bits)
            low = middle + 1;
        else
            high = middle;
    }
    *bytes = high;
    return status == DDZ_ERR_MEMORY ? status : DDZ_OK;
}

ddz_status ddz_scale_bytes(const ddz_model *model, const ddz_allocator *allocator, const uint8_t *data,
                           size_t size, int scale, size_t *bytes)
{
    const struct trial t = {model, allocator, data, size, scale};
    struct found all = {0};
    if (!model || (!data && size) || scale < 1 || !bytes)
        return DDZ_ERR_ARGUMENT;
    ddz_status status = attempt(&t, size, &all);
    if (!all.all)
        return status == DDZ_OK ? DDZ_ERR_TRUNCATED : status;
    /* there is little between the bits of the first steps, so that the end need not be looked at again and again */
    size_t low = (size_t)(all.bits / 8), high = low, step = 16;
    struct found found = {0};
    while (high < size && found.bits < all.bits) {
        low = high;
        high = step < size - high ? high + step : size;
        step *= 2;
        found = (struct found){0};
        status = attempt(&t, high, &found);
        if (status == DDZ_ERR_MEMORY)
            return status;
    }
    size_t least;
    status = search(&t, all.bits, low, high, &least);
    if (status == DDZ_OK)
        *bytes = least;
    return status;
}
