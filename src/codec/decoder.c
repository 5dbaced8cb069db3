/*
 * The decoder: walks the chain along the bits that have arrived (Ho et al. 2020, algorithm 4).
 */
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "codec/chain.h"
#include "codec/parameters.h"
#include "codec/progress.h"
#include "codec/report.h"
#include "codec/step_reader.h"
#include "format/bits.h"
#include "format/header.h"
#include "format/limits.h"
#include "format/stream_reader.h"

enum {
    DECODER_THREADS,
    DECODER_CPU_FEATURES,
    DECODER_MAX_PIXELS,
    DECODER_MEMORY_LIMIT,
    DECODER_MAX_BITS,
    DECODER_SEED,
    DECODER_SAMPLE_STEPS,
    DECODER_PARAMETERS
};

static const struct parameter parameters[DECODER_PARAMETERS] = {
    [DECODER_THREADS] = {DDZ_PARAM_THREADS, PARAMETER_WHOLE, 0, 256, 0},
    [DECODER_CPU_FEATURES] = {DDZ_PARAM_CPU_FEATURES, PARAMETER_WHOLE, -1, INT64_MAX, -1},
    [DECODER_MAX_PIXELS] = {DDZ_PARAM_MAX_PIXELS, PARAMETER_WHOLE, 1, MAX_PIXELS, 1 << 26},
    [DECODER_MEMORY_LIMIT] = {DDZ_PARAM_MEMORY_LIMIT, PARAMETER_WHOLE, 0, INT64_MAX, 0},
    [DECODER_MAX_BITS] = {DDZ_PARAM_MAX_BITS, PARAMETER_WHOLE, 0, INT64_MAX, INT64_MAX},
    [DECODER_SEED] = {DDZ_PARAM_SEED, PARAMETER_WHOLE, 0, UINT32_MAX, 1},
    [DECODER_SAMPLE_STEPS] = {DDZ_PARAM_SAMPLE_STEPS, PARAMETER_POWER, 1, 32, 8},
};

/* The walk that is assumed while the settings have not arrived. */
static const struct walk default_walk = {.end_level = 132, .calls_log2 = 3};

struct ddz_decoder {
    struct mem mem;
    struct mem_account account;
    int64_t value[DECODER_PARAMETERS];
    const struct ddz_model *model; /* NULL: not given yet */
    struct stream_reader reader;
    bool begun; /* bytes have been fed, if only none */
    uint64_t bits_taken;
    bool wrong_model;
    struct pyramid pyramid;   /* once header and model are there */
    struct schedule schedule; /* for default_walk until the settings are there */

    struct progress progress;
    uint64_t work_done, work; /* of the present call */
    ddz_observer observer;    /* NULL: none */
    void *observer_cookie;
    ddz_pixel_format observer_format;

    bool has_chain;
    struct chain chain;
    struct step_cursor cursor; /* behind the steps that y has made, all of them whole */
    bool digest_agrees;

    uint8_t *bits;  /* of one step */
    void *observed; /* picture for the observer, once there was one */
    size_t observed_size;
    struct schedule sampling; /* of the picture that was drawn last */
    ddz_step steps[MAX_STEPS];
};

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

ddz_status ddz_decoder_memory(const ddz_decoder *d, uint32_t width, uint32_t height, uint64_t *bytes)
{
    enum { FRAMES = 1 << 20, PIXEL_SIZE = 8 /* at most, of what is shown */ };
    if (!d || !bytes || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    uint64_t pixels = (uint64_t)width * height, samples = 3 * ((uint64_t)width + 1) * (height + 1);
    *bytes = sizeof *d + FRAMES + samples / 8 + (d->observer ? PIXEL_SIZE * pixels : 0) +
             ddz_chain_memory(d->model, width, height, 1);
    return DDZ_OK;
}

ddz_status ddz_decoder_set_progress(ddz_decoder *d, ddz_progress progress, void *cookie)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    d->progress = (struct progress){.callback = progress, .cookie = cookie};
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
    if (d->has_chain)
        ddz_chain_free(&d->chain);
    ddz_mem_free(&d->mem, d->bits);
    ddz_mem_free(&d->mem, d->observed);
    ddz_mem_free(&mem, d);
}

/* ---- The stream ----------------------------------------------------------------------------- */

/* Of a lack of memory, the caller wants to know whether it was the limit. */
static ddz_status outward(const ddz_decoder *d, ddz_status status)
{
    return status == DDZ_ERR_MEMORY && d->account.exceeded ? DDZ_ERR_MEMORY_LIMIT : status;
}

