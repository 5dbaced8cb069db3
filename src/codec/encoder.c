/*
 * The encoder: walks the same chain as the decoder, and looks for the bits of each step (Ho et al.
 * 2020, algorithm 3).
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "channel/viterbi.h"
#include "codec/chain.h"
#include "codec/ideal.h"
#include "codec/pilot.h"
#include "codec/report.h"
#include "codec/steer.h"
#include "container/bits.h"
#include "container/extras.h"
#include "container/frames.h"
#include "container/header.h"
#include "diffusion/lift.h"

struct ddz_encoder {
    struct mem mem;
    ddz_encoder_settings settings;
    const struct ddz_model *model;
    struct extras extras;
    struct viterbi *opening_search, *search;

    /* of one picture */
    bool has_chain;
    struct chain chain;
    const uint8_t *rgb; /* the caller's */
    int32_t *x[PYRAMID_MAX_SCALES + 1];
    struct schedule schedule;
    struct walk walk;
    int register_bits;
    uint8_t *bits; /* of one step */
    uint8_t *preview;
    struct bit_writer opening, main;
    int eighths;
    uint64_t opening_limit, main_limit; /* bits of either, by the target in bytes */

    uint8_t *stream;
    size_t stream_size;
    ddz_step steps[SCHEDULE_MAX_STEPS];
    size_t step_count;
};

/* Effort 1 to 9: steps in the last octave, and states of the search. */
static const struct {
    int steps_log2, register_bits;
} efforts[9] = {{1, 8}, {2, 8}, {2, 10}, {3, 10}, {3, 12}, {3, 14}, {4, 14}, {4, 16}, {5, 16}};

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
        return v > 0 && report_level(v) >= LEVEL_MIN_END && report_level(v) <= LEVEL_MAX_END;
    }
    return false;
}

static bool settings_valid(const ddz_encoder_settings *s)
{
    int n = s->steps_per_octave;
    return s->struct_size == sizeof *s && target_valid(s) && s->effort >= 1 && s->effort <= 9 &&
           s->steering >= 0 && s->steering <= 4 &&
           (s->trellis_bits == 0 ||
            (s->trellis_bits >= TRELLIS_MIN_BITS && s->trellis_bits <= TRELLIS_MAX_BITS)) &&
           (n == 0 || (n >= 2 && n <= 32 && (n & (n - 1)) == 0)) && s->threads >= 0 && s->threads <= 256 &&
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
    struct mem mem = mem_init(&settings->allocator);
    ddz_encoder *e = mem_alloc(&mem, 1, sizeof *e);
    if (!e)
        return DDZ_ERR_MEMORY;
    e->mem = mem;
    e->settings = *settings;
    e->settings.threads = chain_threads(settings->threads);
    e->model = model;
    e->register_bits =
        settings->trellis_bits ? settings->trellis_bits : efforts[settings->effort - 1].register_bits;
    e->walk.steps_log2 = efforts[settings->effort - 1].steps_log2;
    if (settings->steps_per_octave) {
        e->walk.steps_log2 = ilog2((uint64_t)settings->steps_per_octave);
        e->walk.uniform = true;
    }
    bit_writer_init(&e->opening, &e->mem);
    bit_writer_init(&e->main, &e->mem);
    e->opening_search = viterbi_new(&e->mem, OPENING_REGISTER_BITS, 1, settings->isa);
    e->search = viterbi_new(&e->mem, e->register_bits, e->settings.threads, settings->isa);
    if (!e->opening_search || !e->search) {
        ddz_encoder_free(e);
        return DDZ_ERR_MEMORY;
    }
    *encoder = e;
    return DDZ_OK;
}

static void forget_picture(ddz_encoder *e)
{
    if (e->has_chain)
        chain_free(&e->chain);
    e->has_chain = false;
    for (int k = 0; k <= PYRAMID_MAX_SCALES; k++) {
        mem_free(&e->mem, e->x[k]);
        e->x[k] = NULL;
    }
    mem_free(&e->mem, e->bits);
    mem_free(&e->mem, e->preview);
    mem_free(&e->mem, e->stream);
    e->bits = e->preview = e->stream = NULL;
    e->stream_size = e->step_count = 0;
    bit_writer_free(&e->opening);
    bit_writer_free(&e->main);
    e->eighths = 0;
}

