/*
 * Pictures of what has arrived: the chain is walked along the bits that are there (Ho et al. 2020, algorithm
 * 4).
 */
#include <string.h>

#include "api/pixels.h"
#include "base/bytes.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "chain/report.h"
#include "cpu/cpu.h"
#include "decode/exact.h"
#include "decode/state.h"
#include "format/bits.h"
#include "format/limits.h"

/* ---- The walk ------------------------------------------------------------------------------- */

static ddz_status ensure_chain(ddz_decoder *d)
{
    if (d->chain)
        return DDZ_OK;
    uint32_t w = d->reader.header.width, h = d->reader.header.height;
    if (!d->parallel)
        d->parallel = ddz_parallel_new(&d->mem, (int)d->value[DECODER_THREADS], &d->runner);
    if (!d->parallel)
        return DDZ_ERR_MEMORY;
    int finest = ddz_schedule_finest(&d->pyramid, decoder_scale(d));
    struct chain *chain = ddz_chain_new(&d->mem, d->model, NET_FLOWS, w, h, finest, d->parallel,
                                        ddz_cpu_allowed(d->value[DECODER_CPU_FEATURES]));
    if (!chain)
        return DDZ_ERR_MEMORY;
    /* a step has at most one bit a sample */
    size_t capacity = ddz_chain_capacity(d->pyramid.width[finest], d->pyramid.height[finest]);
    d->bits = ddz_mem_alloc(&d->mem, capacity / 8 + 1, 1);
    if (!d->bits) {
        ddz_chain_free(chain);
        return DDZ_ERR_MEMORY;
    }
    if (d->reader.header.grey)
        ddz_chain_set_grey(chain);
    if (ddz_schedule_is_thumbnail(&d->pyramid, decoder_scale(d)))
        ddz_chain_set_few_views(chain);
    d->chain = chain;
    return DDZ_OK;
}

/* At the scale that is shown. NULL: none has arrived */
static ddz_status alpha_of(ddz_decoder *d, const uint8_t **alpha)
{
    size_t size;
    ddz_extra_state state;
    uint32_t w = d->reader.header.width, h = d->reader.header.height;
    ddz_status status = ddz_stream_reader_extra(&d->reader, DDZ_EXTRA_ALPHA, alpha, &size, &state);
    if (status != DDZ_OK || !*alpha || decoder_scale(d) == 0)
        return status;
    if (!d->small_alpha)
        d->small_alpha = ddz_mem_alloc(&d->mem, ddz_size_mul(ddz_side_at(w, 1), ddz_side_at(h, 1)),
                                       sizeof *d->small_alpha);
    if (!d->small_alpha)
        return DDZ_ERR_MEMORY;
    *alpha = ddz_pixels_reduce_alpha(*alpha, w, h, decoder_scale(d), d->small_alpha);
    return DDZ_OK;
}

/* Room for the picture that the observer is shown */
static ddz_status ensure_observed(ddz_decoder *d)
{
    enum { PIXEL_SIZE = 8 }; /* at most */
    size_t size = ddz_size_mul(decoder_side(d, d->reader.header.width),
                               ddz_size_mul(decoder_side(d, d->reader.header.height), PIXEL_SIZE));
    if (!d->observer || d->observed)
        return DDZ_OK;
    d->observed = ddz_mem_alloc(&d->mem, size, 1);
    d->observed_size = size;
    return d->observed ? DDZ_OK : DDZ_ERR_MEMORY;
}

/* The estimate to the observer. */
static ddz_status show(ddz_decoder *d)
{
    struct chain_position position = ddz_chain_position(d->chain);
    struct layout layout;
    if (!d->observer)
        return DDZ_OK;
    ddz_status status = ddz_layout_make(&layout, d->observer_format, decoder_side(d, d->reader.header.width),
                                        decoder_side(d, d->reader.header.height), 0, d->observed_size);
    if (status != DDZ_OK)
        return status;
    const uint8_t *alpha;
    status = alpha_of(d, &alpha);
    if (status != DDZ_OK)
        return status;
    ddz_chain_pixels(d->chain, decoder_scale(d), &layout, alpha, d->observed);
    int stop = d->observer(d->observer_cookie, ddz_report_observed_sigma(position.sigma_q8, position.scale),
                           d->observed);
    return stop ? DDZ_ERR_CANCELLED : DDZ_OK;
}

/* Step `index` is made. Who is told may stop the walk, but not between two calls of the network. */
static ddz_status tell_progress(ddz_decoder *d, const struct schedule *s, int index)
{
    d->work_done += ddz_report_work(s, &d->pyramid, index, index + 1);
    return s->step[index].update ? DDZ_OK : ddz_progress_tell(&d->progress, d->work_done, d->work);
}

/* How many steps with an update there are from step `index` on */
static int updates_from(const struct schedule *s, int index)
{
    int count = 0;
    while (index + count < s->steps && s->step[index + count].update)
        count++;
    return count;
}

