#include "encode/psnr_target.h"

#include <math.h>

#include "base/fixed.h"
#include "base/units.h"

/* Of an 8-bit picture */
struct comparison {
    const int16_t *x;
    size_t row;                  /* samples */
    const struct blocks *blocks; /* which do not count; NULL: none */
    uint64_t squares, samples;
};

/* The 8-bit sample of a value in 1/256 of a grey level less CENTRE */
static inline int32_t shown(int32_t value)
{
    int32_t v = value + CENTRE;
    v = v < 0 ? 0 : v > MAX_SAMPLE ? MAX_SAMPLE : v;
    return (int32_t)((uint32_t)(v + GREY_LEVEL / 2) / GREY_LEVEL);
}

/* Of so few samples that the sum cannot overflow */
static uint32_t sum_squares(const int32_t *row, const int16_t *x, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t d = shown(row[i]) - shown(x[i]);
        sum += (uint32_t)(d * d);
    }
    return sum;
}

static void compare_samples(struct comparison *c, const int32_t *row, const int16_t *x, size_t n)
{
    enum { PIECE = 1 << 12 };
    for (size_t i = 0; i < n; i += PIECE)
        c->squares += sum_squares(row + i, x + i, n - i < PIECE ? n - i : PIECE);
    c->samples += n;
}

static void compare_row(void *cookie, uint32_t y, const int32_t *row)
{
    struct comparison *c = cookie;
    const int16_t *x = c->x + y * c->row;
    const uint32_t width = (uint32_t)(c->row / 3);
    if (!c->blocks)
        compare_samples(c, row, x, c->row);
    for (uint32_t u = 0, end; c->blocks && u < width; u = end) {
        end = ddz_blocks_end(c->blocks, u, y, width);
        if (!blocks_have(c->blocks, u, y))
            compare_samples(c, row + 3 * (size_t)u, x + 3 * (size_t)u, 3 * (size_t)(end - u));
    }
}

/* PSNR over the three channels of the 8-bit picture that the chain's estimate gives, where it is what is seen */
static double estimate_psnr(ddz_encoder *e)
{
    struct comparison c = {.x = e->x[0],
                           .row = (size_t)3 * ddz_chain_pyramid(e->chain)->width[0],
                           .blocks = e->partial.content ? &e->partial.blocks : NULL};
    ddz_chain_show(e->chain, 0, compare_row, &c);
    return c.squares ? 10 * log10(255.0 * 255.0 * (double)c.samples / (double)c.squares) : 99;
}

double ddz_psnr_of_last_estimate(ddz_encoder *e)
{
    ddz_chain_last_estimate(e->chain, e->views);
    return estimate_psnr(e);
}

double ddz_psnr_of_next_estimate(ddz_encoder *e)
{
    ddz_chain_next_estimate(e->chain);
    return estimate_psnr(e);
}

/* Make the last step again, which took `sent`, from fewer of its bits: those in the first `bytes` of main. An update of
 * the estimate is not to be had: the network has gone on. */
static void cut_step(ddz_encoder *e, const struct step *step, int index, struct sent *sent, uint64_t bytes)
{
    struct trellis t = ddz_chain_trellis(step, index, sent->bits, e->register_bits);
    uint64_t known = 8 * bytes - sent->place.at - (uint64_t)sent->place.side_bits;
    sent->place.known = known < sent->bits ? (uint32_t)known : sent->bits;
    ddz_chain_restore(e->chain, e->before_step);
    ddz_chain_apply(e->chain, step, &t, e->bits, sent->place.known);
}

/* Cut the last step to as few whole bytes as still reach the target PSNR: as one view of y tells, to which
 * all of them add as much as before, and from there on as a decoder shows it. */
static ddz_status trim_to_psnr(ddz_encoder *e, const struct step *step, int index, struct sent *sent)
{
    uint64_t begin = sent->place.at + (uint64_t)sent->place.side_bits, grain = 1 + sent->bits / 512;
    uint64_t low = begin / 8 + 1, high = (begin + sent->bits + 7) / 8; /* bytes of main */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (ddz_progress_again(&e->progress) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        cut_step(e, step, index, sent, middle);
        ddz_chain_call(e->chain, 1);
        bool enough = estimate_psnr(e) + e->views_gain >= e->target_value;
        if (high - low <= grain)
            low = high = enough ? middle : high;
        else
            *(enough ? &high : &low) = enough ? middle : middle + 1;
    }
    do {
        if (ddz_progress_again(&e->progress) != DDZ_OK)
            return DDZ_ERR_CANCELLED;
        cut_step(e, step, index, sent, high);
        high += grain;
    } while (sent->place.known < sent->bits && ddz_psnr_of_last_estimate(e) < e->target_value);
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
    ddz_chain_save(e->chain, e->present);
    ddz_chain_set_aside(e->chain, true);
    ddz_chain_call(e->chain, 1);
    psnr = estimate_psnr(e);
    if (psnr >= near) {
        e->views_gain = ddz_psnr_of_last_estimate(e) - psnr;
        psnr += e->views_gain;
    }
    ddz_chain_set_aside(e->chain, false);
    ddz_chain_restore(e->chain, e->present);
    return psnr >= target;
}

bool ddz_psnr_reached(ddz_encoder *e, int i, double psnr, struct sent *sent, ddz_status *status)
{
    if (e->target_kind != DDZ_TARGET_PSNR || i < e->schedule.preview_steps || !is_good_enough(e, i, psnr))
        return false;
    const struct step *last = &e->schedule.step[i - 1];
    if (!e->ideal && i > e->schedule.preview_steps && !last->lift) {
        struct sent_step *report = &e->steps[e->step_count - 1];
        *status = trim_to_psnr(e, last, i - 1, sent);
        report->step.bits = sent->place.known + (uint64_t)sent->place.side_bits;
        report->step.missing = sent->bits - sent->place.known;
        report->research.kl_bits *= (double)sent->place.known / sent->bits;
    }
    return true;
}