void ddz_encoder_free(ddz_encoder *e)
{
    if (!e)
        return;
    struct mem mem = e->mem;
    forget_picture(e);
    extras_free(&mem, &e->extras);
    viterbi_free(e->opening_search);
    viterbi_free(e->search);
    bit_writer_free(&e->opening);
    bit_writer_free(&e->main);
    mem_free(&mem, e);
}

ddz_status ddz_encoder_set_extra(ddz_encoder *e, ddz_extra kind, const uint8_t *data, size_t size)
{
    if (!e || (!data && size))
        return DDZ_ERR_ARGUMENT;
    return extras_set(&e->mem, &e->extras, (int)kind, data, size);
}

/* x_0 at every scale */
static ddz_status make_pyramid(ddz_encoder *e)
{
    const struct pyramid *p = &e->chain.pyramid;
    for (int k = 0; k <= p->coarsest; k++) {
        e->x[k] = mem_alloc(&e->mem, (size_t)3 * p->width[k] * p->height[k], sizeof(int32_t));
        if (!e->x[k])
            return DDZ_ERR_MEMORY;
        if (k > 0)
            lift_average(e->x[k - 1], p->width[k - 1], p->height[k - 1], e->x[k]);
        for (size_t i = 0; k == 0 && i < (size_t)3 * p->width[0] * p->height[0]; i++)
            e->x[0][i] = 256 * e->rgb[i] - 32640;
    }
    return DDZ_OK;
}

static ddz_status open_picture(ddz_encoder *e, uint32_t width, uint32_t height)
{
    ddz_status status =
        chain_init(&e->chain, &e->mem, e->model, width, height, e->settings.threads, e->settings.isa);
    if (status != DDZ_OK)
        return status;
    e->has_chain = true;
    e->bits = mem_alloc(&e->mem, e->chain.capacity / 8 + 1, 1);
    e->preview = mem_alloc(&e->mem, e->chain.capacity, 1);
    return e->bits && e->preview ? make_pyramid(e) : DDZ_ERR_MEMORY;
}

/* PSNR over the three channels of the 8-bit picture that the estimate gives. */
static double preview_psnr(ddz_encoder *e)
{
    chain_picture(&e->chain, e->preview);
    size_t n = (size_t)3 * e->chain.pyramid.width[0] * e->chain.pyramid.height[0];
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = e->preview[i] - e->rgb[i];
        sum += (uint64_t)(d * d);
    }
    return sum ? 10 * log10(255.0 * 255.0 * (double)n / (double)sum) : 99;
}

/* The shift to convey, q12, in chain->plain; returns the KL in bits. */
static double step_shift(ddz_encoder *e, const struct step *step)
{
    struct chain *c = &e->chain;
    const int32_t *x = e->x[step->scale];
    if (step->lift) {
        chain_enter_lift(c, step);
        lift_split(x, c->pyramid.width[step->scale], c->pyramid.height[step->scale], c->mixed);
        x = c->mixed;
    }
    if (step->scale == 0 && !step->lift && e->settings.steering > 0) {
        double noise = e->settings.steering * (double)sigma_q8(e->walk.end_level) / 256;
        steer_target(x, c->estimate, c->pyramid.width[0], c->pyramid.height[0], noise, c->mixed, c->threads);
        x = c->mixed;
    }
    struct reverse_step r = chain_reverse_step(step);
    posterior_shift(&r, x, c->estimate, c->plain, step->samples);
    double sum = 0;
    for (size_t i = 0; i < step->samples; i++)
        sum += (double)c->plain[i] * c->plain[i];
    return sum * 0x1p-24 / (2 * M_LN2);
}

/* Factor of the predicted bits, in eighths of an octave, that comes closest to the KL. */
static int choose_eighths(const struct step *step, double kl_bits)
{
    const double bits_per_kl = 1.05; /* a little more than the KL, for what the search leaves */
    double ratio = fmax(kl_bits * bits_per_kl, 1) / fmax(step->bits, 1);
    return (int)clamp64(lrint(8 * log2(ratio)), -EIGHTHS_LIMIT, EIGHTHS_LIMIT);
}

struct sent {
    uint32_t bits, known; /* of the step */
    int side_bits;
    uint64_t side_at; /* position in its layer before the side information */
};

/* Side information and bits of a step into the stream; e->bits keeps them. False: the target in
 * bytes leaves no room for even one bit. */
