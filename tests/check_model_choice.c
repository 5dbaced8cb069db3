/* A stream's model: found by its first bytes, given late, a wrong one, none */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ddz.h"
#include "runner.h"
#include "streams.h"
#include "toy_model.h"

START_TEST(probe)
{
    struct buffer stream = small_stream();
    ddz_info info;
    for (size_t size = 0; size < 12; size++) {
        ck_assert_int_eq(ddz_probe(stream.data, size, &info, sizeof info),
                         size < 5 ? DDZ_ERR_TRUNCATED : DDZ_OK);
        if (size < 5)
            continue;
        ck_assert(info.width == SMALL_W && info.height == SMALL_H && info.model_id_bits == 3);
        ck_assert(ddz_model_matches(model(), info.model_id, info.model_id_bits));
        ck_assert(!ddz_model_matches(model(), info.model_id ^ 4, info.model_id_bits));
    }
    ck_assert_int_eq(ddz_probe((const uint8_t *)"\x89PNG", 4, &info, sizeof info), DDZ_ERR_FORMAT);
    ck_assert_int_eq(ddz_probe(NULL, 0, &info, sizeof info), DDZ_ERR_TRUNCATED);
    ck_assert_int_eq(ddz_probe(NULL, 1, &info, sizeof info), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_probe(stream.data, 5, NULL, 0), DDZ_ERR_ARGUMENT);
    uint32_t id = ddz_model_id(model());
    for (int bits = 0; bits <= 32; bits++) {
        ck_assert(ddz_model_matches(model(), id, bits));
        ck_assert_int_eq(ddz_model_matches(model(), id ^ 0x80000000, bits), bits < 32);
        ck_assert_int_eq(ddz_model_matches(model(), ~id, bits), bits == 0);
    }
    free(stream.data);
}
END_TEST

/* A decoder that gets its model after it has been fed makes the picture of one that had it before; limits in
 * bits that are no multiple of 8 are kept. */
START_TEST(model_of_a_fed_decoder)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    for (int64_t max_bits = 300; max_bits <= 8 * (int64_t)stream.size; max_bits += 997) {
        struct decoder_settings ds = decoder_settings();
        ds.max_bits = max_bits;
        ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
        for (size_t fed = 0; fed <= stream.size; fed += fed < 50 ? 1 : 301) {
            ddz_decoder *d;
            size_t count;
            ck_assert_int_eq(decoder_make(NULL, &ds, &d), DDZ_OK);
            ck_assert_int_eq(feed(d, stream.data, fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_STATE);
            ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_ERR_STATE);
            ck_assert_int_eq(ddz_decoder_set_model(d, model()), DDZ_OK);
            if (fed % 2 && fed >= 5)
                ck_assert_int_eq(decode_rgb(d, DDZ_RECON_SAMPLE, rgb), DDZ_OK);
            ck_assert_int_eq(feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ddz_decoder_free(d);
        }
    }
    free(stream.data);
}
END_TEST

/* The wrong model first: refused, or found out later, and then the right one makes the picture. */
START_TEST(another_model)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES], expected[SMALL_BYTES];
    struct decoder_settings ds = decoder_settings();
    ck_assert_int_eq(decode_prefix(&ds, stream.data, stream.size, expected), DDZ_OK);
    bool low_bits_agree[2] = {false, false};
    for (uint64_t seed = 2; !low_bits_agree[0] || !low_bits_agree[1]; seed++) {
        const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
        size_t size;
        uint8_t *file = toy_model_shaped(seed, &shape, &size);
        ddz_model *other;
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &other), DDZ_OK);
        free(file);
        bool agree = ddz_model_matches(other, ddz_model_id(model()), 3);
        for (size_t fed = 4; fed <= stream.size && !low_bits_agree[agree]; fed += fed < 80 ? 3 : 500) {
            ddz_decoder *d;
            ck_assert_int_eq(decoder_make(other, &ds, &d), DDZ_OK);
            ddz_status status = feed(d, stream.data, fed);
            ck_assert(status == DDZ_OK || status == DDZ_ERR_WRONG_MODEL || status == DDZ_ERR_CORRUPT);
            ck_assert(agree || fed < 5 || status == DDZ_ERR_WRONG_MODEL);
            if (status == DDZ_OK && fed >= 5)
                ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_int_eq(ddz_decoder_set_model(d, model()), DDZ_OK);
            ck_assert_int_eq(feed(d, stream.data + fed, stream.size - fed), DDZ_OK);
            ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
            ck_assert_int_eq(info_of(d).digest_agrees, 1);
            ck_assert_int_eq(ddz_decoder_set_model(d, other), DDZ_ERR_STATE);
            ddz_decoder_free(d);
        }
        low_bits_agree[agree] = true;
        ddz_model_free(other);
    }
    ddz_decoder *d = decoder_new(&ds);
    ck_assert_int_eq(ddz_decoder_set_model(d, NULL), DDZ_ERR_ARGUMENT);
    ck_assert_int_eq(ddz_decoder_set_model(NULL, model()), DDZ_ERR_ARGUMENT);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* The toy model with another provenance, so that the last 8 bits of its identity are the same */