/* What is wrong with the stream so far */
static ddz_status stream_error(const ddz_decoder *d)
{
    return d->wrong_model ? DDZ_ERR_WRONG_MODEL : outward(d, d->reader.error);
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
    ddz_schedule_build(&d->schedule, d->model, &d->pyramid, default_walk);
    for (int i = 0; i < d->schedule.opening; i++)
        preview_bits += d->schedule.step[i].bits;
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
    ddz_schedule_build(&d->schedule, d->model, &d->pyramid, walk);
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
    if (d->has_chain)
        ddz_chain_free(&d->chain);
    ddz_mem_free(&d->mem, d->bits);
    d->bits = NULL;
    d->has_chain = d->wrong_model = d->digest_agrees = false;
    d->cursor = (struct step_cursor){0};
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

static ddz_info header_info(const struct header *h)
{
    return (ddz_info){.width = h->width,
                      .height = h->height,
                      .model_id = h->model_low,
                      .model_id_bits = HEADER_MODEL_BITS,
                      .scales = ddz_pyramid_of(h->width, h->height).coarsest};
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
    found.bits = d->bits_taken;
    found.complete = d->reader.part == PART_END;
    found.digest_agrees = d->digest_agrees;
    found.skipped_records = d->reader.skipped;
    if (d->reader.has_settings) {
        const struct settings *s = &d->reader.settings;
        found.model_id = s->model_id;
        found.model_id_bits = 32;
        found.trellis_bits = s->trellis_bits;
        found.calls_per_octave = 1 << s->calls_log2;
        found.updates = 1 << s->updates_log2;
        found.sigma_end = ddz_report_sigma(s->end_level);
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

/* ---- The walk ------------------------------------------------------------------------------- */

static ddz_status ensure_chain(ddz_decoder *d)
{
    if (d->has_chain)
        return DDZ_OK;
    uint32_t w = d->reader.header.width, h = d->reader.header.height;
    int threads = ddz_chain_threads((int)d->value[DECODER_THREADS]);
    ddz_status status = ddz_chain_init(&d->chain, &d->mem, d->model, w, h, threads,
                                       ddz_cpu_isa_of(d->value[DECODER_CPU_FEATURES]));
    if (status != DDZ_OK)
        return status;
    /* a step has at most one bit a sample */
    d->bits = ddz_mem_alloc(&d->mem, d->chain.capacity / 8 + 1, 1);
    if (!d->bits) {
        ddz_chain_free(&d->chain);
        return DDZ_ERR_MEMORY;
    }
    d->has_chain = true;
    return DDZ_OK;
}

static const uint8_t *alpha_of(const ddz_decoder *d)
{
    return d->reader.extras.data[DDZ_EXTRA_ALPHA - 1];
}

/* Room for the picture that the observer is shown */
static ddz_status ensure_observed(ddz_decoder *d)
{
    enum { PIXEL_SIZE = 8 }; /* at most */
    size_t size = ddz_size_mul(ddz_size_mul(d->reader.header.width, d->reader.header.height), PIXEL_SIZE);
    if (!d->observer || d->observed)
        return DDZ_OK;
    d->observed = ddz_mem_alloc(&d->mem, size, 1);
    d->observed_size = size;
    return d->observed ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* The estimate to the observer. */
static ddz_status show(ddz_decoder *d)
{
    struct chain *c = &d->chain;
    struct layout layout;
    if (!d->observer)
        return DDZ_OK;
    ddz_status status = ddz_layout_make(&layout, d->observer_format, d->reader.header.width,
                                        d->reader.header.height, 0, d->observed_size);
    if (status != DDZ_OK)
        return status;
    ddz_chain_pixels(c, &layout, alpha_of(d), d->observed);
    int stop = d->observer(d->observer_cookie, ddz_report_observed_sigma(c->sigma_q8, c->scale), d->observed);
    return stop ? DDZ_ERR_CANCELLED : DDZ_OK;
}

/* Step `index` is made. */
static ddz_status tell_progress(ddz_decoder *d, const struct schedule *s, int index)
{
    d->work_done += ddz_report_work(s, &d->pyramid, index, index + 1);
    return ddz_progress_tell(&d->progress, d->work_done, d->work);
}

/* Make step `index` of a schedule with those of its bits that are in d->bits. */
static ddz_status make_step(ddz_decoder *d, const struct schedule *s, int index, const struct step_bits *b)
{
    const struct step *step = &s->step[index];
    ddz_chain_next_estimate(&d->chain);
    ddz_status status = show(d);
    if (status != DDZ_OK)
        return status;
    if (step->lift)
        ddz_chain_enter_lift(&d->chain, step);
    struct trellis t = ddz_chain_trellis(step, index, b->bits, b->register_bits);
    ddz_chain_apply(&d->chain, step, &t, d->bits, b->known);
    return DDZ_OK;
}

static void fetch_bits(ddz_decoder *d, const struct step_bits *s)
{
    struct bit_reader r;
    ddz_bit_reader_init(&r, s->data, (size_t)((s->position + s->known + 7) / 8));
    r.position = s->position;
    ddz_bits_copy_out(&r, s->known, d->bits);
}

/* Make all steps that are wholly there. *part is the one that is not, if part->bits is not 0. */
static ddz_status walk(ddz_decoder *d, struct step_bits *part)
{
    for (;;) {
        struct step_cursor next = d->cursor;
        *part = (struct step_bits){0};
        int more = ddz_step_reader_next(&d->reader, &d->schedule, &next, part);
        if (more <= 0) {
            part->bits = 0;
            return more < 0 ? DDZ_ERR_CORRUPT : DDZ_OK;
        }
        fetch_bits(d, part);
        if (part->known < part->bits)
            return DDZ_OK;
        int index = d->cursor.index;
        ddz_status status = make_step(d, &d->schedule, index, part);
        if (status != DDZ_OK)
            return status;
        d->cursor = next;
        status = tell_progress(d, &d->schedule, index);
        if (status != DDZ_OK)
            return status;
    }
}

/* Pseudo-random bits behind those of the step that are known. */
static void draw_bits(ddz_decoder *d, int index, struct step_bits *b)
{
    uint64_t key = hash_pair((uint64_t)d->value[DECODER_SEED], 0x73616D706C65);
    uint8_t *last = d->bits + b->known / 8, head = *last;
    uint8_t keep = (uint8_t)(0xFF00 >> b->known % 8);
    ddz_chain_draw_bits(hash_pair(key, (uint64_t)index), last, b->bits - b->known / 8 * 8);
    *last = (uint8_t)((*last & ~keep) | (head & keep));
    b->known = b->bits;
}

/* The rest of the chain from pseudo-random bits (algorithm 2), by d->sampling. `part` is the step that has
 * begun. */
static ddz_status sample_rest(ddz_decoder *d, const struct step_bits *part)
{
    const struct schedule *s = &d->sampling;
    int begun = d->cursor.index;
    for (int i = begun; i < s->steps; i++) {
        struct step_bits b = {.bits = s->step[i].bits, .register_bits = TRELLIS_MIN_BITS};
        if (i == begun && part->bits)
            b = *part;
        draw_bits(d, i, &b);
        ddz_status status = make_step(d, s, i, &b);
        if (status == DDZ_OK)
            status = tell_progress(d, s, i);
        if (status != DDZ_OK)
            return status;
    }
    return DDZ_OK;
}

/* ---- Pictures ------------------------------------------------------------------------------- */

/* What a call will do, for its progress; and the schedule of a sample. */
static void plan_work(ddz_decoder *d, ddz_recon recon)
{
    const struct schedule *s = &d->schedule;
    struct step_cursor cursor = d->cursor;
    struct step_bits step = {0};
    int whole = cursor.index; /* steps that are there */
    bool part = false;
    while (!part && ddz_step_reader_next(&d->reader, &d->schedule, &cursor, &step) > 0) {
        part = step.known < step.bits;
        whole += !part;
    }
    d->work_done = 0;
    d->work = ddz_report_work(s, &d->pyramid, d->cursor.index, part ? whole + 1 : whole);
    if (recon == DDZ_RECON_SAMPLE) {
        d->sampling = *s;
        ddz_schedule_draw_rest(&d->sampling, &d->pyramid, part ? whole + 1 : whole,
                               ddz_ilog2((uint64_t)d->value[DECODER_SAMPLE_STEPS]));
        d->work += ddz_report_work(&d->sampling, &d->pyramid, part ? whole + 1 : whole, d->sampling.steps);
    }
    const struct pyramid *p = &d->pyramid;
    int scale = recon == DDZ_RECON_SAMPLE ? 0 : whole > 0 ? s->step[whole - 1].scale : p->coarsest;
    d->work += (uint64_t)MAX_VIEWS * p->width[scale] * p->height[scale]; /* of the last estimate */
}

/* The picture where the bits end, or where the chain does that goes on without them. */
static ddz_status last_picture(ddz_decoder *d, const struct step_bits *part, ddz_recon recon,
                               const struct layout *layout, void *pixels)
{
    ddz_status status = DDZ_OK;
    if (recon == DDZ_RECON_SAMPLE)
        status = sample_rest(d, part);
    else if (part->bits)
        status = make_step(d, &d->schedule, d->cursor.index, part);
    if (status != DDZ_OK)
        return status;
    ddz_chain_last_estimate(&d->chain);
    status = show(d);
    if (status == DDZ_OK)
        status = ddz_progress_end(&d->progress);
    if (status == DDZ_OK)
        ddz_chain_pixels(&d->chain, layout, alpha_of(d), pixels);
    return status;
}

static ddz_status check_digest(ddz_decoder *d)
{
    if (d->reader.part != PART_END)
        return DDZ_OK;
    d->digest_agrees = ddz_chain_digest(&d->chain) == get_le32(d->reader.digest);
    return d->digest_agrees ? DDZ_OK : DDZ_ERR_DIGEST;
}

/* Decode all that has arrived. *stream is what is wrong with it, the picture being written all the same. */
static ddz_status decode(ddz_decoder *d, ddz_recon recon, const struct layout *layout, void *pixels,
                         ddz_status *stream)
{
    struct step_bits part;
    ddz_status status = ensure_chain(d);
    if (status == DDZ_OK)
        status = ensure_observed(d);
    if (status != DDZ_OK)
        return status;
    plan_work(d, recon);
    status = ddz_progress_begin(&d->progress);
    if (status == DDZ_OK)
        status = walk(d, &part);
    *stream = status == DDZ_ERR_CORRUPT ? status : DDZ_OK;
    if (status != *stream)
        return status;
    bool apart = part.bits || recon == DDZ_RECON_SAMPLE || d->chain.estimate_kind == ESTIMATE_UPDATED;
    if (apart && (status = ddz_chain_reserve(&d->chain, 1)) != DDZ_OK)
        return status;
    if (apart)
        ddz_chain_save(&d->chain, 0);
    status = last_picture(d, &part, recon, layout, pixels);
    if (status == DDZ_OK && *stream == DDZ_OK && recon == DDZ_RECON_MEAN)
        *stream = check_digest(d);
    if (apart)
        ddz_chain_restore(&d->chain, 0);
    return status;
}

/* With these errors of the stream there is a picture of what came before. */
static bool leaves_a_picture(ddz_status error)
{
    return error == DDZ_OK || error == DDZ_ERR_CORRUPT || error == DDZ_ERR_TRAILING ||
           error == DDZ_ERR_FEATURE;
}

ddz_status ddz_decoder_picture(ddz_decoder *d, ddz_recon recon, ddz_pixel_format format, void *pixels,
                               size_t stride, size_t size)
{
    struct layout layout;
    if (!d || !pixels || (int)recon < 0)
        return DDZ_ERR_ARGUMENT;
    if (recon > DDZ_RECON_SAMPLE)
        return DDZ_ERR_UNSUPPORTED;
    if (!d->model)
        return DDZ_ERR_STATE;
    const struct header *h = &d->reader.header;
    if (d->reader.part == PART_HEADER)
        return d->reader.error ? d->reader.error : DDZ_ERR_TRUNCATED;
    if (!leaves_a_picture(stream_error(d)))
        return stream_error(d);
    ddz_status status = ddz_layout_make(&layout, format, h->width, h->height, stride, size);
    if (status != DDZ_OK)
        return status;
    ddz_status stream = DDZ_OK;
    d->account.exceeded = false;
    status = decode(d, recon, &layout, pixels, &stream);
    if (status != DDZ_OK)
        return outward(d, status);
    return stream != DDZ_OK ? stream : d->reader.error;
}

ddz_status ddz_decoder_extra(const ddz_decoder *d, ddz_extra kind, const uint8_t **data, size_t *size)
{
    if (!d || !data || !size || (int)kind < 1)
        return DDZ_ERR_ARGUMENT;
    if ((int)kind > EXTRA_KINDS)
        return DDZ_ERR_UNSUPPORTED;
    *data = d->reader.extras.data[kind - 1];
    *size = d->reader.extras.size[kind - 1];
    return DDZ_OK;
}
