/*
 * The decoder: walks the chain along the bits that have arrived (Ho et al. 2020, algorithm 4).
 */
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "codec/chain.h"
#include "codec/layers.h"
#include "codec/report.h"
#include "container/header.h"

struct ddz_decoder {
    struct mem mem;
    ddz_decoder_settings settings;
    const struct ddz_model *model;
    struct layers layers;
    uint64_t bits_taken;

    bool has_chain;
    struct chain chain;
    struct step_cursor cursor; /* behind the steps that y has made, all of them whole */
    bool digest_agrees;

    uint8_t *bits;            /* of one step */
    uint8_t *observed;        /* picture for the observer, if there is one */
    struct schedule sampling; /* of the picture that was drawn last */
    ddz_step steps[SCHEDULE_MAX_STEPS];
};

void ddz_decoder_defaults(ddz_decoder_settings *settings)
{
    *settings = (ddz_decoder_settings){.struct_size = sizeof *settings,
                                       .max_bits = UINT64_MAX,
                                       .seed = 1,
                                       .sample_steps = 8,
                                       .isa = DDZ_ISA_BEST,
                                       .max_pixels = (uint64_t)1 << 26};
}

static bool settings_valid(const ddz_decoder_settings *s)
{
    enum { MOST_SAMPLE_STEPS = 32 };
    bool steps = s->sample_steps >= 1 && s->sample_steps <= MOST_SAMPLE_STEPS &&
                 (s->sample_steps & (s->sample_steps - 1)) == 0;
    return s->struct_size == sizeof *s && steps && s->threads >= 0 && s->threads <= 256 &&
           s->max_pixels >= 1 && s->max_pixels <= MAX_PIXELS;
}

ddz_status ddz_decoder_new(const ddz_model *model, const ddz_decoder_settings *settings,
                           ddz_decoder **decoder)
{
    ddz_decoder_settings defaults;
    ddz_decoder_defaults(&defaults);
    if (!settings)
        settings = &defaults;
    if (!decoder || !settings_valid(settings))
        return DDZ_ERR_ARGUMENT;
    struct mem mem = ddz_mem_init(&settings->allocator);
    ddz_decoder *d = ddz_mem_alloc(&mem, 1, sizeof *d);
    if (!d)
        return DDZ_ERR_MEMORY;
    d->mem = mem;
    d->settings = *settings;
    d->settings.threads = ddz_chain_threads(settings->threads);
    d->model = model;
    ddz_layers_init(&d->layers, &d->mem, model, settings->max_pixels);
    *decoder = d;
    return DDZ_OK;
}

void ddz_decoder_free(ddz_decoder *d)
{
    if (!d)
        return;
    struct mem mem = d->mem;
    ddz_layers_free(&d->layers);
    if (d->has_chain)
        ddz_chain_free(&d->chain);
    ddz_mem_free(&mem, d->bits);
    ddz_mem_free(&mem, d->observed);
    ddz_mem_free(&mem, d);
}

ddz_status ddz_decoder_feed(ddz_decoder *d, const uint8_t *data, size_t size)
{
    if (!d || (!data && size))
        return DDZ_ERR_ARGUMENT;
    uint64_t room = d->settings.max_bits - d->bits_taken;
    if (size <= room / 8) {
        d->bits_taken += 8 * (uint64_t)size;
        return ddz_layers_feed(&d->layers, data, size, 8);
    }
    size_t whole = (size_t)(room / 8);
    int rest = (int)(room % 8);
    d->bits_taken = d->settings.max_bits;
    ddz_status status = ddz_layers_feed(&d->layers, data, whole, 8);
    if (status != DDZ_OK || !rest)
        return status;
    uint8_t last = (uint8_t)(data[whole] & (0xFF00 >> rest));
    return ddz_layers_feed(&d->layers, &last, 1, rest);
}

ddz_status ddz_decoder_begin(ddz_decoder *d, uint32_t width, uint32_t height)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    if (!d->model || d->bits_taken)
        return DDZ_ERR_STATE;
    uint8_t bytes[HEADER_MAX_SIZE];
    struct header header = {
        .width = width, .height = height, .model_low = ddz_header_model_low(d->model->id)};
    size_t size = ddz_header_write(&header, bytes);
    return size ? ddz_decoder_feed(d, bytes, size) : DDZ_ERR_ARGUMENT;
}

ddz_status ddz_decoder_set_seed(ddz_decoder *d, uint32_t seed)
{
    if (!d)
        return DDZ_ERR_ARGUMENT;
    d->settings.seed = seed;
    return DDZ_OK;
}