static ddz_model *twin_model(void)
{
    const struct toy_shape shape = {.levels = 2, .embedding = 4, .channels = {16, 16}, .blocks = {1, 0}};
    size_t size, body_size, at = 0;
    uint8_t *file = toy_model_shaped(1, &shape, &size);
    uint8_t *body = toy_body(file, size, &body_size);
    free(file);
    while (memcmp(body + at, "random weights", 14) != 0)
        at++;
    ddz_model *twin = NULL;
    for (unsigned i = 0; !twin && i < 1u << 16; i++) {
        body[at] = (uint8_t)('a' + i % 26);
        body[at + 1] = (uint8_t)('a' + i / 26 % 26);
        body[at + 2] = (uint8_t)('a' + i / 676 % 26);
        uint32_t id = (uint32_t)crc32(0, body, (uInt)body_size);
        if ((uint8_t)id != (uint8_t)ddz_model_id(model()))
            continue;
        file = toy_file(body, body_size, &size);
        ck_assert_int_eq(ddz_model_load(file, size, NULL, &twin), DDZ_OK);
        free(file);
    }
    free(body);
    ck_assert_ptr_nonnull(twin);
    ck_assert_uint_ne(ddz_model_id(twin), ddz_model_id(model()));
    return twin;
}

START_TEST(wrong_model)
{
    size_t size;
    struct buffer stream = small_stream();
    uint8_t *file = toy_model(2, &size), rgb[SMALL_BYTES];
    ddz_model *models[2] = {NULL, twin_model()};
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &models[0]), DDZ_OK);
    ck_assert_uint_ne((uint8_t)ddz_model_id(models[0]), (uint8_t)ddz_model_id(model()));
    for (int i = 0; i < 2; i++) {
        ddz_decoder *d;
        ddz_info info;
        ck_assert_int_eq(ddz_decoder_new(models[i], NULL, &d), DDZ_OK);
        ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_ERR_WRONG_MODEL);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_WRONG_MODEL);
        ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
        ck_assert_uint_eq(info.width, SMALL_W);
        ddz_decoder_free(d);
        ddz_model_free(models[i]);
    }
    free(file);
    free(stream.data);
}
END_TEST

/* Without a model there is the header, and nothing else. */
START_TEST(no_model)
{
    struct buffer stream = small_stream();
    uint8_t rgb[SMALL_BYTES];
    ddz_decoder *d;
    ddz_info info;
    size_t count;
    ck_assert_int_eq(ddz_decoder_new(NULL, NULL, &d), DDZ_OK);
    ck_assert_int_eq(feed(d, stream.data, stream.size), DDZ_OK);
    ck_assert_int_eq(ddz_decoder_info(d, &info, sizeof info), DDZ_OK);
    ck_assert_uint_eq(info.width, SMALL_W);
    ck_assert_uint_eq(info.height, SMALL_H);
    ck_assert_int_eq(info.model_id_bits, 3);
    ck_assert_uint_eq(info.model_id, ddz_model_id(model()) & 7);
    ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_ERR_STATE);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_STATE);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

int main(void)
{
    return RUN("model_choice", 300,
               CASE("choice", probe, model_of_a_fed_decoder, another_model, wrong_model, no_model));
}
