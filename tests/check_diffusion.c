/* diffusion: schedule, reverse steps, the pyramid's lift, preconditioning; against closed forms in
 * floating point. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "diffusion/lift.h"
#include "diffusion/posterior.h"
#include "diffusion/precondition.h"
#include "diffusion/schedule.h"
#include "runner.h"

/* ---- Helpers ----------------------------------------------------------------------------- */

enum { ONE = 32640 }; /* x_0 = 1.0 */

static void *alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* Uniform from -limit to limit */
static int32_t spread(uint64_t key, uint64_t i, int32_t limit)
{
    return (int32_t)(hash_pair(key, i) % (2 * (uint64_t)limit + 1)) - limit;
}

static double uniform(uint64_t key, uint64_t i)
{
    return ((double)(hash_pair(key, i) >> 11) + 0.5) * 0x1p-53;
}

/* Standard normal, by Box and Muller. */
static double normal(uint64_t key, uint64_t i)
{
    return sqrt(-2 * log(uniform(key, 2 * i))) * cos(2 * acos(-1.0) * uniform(key, 2 * i + 1));
}

/* sigma in the unit of x_0's fixed point */
static double sigma_of(double level)
{
    return level <= -1e6 ? (double)INFINITY : 0.7 * ONE * exp2(-level / 32);
}

/* r = sigma_to / sigma_from */
static double ratio_of(int32_t from, int32_t to)
{
    return from == LEVEL_NOTHING ? 0 : exp2(-(to - from) / 32.0);
}

static void check_near(double got, double expected, double tolerance, const char *what)
{
    ck_assert_msg(fabs(got - expected) <= tolerance, "%s: %.9g, expected %.9g +- %.3g", what, got, expected,
                  tolerance);
}

/* ---- Noise levels ------------------------------------------------------------------------ */

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

/* ---- Pyramid ----------------------------------------------------------------------------- */

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

/* ---- Schedule ---------------------------------------------------------------------------- */

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

/* ---- Reverse step ------------------------------------------------------------------------ */

static const int32_t step_levels[][2] = {
    {LEVEL_NOTHING, -64}, {LEVEL_NOTHING, 32}, {-64, -40}, {-64, 32}, {0, 1}, {0, 32}, {31, 32},
    {100, 104},           {200, 224},
};
enum { STEP_LEVELS = sizeof step_levels / sizeof *step_levels };

static void check_change(struct reverse_step s, double r2, double noise, uint64_t key)
{
    enum { N = 500 };
    int32_t y[N], estimate[N], c[N], change[N];
    for (int i = 0; i < N; i++) {
        y[i] = spread(key, 3 * (uint64_t)i, i % 3 ? 100000 : 10000000);
        estimate[i] = spread(key, 3 * (uint64_t)i + 1, ONE);
        c[i] = spread(key, 3 * (uint64_t)i + 2, 5 * 4096);
    }
    ddz_reverse_step_change(&s, y, estimate, c, change, N);
    for (int i = 0; i < N; i++) {
        double mean = r2 * y[i] + (1 - r2) * estimate[i], expected = mean + noise * c[i] / 4096 - y[i];
        double tolerance =
            1.01 + fabs((double)y[i]) * 0x1p-29 + fabs((double)c[i]) / 4096 * (0.002 + noise * 0x1p-26);
        check_near(change[i], expected, tolerance, "change");
    }
}

static void check_shift(struct reverse_step s, double r2, double sigma)
{
    enum { N = 500 };
    int32_t x[N], estimate[N], delta[N];
    for (int i = 0; i < N; i++) {
        x[i] = spread(7, 2 * (uint64_t)i, ONE);
        estimate[i] = spread(7, 2 * (uint64_t)i + 1, ONE);
    }
    ddz_posterior_shift(&s, x, estimate, delta, N);
    double kl = 0, expected_kl = 0;
    for (int i = 0; i < N; i++) {
        double difference = x[i] - estimate[i], expected = sqrt(1 - r2) / sigma * difference * 4096;
        check_near(delta[i], expected, 0.6 + fabs(expected) * 1e-4, "delta");
        kl += (double)delta[i] * delta[i] / 4096 / 4096 / 2;
        expected_kl += (1 - r2) / (2 * sigma * sigma) * difference * difference;
    }
    check_near(kl, expected_kl, expected_kl * 1e-3 + 1e-3, "KL");
}