ddz_status ddz_decoder_info(const ddz_decoder *d, ddz_info *info)
{
    if (!d || !info)
        return DDZ_ERR_ARGUMENT;
    const struct layers *l = &d->layers;
    if (l->layer == LAYER_HEADER)
        return l->error ? l->error : DDZ_ERR_TRUNCATED;
    bool known = l->has_settings;
    *info = (ddz_info){.width = l->header.width,
                       .height = l->header.height,
                       .model_id = known ? l->settings.model_id : l->header.model_low,
                       .model_id_bits = known ? 32 : HEADER_MODEL_BITS,
                       .scales = ddz_pyramid_of(l->header.width, l->header.height).coarsest,
                       .trellis_bits = known ? l->settings.trellis_bits : 0,
                       .calls_per_octave = known ? 1 << l->settings.calls_log2 : 0,
                       .updates = known ? 1 << l->settings.updates_log2 : 0,
                       .bits = d->bits_taken,
                       .complete = l->layer == LAYER_END,
                       .digest_agrees = d->digest_agrees};
    if (known)
        info->sigma_end = ddz_report_sigma(l->settings.end_level);
    return DDZ_OK;
}

ddz_status ddz_decoder_steps(ddz_decoder *d, const ddz_step **steps, size_t *count)
{
    if (!d || !steps || !count)
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    struct step_cursor cursor = ddz_layers_first();
    struct step_bits found;
    size_t n = 0;
    int more;
    while ((more = ddz_layers_next_step(&d->layers, &cursor, &found)) > 0) {
        ddz_step *s = &d->steps[n++];
        *s = ddz_report_step(&d->layers.schedule.step[cursor.index - 1]);
        s->offset_bits = found.offset_bits;
        s->bits = found.side_bits + found.known;
        if (found.known < found.bits)
            break;
    }
    *steps = d->steps;
    *count = n;
    return more < 0 ? DDZ_ERR_CORRUPT : DDZ_OK;
}

static ddz_status ensure_chain(ddz_decoder *d)
{
    if (d->has_chain)
        return DDZ_OK;
    uint32_t w = d->layers.header.width, h = d->layers.header.height;
    ddz_status status =
        ddz_chain_init(&d->chain, &d->mem, d->model, w, h, d->settings.threads, d->settings.isa);
    if (status != DDZ_OK)
        return status;
    /* a step has at most one bit a sample */
    d->bits = ddz_mem_alloc(&d->mem, d->chain.capacity / 8 + 1, 1);
    if (d->settings.observer)
        d->observed = ddz_mem_alloc(&d->mem, ddz_size_mul(w, h), 3);
    if (!d->bits || (d->settings.observer && !d->observed)) {
        ddz_mem_free(&d->mem, d->bits);
        ddz_mem_free(&d->mem, d->observed);
        d->bits = d->observed = NULL;
        ddz_chain_free(&d->chain);
        return DDZ_ERR_MEMORY;
    }
    d->has_chain = true;
    return DDZ_OK;
}

/* The estimate to the observer. */
static ddz_status show(ddz_decoder *d)
{
    struct chain *c = &d->chain;
    if (!d->settings.observer)
        return DDZ_OK;
    ddz_chain_picture(c, d->observed);
    int stop = ddz_report_estimate(d->settings.observer, d->settings.observer_cookie, c->sigma_q8, c->scale,
                                   d->observed);
    return stop ? DDZ_ERR_CANCELLED : DDZ_OK;
}

static int tell_progress(const ddz_decoder *d, const struct schedule *s, int index)
{
    return ddz_report_progress(d->settings.progress, d->settings.progress_cookie, s, &d->layers.pyramid,
                               index);
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
        int more = ddz_layers_next_step(&d->layers, &next, part);
        if (more <= 0) {
            part->bits = 0;
            return more < 0 ? DDZ_ERR_CORRUPT : DDZ_OK;
        }
        fetch_bits(d, part);
        if (part->known < part->bits)
            return DDZ_OK;
        ddz_status status = make_step(d, &d->layers.schedule, d->cursor.index, part);
        if (status != DDZ_OK)
            return status;
        d->cursor = next;
        if (tell_progress(d, &d->layers.schedule, d->cursor.index))
            return DDZ_ERR_CANCELLED;
    }
}

