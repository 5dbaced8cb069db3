/*
 * The chain as the encoder walks it: for each step the shift that the network got wrong, and the bits
 * that convey it (Ho et al. 2020, algorithm 3).
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/fixed.h"
#include "base/units.h"
#include "codec/encoder.h"
#include "codec/ideal.h"
#include "codec/jacobian.h"
#include "codec/report.h"
#include "codec/steer.h"
#include "diffusion/lift.h"
#include "format/limits.h"
#include "format/step_code.h"

/* PSNR over the three channels of the 8-bit picture that the chain's estimate gives */
static double estimate_psnr(ddz_encoder *e)
{
    ddz_chain_picture(&e->chain, e->preview);
    size_t n = ddz_chain_samples(&e->chain, 0);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int original = (e->x[0][i] + CENTRE + GREY_LEVEL / 2) / GREY_LEVEL, d = e->preview[i] - original;
        sum += (uint64_t)(d * d);
    }
    return sum ? 10 * log10(255.0 * 255.0 * (double)n / (double)sum) : 99;
}

double ddz_encoder_psnr(ddz_encoder *e)
{
    ddz_chain_last_estimate(&e->chain);
    return estimate_psnr(e);
}

/* That of what the next step starts from */
static double next_estimate_psnr(ddz_encoder *e)
{
    ddz_chain_next_estimate(&e->chain);
    return estimate_psnr(e);
}

/* What to aim a step of the full size at, into c->mixed: less of the error than all of it. The coarse steps
 * of a small picture, of few bits each, are better without the network's word. */
static void aim(const ddz_encoder *e, struct chain *c, const struct step *step)
{
    const int32_t *x = e->x[0];
    double noise = e->steering * (double)ddz_sigma_q8(e->walk.end_level) / 256;
    if (!step->fixed) {
        if (c->estimate_kind == ESTIMATE_CALLED)
            ddz_jacobian_target(c, x, noise, e->target);
        x = e->target;
    }
    ddz_steer_target(x, c->estimate, c->pyramid.width[0], c->pyramid.height[0], noise, c->mixed, c->threads);
}

double ddz_encoder_step_shift(const ddz_encoder *e, struct chain *c, const struct step *step)
{
    const int32_t *x = e->x[step->scale];
    if (step->lift) {
        ddz_chain_enter_lift(c, step);
        ddz_lift_split(x, c->pyramid.width[step->scale], c->pyramid.height[step->scale], c->mixed);
        x = c->mixed;
    }
    if (step->scale == 0 && !step->lift && e->steering > 0) {
        aim(e, c, step);
        x = c->mixed;
    }
    struct reverse_step r = ddz_chain_reverse_step(step);
    ddz_posterior_shift(&r, x, c->estimate, c->plain, step->samples);
    double sum = 0;
    for (size_t i = 0; i < step->samples; i++)
        sum += (double)c->plain[i] * c->plain[i];
    return sum * 0x1p-24 / (2 * M_LN2);
}

/* The rate offset whose bits come closest to the KL. */
static int choose_offset(const struct step *step, double kl_bits)
{
    const double bits_per_kl = 1.05; /* a little more than the KL, for what the search leaves */
    double ratio = fmax(kl_bits * bits_per_kl, 1) / fmax(step->bits, 1);
    return (int)clamp64(lrint(8 * log2(ratio)), -RATE_OFFSET_LIMIT, RATE_OFFSET_LIMIT);
}

struct sent {
    uint32_t bits; /* of the step */
    struct step_place place;
};

void ddz_encoder_search(struct chain *c, struct viterbi *viterbi, const struct trellis *t, uint32_t given,
                        uint8_t *bits)
{
    struct mixing m = ddz_mix_plan(t->samples, t->branches, t->key);
    ddz_mix_forward(&m, c->plain, c->mixed, c->scratch, c->threads);
    ddz_viterbi_search(viterbi, t, c->mixed, given, bits);
}

/* The last step takes what little the target in bytes leaves behind it, so that the file has them all. */
static int stretch_last(const ddz_encoder *e, const struct step *step, int offset)
{
    int last = e->writer.rate_offset;
    uint64_t room = ddz_stream_writer_room(&e->writer, false);
    uint32_t bits = ddz_step_bits(step, offset);
    if (room <= bits || !ddz_target_is_near((double)(room - bits), (double)e->writer.main_limit))
        return offset;
    while (ddz_step_bits(step, offset) + (uint64_t)ddz_step_code_length(last, offset) < room &&
           offset < RATE_OFFSET_LIMIT)
        offset++;
    return offset;
}

