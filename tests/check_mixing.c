/* Logistic mixing in integers, beside the same in floating point */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assertions.h"
#include "exact/mixing.h"
#include "inputs.h"
#include "runner.h"

static struct mixing_tables tables;

static double logit(double p)
{
    return 256 * log(p / (1 - p));
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x / 256));
}

static double cost(int bit, double p)
{
    return -log2(bit ? p : 1 - p);
}

START_TEST(stretch_and_squash)
{
    for (uint32_t p = 1; p < 65536; p++) {
        /* where the table is coarse, a place of it stands for 16 probabilities */
        bool fine = p < STRETCH_FINE || p > 65536 - STRETCH_FINE;
        double slope = 256 * 65536.0 / ((double)p * (65536 - p));
        double tolerance = fine ? 0.51 : 0.51 + 8 * slope;
        check_near(ddz_stretch(&tables, p), logit(p / 65536.0), tolerance, "stretch");
        if (fine)
            must_equal(ddz_stretch(&tables, p), -ddz_stretch(&tables, 65536 - p));
    }
    for (int32_t x = -STRETCH_MOST; x <= STRETCH_MOST; x++) {
        check_near(ddz_squash(&tables, x), 65536 * logistic(x), 0.51, "squash");
        must_equal(ddz_squash(&tables, x), 65536 - ddz_squash(&tables, -x));
    }
    ck_assert_uint_eq(ddz_squash(&tables, INT32_MAX), 65535);
    ck_assert_uint_eq(ddz_squash(&tables, INT32_MIN), 1);
    ck_assert_int_eq(ddz_stretch(&tables, 65535), STRETCH_MOST);
    ck_assert_int_eq(ddz_stretch(&tables, 1), -STRETCH_MOST);
    ck_assert_int_le(abs(ddz_stretch(&tables, 32768)), 1);
}
END_TEST

/* A counter is the mean of what it has seen with half a bit of each kind, as long as it forgets nothing. */
START_TEST(counters)
{
    for (int trial = 0; trial < 200; trial++) {
        counter c = counter_fresh;
        uint32_t p = trial < 2 ? (uint32_t)trial * 65536 : draw(65537);
        uint32_t limit = 1 + draw(COUNTER_LIMIT);
        double share = 0.5;
        for (uint32_t i = 0; i < 3000; i++) {
            int bit = draw(65536) < p;
            uint32_t seen = i < limit ? i : limit;
            must_equal(ddz_counter_seen(c), seen);
            check_near(ddz_counter_p(c), 65536 * share, 8 + limit / 32.0, "counter");
            share += (bit - share) / (seen + 1.5);
            ddz_counter_learn(&tables, &c, bit, limit);
        }
    }
}
END_TEST

static uint32_t after_many(int bit, uint32_t limit)
{
    counter c = counter_fresh;
    for (int i = 0; i < 200000; i++)
        ddz_counter_learn(&tables, &c, bit, limit);
    return ddz_counter_p(c);
}

/* A bit that never changes becomes as certain as can be. */
START_TEST(counters_reach_extremes)
{
    for (uint32_t limit = 1; limit <= 120; limit++) {
        ck_assert_uint_eq(after_many(0, limit), 1);
        ck_assert_uint_eq(after_many(1, limit), 65535);
    }
    ck_assert_uint_le(after_many(0, COUNTER_LIMIT), 8);
    ck_assert_uint_ge(after_many(1, COUNTER_LIMIT), 65536 - 8);
}
END_TEST

enum { INPUTS = 5, STRIDE = MIXER_VECTOR, SETS = 3, ROUNDS = 4000 };

/* The same sums and the same descent, in floating point */
START_TEST(mixers)
{
    for (int rate = 1; rate <= 16; rate *= 4) {
        int32_t weights[STRIDE * SETS];
        double reference[INPUTS * SETS];
        struct mixer m;
        ddz_mixer_init(&m, &tables, weights, INPUTS, SETS, rate, MIXER_UNIT_Q16 / 4);
        for (int i = 0; i < INPUTS * SETS; i++)
            reference[i] = 0.25;
        for (int round = 0; round < ROUNDS; round++) {
            int set = (int)draw(SETS), bit = (int)draw(2);
            double x = 0;
            for (int i = 0; i < INPUTS; i++) {
                /* each input knows something of the bit */
                m.x[i] = (int16_t)((int)draw(2001) - 1000 + (bit ? 1 : -1) * 200 * i * (set + 1));
                x += m.x[i] * reference[set * INPUTS + i];
            }
            x = fmin(fmax(x, -STRETCH_MOST), STRETCH_MOST);
            double p = logistic(x);
            check_near(ddz_mix(&m, set), x, 16, "mixed");
            must_equal(m.p, ddz_squash(&tables, ddz_mix(&m, set)));
            for (int i = 0; i < INPUTS; i++)
                reference[set * INPUTS + i] += (bit - p) * m.x[i] * rate / 1048576;
            ddz_mixer_learn(&m, bit);
        }
    }
}
END_TEST