/* Make step `index` of a schedule with those of its bits that are in d->bits. */
static ddz_status make_step(ddz_decoder *d, const struct schedule *s, int index, const struct step_bits *b)
{
    const struct step *step = &s->step[index];
    struct trellis t = ddz_chain_trellis(step, index, b->bits, b->register_bits);
    bool updates = step->update && b->known == b->bits;
    d->views = 0;
    if (updates && decoder_defers(d, &d->pyramid) &&
        ddz_chain_defer(d->chain, step, updates_from(s, index), &t, d->bits))
        return DDZ_OK;
    if (updates && !ddz_chain_prepare_update(d->chain))
        return DDZ_ERR_MEMORY;
    ddz_chain_next_estimate(d->chain);
    ddz_status status = show(d);
    if (status != DDZ_OK)
        return status;
    ddz_chain_apply(d->chain, step, &t, d->bits, b->known);
    return DDZ_OK;
}

static void fetch_bits(ddz_decoder *d, const struct step_bits *s)
{
    struct bit_reader r;
    ddz_bit_reader_init(&r, s->data, (size_t)((s->position + s->known + 7) / 8));
    r.position = s->position;
    ddz_bits_copy_out(&r, s->known, d->bits);
}

/* What a call of ddz_decoder_picture does */
struct plan {
    int whole;  /* steps that are there */
    bool part;  /* there is a part of the next one, too */
    int resume; /* the step that later ones go on from: the last to begin with a call of the network */
    bool over;  /* no step is to come, and it is the mean that is wanted */
    bool last;  /* so y or the estimate goes beyond that step for good */
    bool apart; /* y goes beyond that step for this picture alone: as it is there it is kept */
    bool kept;  /* that has been done */
    struct step_cursor cursor; /* where it was */
};