/* Bits that nobody sent, behind those of the step that are known. */
static void draw_bits(ddz_decoder *d, int index, struct step_bits *b)
{
    uint64_t key = hash_pair(d->settings.seed, 0x73616D706C65);
    uint8_t *last = d->bits + b->known / 8, head = *last;
    uint8_t keep = (uint8_t)(0xFF00 >> b->known % 8);
    ddz_chain_draw_bits(hash_pair(key, (uint64_t)index), last, b->bits - b->known / 8 * 8);
    *last = (uint8_t)((*last & ~keep) | (head & keep));
    b->known = b->bits;
}

/* The rest of the chain from bits that nobody sent (algorithm 2), in steps of its own. `part` is the
 * step that has begun. */
static ddz_status sample_rest(ddz_decoder *d, const struct step_bits *part)
{
    struct schedule *s = &d->sampling;
    int begun = d->cursor.index;
    *s = d->layers.schedule;
    ddz_schedule_draw_rest(s, &d->layers.pyramid, part->bits ? begun + 1 : begun,
                           ddz_ilog2((uint64_t)d->settings.sample_steps));
    for (int i = begun; i < s->steps; i++) {
        struct step_bits b = {.bits = s->step[i].bits, .register_bits = TRELLIS_MIN_BITS};
        if (i == begun && part->bits)
            b = *part;
        draw_bits(d, i, &b);
        ddz_status status = make_step(d, s, i, &b);
        if (status != DDZ_OK)
            return status;
        if (tell_progress(d, s, i + 1))
            return DDZ_ERR_CANCELLED;
    }
    return DDZ_OK;
}

/* The picture where the bits end, or where the chain does that goes on without them. */
static ddz_status last_picture(ddz_decoder *d, const struct step_bits *part, ddz_recon recon, uint8_t *rgb)
{
    ddz_status status = DDZ_OK;
    if (recon == DDZ_RECON_SAMPLE)
        status = sample_rest(d, part);
    else if (part->bits)
        status = make_step(d, &d->layers.schedule, d->cursor.index, part);
    if (status != DDZ_OK)
        return status;
    ddz_chain_last_estimate(&d->chain);
    status = show(d);
    if (status == DDZ_OK)
        ddz_chain_picture(&d->chain, rgb);
    return status;
}

static ddz_status check_digest(ddz_decoder *d)
{
    if (d->layers.layer != LAYER_END)
        return DDZ_OK;
    d->digest_agrees = ddz_chain_digest(&d->chain) == get_le32(d->layers.digest);
    return d->digest_agrees ? DDZ_OK : DDZ_ERR_CORRUPT;
}

ddz_status ddz_decoder_picture(ddz_decoder *d, ddz_recon recon, uint8_t *rgb)
{
    if (!d || !rgb || (recon != DDZ_RECON_MEAN && recon != DDZ_RECON_SAMPLE))
        return DDZ_ERR_ARGUMENT;
    if (!d->model)
        return DDZ_ERR_STATE;
    if (d->layers.layer == LAYER_HEADER)
        return d->layers.error ? d->layers.error : DDZ_ERR_TRUNCATED;
    if (d->layers.error == DDZ_ERR_LIMIT || d->layers.error == DDZ_ERR_WRONG_MODEL)
        return d->layers.error;
    ddz_status status = ensure_chain(d);
    struct step_bits part;
    ddz_status stream = status == DDZ_OK ? walk(d, &part) : status;
    if (stream != DDZ_OK && stream != DDZ_ERR_CORRUPT)
        return stream;
    bool apart = part.bits || recon == DDZ_RECON_SAMPLE || d->chain.estimate_kind == ESTIMATE_UPDATED;
    if (apart && (status = ddz_chain_reserve(&d->chain, 1)) != DDZ_OK)
        return status;
    if (apart)
        ddz_chain_save(&d->chain, 0);
    status = last_picture(d, &part, recon, rgb);
    if (status == DDZ_OK && stream == DDZ_OK && recon == DDZ_RECON_MEAN)
        stream = check_digest(d);
    if (apart)
        ddz_chain_restore(&d->chain, 0);
    if (status != DDZ_OK)
        return status;
    return d->layers.error ? d->layers.error : stream;
}

ddz_status ddz_decoder_extra(const ddz_decoder *d, ddz_extra kind, const uint8_t **data, size_t *size)
{
    if (!d || !data || !size || (int)kind < 1 || (int)kind > EXTRA_KINDS)
        return DDZ_ERR_ARGUMENT;
    *data = d->layers.extras.data[kind - 1];
    *size = d->layers.extras.size[kind - 1];
    return DDZ_OK;
}
