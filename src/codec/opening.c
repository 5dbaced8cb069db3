/*
 * The first bits, which a preview stands on, are few: how good they are is a matter of luck. So the
 * search for a step's bits is made many times, for shifts a little beside the true one, and the bits
 * are taken whose estimate comes closest to the picture.
 */
#include <string.h>

#include "base/hash.h"
#include "codec/encoder.h"
#include "codec/ideal.h"

static const double spread = 0.06; /* of the shifts tried, in units of the step's noise */

/* What a trial changes. */
static void keep(const struct chain *c, struct trial *t, size_t samples, size_t coarse)
{
    memcpy(t->shift, c->plain, samples * sizeof *t->shift);
    memcpy(t->y, c->y, coarse * sizeof *t->y);
    memcpy(t->estimate, c->estimate, samples * sizeof *t->estimate);
    t->scale = c->scale;
    t->sigma_q8 = c->sigma_q8;
}

static void put_back(struct chain *c, const struct trial *t, const struct step *step, size_t coarse)
{
    memcpy(c->plain, t->shift, step->samples * sizeof *t->shift);
    memcpy(c->y, t->y, coarse * sizeof *t->y);
    memcpy(c->estimate, t->estimate, step->samples * sizeof *t->estimate);
    if (step->lift)
        memset(c->detail, 0, step->samples * sizeof *c->detail);
    c->scale = t->scale;
    c->sigma_q8 = t->sigma_q8;
}

static double squared_error(const struct chain *c, const int32_t *x)
{
    size_t n = (size_t)3 * c->pyramid.width[c->scale] * c->pyramid.height[c->scale];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = x[i] - c->estimate[i];
        sum += difference * difference;
    }
    return sum;
}

void opening_search(ddz_encoder *e, const struct step *step, const struct trellis *t, int index)
{
    struct chain *c = &e->chain;
    struct trial *trial = &e->trial;
    size_t coarse = (size_t)3 * c->pyramid.width[c->scale] * c->pyramid.height[c->scale];
    size_t bytes = (t->branches + 7) / 8;
    int trials = step->samples <= OPENING_MAX_SAMPLES && coarse <= OPENING_MAX_SAMPLES ? e->trials : 1;
    double least = 0;
    if (trials == 1) {
        encoder_search(e, e->opening_viterbi, t);
        return;
    }
    keep(c, trial, step->samples, coarse);
    for (int k = 0; k < trials; k++) {
        if (k > 0) {
            ideal_draw(hash_pair((uint64_t)index, (uint64_t)k), NULL, trial->noise, step->samples);
            for (size_t i = 0; i < step->samples; i++)
                c->plain[i] += (int32_t)(spread * trial->noise[i]);
        }
        encoder_search(e, e->opening_viterbi, t);
        memcpy(trial->bits, e->bits, bytes);
        chain_apply(c, step, t, e->bits, t->branches);
        chain_estimate(c);
        double error = squared_error(c, e->x[c->scale]);
        if (k == 0 || error < least) {
            least = error;
            memcpy(trial->best, trial->bits, bytes);
        }
        put_back(c, trial, step, coarse);
    }
    memcpy(e->bits, trial->best, bytes);
}