static bool send_step(ddz_encoder *e, const struct step *step, int index, double kl_bits, struct sent *sent)
{
    bool opening = index < e->schedule.opening;
    struct bit_writer *out = opening ? &e->opening : &e->main;
    *sent = (struct sent){.bits = step->bits, .side_at = out->position};
    int eighths = e->eighths;
    if (!step->fixed) {
        eighths = choose_eighths(step, kl_bits);
        sent->side_bits = bit_length_se(eighths - e->eighths);
        sent->bits = step_bits(step, eighths);
    }
    uint64_t room = (opening ? e->opening_limit : e->main_limit) - out->position;
    if (room <= (uint64_t)sent->side_bits) {
        /* All but the last bit of a code says nothing, and fills the stream to the byte. */
        if (room > 0) {
            uint64_t end = out->position + (room < (uint64_t)sent->side_bits ? room : room - 1);
            bit_write_se(out, eighths - e->eighths);
            bit_truncate(out, end);
        }
        return false;
    }
    room -= (uint64_t)sent->side_bits;
    sent->known = room < sent->bits ? (uint32_t)room : sent->bits;

    struct chain *c = &e->chain;
    struct trellis t =
        chain_trellis(step, index, sent->bits, opening ? OPENING_REGISTER_BITS : e->register_bits);
    struct mixing m = mixing_plan(t.samples, t.branches, t.key);
    mix(&m, c->plain, c->mixed, c->scratch, c->threads);
    viterbi_search(opening ? e->opening_search : e->search, &t, c->mixed, e->bits);
    if (!step->fixed)
        bit_write_se(out, eighths - e->eighths);
    bit_append(out, e->bits, sent->known);
    e->eighths = eighths;
    chain_apply(c, step, &t, e->bits, sent->known);
    return true;
}

/* Cut the last step, which took `sent`, to as few whole bytes as still reach the target PSNR. */
static void trim_to_psnr(ddz_encoder *e, const struct step *step, int index, struct sent *sent)
{
    struct trellis t = chain_trellis(step, index, sent->bits, e->register_bits);
    uint64_t begin = sent->side_at + (uint64_t)sent->side_bits;
    uint64_t low = begin / 8 + 1, high = (begin + sent->bits + 7) / 8; /* bytes of main */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        chain_restore(&e->chain);
        chain_estimate(&e->chain);
        sent->known = (uint32_t)(8 * middle - begin);
        chain_apply(&e->chain, step, &t, e->bits, sent->known < sent->bits ? sent->known : sent->bits);
        chain_estimate(&e->chain);
        bool enough = preview_psnr(e) >= e->settings.target_value;
        if (high - low <= 1 + sent->bits / 512)
            low = high = enough ? middle : high;
        else
            *(enough ? &high : &low) = enough ? middle : middle + 1;
    }
    chain_restore(&e->chain);
    chain_estimate(&e->chain);
    uint64_t known = 8 * high - begin;
    sent->known = known < sent->bits ? (uint32_t)known : sent->bits;
    chain_apply(&e->chain, step, &t, e->bits, sent->known);
    bit_truncate(&e->main, begin + sent->known);
    chain_estimate(&e->chain);
}

/* Before step i, whose estimate has this PSNR: is the target reached? The step before is then cut to
 * fit, and layer 0 stays whole. */
static bool psnr_reached(ddz_encoder *e, int i, double psnr, struct sent *sent)
{
    const ddz_encoder_settings *set = &e->settings;
    if (set->target != DDZ_TARGET_PSNR || i < e->schedule.opening || psnr < set->target_value)
        return false;
    const struct step *last = &e->schedule.step[i - 1];
    if (set->channel == DDZ_CHANNEL_TRELLIS && i > e->schedule.opening && !last->lift) {
        trim_to_psnr(e, last, i - 1, sent);
        ddz_step *report = &e->steps[e->step_count - 1];
        report->bits = sent->known + (uint64_t)sent->side_bits;
        report->kl_bits *= (double)sent->known / sent->bits;
    }
    return true;
}

static int tell_progress(const ddz_encoder *e, int index)
{
    return report_progress(e->settings.progress, e->settings.progress_cookie, &e->schedule, &e->chain.pyramid,
                           index);
}

static void convey_ideally(ddz_encoder *e, const struct step *step, int index)
{
    struct chain *c = &e->chain;
    ideal_draw((uint64_t)e->settings.seed << 32 | (uint32_t)index, c->plain, c->plain, step->samples);
    chain_apply_noise(c, step);
}

/* Bits of the ideal channel's steps so far. */
static double ideal_bits(const ddz_encoder *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->step_count; i++)
        sum += e->steps[i].kl_bits;
    return sum;
}

