/* Noise levels, the pyramid and the schedule, against closed forms in floating point */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "assertions.h"
#include "base/hash.h"
#include "diffusion/schedule.h"
#include "levels.h"
#include "runner.h"

START_TEST(sigma_of_all_levels)
{
    for (int level = -320; level <= 320; level++) {
        double expected = 0.7 * 32640 * 256 * exp2(-level / 32.0);
        check_near((double)ddz_sigma_q8(level), expected, 0.5 + expected * 0x1p-30, "sigma");
        if (level > -320)
            ck_assert_int_lt(ddz_sigma_q8(level), ddz_sigma_q8(level - 1));
    }
    ck_assert_int_eq(ddz_sigma_q8(0), 5849088);
    ck_assert_int_eq(ddz_sigma_q8(-320), (int64_t)5849088 << 10);
    ck_assert_int_eq(ddz_sigma_q8(LEVEL_LIFT) * 2, ddz_sigma_q8(LEVEL_LIFTED));
}
END_TEST

START_TEST(ratios)
{
    for (int levels = 0; levels <= 640; levels++)
        check_near((double)ddz_ratio_q30(levels), ldexp(exp2(-levels / 32.0), 30), 1, "ratio");
    for (int octave = 0; octave <= 20; octave++)
        ck_assert_int_eq(ddz_ratio_q30(32 * octave), (int64_t)1 << (30 - octave));
}
END_TEST

START_TEST(level_inverts_sigma)
{
    for (int level = -320; level <= 320; level++) {
        int64_t sigma = ddz_sigma_q8(level);
        /* sigma was rounded by half a unit at most */
        double slack = 2 + 0.5 / (double)sigma * 8192 / log(2);
        check_near(ddz_level_q8_of_sigma(sigma), 256.0 * level, slack, "level");
    }
    for (uint64_t i = 0; i < 20000; i++) {
        int64_t sigma = (int64_t)(hash_pair(1, i) >> (31 + i % 33)) + 1;
        check_near(ddz_level_q8_of_sigma(sigma), -8192 * log2((double)sigma / 5849088), 2, "level");
    }
}
END_TEST

static int expected_label(int scale, uint32_t longer, int32_t level)
{
    if (scale == 0 && level > 32)
        return 0;
    if (scale < 3 && longer > 64)
        return scale;
    int octaves = 7 - (int)ceil(log2(longer));
    return 3 + (octaves < 0 ? 0 : octaves > 4 ? 4 : octaves);
}