START_TEST(reverse_steps)
{
    for (int i = 0; i < STEP_LEVELS; i++) {
        int32_t from = step_levels[i][0], to = step_levels[i][1];
        double r = ratio_of(from, to), sigma = sigma_of(to);
        struct reverse_step s = ddz_reverse_step_of(from, to);
        check_near((double)s.noise_q8, 256 * sigma * sqrt(1 - r * r), 1 + sigma * 256e-8, "noise");
        check_change(s, r * r, sigma * sqrt(1 - r * r), (uint64_t)i);
        check_shift(s, r * r, sigma);
    }
    struct reverse_step lift = ddz_reverse_step_lift(0);
    check_change(lift, 0, sigma_of(0), 99);
    check_shift(lift, 0, sigma_of(0));
}
END_TEST

START_TEST(shift_is_clamped)
{
    struct reverse_step s = ddz_reverse_step_of(200, 224);
    const int32_t x[] = {1 << 23, -(1 << 23), 1 << 24, 0}, estimate[] = {-(1 << 23), 1 << 23, 0, 0};
    int32_t delta[4];
    ddz_posterior_shift(&s, x, estimate, delta, 4);
    const int32_t expected[] = {1 << 25, -(1 << 25), 1 << 25, 0};
    ck_assert_mem_eq(delta, expected, sizeof delta);
}
END_TEST

/* c ~ N(delta, 1), as an ideal channel gives it */
static void draw(const int32_t *delta, int32_t *c, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        c[i] = delta[i] + (int32_t)lrint(4096 * normal(key, i));
}

/*
 * Steps compose: whatever the estimates were, y stays x_0 + sigma(level) times white noise. n = 40000
 * draws know a variance to 0.7 %, a correlation to 0.5 %.
 */
START_TEST(steps_compose)
{
    enum { N = 40000 };
    int32_t *x = alloc(N, sizeof *x), *y = alloc(N, sizeof *y), *estimate = alloc(N, sizeof *x);
    int32_t *c = alloc(N, sizeof *c), *delta = alloc(N, sizeof *x), *change = alloc(N, sizeof *x);
    const int32_t levels[] = {LEVEL_NOTHING, -64, -32, 0, 16, 32, 33, 64, 65, 100, 132, 200, 224};
    for (int i = 0; i < N; i++)
        x[i] = spread(1, (uint64_t)i, ONE);
    for (size_t k = 1; k < sizeof levels / sizeof *levels; k++) {
        struct reverse_step s = ddz_reverse_step_of(levels[k - 1], levels[k]);
        double sigma = sigma_of(levels[k]), error_scale = fmin(sigma, ONE);
        for (int i = 0; i < N; i++)
            estimate[i] = x[i] + (int32_t)(error_scale * 0.4 * normal(2, k * N + (uint64_t)i)) - x[i] / 16;
        ddz_posterior_shift(&s, x, estimate, delta, N);
        draw(delta, c, N, 3 + k);
        ddz_reverse_step_change(&s, y, estimate, c, change, N);
        double mean = 0, variance = 0, with_x = 0, with_error = 0;
        for (int i = 0; i < N; i++) {
            y[i] += change[i];
            double noise = (y[i] - x[i]) / sigma;
            mean += noise / N;
            variance += noise * noise / N;
            with_x += noise * x[i] / (ONE * sqrt(1.0 / 3)) / N;
            with_error += noise * (estimate[i] - x[i]) / error_scale / N;
        }
        check_near(mean, 0, 0.03, "mean");
        check_near(variance, 1, 0.04, "variance");
        check_near(with_x, 0, 0.03, "correlation with x");
        check_near(with_error, 0, 0.05, "correlation with the error");
    }
    free(x);
    free(y);
    free(estimate);
    free(c);
    free(delta);
    free(change);
}
END_TEST

START_TEST(noise_between)
{
    for (int i = 0; i < STEP_LEVELS; i++) {
        int32_t from = step_levels[i][0], to = step_levels[i][1];
        if (from == LEVEL_NOTHING)
            continue;
        const uint32_t counts[] = {1, 2, 7, 1000, 800000000};
        for (size_t k = 0; k < 5; k++) {
            uint32_t bits = counts[k];
            ck_assert_int_eq(ddz_sigma_between_q8(from, to, 0, bits), ddz_sigma_q8(from));
            check_near((double)ddz_sigma_between_q8(from, to, bits, bits), (double)ddz_sigma_q8(to),
                       1 + 0x1p-15 * (double)ddz_sigma_q8(to), "all known");
            for (uint32_t part = 1; part < 8; part++) {
                uint32_t known = (uint32_t)((uint64_t)bits * part / 8);
                double a = pow(256 * sigma_of(from), 2), b = pow(256 * sigma_of(to), 2);
                double expected = a - (a - b) * known / bits;
                /* the share has 16 bits */
                check_near(pow((double)ddz_sigma_between_q8(from, to, known, bits), 2), expected,
                           (a - b) * 0x1p-15 + 3 * sqrt(expected), "variance");
            }
        }
    }
}
END_TEST

