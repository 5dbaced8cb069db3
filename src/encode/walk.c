#include "encode/walk.h"

#include <math.h>
#include <string.h>

#include "base/fixed.h"
#include "chain/report.h"
#include "encode/ideal.h"
#include "encode/preview.h"
#include "encode/psnr_target.h"
#include "encode/shift.h"
#include "encode/target.h"
#include "format/limits.h"
#include "format/step_code.h"

/* The rate offset whose bits come closest to the KL. */
static int choose_offset(const struct step *step, double kl_bits)
{
    const double bits_per_kl = 1.05; /* a little more than the KL, for what the search leaves */
    double ratio = fmax(kl_bits * bits_per_kl, 1) / fmax(step->bits, 1);
    return (int)clamp64(lrint(8 * log2(ratio)), -RATE_OFFSET_LIMIT, RATE_OFFSET_LIMIT);
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
    struct step_record record = {.preview = index < e->schedule.preview_steps, .bits = step->bits};
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
    int register_bits = record.preview ? PREVIEW_TRELLIS_BITS : e->register_bits;
    struct trellis t = ddz_chain_trellis(step, index, record.bits, register_bits);
    if (record.preview)
        memcpy(e->bits, e->preview_bits + ddz_preview_offset(&e->schedule, index), (record.bits + 7) / 8);
    else
        ddz_shift_search(e->chain, e->viterbi, &t, e->room.shift, 0, e->bits);
    ddz_stream_writer_put_bits(&e->writer, record.preview, e->bits, sent->place.known);
    if (e->before_step)
        ddz_chain_save(e->chain, e->before_step);
    ddz_chain_apply(e->chain, step, &t, e->bits, sent->place.known);
    return true;
}

static void send_ideally(ddz_encoder *e, const struct step *step, int index)
{
    int32_t *shift = e->room.shift, *noise = shift;
    ddz_ideal_draw((uint64_t)e->value[ENCODER_IDEAL_SEED] << 32 | (uint32_t)index, shift, noise,
                   step->samples);
    ddz_chain_apply_noise(e->chain, step, noise);
}

static ddz_status tell_progress(ddz_encoder *e, int index)
{
    const struct schedule *s = &e->schedule;
    const struct pyramid *p = ddz_chain_pyramid(e->chain);
    return ddz_progress_tell(&e->progress, ddz_report_work(s, p, 0, index),
                             ddz_report_work(s, p, 0, s->steps));
}

/* Before step i: is there anything to stop for? */
static bool walk_ends(ddz_encoder *e, int i, struct sent *sent, ddz_status *status)
{
    *status = tell_progress(e, i);
    if (*status != DDZ_OK)
        return true;
    struct sent_step *report = &e->steps[e->step_count];
    *report = (struct sent_step){.step = ddz_report_step(&e->schedule.step[i])};
    if (e->target_kind == DDZ_TARGET_PSNR || e->value[ENCODER_STEP_PSNR])
        report->research.psnr = ddz_psnr_of_next_estimate(e);
    else
        ddz_chain_next_estimate(e->chain);
    return ddz_psnr_reached(e, i, report->research.psnr, sent, status);
}

/* Make step i and report it. False: there was no room for all of it, or the target is reached. */
static bool walk_step(ddz_encoder *e, int i, struct sent *sent)
{
    const struct step *step = &e->schedule.step[i];
    struct sent_step *report = &e->steps[e->step_count];
    double kl_bits = ddz_shift_of_step(e, e->chain, step, &e->room, e->parallel);
    report->research.kl_bits = kl_bits;
    report->step.offset_bits = ddz_stream_writer_position(&e->writer);
    if (e->ideal) {
        send_ideally(e, step, i);
        report->step.bits = (uint64_t)llrint(kl_bits);
        e->step_count++;
        return e->target_kind != DDZ_TARGET_BYTES || ddz_target_ideal_bits(e) < 8 * e->target_value;
    }
    if (!send_step(e, step, i, kl_bits, sent))
        return false;
    report->step.bits = sent->place.known + (uint64_t)sent->place.side_bits;
    report->step.missing = sent->bits - sent->place.known;
    e->step_count++;
    if (sent->place.known == sent->bits)
        return true;
    report->research.kl_bits *= (double)sent->place.known / sent->bits;
    return false;
}

/* Would step i take the chain beyond what it may have? */
static bool has_no_room(const ddz_encoder *e, int i)
{
    uint64_t after = ddz_stream_writer_position(&e->writer) + e->schedule.step[i].bits;
    return e->chain_room && i >= e->schedule.preview_steps && after > 8 * e->chain_room;
}

/* What a target PSNR needs; another walk finds it there. */
static ddz_status reserve_states(ddz_encoder *e)
{
    if (!e->before_step)
        e->before_step = ddz_chain_state_new(e->chain, ENCODER_STATE);
    if (!e->present)
        e->present = ddz_chain_state_new(e->chain, ENCODER_STATE);
    if (!e->before_step || !e->present)
        return DDZ_ERR_MEMORY;
    ddz_chain_state_lend_y(e->before_step, e->room.shift);
    return DDZ_OK;
}

ddz_status ddz_encoder_walk(ddz_encoder *e)
{
    bool to_psnr = e->target_kind == DDZ_TARGET_PSNR && !e->preview_only;
    struct sent sent = {0};
    ddz_status status = to_psnr ? reserve_states(e) : DDZ_OK;
    if (status != DDZ_OK)
        return status;
    e->views_gain = 1; /* more than a trained network's */
    ddz_chain_start(e->chain);
    ddz_shift_begin(e);
    int steps = e->preview_only ? e->schedule.preview_steps : e->schedule.steps;
    for (int i = 0; i < steps; i++) {
        if (has_no_room(e, i))
            return DDZ_OK;
        if (walk_ends(e, i, &sent, &status))
            return status;
        e->too_long = ddz_stream_writer_position(&e->writer) / 8 + e->writer.side.size +
                          ddz_partial_record_size(&e->partial) >=
                      e->most;
        if (e->too_long)
            return DDZ_OK;
        if (!walk_step(e, i, &sent))
            return DDZ_OK;
    }
    if (to_psnr)
        ddz_psnr_reached(e, e->schedule.steps, ddz_psnr_of_next_estimate(e), &sent, &status);
    return status;
}