/* Side information and bits of a step into the stream; e->bits keeps them. False: the target in
 * bytes leaves no room for even one bit. */
static bool send_step(ddz_encoder *e, const struct step *step, int index, double kl_bits, struct sent *sent)
{
    struct step_record record = {.preview = index < e->schedule.opening, .bits = step->bits};
    if (!step->fixed) {
        record.has_offset = true;
        record.rate_offset = choose_offset(step, kl_bits);
        if (index == e->schedule.steps - 1)
            record.rate_offset = stretch_last(e, step, record.rate_offset);
        record.bits = ddz_step_bits(step, record.rate_offset);
    }
    sent->bits = record.bits;
    if (!ddz_stream_writer_put_step(&e->writer, &record, &sent->place))
        return false;
    struct chain *c = &e->chain;
    int register_bits = record.preview ? PREVIEW_TRELLIS_BITS : e->register_bits;
    struct trellis t = ddz_chain_trellis(step, index, record.bits, register_bits);
    if (record.preview)
        memcpy(e->bits, e->opening_bits + ddz_opening_offset(&e->schedule, index), (record.bits + 7) / 8);
    else
        ddz_encoder_search(c, e->viterbi, &t, 0, e->bits);
    ddz_stream_writer_put_bits(&e->writer, record.preview, e->bits, sent->place.known);
    ddz_chain_apply(c, step, &t, e->bits, sent->place.known);
    return true;
}

/* Make the last step again, which took `sent`, from fewer of its bits: those in the first `bytes` of main. */
static void cut_step(ddz_encoder *e, const struct step *step, int index, struct sent *sent, uint64_t bytes)
{
    struct trellis t = ddz_chain_trellis(step, index, sent->bits, e->register_bits);
    uint64_t known = 8 * bytes - sent->place.at - (uint64_t)sent->place.side_bits;
    sent->place.known = known < sent->bits ? (uint32_t)known : sent->bits;
    ddz_chain_restore(&e->chain, ENCODER_BEFORE_STEP);
    ddz_chain_apply(&e->chain, step, &t, e->bits, sent->place.known);
}

static ddz_status tell_progress(ddz_encoder *e, int index)
{
    const struct schedule *s = &e->schedule;
    const struct pyramid *p = &e->chain.pyramid;
    return ddz_progress_tell(&e->progress, ddz_report_work(s, p, 0, index),
                             ddz_report_work(s, p, 0, s->steps));
}

/* Cut the last step to as few whole bytes as still reach the target PSNR: as one view of y tells, to which
 * all of them add as much as before, and from there on as a decoder shows it. */