/* ---- Lift -------------------------------------------------------------------------------- */

static const uint32_t lift_sizes[][2] = {{1, 1}, {2, 2}, {1, 9}, {9, 1}, {7, 5}, {8, 6}, {13, 10}, {10, 13}};
enum { LIFT_SIZES = sizeof lift_sizes / sizeof *lift_sizes };

struct lifted {
    uint32_t w, h, cw, ch;
    size_t fine_n, coarse_n, bands_n;
    int32_t *fine, *coarse, *bands, *joined;
};

static struct lifted lifted_new(uint32_t w, uint32_t h)
{
    struct lifted l = {.w = w, .h = h, .cw = (w + 1) / 2, .ch = (h + 1) / 2};
    l.fine_n = (size_t)3 * w * h;
    l.coarse_n = (size_t)3 * l.cw * l.ch;
    l.bands_n = 3 * l.coarse_n;
    l.fine = alloc(l.fine_n, sizeof(int32_t));
    l.coarse = alloc(l.coarse_n, sizeof(int32_t));
    l.bands = alloc(l.bands_n, sizeof(int32_t));
    l.joined = alloc(l.fine_n, sizeof(int32_t));
    return l;
}

static void lifted_free(struct lifted *l)
{
    free(l->fine);
    free(l->coarse);
    free(l->bands);
    free(l->joined);
}

/* The fine picture, its last row and column repeated */
static double padded(const struct lifted *l, uint32_t x, uint32_t y, int k)
{
    x = x < l->w ? x : l->w - 1;
    y = y < l->h ? y : l->h - 1;
    return l->fine[((size_t)y * l->w + x) * 3 + (size_t)k];
}

/* Values of a 2x2 square times the signs of a Haar function */
static double haar(const struct lifted *l, size_t i, int sx, int sy)
{
    uint32_t x = 2 * (uint32_t)(i / 3 % l->cw), y = 2 * (uint32_t)(i / 3 / l->cw);
    int k = (int)(i % 3);
    return padded(l, x, y, k) + sx * padded(l, x + 1, y, k) + sy * padded(l, x, y + 1, k) +
           sx * sy * padded(l, x + 1, y + 1, k);
}

START_TEST(lift_of_random_pictures)
{
    for (int i = 0; i < LIFT_SIZES; i++) {
        struct lifted l = lifted_new(lift_sizes[i][0], lift_sizes[i][1]);
        for (size_t k = 0; k < l.fine_n; k++)
            l.fine[k] = spread((uint64_t)i, k, k % 7 ? ONE : 1 << 29);
        ddz_lift_average(l.fine, l.w, l.h, l.coarse);
        ddz_lift_split(l.fine, l.w, l.h, l.bands);
        double energy = 0, lifted = 0;
        for (size_t k = 0; k < l.coarse_n; k++) {
            const int32_t *b = l.bands + k;
            check_near(l.coarse[k], haar(&l, k, 1, 1) / 4, 0.5, "average");
            check_near(b[0], haar(&l, k, -1, 1) / 2, 0.5, "horizontal");
            check_near(b[l.coarse_n], haar(&l, k, 1, -1) / 2, 0.5, "vertical");
            check_near(b[2 * l.coarse_n], haar(&l, k, -1, -1) / 2, 0.5, "diagonal");
            for (int band = 0; band < 3; band++)
                lifted += pow(b[(size_t)band * l.coarse_n], 2);
            lifted += pow(2.0 * l.coarse[k], 2);
            uint32_t x = 2 * (uint32_t)(k / 3 % l.cw), y = 2 * (uint32_t)(k / 3 / l.cw);
            for (uint32_t q = 0; q < 4; q++)
                energy += pow(padded(&l, x + q % 2, y + q / 2, (int)(k % 3)), 2);
        }
        check_near(lifted, energy, energy * 1e-5, "energy");
        ddz_lift_join(l.coarse, l.bands, l.joined, l.w, l.h);
        for (size_t k = 0; k < l.fine_n; k++)
            check_near(l.joined[k], l.fine[k], 2, "joined");
        lifted_free(&l);
    }
}
END_TEST