/* Make all steps that are wholly there. *part is the one that is not, if part->bits is not 0. */
static ddz_status walk(ddz_decoder *d, struct plan *plan, struct step_bits *part)
{
    for (;;) {
        if (plan->apart && d->cursor.index == plan->resume) {
            ddz_chain_save(d->chain, d->arrived);
            plan->cursor = d->cursor;
            plan->kept = true;
        }
        struct step_cursor next = d->cursor;
        *part = (struct step_bits){0};
        if (d->ended)
            return DDZ_OK;
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

/* Kept is only y. Between two calls of the network that would not do: what is done since the last one is done again
 * for the next picture. At a stream's end nothing is kept: a sample that is drawn after the mean begins anew. */
static struct plan plan_picture(const ddz_decoder *d, ddz_recon recon)
{
    struct step_cursor cursor = d->cursor;
    struct step_bits step = {0};
    struct plan plan = {.whole = cursor.index};
    while (!plan.part && ddz_step_reader_next(&d->reader, &d->schedule, &cursor, &step) > 0) {
        plan.part = step.known < step.bits;
        plan.whole += !plan.part;
    }
    plan.resume = plan.whole;
    while (plan.resume > d->cursor.index && d->schedule.step[plan.resume - 1].update)
        plan.resume--;
    bool beyond = plan.part || plan.resume < plan.whole;
    bool all = d->reader.part == PART_END || plan.whole == d->schedule.steps;
    plan.over = all && recon == DDZ_RECON_MEAN;
    plan.last = beyond && plan.over;
    plan.apart = (beyond && !plan.last) || recon == DDZ_RECON_SAMPLE;
    return plan;
}

/* Views of y for the picture: as the settings say, which a short prefix does not have. */
static int picture_views(const ddz_decoder *d)
{
    return d->reader.has_settings ? 1 << d->reader.settings.views_log2 : MAX_VIEWS;
}

/* For the call's progress; and the schedule of a sample */
static void plan_work(ddz_decoder *d, const struct plan *plan, ddz_recon recon)
{
    const struct schedule *s = &d->schedule;
    int begun = plan->whole + plan->part;
    d->work_done = 0;
    d->work = ddz_report_work(s, &d->pyramid, d->cursor.index, begun);
    if (recon == DDZ_RECON_SAMPLE) {
        d->sampling = *s;
        ddz_schedule_draw_rest(&d->sampling, &d->pyramid, begun,
                               ddz_ilog2((uint64_t)d->value[DECODER_SAMPLE_STEPS]));
        d->sampling.steps = ddz_schedule_enough(&d->sampling, &d->pyramid, decoder_scale(d));
        d->work += ddz_report_work(&d->sampling, &d->pyramid, begun, d->sampling.steps);
        s = &d->sampling;
    }
    const struct pyramid *p = &d->pyramid;
    int made = recon == DDZ_RECON_SAMPLE ? s->steps : plan->whole;
    int scale = made > 0 ? s->step[made - 1].scale : p->coarsest;
    bool there = d->views == picture_views(d) && made == d->cursor.index && !plan->part;
    d->work +=
        there ? 0 : (uint64_t)picture_views(d) * p->width[scale] * p->height[scale]; /* the last estimate */
    d->work += recon == DDZ_RECON_MEAN ? ddz_exact_work(d) : 0;
}

/* The picture where the bits end, or where the chain does that goes on without them. */
static ddz_status last_picture(ddz_decoder *d, const struct plan *plan, const struct step_bits *part,
                               ddz_recon recon, const struct layout *layout, void *pixels)
{
    ddz_status status = DDZ_OK;
    if (recon == DDZ_RECON_SAMPLE)
        status = sample_rest(d, part);
    else if (part->bits)
        status = make_step(d, &d->schedule, d->cursor.index, part);
    if (status != DDZ_OK)
        return status;
    d->ended = d->ended || plan->last;
    if (d->views != picture_views(d))
        ddz_chain_last_estimate(d->chain, picture_views(d));
    d->views = picture_views(d);
    if (plan->over) /* the pixels, and what follows, can have its memory */
        ddz_chain_forget_network(d->chain);
    status = show(d);
    const uint8_t *alpha;
    if (status == DDZ_OK)
        status = alpha_of(d, &alpha);
    if (status == DDZ_OK)
        ddz_chain_pixels(d->chain, decoder_scale(d), layout, alpha, pixels);
    return status;
}

/* Are picture and layers what they should be, as far as that is known? The digest is of a chain that ends at full size. */
static ddz_status check_digests(ddz_decoder *d)
{
    uint64_t damaged;
    ddz_status status = ddz_stream_reader_damage(&d->reader, &damaged);
    bool whole = d->reader.part == PART_END && decoder_scale(d) == 0;
    d->digest_agrees = whole && ddz_chain_digest(d->chain) == get_le32(d->reader.digest);
    if (status != DDZ_OK)
        return status;
    return damaged || ddz_exact_damaged(d) || (whole && !d->digest_agrees) ? DDZ_ERR_DIGEST : DDZ_OK;
}

/* Memory for a picture */
static ddz_status ensure_memory(ddz_decoder *d, const struct plan *plan)
{
    ddz_status status = ensure_chain(d);
    if (status == DDZ_OK && !d->ended && !ddz_chain_recall_network(d->chain))
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK)
        status = ensure_observed(d);
    if (status == DDZ_OK && plan->apart && !d->arrived) {
        d->arrived = ddz_chain_state_new(d->chain, CHAIN_Y);
        status = d->arrived ? DDZ_OK : DDZ_ERR_MEMORY;
    }
    return status;
}

/* At the beginning of the chain */
static void begin_anew(ddz_decoder *d)
{
    ddz_chain_start(d->chain);
    d->views = 0;
    d->cursor = (struct step_cursor){0};
    d->ended = false;
}

/* y would be kept between two calls of the network, whence there is no going on without what the first has left behind: a
 * picture was stopped there, in what the stream ends with. */
static bool is_astray(const ddz_decoder *d, const struct plan *plan)
{
    return plan->apart && plan->resume > 0 && d->schedule.step[plan->resume - 1].update;
}

/* Decode all that has arrived. *stream is what is wrong with it, the picture being written all the same. */
static ddz_status decode(ddz_decoder *d, ddz_recon recon, const struct layout *layout, void *pixels,
                         ddz_status *stream)
{
    struct step_bits part;
    if (d->ended && recon == DDZ_RECON_SAMPLE)
        begin_anew(d);
    struct plan plan = plan_picture(d, recon);
    if (is_astray(d, &plan)) {
        begin_anew(d);
        plan = plan_picture(d, recon);
    }
    ddz_status status = ensure_memory(d, &plan);
    if (status != DDZ_OK)
        return status;
    plan_work(d, &plan, recon);
    status = ddz_progress_begin(&d->progress);
    if (status == DDZ_OK)
        status = walk(d, &plan, &part);
    *stream = status == DDZ_ERR_CORRUPT ? status : DDZ_OK;
    if (status == *stream) {
        status = last_picture(d, &plan, &part, recon, layout, pixels);
        if (status == DDZ_OK && *stream == DDZ_OK && recon == DDZ_RECON_MEAN) {
            status = ddz_exact_show(d, layout, pixels);
            *stream = check_digests(d);
        }
        if (status == DDZ_OK)
            status = ddz_progress_end(&d->progress);
    }
    if (plan.kept) {
        ddz_chain_restore(d->chain, d->arrived);
        d->views = 0;
        d->cursor = plan.cursor;
    }
    return status;
}

/* With these errors of the stream there is a picture of what came before. */
static bool leaves_a_picture(ddz_status error)
{
    return error == DDZ_OK || error == DDZ_ERR_CORRUPT || error == DDZ_ERR_FEATURE;
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
    ddz_status status =
        ddz_layout_make(&layout, format, decoder_side(d, h->width), decoder_side(d, h->height), stride, size);
    if (status != DDZ_OK)
        return status;
    ddz_status stream = DDZ_OK;
    d->account.exceeded = false;
    status = decode(d, recon, &layout, pixels, &stream);
    if (status != DDZ_OK)
        return decoder_status(d, status);
    return stream != DDZ_OK ? stream : d->reader.error;
}