static ddz_status run_chain(ddz_encoder *e)
{
    const ddz_encoder_settings *set = &e->settings;
    bool ideal = set->channel == DDZ_CHANNEL_IDEAL;
    bool to_psnr = set->target == DDZ_TARGET_PSNR;
    struct sent sent = {0};
    chain_start(&e->chain);
    for (int i = 0; i < e->schedule.steps; i++) {
        const struct step *step = &e->schedule.step[i];
        if (tell_progress(e, i))
            return DDZ_ERR_CANCELLED;
        ddz_step *report = &e->steps[e->step_count];
        *report = report_step(step);
        report->psnr = preview_psnr(e);
        if (psnr_reached(e, i, report->psnr, &sent))
            return DDZ_OK;
        if (to_psnr && chain_save(&e->chain) != DDZ_OK)
            return DDZ_ERR_MEMORY;
        report->kl_bits = step_shift(e, step);
        report->offset_bits = e->opening.position + e->main.position;
        if (ideal)
            convey_ideally(e, step, i);
        else if (!send_step(e, step, i, report->kl_bits, &sent))
            return DDZ_OK;
        report->bits = ideal ? (uint64_t)llrint(report->kl_bits) : sent.known + (uint64_t)sent.side_bits;
        e->step_count++;
        chain_estimate(&e->chain);
        if (sent.known < sent.bits) {
            report->kl_bits *= (double)sent.known / sent.bits;
            return DDZ_OK;
        }
        if (ideal && set->target == DDZ_TARGET_BYTES && ideal_bits(e) >= 8 * set->target_value)
            return DDZ_OK;
    }
    if (to_psnr)
        psnr_reached(e, e->schedule.steps, preview_psnr(e), &sent);
    return DDZ_OK;
}

/* Quality 0 to 100 names the noise at which the chain ends. */
static int32_t quality_level(double quality)
{
    return (int32_t)lrint(36 + 1.6 * quality);
}

/* Bits that the schedule gives to all scales but the full one. */
static double coarse_bits(const ddz_encoder *e)
{
    double bits = 0;
    for (int i = 0; i < e->schedule.steps; i++)
        if (e->schedule.step[i].scale > 0 || e->schedule.step[i].fixed)
            bits += e->schedule.step[i].bits;
    return bits;
}

static void choose_end(ddz_encoder *e)
{
    /* steps and channel cost about this much more than the integral */
    const double overhead = 1.07;
    struct chain *c = &e->chain;
    struct pilot_goal goal = {.steering = e->settings.steering};
    e->walk.end_level = LEVEL_MIN_END;
    schedule_build(&e->schedule, e->model, &c->pyramid, e->walk);
    if (e->settings.target == DDZ_TARGET_QUALITY) {
        e->walk.end_level = quality_level(e->settings.target_value);
    } else if (e->settings.target == DDZ_TARGET_SIGMA) {
        e->walk.end_level = report_level(e->settings.target_value);
    } else if (e->settings.target == DDZ_TARGET_PSNR) {
        /* one step further, so that the chain does not end just short of it */
        goal.psnr = e->settings.target_value + 0.3;
        e->walk.end_level = pilot_end_level(c, e->x[0], goal);
    } else {
        double bits = 8 * e->settings.target_value - coarse_bits(e);
        goal.bits = bits / overhead;
        if (bits > 0)
            e->walk.end_level = pilot_end_level(c, e->x[0], goal);
    }
    schedule_build(&e->schedule, e->model, &c->pyramid, e->walk);
}

/* Header, layer 0, main frame, extras, digest in one buffer; cut to the target in bytes. */
static ddz_status assemble(ddz_encoder *e, const uint8_t *head, size_t head_size, const uint8_t *extras,
                           size_t extras_size)
{
    uint8_t *frame;
    size_t frame_size, opening_size = bit_writer_bytes(&e->opening);
    ddz_status status = frame_store(&e->mem, e->main.data, bit_writer_bytes(&e->main), &frame, &frame_size);
    if (status != DDZ_OK)
        return status;
    size_t total = head_size + opening_size + frame_size + extras_size + 4;
    e->stream = mem_alloc(&e->mem, total, 1);
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
        put_le32(p + extras_size, chain_digest(&e->chain));
        e->stream_size = total;
        if (e->settings.target == DDZ_TARGET_BYTES && (double)total > e->settings.target_value)
            e->stream_size = (size_t)e->settings.target_value;
    }
    mem_free(&e->mem, frame);
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
    e->main_limit = bytes > others ? 8 * frame_content_for(bytes - others) : 0;
    if (e->main_limit < 8 * SETTINGS_SIZE)
        e->main_limit = 8 * SETTINGS_SIZE;
}