/* Noise sigma / 2 below and sigma in the bands: noise sigma above, white. */
START_TEST(lift_of_white_noise)
{
    enum { W = 200, H = 151, SIGMA = 5000 };
    struct lifted l = lifted_new(W, H);
    for (size_t i = 0; i < l.coarse_n; i++)
        l.coarse[i] = (int32_t)lrint(SIGMA / 2 * normal(11, i));
    for (size_t i = 0; i < l.bands_n; i++)
        l.bands[i] = (int32_t)lrint(SIGMA * normal(12, i));
    ddz_lift_join(l.coarse, l.bands, l.joined, l.w, l.h);
    double parity[4] = {0}, across = 0, down = 0, diagonal = 0, colour = 0;
    size_t counts[4] = {0};
    for (size_t y = 1; y < H; y++)
        for (size_t x = 1; x < W; x++) {
            const int32_t *p = l.joined + 3 * (y * W + x);
            double v = p[0] / (double)SIGMA, n = (W - 1) * (H - 1);
            parity[y % 2 * 2 + x % 2] += v * v;
            counts[y % 2 * 2 + x % 2]++;
            across += v * p[-3] / SIGMA / n;
            down += v * p[-3 * W] / SIGMA / n;
            diagonal += v * p[-3 * W - 3] / SIGMA / n;
            colour += v * p[1] / SIGMA / n;
        }
    for (int i = 0; i < 4; i++)
        check_near(parity[i] / (double)counts[i], 1, 0.08, "variance");
    check_near(across, 0, 0.03, "correlation across");
    check_near(down, 0, 0.03, "correlation down");
    check_near(diagonal, 0, 0.03, "correlation along the diagonal");
    check_near(colour, 0, 0.03, "correlation of colours");
    lifted_free(&l);
}
END_TEST

/* Average of q over the pixel at x, y, q = c0 + c1 x + c2 y + c3 x^2 + c4 x y + c5 y^2 */
static double pixel_of_quadratic(const double *c, double x, double y)
{
    return c[0] + c[1] * x + c[2] * y + c[3] * (x * x + 1 / 12.0) + c[4] * x * y + c[5] * (y * y + 1 / 12.0);
}

START_TEST(prediction_of_quadratics)
{
    for (uint64_t key = 0; key < 20; key++) {
        struct lifted l = lifted_new(24, 18);
        int32_t *predicted = alloc(l.bands_n, sizeof *predicted);
        for (size_t i = 0; i < l.fine_n; i++) {
            double c[6];
            for (uint64_t j = 0; j < 6; j++)
                c[j] = spread(key, 6 * (i % 3) + j, j < 3 ? 3000 : 300);
            l.fine[i] = (int32_t)lrint(pixel_of_quadratic(c, (double)(i / 3 % l.w), (double)(i / 3 / l.w)));
        }
        ddz_lift_average(l.fine, l.w, l.h, l.coarse);
        ddz_lift_split(l.fine, l.w, l.h, l.bands);
        ddz_lift_predict(l.coarse, l.cw, l.ch, predicted);
        for (size_t i = 0; i < l.bands_n; i++) {
            size_t pixel = i % l.coarse_n / 3, x = pixel % l.cw, y = pixel / l.cw;
            if (x > 0 && y > 0 && x + 1 < l.cw && y + 1 < l.ch)
                check_near(predicted[i], l.bands[i], 2, "band");
        }
        free(predicted);
        lifted_free(&l);
    }
}
END_TEST

/* Where there is no neighbour the picture's own value stands in: a flat picture has no detail. */
START_TEST(prediction_at_borders)
{
    for (int i = 0; i < LIFT_SIZES; i++) {
        struct lifted l = lifted_new(2 * lift_sizes[i][0], 2 * lift_sizes[i][1]);
        for (size_t k = 0; k < l.coarse_n; k++)
            l.coarse[k] = 1000 * (int32_t)(k % 3) - 32640;
        memset(l.bands, 1, l.bands_n * sizeof *l.bands);
        ddz_lift_predict(l.coarse, l.cw, l.ch, l.bands);
        for (size_t k = 0; k < l.bands_n; k++)
            ck_assert_int_eq(l.bands[k], 0);
        /* a ramp: half of its slope at both ends */
        for (size_t k = 0; k < l.coarse_n; k++)
            l.coarse[k] = 400 * (int32_t)(k / 3 % l.cw);
        ddz_lift_predict(l.coarse, l.cw, l.ch, l.bands);
        for (size_t k = 0; k < l.coarse_n; k++) {
            size_t x = k / 3 % l.cw;
            int neighbours = (x > 0) + (x + 1 < l.cw);
            ck_assert_int_eq(l.bands[k], -100 * neighbours);
            ck_assert_int_eq(l.bands[l.coarse_n + k], 0);
            ck_assert_int_eq(l.bands[2 * l.coarse_n + k], 0);
        }
        lifted_free(&l);
    }
}
END_TEST