static ddz_status trim_to_psnr(ddz_encoder *e, const struct step *step, int index, struct sent *sent)
{
    uint64_t begin = sent->place.at + (uint64_t)sent->place.side_bits, grain = 1 + sent->bits / 512;
    uint64_t low = begin / 8 + 1, high = (begin + sent->bits + 7) / 8; /* bytes of main */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (tell_progress(e, index) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        cut_step(e, step, index, sent, middle);
        ddz_chain_call(&e->chain, 1);
        bool enough = estimate_psnr(e) + e->views_gain >= e->target_value;
        if (high - low <= grain)
            low = high = enough ? middle : high;
        else
            *(enough ? &high : &low) = enough ? middle : middle + 1;
    }
    do {
        if (tell_progress(e, index) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        cut_step(e, step, index, sent, high);
        high += grain;
    } while (sent->place.known < sent->bits && ddz_encoder_psnr(e) < e->target_value);
    ddz_stream_writer_cut(&e->writer, begin + sent->place.known);
    return DDZ_OK;
}

/* Before step i: does the picture that a decoder makes here reach the target? It is better than that of an
 * updated estimate, and than that of one view of y: each is found out only if the one before is near. */
static bool is_good_enough(ddz_encoder *e, int i, double psnr)
{
    const double update_loss = 1, scatter = 0.1; /* dB, at most */
    double target = e->target_value, near = target - e->views_gain - scatter, loss = 0;
    for (const struct step *step = &e->schedule.step[i - 1]; step->update; step--)
        loss += update_loss;
    if (psnr < near - loss)
        return false;
    ddz_chain_save(&e->chain, ENCODER_PRESENT);
    ddz_chain_call(&e->chain, 1);
    psnr = estimate_psnr(e);
    if (psnr >= near) {
        e->views_gain = ddz_encoder_psnr(e) - psnr;
        psnr += e->views_gain;
    }
    ddz_chain_restore(&e->chain, ENCODER_PRESENT);
    return psnr >= target;
}

/* Before step i, whose estimate has this PSNR: is the target reached? The step before is then cut to
 * fit, and the preview stays whole. *status: CANCELLED. */
static bool psnr_reached(ddz_encoder *e, int i, double psnr, struct sent *sent, ddz_status *status)
{
    if (e->target_kind != DDZ_TARGET_PSNR || i < e->schedule.opening || !is_good_enough(e, i, psnr))
        return false;
    const struct step *last = &e->schedule.step[i - 1];
    if (!e->ideal && i > e->schedule.opening && !last->lift) {
        struct sent_step *report = &e->steps[e->step_count - 1];
        *status = trim_to_psnr(e, last, i - 1, sent);
        report->step.bits = sent->place.known + (uint64_t)sent->place.side_bits;
        report->research.kl_bits *= (double)sent->place.known / sent->bits;
    }
    return true;
}

static void convey_ideally(ddz_encoder *e, const struct step *step, int index)
{
    struct chain *c = &e->chain;
    ddz_ideal_draw((uint64_t)e->value[ENCODER_IDEAL_SEED] << 32 | (uint32_t)index, c->plain, c->plain,
                   step->samples);
    ddz_chain_apply_noise(c, step);
}

double ddz_encoder_ideal_bits(const ddz_encoder *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->step_count; i++)
        sum += e->steps[i].research.kl_bits;
    return sum;
}

/* Before step i: is there anything to stop for? */
static bool walk_ends(ddz_encoder *e, int i, struct sent *sent, ddz_status *status)
{
    *status = tell_progress(e, i);
    if (*status != DDZ_OK)
        return true;
    struct sent_step *report = &e->steps[e->step_count];
    *report = (struct sent_step){.step = ddz_report_step(&e->schedule.step[i])};
    report->research.psnr = next_estimate_psnr(e);
    return psnr_reached(e, i, report->research.psnr, sent, status);
}

/* Make step i and report it. False: there was no room for all of it, or the target is reached. */
static bool walk_step(ddz_encoder *e, int i, struct sent *sent)
{
    const struct step *step = &e->schedule.step[i];
    struct sent_step *report = &e->steps[e->step_count];
    double kl_bits = ddz_encoder_step_shift(e, &e->chain, step);
    report->research.kl_bits = kl_bits;
    report->step.offset_bits = ddz_stream_writer_position(&e->writer);
    if (e->ideal) {
        convey_ideally(e, step, i);
        report->step.bits = (uint64_t)llrint(kl_bits);
        e->step_count++;
        return e->target_kind != DDZ_TARGET_BYTES || ddz_encoder_ideal_bits(e) < 8 * e->target_value;
    }
    if (!send_step(e, step, i, kl_bits, sent))
        return false;
    report->step.bits = sent->place.known + (uint64_t)sent->place.side_bits;
    e->step_count++;
    if (sent->place.known == sent->bits)
        return true;
    report->research.kl_bits *= (double)sent->place.known / sent->bits;
    return false;
}

ddz_status ddz_encoder_walk(ddz_encoder *e)
{
    bool to_psnr = e->target_kind == DDZ_TARGET_PSNR;
    struct sent sent = {0};
    ddz_status status = to_psnr ? ddz_chain_reserve(&e->chain, ENCODER_STATES) : DDZ_OK;
    if (status != DDZ_OK)
        return status;
    e->views_gain = 1; /* more than a trained network's */
    ddz_chain_start(&e->chain);
    for (int i = 0; i < e->schedule.steps; i++) {
        if (walk_ends(e, i, &sent, &status))
            return status;
        if (to_psnr)
            ddz_chain_save(&e->chain, ENCODER_BEFORE_STEP);
        if (!walk_step(e, i, &sent))
            return DDZ_OK;
    }
    if (to_psnr)
        psnr_reached(e, e->schedule.steps, next_estimate_psnr(e), &sent, &status);
    return status;
}