static void check_pyramid(uint32_t width, uint32_t height)
{
    struct pyramid p = ddz_pyramid_of(width, height);
    ck_assert_int_le(p.coarsest, PYRAMID_MAX_SCALES);
    for (int k = 0; k <= p.coarsest; k++) {
        ck_assert_uint_eq(p.width[k], width);
        ck_assert_uint_eq(p.height[k], height);
        uint32_t longer = width > height ? width : height;
        ck_assert_int_eq(longer <= 8, k == p.coarsest);
        const int32_t levels[] = {LEVEL_NOTHING, -64, 0, 31, 32, 33, 200};
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
            ck_assert_int_eq(ddz_scale_label(&p, k, levels[i]), expected_label(k, longer, levels[i]));
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
}

START_TEST(pyramids)
{
    for (uint32_t width = 1; width <= 140; width++)
        for (uint32_t height = 1; height <= 140; height += 3)
            check_pyramid(width, height);
    const uint32_t sides[] = {1, 2, 8, 9, 255, 256, 257, 511, 512, 513, 4096, 32767, 32768, 32769, 65535};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (size_t k = 0; k < sizeof sides / sizeof *sides; k++)
            check_pyramid(sides[i], sides[k]);
    ck_assert_int_eq(ddz_pyramid_of(8, 8).coarsest, 0);
    ck_assert_int_eq(ddz_pyramid_of(9, 1).coarsest, 1);
    ck_assert_int_eq(ddz_pyramid_of(65535, 1).coarsest, 13);
}
END_TEST

enum { RATE_NODES = 21 };
static uint32_t rate_table[MODEL_LABELS * RATE_NODES];

/* Tables only; there is no network behind this model. */
static struct ddz_model plan_model(void)
{
    struct ddz_model m = {.rate_first = -64, .rate_step = 16, .rate_nodes = RATE_NODES, .rate = rate_table};
    for (int i = 0; i < MODEL_LABELS * RATE_NODES; i++)
        rate_table[i] = 3000 + 317 * (uint32_t)i;
    for (int label = 1; label < MODEL_LABELS; label++) {
        bool fixed = label >= 5;
        m.plan_steps[label] = label == 7 ? 4 : 2;
        for (int i = 0; i < m.plan_steps[label]; i++)
            m.plan[label][i] = (struct plan_step){32 - 24 * (m.plan_steps[label] - 1 - i), fixed ? 20000 : 0};
        m.lift_rate_q16[label] = fixed ? 9000 : 0;
        m.lift_density_q16[label] = 11000 + 900 * (uint32_t)label;
    }
    m.lift_density_q16[0] = 11000;
    return m;
}

static void check_step(const struct step *s, const struct pyramid *p)
{
    uint32_t w = p->width[s->scale], h = p->height[s->scale];
    uint32_t samples = s->lift ? 3 * 3 * ((w + 1) / 2) * ((h + 1) / 2) : 3 * w * h;
    ck_assert_uint_eq(s->samples, samples);
    ck_assert_int_eq(s->label, ddz_scale_label(p, s->scale, s->level_from));
    ck_assert(!s->lift || s->label < MODEL_LABELS - 1); /* the rate of such a lift is ignored */
    ck_assert_uint_ge(s->bits, 1);
    ck_assert_uint_le(s->bits, samples);
    ck_assert_uint_ge((uint64_t)s->bits * 32768, samples);
    if (!s->fixed)
        ck_assert_uint_ge(s->bits, samples < 32 ? samples : 32);
}

/* Steps hang together, from nothing at the coarsest scale to end_level at scale 0. Returns the first
 * step of scale 0. */
static int check_chain(const struct schedule *s, const struct pyramid *p, const struct walk *walk)
{
    int scale = p->coarsest, first = 0;
    int32_t level = LEVEL_NOTHING;
    for (int i = 0; i < s->steps; i++) {
        const struct step *step = &s->step[i];
        check_step(step, p);
        if (step->lift) {
            ck_assert_int_eq(level, LEVEL_LIFT);
            ck_assert_int_eq(step->scale, scale - 1);
            ck_assert_int_eq(step->level_to, LEVEL_LIFTED);
            scale--;
            first = i + 1;
        } else {
            ck_assert_int_eq(step->scale, scale);
            ck_assert_int_eq(step->level_from, level);
            ck_assert(level == LEVEL_NOTHING || step->level_to > level);
        }
        level = step->level_to;
    }
    ck_assert_int_eq(scale, 0);
    ck_assert_int_eq(level, walk->end_level);
    return p->coarsest > 0 ? first : s->preview_steps; /* a tiny picture's first steps are planned */
}

/* Calls of scale 0: so many an octave, counted from the end */
static void check_strides(const struct schedule *s, int first, const struct walk *walk)
{
    for (int i = first; i < s->steps; i++) {
        const struct step *step = &s->step[i];
        int octave = (walk->end_level - step->level_from - 1) / 32, log2 = walk->calls_log2;
        if (!walk->uniform)
            log2 -= octave < 2 ? octave : 2;
        int length = log2 < 1 ? 16 : 32 >> log2;
        int taken = step->level_to - step->level_from, left = walk->end_level - step->level_to;
        /* a shorter one only where the density changes or the chain ends */
        if (taken != length) {
            ck_assert_int_lt(taken, length);
            ck_assert(left == 0 || (!walk->uniform && (left == 32 || left == 64)));
        }
    }
}

/* The steps of a schedule with updates that belong to `call`, from step i on: they share its levels evenly,
 * and all but the last are updates. Returns the step after them. */
static int check_call(const struct schedule *s, int i, const struct step *call, const struct walk *walk)
{
    int64_t length = (int64_t)call->level_to - call->level_from, count = 1 << walk->updates_log2;
    if (call->lift || call->fixed)
        count = 1;
    else if (count > length)
        count = length;
    for (int64_t k = 0; k < count; k++, i++) {
        const struct step *step = &s->step[i];
        ck_assert_int_lt(i, s->steps);
        ck_assert(step->scale == call->scale && step->lift == call->lift && step->fixed == call->fixed);
        ck_assert_int_eq(step->update, k < count - 1);
        if (count == 1)
            ck_assert(step->level_from == call->level_from && step->bits == call->bits);
        else
            ck_assert_int_eq(step->level_from, call->level_from + length * k / count);
    }
    ck_assert_int_eq(s->step[i - 1].level_to, call->level_to);
    return i;
}

/* `calls` is the schedule without updates. */
static void check_updates(const struct schedule *calls, const struct ddz_model *m, const struct pyramid *p,
                          const struct walk *walk)
{
    static struct schedule s;
    int i = 0;
    ddz_schedule_build(&s, m, p, *walk);
    ck_assert_int_lt(s.steps, MAX_STEPS);
    check_chain(&s, p, walk);
    for (int k = 0; k < calls->steps; k++)
        i = check_call(&s, i, &calls->step[k], walk);
    ck_assert_int_eq(i, s.steps);
    ck_assert_int_eq(s.preview_steps, calls->preview_steps);
}

static void check_schedule(const struct ddz_model *m, uint32_t width, uint32_t height, struct walk walk)
{
    static struct schedule s;
    struct pyramid p = ddz_pyramid_of(width, height);
    ddz_schedule_build(&s, m, &p, walk);
    ck_assert_int_lt(s.steps, MAX_STEPS);
    check_strides(&s, check_chain(&s, &p, &walk), &walk);
    for (int i = 0; i < s.steps; i++)
        ck_assert(!s.step[i].update);
    /* the preview: as many fixed steps as there are in one piece */
    for (int i = 0; i < s.preview_steps; i++)
        ck_assert(s.step[i].fixed);
    ck_assert_int_ge(s.preview_steps, 1);
    ck_assert(s.preview_steps == s.steps || !s.step[s.preview_steps].fixed);
    /* a few ends are enough for these */
    for (int log2 = 1; log2 <= 3 && walk.end_level % 4 < 2; log2++) {
        walk.updates_log2 = log2;
        check_updates(&s, m, &p, &walk);
    }
}

START_TEST(schedules)
{
    struct ddz_model m = plan_model();
    const uint32_t sizes[][2] = {{1, 1},   {8, 8},   {9, 1},     {40, 30},   {64, 64},
                                 {65, 33}, {100, 7}, {768, 512}, {65535, 1}, {16384, 16384}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int calls_log2 = 0; calls_log2 <= 5; calls_log2++)
            for (int end = LEVEL_MIN_END; end <= LEVEL_MAX_END; end += end < 40 ? 1 : 13)
                for (int uniform = 0; uniform < 2; uniform++)
                    check_schedule(&m, sizes[i][0], sizes[i][1],
                                   (struct walk){end, calls_log2, uniform != 0, 0});
}
END_TEST

/* Noise of white noise of a step's scale, averaged down to `shown`, in grey levels; infinite before that scale */
static double noise_shown(const struct step *step, int shown)
{
    double sigma = 0.7 * 127.5 * exp2(-step->level_to / 32.0);
    return step->scale > shown ? HUGE_VAL : sigma / exp2(shown - step->scale);
}

static void check_enough(const struct ddz_model *m, uint32_t width, uint32_t height, struct walk walk)
{
    static struct schedule s;
    struct pyramid p = ddz_pyramid_of(width, height);
    ddz_schedule_build(&s, m, &p, walk);
    ck_assert_int_eq(ddz_schedule_enough(&s, &p, 0), s.steps);
    ck_assert_int_eq(ddz_schedule_finest(&p, 0), 0);
    for (int shown = 1; shown <= 16; shown++) {
        int enough = ddz_schedule_enough(&s, &p, shown);
        bool thumbnail = ceil((width > height ? width : height) / exp2(shown)) <= 256;
        double noise = thumbnail ? 22.313 : 11.157;
        ck_assert_int_ge(enough, 1);
        ck_assert_int_le(enough, s.steps);
        for (int i = 0; i + 1 < enough; i++)
            ck_assert_double_gt(noise_shown(&s.step[i], shown), noise);
        if (enough < s.steps)
            ck_assert_double_le(noise_shown(&s.step[enough - 1], shown), noise);
        ck_assert_int_eq(s.step[enough - 1].scale, ddz_schedule_finest(&p, shown));
    }
}

START_TEST(enough_for_small_pictures)
{
    struct ddz_model m = plan_model();
    const uint32_t sizes[][2] = {{1, 1}, {9, 1}, {40, 30}, {100, 7}, {768, 512}, {16384, 16384}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int end = LEVEL_MIN_END; end <= LEVEL_MAX_END; end += 9)
            check_enough(&m, sizes[i][0], sizes[i][1], (struct walk){end, 2, end % 2 == 0, end % 4});
}
END_TEST

/* A plan that visits as many levels as a model file can name for every scale. */
START_TEST(longest_schedule)
{
    static struct schedule s;
    struct ddz_model m = plan_model();
    for (int label = 1; label < MODEL_LABELS; label++) {
        m.plan_steps[label] = MODEL_MAX_PLAN;
        for (int i = 0; i < MODEL_MAX_PLAN; i++)
            m.plan[label][i] = (struct plan_step){i + 1, label >= 5 ? 9000 : 0};
    }
    struct pyramid p = ddz_pyramid_of(65535, 1);
    ddz_schedule_build(&s, &m, &p, (struct walk){LEVEL_MAX_END, 5, true, 3});
    ck_assert_int_le(s.steps, MAX_STEPS);
    for (int i = 0; i < s.steps; i++)
        check_step(&s.step[i], &p);
    /* with all that can be drawn after its first steps */
    for (int made = 0; made <= s.steps; made += 7) {
        static struct schedule drawn;
        drawn = s;
        ddz_schedule_draw_rest(&drawn, &p, made, 5);
        ck_assert_int_lt(drawn.steps, SCHEDULE_CAPACITY);
    }
}
END_TEST

/* A call of an octave, and of one level; steps that do not divide it */
START_TEST(updates_of_a_call)
{
    static const int expected[][3] = {{32, 36, 1}, {36, 40, 1}, {40, 44, 1}, {44, 48, 0},
                                      {48, 49, 1}, {49, 51, 1}, {51, 53, 1}, {53, 55, 0}};
    static struct schedule s;
    struct ddz_model m = plan_model();
    struct pyramid p = ddz_pyramid_of(8, 8); /* planned down to level 32 */
    ddz_schedule_build(&s, &m, &p, (struct walk){55, 1, true, 2});
    ck_assert_int_eq(s.steps, s.preview_steps + 8);
    for (int i = 0; i < 8; i++) {
        const struct step *step = &s.step[s.preview_steps + i];
        ck_assert_int_eq(step->level_from, expected[i][0]);
        ck_assert_int_eq(step->level_to, expected[i][1]);
        ck_assert_int_eq(step->update, expected[i][2]);
    }
    ddz_schedule_build(&s, &m, &p, (struct walk){55, 5, true, 3});
    ck_assert_int_eq(s.steps, s.preview_steps + 23);
    for (int i = 0; i < s.steps; i++)
        ck_assert(!s.step[i].update);
}
END_TEST

/* The steps that are drawn go on from any step of a stream, down to the lowest noise. */
static void check_drawn(const struct schedule *stream, const struct pyramid *p, int made, int steps_log2)
{
    static struct schedule s;
    s = *stream;
    ddz_schedule_draw_rest(&s, p, made, steps_log2);
    ck_assert_mem_eq(s.step, stream->step, (size_t)made * sizeof *s.step);
    int32_t end =
        made && s.step[made - 1].level_to > LEVEL_QUIETEST ? s.step[made - 1].level_to : LEVEL_QUIETEST;
    const struct walk walk = {.end_level = end};
    check_chain(&s, p, &walk);
    for (int i = made; i < s.steps; i++) {
        const struct step *step = &s.step[i];
        ck_assert(!step->update);
        ck_assert_uint_eq(step->bits, step->samples);
        if (step->lift || step->level_from == LEVEL_NOTHING)
            continue;
        int finer = steps_log2 + step->scale < 5 ? steps_log2 + step->scale : 5;
        int taken = step->level_to - step->level_from;
        ck_assert(taken == 32 >> finer ||
                  (taken < 32 >> finer && step->level_to == (step->scale ? LEVEL_LIFT : LEVEL_QUIETEST)));
    }
}

START_TEST(drawn_schedules)
{
    static struct schedule stream;
    struct ddz_model m = plan_model();
    const uint32_t sizes[][2] = {{1, 1}, {8, 8}, {9, 1}, {65, 33}, {768, 512}, {65535, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int steps_log2 = 0; steps_log2 <= 5; steps_log2++) {
            struct pyramid p = ddz_pyramid_of(sizes[i][0], sizes[i][1]);
            ddz_schedule_build(&stream, &m, &p, (struct walk){LEVEL_MAX_END, steps_log2, true, i % 4});
            for (int made = 0; made <= stream.steps; made += made < 20 ? 1 : 17)
                check_drawn(&stream, &p, made, 5 - steps_log2);
        }
}
END_TEST

static double density(const struct ddz_model *m, int label, int level)
{
    double at = (level - m->rate_first) / (double)m->rate_step;
    at = at < 0 ? 0 : at > m->rate_nodes - 1 ? m->rate_nodes - 1 : at;
    int node = (int)at < m->rate_nodes - 1 ? (int)at : m->rate_nodes - 2;
    const uint32_t *a = m->rate + label * m->rate_nodes + node;
    return (a[0] + (at - node) * ((double)a[1] - a[0])) / 65536;
}

/* Bits of a predicted step: KL over ln 2 and the channel's efficiency, err / sigma^2 from the table. */
START_TEST(predicted_bits)
{
    static struct schedule s;
    struct ddz_model m = plan_model();
    struct pyramid p = ddz_pyramid_of(500, 333);
    ddz_schedule_build(&s, &m, &p, (struct walk){200, 3, false, 1});
    int predicted = 0;
    for (int i = 0; i < s.steps; i++) {
        const struct step *step = &s.step[i];
        double n = step->samples, expected = n * 9000 / 65536;
        if (step->fixed && !step->lift)
            expected = n * 20000 / 65536;
        if (!step->fixed) {
            double r2 = pow(ratio_of(step->level_from, step->level_to), 2);
            double nats = step->lift ? m.lift_density_q16[step->label] / 65536.0 / 2
                                     : (1 - r2) / (2 * r2) * density(&m, step->label, step->level_from);
            expected = n * nats / log(2) / 0.93;
            predicted++;
        }
        expected = expected > n ? n : expected < 32 ? 32 : expected;
        check_near(step->bits, expected, 2 + n * 4 / 65536, "bits");
    }
    ck_assert_int_gt(predicted, 20);
}
END_TEST

START_TEST(factors_of_bits)
{
    for (uint32_t samples = 1; samples < 2000000000; samples = samples * 5 + 2)
        for (uint32_t bits = 1; bits <= samples; bits = bits * 3 + 1)
            for (int eighths = -96; eighths <= 96; eighths++) {
                struct step s = {.samples = samples, .bits = bits};
                double least = fmax(ceil(samples / 32768.0), fmin(32, samples));
                double expected = fmin(fmax(bits * exp2(eighths / 8.0), least), samples);
                uint32_t got = ddz_step_bits(&s, eighths);
                /* a ratio in q30, of the bits or of the power of two above */
                check_near(got, expected, 0.5 + 0x1p-30 * fmax(bits, 2 * expected), "bits");
                ck_assert_uint_le(got, samples);
                ck_assert_uint_ge(got, (uint32_t)least);
            }
    struct step s = {.samples = 100000, .bits = 777};
    ck_assert_uint_eq(ddz_step_bits(&s, 0), 777);
    ck_assert_uint_eq(ddz_step_bits(&s, 8), 2 * 777);
    ck_assert_uint_eq(ddz_step_bits(&s, -8), 389);
}
END_TEST

int main(void)
{
    return RUN("schedule", 120, CASE("levels", sigma_of_all_levels, ratios, level_inverts_sigma),
               CASE("schedule", pyramids, schedules, enough_for_small_pictures, longest_schedule,
                    updates_of_a_call, drawn_schedules, predicted_bits, factors_of_bits));
}