/* ---- Preconditioning --------------------------------------------------------------------- */

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

START_TEST(preconditions)
{
    enum { N = 400 };
    for (int level = -256; level <= 256; level += 3) {
        double sigma = 0.7 * exp2(-level / 32.0), norm = sqrt(sigma * sigma + 0.25);
        double skip = 0.25 / (norm * norm), out = sigma * 0.5 / norm;
        struct precondition p = ddz_precondition_of(ddz_sigma_q8(level));
        int32_t y[N], estimate[N];
        int16_t in[N], f[N];
        for (uint64_t i = 0; i < N; i++) {
            y[i] = (int32_t)lrint(ONE * (0.5 + sigma) * 3 * (uniform(5, i) - 0.5));
            f[i] = (int16_t)spread(6, i, i % 2 ? 4096 : 32767);
        }
        ddz_precondition_input(&p, y, in, N);
        ddz_precondition_output(&p, y, f, estimate, N);
        for (int i = 0; i < N; i++) {
            double value = y[i] / (double)ONE;
            double input = clamp(4096 * value / norm, -32768, 32767);
            /* c_in has few digits where the noise is high */
            check_near(in[i], input, 0.6 + fabs(input) * norm * ONE * 256 * 0x1p-44, "input");
            double expected = clamp(skip * value + out * f[i] / 4096, -1, 1) * ONE;
            check_near(estimate[i], expected, 1.1 + 1e-5 * fabs(skip * value * ONE), "estimate");
        }
    }
}
END_TEST

START_TEST(precondition_of_extremes)
{
    const int32_t y[] = {INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN};
    const int16_t f[] = {INT16_MAX, INT16_MIN, INT16_MIN, INT16_MAX};
    int16_t in[4];
    int32_t estimate[4];
    for (int level = -256; level <= 256; level += 8) {
        struct precondition p = ddz_precondition_of(ddz_sigma_q8(level));
        ddz_precondition_input(&p, y, in, 4);
        ddz_precondition_output(&p, y, f, estimate, 4);
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(in[i] < 0, y[i] < 0);
            ck_assert_int_le(abs(estimate[i]), ONE);
        }
    }
    /* little noise: the estimate is y, and y alone saturates it */
    struct precondition low = ddz_precondition_of(ddz_sigma_q8(256));
    ddz_precondition_output(&low, y, f, estimate, 4);
    const int32_t expected[] = {ONE, -ONE, ONE, -ONE};
    ck_assert_mem_eq(estimate, expected, sizeof expected);
}
END_TEST

int main(void)
{
    TCase *schedule = tcase_create("schedule"), *posterior = tcase_create("posterior"),
          *lift = tcase_create("lift"), *precondition = tcase_create("precondition");
    tcase_add_test(schedule, sigma_of_all_levels);
    tcase_add_test(schedule, ratios);
    tcase_add_test(schedule, level_inverts_sigma);
    tcase_add_test(schedule, pyramids);
    tcase_add_test(schedule, schedules);
    tcase_add_test(schedule, longest_schedule);
    tcase_add_test(schedule, updates_of_a_call);
    tcase_add_test(schedule, drawn_schedules);
    tcase_add_test(schedule, predicted_bits);
    tcase_add_test(schedule, factors_of_bits);
    tcase_add_test(posterior, reverse_steps);
    tcase_add_test(posterior, shift_is_clamped);
    tcase_add_test(posterior, steps_compose);
    tcase_add_test(posterior, noise_between);
    tcase_add_test(lift, lift_of_random_pictures);
    tcase_add_test(lift, lift_of_white_noise);
    tcase_add_test(lift, prediction_of_quadratics);
    tcase_add_test(lift, prediction_at_borders);
    tcase_add_test(precondition, preconditions);
    tcase_add_test(precondition, precondition_of_extremes);
    TCase *all[] = {schedule, posterior, lift, precondition};
    return run_cases("diffusion", 120, all, sizeof all / sizeof *all);
}