static void begin_stream(ddz_encoder *e, bool has_extras)
{
    uint8_t settings[SETTINGS_SIZE];
    struct settings stored = {.trellis_bits = e->register_bits,
                              .steps_log2 = e->walk.steps_log2,
                              .uniform = e->walk.uniform,
                              .end_level = e->walk.end_level,
                              .model_id = e->model->id,
                              .has_extras = has_extras};
    settings_write(&stored, settings);
    bit_truncate(&e->opening, 0);
    bit_truncate(&e->main, 0);
    bit_append(&e->main, settings, 8 * SETTINGS_SIZE);
    e->step_count = 0;
    e->eighths = 0;
}

/* Bits, on whichever channel, of the steps of the last octave. */
static double last_octave_bits(const ddz_encoder *e)
{
    double bits = 1;
    for (size_t i = e->step_count;
         i-- > 0 && e->steps[i].sigma_to < 2 * e->steps[e->step_count - 1].sigma_to;)
        bits += (double)e->steps[i].bits;
    return bits;
}

/* Octaves that the chain ended too early for its target, about. */
static double octaves_missing(ddz_encoder *e)
{
    const ddz_encoder_settings *set = &e->settings;
    if (set->target == DDZ_TARGET_PSNR)
        return (set->target_value - preview_psnr(e)) / 5; /* dB an octave */
    if (set->target != DDZ_TARGET_BYTES)
        return 0;
    bool ideal = set->channel == DDZ_CHANNEL_IDEAL;
    double limit = ideal ? 8 * set->target_value : (double)e->main_limit;
    double missing = limit - (ideal ? ideal_bits(e) : (double)e->main.position);
    return missing < 0.005 * limit ? 0 : log2(1 + missing / last_octave_bits(e));
}

/* The pilot's guess of the end fell short: move the end. False: it did not, or there is nowhere to go. */
static bool end_later(ddz_encoder *e)
{
    double octaves = octaves_missing(e);
    if (octaves <= 0 || e->walk.end_level == LEVEL_MAX_END)
        return false;
    double levels = ceil(LEVELS_PER_OCTAVE * (fmin(octaves, 2) + 0.05));
    e->walk.end_level = (int32_t)fmin(LEVEL_MAX_END, e->walk.end_level + levels);
    schedule_build(&e->schedule, e->model, &e->chain.pyramid, e->walk);
    return true;
}

static ddz_status encode(ddz_encoder *e)
{
    const struct pyramid *p = &e->chain.pyramid;
    uint8_t head[HEADER_MAX_SIZE];
    struct header header = {.width = p->width[0], .height = p->height[0], .model_low = (uint8_t)e->model->id};
    size_t head_size = header_write(&header, head);
    uint8_t *extras = NULL;
    size_t extras_size = 0;
    ddz_status status = DDZ_OK;
    if (e->settings.target == DDZ_TARGET_BYTES && e->settings.target_value < (double)head_size)
        return DDZ_ERR_ARGUMENT;
    if (extras_any(&e->extras))
        status = extras_compress(&e->mem, &e->extras, p->width[0], p->height[0], &extras, &extras_size);
    if (status != DDZ_OK)
        return status;

    choose_end(e);
    do {
        set_limits(e, head_size, extras_size);
        begin_stream(e, extras_size > 0);
        status = run_chain(e);
    } while (status == DDZ_OK && end_later(e));
    if (status == DDZ_OK && (e->opening.failed || e->main.failed))
        status = DDZ_ERR_MEMORY;
    if (status == DDZ_OK && e->settings.channel == DDZ_CHANNEL_IDEAL)
        e->stream_size = (size_t)ceil(ideal_bits(e) / 8);
    else if (status == DDZ_OK)
        status = assemble(e, head, head_size, extras, extras_size);
    mem_free(&e->mem, extras);
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
    chain_picture(&e->chain, rgb);
    return DDZ_OK;
}

ddz_status ddz_encoder_estimate(ddz_encoder *e, int32_t *estimate)
{
    if (!e || !estimate)
        return DDZ_ERR_ARGUMENT;
    if (!e->has_chain)
        return DDZ_ERR_STATE;
    chain_full_estimate(&e->chain, estimate);
    return DDZ_OK;
}
