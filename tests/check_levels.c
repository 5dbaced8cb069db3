/* Coding levels around a mean: round trips of every depth and span, what it costs, and damage */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "exact/levels.h"
#include "inputs.h"
#include "runner.h"

enum { COUNT = 20000 };

static struct mem mem;

static void setup(void)
{
    mem = ddz_mem_init(NULL);
}

struct sample {
    struct level_site site;
    int level;
};

/* A level beside its mean, by noise that is logistic with this scale in levels */
static struct sample logistic_sample(uint64_t i, int max, double scale)
{
    double mean = max * (0.3 + 0.4 * uniform(1, i)), u = uniform(2, i);
    double level = mean + scale * log(u / (1 - u));
    struct sample s = {.level = (int)lrint(fmax(0, fmin(max, level)))};
    s.site.mean_q16 = (int32_t)lrint(mean * 255 / max * 65536);
    s.site.near = s.site.others = s.site.west = s.site.north = (int32_t)(scale * 1.386 * 255 / max * 4096);
    return s;
}

/* Anything goes. */
static struct sample wild_sample(int max)
{
    struct sample s = {.level = (int)draw((uint32_t)max + 1)};
    s.site.channel = (int)draw(LEVELS_CHANNELS);
    s.site.mean_q16 = draw(8) ? (int32_t)draw((255 << 16) + 1) : draw(2) ? 255 << 16 : 0;
    int32_t *errors[] = {&s.site.near, &s.site.others, &s.site.west, &s.site.north, &s.site.activity};
    for (int i = 0; i < 5; i++)
        *errors[i] = (int32_t)(draw(3) ? draw(1U << draw(21)) : draw(2) * (255U << 12));
    if (draw(3) == 0)
        s.level = draw(2) ? max : 0;
    return s;
}

/* Codes the samples; returns how many bytes that takes. Decoded they are within the span. */
static size_t round_trip(const struct sample *samples, int count, int max, int span)
{
    struct bit_coder writer = {.writing = true}, reader = {.writing = false};
    struct binary_encoder *encoder = &writer.encoder;
    struct level_coder coder;
    int32_t error, again, *errors = new_array((size_t)count, sizeof *errors);
    int *seen = new_array((size_t)count, sizeof *seen);
    ddz_binary_encoder_init(encoder, &mem);
    ck_assert_int_eq(ddz_level_coder_init(&coder, &mem, max, span), DDZ_OK);
    for (int i = 0; i < count; i++) {
        seen[i] = ddz_level_code(&coder, &writer, &samples[i].site, samples[i].level, &error);
        ck_assert_int_le(abs(seen[i] - samples[i].level), span / 2);
        ck_assert_int_ge(seen[i], 0);
        ck_assert_int_le(seen[i], max);
        errors[i] = error;
    }
    ddz_level_coder_free(&coder);
    ddz_binary_finish(encoder);
    ck_assert(!encoder->failed);
    ck_assert_int_eq(ddz_level_coder_init(&coder, &mem, max, span), DDZ_OK);
    ddz_binary_decoder_init(&reader.decoder, encoder->data, encoder->size, true);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(ddz_level_code(&coder, &reader, &samples[i].site, 0, &again), seen[i]);
        ck_assert_int_eq(again, errors[i]);
    }
    ck_assert(!reader.decoder.ended);
    ddz_level_coder_free(&coder);
    size_t size = encoder->size;
    ddz_binary_encoder_free(encoder);
    free(errors);
    free(seen);
    return size;
}

START_TEST(all_depths_and_spans)
{
    static const int maxima[] = {1, 2, 3, 7, 255, 1023, 4095, 65534, 65535};
    struct sample *samples = new_array(1000, sizeof *samples);
    for (int m = 0; m < 9; m++)
        for (int span = 1; span <= maxima[m] && span < 256; span += span < 7 ? 2 : 62) {
            for (int i = 0; i < 1000; i++)
                samples[i] = wild_sample(maxima[m]);
            round_trip(samples, 1000, maxima[m], span);
        }
    free(samples);
}
END_TEST

/* Entropy in bits of a level, the mean over the places of the mean between two levels */
static double entropy(double scale)
{
    double sum = 0;
    for (int place = 0; place < 16; place++)
        for (int level = -3000; level <= 3000; level++) {
            double z = (level - place / 16.0) / scale, half = 0.5 / scale;
            double p = 1 / (1 + exp(-z - half)) - 1 / (1 + exp(-z + half));
            sum -= p > 1e-12 ? p * log2(p) / 16 : 0;
        }
    return sum;
}

START_TEST(cost_is_the_entropy)
{
    static const double scales[] = {0.15, 0.5, 1.5, 6, 30, 400};
    struct sample *samples = new_array(COUNT, sizeof *samples);
    for (int s = 0; s < 6; s++) {
        int max = scales[s] > 10 ? 65535 : 255;
        for (int i = 0; i < COUNT; i++)
            samples[i] = logistic_sample((uint64_t)i, max, scales[s]);
        double bits = 8.0 * (double)round_trip(samples, COUNT, max, 1) / COUNT, ideal = entropy(scales[s]);
        ck_assert_msg(bits < 1.02 * ideal + 0.03, "scale %g: %g bits, %g at best", scales[s], bits, ideal);
    }
    free(samples);
}
END_TEST

/* With a span of 2 N + 1, log2 of it fewer bits */
START_TEST(spans_save_bits)
{
    struct sample *samples = new_array(COUNT, sizeof *samples);
    for (int i = 0; i < COUNT; i++)
        samples[i] = logistic_sample((uint64_t)i, 255, 8);
    double exact = (double)round_trip(samples, COUNT, 255, 1),
           five = (double)round_trip(samples, COUNT, 255, 5);
    ck_assert_double_lt(fabs((exact - five) * 8 / COUNT - log2(5)), 0.06);
    free(samples);
}
END_TEST

START_TEST(any_bytes_are_levels)
{
    struct bit_coder reader = {.writing = false};
    struct level_coder coder;
    size_t size = 3000;
    uint8_t *bytes = random_bytes(size);
    for (int max = 1; max < 65536; max = 4 * max + 3) {
        ck_assert_int_eq(ddz_level_coder_init(&coder, &mem, max, 1), DDZ_OK);
        ddz_binary_decoder_init(&reader.decoder, bytes, size, false);
        for (int i = 0; i < COUNT && !reader.decoder.ended; i++) {
            struct sample s = wild_sample(max);
            int32_t error;
            int level = ddz_level_code(&coder, &reader, &s.site, 0, &error);
            ck_assert_int_ge(level, 0);
            ck_assert_int_le(level, max);
        }
        ddz_level_coder_free(&coder);
    }
    free(bytes);
}
END_TEST

int main(void)
{
    TCase *all =
        CASE("levels", all_depths_and_spans, cost_is_the_entropy, spans_save_bits, any_bytes_are_levels);
    tcase_add_checked_fixture(all, setup, NULL);
    return RUN("levels", 60, all);
}