/* Of a good, a useless and a wrong input a mixer makes a probability that is as good as the good one alone. */
START_TEST(mixers_choose)
{
    int32_t weights[MIXER_VECTOR];
    struct mixer m;
    double good = 0, mixed = 0;
    ddz_mixer_init(&m, &tables, weights, 3, 1, 6, MIXER_UNIT_Q16 / 3);
    for (int i = 0; i < 20000; i++) {
        uint32_t p = 1 + draw(65535);
        int bit = draw(65536) < p;
        m.x[0] = (int16_t)ddz_stretch(&tables, p);
        m.x[1] = (int16_t)ddz_stretch(&tables, 1 + draw(65535));
        m.x[2] = (int16_t)(-m.x[0] / 2);
        ddz_mix(&m, 0);
        if (i >= 2000) {
            good += cost(bit, p / 65536.0);
            mixed += cost(bit, m.p / 65536.0);
        }
        ddz_mixer_learn(&m, bit);
    }
    ck_assert_double_le(mixed, 1.01 * good);
}
END_TEST

/* Every sum and every weight is the one that integers of 64 bits make, up to the greatest inputs and weights. */
START_TEST(mixers_are_exact)
{
    enum { MOST = 1 << 22 };
    int32_t weights[2 * MIXER_INPUTS];
    struct mixer m;
    for (int inputs = 1; inputs <= MIXER_INPUTS; inputs++) {
        const int rate = inputs % 3 ? 1 + (int)draw(200) : 2048, stride = ddz_mixer_stride(inputs);
        ddz_mixer_init(&m, &tables, weights, inputs, 2, rate, MIXER_UNIT_Q16);
        for (int round = 0; round < 400; round++) {
            const int set = (int)draw(2), bit = (int)draw(2);
            int32_t *chosen = weights + set * stride, expected[MIXER_INPUTS];
            int64_t sum = 1 << 15;
            for (int i = 0; i < inputs; i++) {
                const int extreme = draw(2) ? MIXER_INPUT_MOST : -MIXER_INPUT_MOST;
                m.x[i] =
                    (int16_t)(round % 4 ? (int)draw(2 * MIXER_INPUT_MOST + 1) - MIXER_INPUT_MOST : extreme);
                if (round % 8 < 2) /* of signs that make the sum great */
                    chosen[i] = (m.x[i] < 0) == (round % 16 < 8) ? MOST - (int)draw(3) : -MOST + (int)draw(3);
                else if (round % 8 < 4)
                    chosen[i] = (int32_t)draw(2 * MOST + 1) - MOST;
                sum += (int64_t)chosen[i] * m.x[i];
            }
            sum = asr64(sum, 16);
            must_equal(ddz_mix(&m, set), clamp64(sum, -STRETCH_MOST, STRETCH_MOST));
            for (int i = 0; i < inputs; i++) {
                int64_t step = asr64((int64_t)m.x[i] * ((bit << 16) - (int32_t)m.p) * rate + (1 << 19), 20);
                expected[i] = (int32_t)clamp64(chosen[i] + step, -MOST, MOST);
            }
            ddz_mixer_learn(&m, bit);
            ck_assert_mem_eq(chosen, expected, (size_t)inputs * sizeof *chosen);
        }
    }
}
END_TEST

/* Weights stay within bounds, and nothing overflows, whatever the inputs say. */
START_TEST(mixers_are_bounded)
{
    int32_t weights[MIXER_INPUTS];
    struct mixer m;
    ddz_mixer_init(&m, &tables, weights, MIXER_INPUTS, 1, 1 << 10, INT32_MAX);
    for (int i = 0; i < 20000; i++) {
        for (int k = 0; k < MIXER_INPUTS; k++)
            m.x[k] = i < 10000 ? STRETCH_MOST : draw(2) ? STRETCH_MOST : -STRETCH_MOST;
        int32_t x = ddz_mix(&m, 0);
        ck_assert(x >= -STRETCH_MOST && x <= STRETCH_MOST && m.p >= 1 && m.p <= 65535);
        ddz_mixer_learn(&m, i % 3 == 0);
    }
}
END_TEST

/* A fresh map changes little; one that has learned knows how often ones came. */
START_TEST(maps)
{
    enum { CONTEXTS = 4 };
    static uint16_t points[CONTEXTS * APM_STEPS];
    struct apm a;
    ddz_apm_init(&a, &tables, points, CONTEXTS, 7);
    for (int32_t x = -STRETCH_MOST; x <= STRETCH_MOST; x++) {
        uint32_t p = ddz_apm_correct(&a, x, x & 3);
        ck_assert(p >= 1 && p <= 65535);
        check_near(p, 65536 * logistic(x), 650, "a fresh map");
    }
    for (int i = 0; i < 40000; i++)
        for (int context = 0; context < CONTEXTS; context++) {
            ddz_apm_correct(&a, (int32_t)draw(1200) - 600, context);
            ddz_apm_learn(&a, context == 3 || (context > 0 && draw(3) < (uint32_t)context));
        }
    for (int context = 0; context < CONTEXTS; context++) {
        double mean = 0, expected = 65536 * context / 3.0;
        for (int32_t x = -500; x <= 500; x++)
            mean += ddz_apm_correct(&a, x, context) / 1001.0;
        check_near(mean, expected, 3000, "a map");
        if (context % 3 == 0)
            check_near(mean, expected, 2, "a map of a bit that never changes");
    }
}
END_TEST

int main(void)
{
    ddz_mixing_tables_init(&tables);
    return RUN("mixing", 60, CASE("tables", stretch_and_squash),
               CASE("learning", counters, counters_reach_extremes, mixers, mixers_choose, mixers_are_exact,
                    mixers_are_bounded, maps));
}
