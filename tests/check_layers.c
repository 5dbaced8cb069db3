/* What travels beside a picture, through the whole codec: alpha, orientation, colours, profile, Exif, XMP */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"
#include "streams.h"

enum { W = 40, H = 30, N = W * H, KINDS = DDZ_EXTRA_ORIENTATION };

/* Contents of all kinds, by kind - 1 */
static struct {
    uint8_t data[N];
    size_t size;
} layers[KINDS] = {{{0}, N},
                   {{0}, 700},
                   {{0}, 300},
                   {{0}, 500},
                   {{9, 16, 0, 1}, 4},
                   {{0}, 36},
                   {{0, 0, 11, 19, 0, 0, 11, 19, 1}, 9},
                   {{6}, 1}};

/* A disc with a soft edge, and bytes of no meaning */
static void fill_layers(void)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int inside = 150 - (x - 20) * (x - 20) - (y - 14) * (y - 14);
            layers[0].data[y * W + x] = (uint8_t)(inside < 0 ? 0 : inside < 51 ? 5 * inside : 255);
        }
    for (int kind = DDZ_EXTRA_ICC; kind <= DDZ_EXTRA_XMP; kind++)
        for (size_t i = 0; i < layers[kind - 1].size; i++)
            layers[kind - 1].data[i] = (uint8_t)(draw(256) & 0x1F);
    for (size_t i = 0; i < 36; i++)
        layers[DDZ_EXTRA_CHROMATICITIES - 1].data[i] = (uint8_t)i;
}

/* An encoder that has encoded a picture with the layers of a set, bit kind - 1 for each */
static ddz_encoder *encoder_of(unsigned set, ddz_target target, double value)
{
    struct encoder_settings s = encoder_settings(target, value);
    ddz_encoder *e = encoder_new(&s);
    struct buffer rgb = picture(W, H);
    for (int kind = 1; kind <= KINDS; kind++)
        if (set >> (kind - 1) & 1)
            ck_assert_int_eq(
                ddz_encoder_set_extra(e, (ddz_extra)kind, layers[kind - 1].data, layers[kind - 1].size),
                DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb.data, W, H), DDZ_OK);
    free(rgb.data);
    return e;
}

static struct buffer stream_with(unsigned set, ddz_target target, double value)
{
    ddz_encoder *e = encoder_of(set, target, value);
    struct buffer stream = stream_of(e);
    ddz_encoder_free(e);
    return stream;
}

static ddz_decoder *decoder_of(const uint8_t *data, size_t size)
{
    struct decoder_settings s = decoder_settings();
    ddz_decoder *d = decoder_new(&s);
    ck_assert_int_eq(feed(d, data, size), DDZ_OK);
    return d;
}

static ddz_extra_state state_of(const ddz_decoder *d, int kind)
{
    ddz_extra_state state;
    ck_assert_int_eq(ddz_decoder_extra_state(d, (ddz_extra)kind, &state), DDZ_OK);
    return state;
}

static const uint8_t *layer_of(const ddz_decoder *d, int kind, size_t *size)
{
    const uint8_t *data;
    ck_assert_int_eq(ddz_decoder_extra(d, (ddz_extra)kind, &data, size), DDZ_OK);
    return data;
}

static void must_have(const ddz_decoder *d, int kind)
{
    size_t size;
    const uint8_t *data = layer_of(d, kind, &size);
    ck_assert_uint_eq(size, layers[kind - 1].size);
    ck_assert_mem_eq(data, layers[kind - 1].data, size);
    ck_assert_int_eq(state_of(d, kind), DDZ_EXTRA_EXACT);
}

static bool has(const ddz_decoder *d, int kind)
{
    size_t size;
    return layer_of(d, kind, &size) != NULL;
}

/* Any set of layers comes back, with the picture that there would be without them, where alpha is not 0. */
START_TEST(layers_come_back)
{
    for (unsigned set = 0; set < 1U << KINDS; set += 1 + draw(5)) {
        uint8_t rgb[3 * N];
        struct buffer stream = stream_with(set, DDZ_TARGET_QUALITY, 5);
        ddz_decoder *d = decoder_of(stream.data, stream.size);
        ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_OK);
        ck_assert(info_of(d).complete && info_of(d).digest_agrees && info_of(d).damaged_extras == 0);
        for (int kind = 1; kind <= KINDS; kind++) {
            if (set >> (kind - 1) & 1)
                must_have(d, kind);
            else
                ck_assert(!has(d, kind) && state_of(d, kind) == DDZ_EXTRA_ABSENT);
        }
        ddz_decoder_free(d);
        free(stream.data);
    }
}
END_TEST

/* Without layers the bytes are the same as ever: the first one says so. */
START_TEST(nothing_costs_nothing)
{
    struct buffer plain = stream_with(0, DDZ_TARGET_QUALITY, 5);
    struct buffer turned = stream_with(1U << (DDZ_EXTRA_ORIENTATION - 1), DDZ_TARGET_QUALITY, 5);
    ck_assert_uint_eq(plain.data[0], 0xDD);
    ck_assert_uint_eq(turned.data[0], 0xDE);
    ck_assert_uint_eq(turned.size, plain.size + 6); /* a byte, the end of records, a check */
    free(plain.data);
    free(turned.data);
}
END_TEST

/* Of a prefix the orientation is known with the size, alpha soon behind the preview; its error falls. */
START_TEST(prefixes_have_layers)
{
    struct buffer stream = stream_with(0xFF, DDZ_TARGET_QUALITY, 40);
    double least = 65025;
    size_t first_alpha = 0;
    for (size_t cut = 6; cut <= stream.size; cut++) {
        size_t size;
        ddz_decoder *d = decoder_of(stream.data, cut);
        must_have(d, DDZ_EXTRA_ORIENTATION);
        const uint8_t *alpha = layer_of(d, DDZ_EXTRA_ALPHA, &size);
        if (alpha && !first_alpha)
            first_alpha = cut;
        if (alpha) {
            double error = 0;
            for (int i = 0; i < N; i++)
                error += (alpha[i] - layers[0].data[i]) * (alpha[i] - layers[0].data[i]) / (double)N;
            if (cut > first_alpha + 5)
                ck_assert_double_le(error, 1.15 * least + 1);
            least = error < least ? error : least;
            ck_assert(state_of(d, DDZ_EXTRA_ALPHA) == DDZ_EXTRA_PARTIAL || error == 0);
        }
        ddz_decoder_free(d);
    }
    ck_assert_uint_lt(first_alpha, layout_of(&stream).frame + 75);
    ck_assert_double_eq(least, 0);
    free(stream.data);
}
END_TEST

/* Pictures of prefixes with alpha, in pieces of any size, are those of the bytes in one piece. */
START_TEST(pieces_make_no_difference)
{
    enum { RGBA = 4 * N };
    struct buffer stream = stream_with(0xFF, DDZ_TARGET_QUALITY, 0);
    struct decoder_settings s = decoder_settings();
    ddz_decoder *growing = decoder_new(&s);
    for (size_t at = 0, n; at < stream.size; at += n) {
        uint8_t a[RGBA], b[RGBA];
        n = 1 + draw(120);
        n = n < stream.size - at ? n : stream.size - at;
        ck_assert_int_eq(feed(growing, stream.data + at, n), DDZ_OK);
        if (at + n < 6)
            continue;
        ddz_decoder *d = decoder_of(stream.data, at + n);
        ck_assert_int_eq(ddz_decoder_picture(growing, DDZ_RECON_MEAN, DDZ_PIXELS_RGBA8, a, 0, RGBA), DDZ_OK);
        ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, DDZ_PIXELS_RGBA8, b, 0, RGBA), DDZ_OK);
        ck_assert_mem_eq(a, b, RGBA);
        ck_assert_uint_eq(info_of(growing).bits, info_of(d).bits);
        ddz_decoder_free(d);
    }
    ddz_decoder_free(growing);
    free(stream.data);
}
END_TEST

/* A cut after any bit is as good as one after a byte. */
START_TEST(any_bits)
{
    struct buffer stream = stream_with(0xFF, DDZ_TARGET_QUALITY, 0);
    for (int64_t bits = 48; bits < 8 * (int64_t)stream.size; bits += 1 + draw(60)) {
        uint8_t rgb[3 * N];
        struct decoder_settings s = decoder_settings();
        s.max_bits = bits;
        ck_assert_int_eq(decode_prefix(&s, stream.data, stream.size, rgb), DDZ_OK);
    }
    free(stream.data);
}
END_TEST

/* Whatever the target in bytes: it is met to the byte, both sides know the same of every layer, alpha comes with
 * the picture as soon as there is room for both, and the picture has half of the room at least. */
START_TEST(targets_are_divided)
{
    static const unsigned sets[] = {0x01, 0x02, 0x80, 0xFF};
    struct buffer any = stream_with(0xFF, DDZ_TARGET_QUALITY, 0);
    /* behind the preview: framing, settings, two ends of records, checks */
    double preview = (double)layout_of(&any).frame, least = preview + 9 + 7 + 2 + 8;
    free(any.data);
    for (int i = 0; i < 4; i++)
        for (double target = 20; target < 2500; target = target * 1.7 + 1) {
            ddz_encoder *e = encoder_of(sets[i], DDZ_TARGET_BYTES, target);
            struct buffer stream = stream_of(e);
            uint8_t sent[4 * N], got[4 * N];
            ck_assert_uint_eq(stream.size, (size_t)target);
            ddz_decoder *d = decoder_of(stream.data, stream.size);
            ck_assert_int_eq(ddz_decoder_picture(d, DDZ_RECON_MEAN, DDZ_PIXELS_RGBA8, got, 0, sizeof got),
                             DDZ_OK);
            ck_assert_int_eq(ddz_encoder_picture(e, DDZ_PIXELS_RGBA8, sent, 0, sizeof sent), DDZ_OK);
            ck_assert_mem_eq(got, sent, sizeof got);
            ck_assert_int_eq(info_of(d).complete, (size_t)target >= (size_t)least);
            for (int kind = 1; kind <= KINDS; kind++) {
                ddz_extra_state state, found = state_of(d, kind);
                ck_assert_int_eq(ddz_encoder_extra_state(e, (ddz_extra)kind, &state), DDZ_OK);
                ck_assert_int_eq(state != DDZ_EXTRA_ABSENT, sets[i] >> (kind - 1) & 1);
                ck_assert_int_eq(found, state == DDZ_EXTRA_LEFT_OUT ? DDZ_EXTRA_ABSENT : state);
            }
            if (sets[i] & 1 && target >= least + 60)
                ck_assert(has(d, DDZ_EXTRA_ALPHA));
            size_t count;
            uint64_t bits = 0;
            ck_assert_int_eq(ddz_decoder_step_count(d, &count), DDZ_OK);
            for (size_t k = 0; k < count; k++) {
                ddz_step step;
                ck_assert_int_eq(ddz_decoder_step(d, k, &step, sizeof step), DDZ_OK);
                bits += step.bits;
            }
            if (target >= least)
                ck_assert_double_ge((double)bits, 8 * (preview - 7) + 4 * (target - least) - 64);
            ddz_decoder_free(d);
            ddz_encoder_free(e);
            free(stream.data);
        }
}
END_TEST

/* A byte changed anywhere is told: by an error, or by what is said of the picture and of the layers. What is said
 * to be exact is. */
START_TEST(damage_is_told)
{
    struct buffer stream = stream_with(0xFF, DDZ_TARGET_QUALITY, 0);
    uint8_t expected[3 * N], rgb[3 * N];
    struct decoder_settings s = decoder_settings();
    ck_assert_int_eq(decode_prefix(&s, stream.data, stream.size, expected), DDZ_OK);
    uint64_t seen = 0;
    int untold = 0;
    for (size_t at = 4; at < stream.size; at++) {
        uint8_t flip = (uint8_t)(1 << draw(8));
        stream.data[at] ^= flip;
        ddz_decoder *d = decoder_new(&s);
        ddz_status fed = feed(d, stream.data, stream.size);
        ddz_status status = fed == DDZ_OK ? decode_rgb(d, DDZ_RECON_MEAN, rgb) : fed;
        bool told = status != DDZ_OK || info_of(d).skipped_records || !info_of(d).complete;
        if (!told) /* one of the bits that fill a byte, which mean nothing */
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
        for (int kind = 1; kind <= KINDS && !told; kind++)
            must_have(d, kind);
        untold += !told;
        if (fed == DDZ_OK && info_of(d).digest_agrees)
            ck_assert_mem_eq(rgb, expected, sizeof rgb);
        for (int kind = DDZ_EXTRA_ALPHA; kind <= DDZ_EXTRA_XMP && fed == DDZ_OK; kind++)
            if (state_of(d, kind) == DDZ_EXTRA_EXACT)
                must_have(d, kind);
        if (status == DDZ_ERR_DIGEST)
            seen |= info_of(d).damaged_extras;
        ddz_decoder_free(d);
        stream.data[at] ^= flip;
    }
    ck_assert_int_le(untold, 4); /* at the ends of the preview and of the steps, in the size of zstd's windows */
    ck_assert_uint_eq(seen & 0x1F,
                      0x1F); /* small ones, alpha, profile, Exif, XMP: each was told at least once */
    free(stream.data);
}
END_TEST

/* Damage in one layer leaves the picture and the others as they are. */
START_TEST(damage_stays_where_it_is)
{
    struct buffer stream = stream_with(0x06, DDZ_TARGET_QUALITY, 0); /* profile and Exif */
    uint8_t rgb[3 * N];
    size_t at = stream.size - 20; /* in the last record */
    stream.data[at] ^= 0x10;
    ddz_decoder *d = decoder_of(stream.data, stream.size);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, rgb), DDZ_ERR_DIGEST);
    ck_assert_int_eq(info_of(d).digest_agrees, 1);
    ck_assert_uint_eq(info_of(d).damaged_extras, 1 << DDZ_EXTRA_EXIF);
    must_have(d, DDZ_EXTRA_ICC);
    ck_assert(!has(d, DDZ_EXTRA_EXIF) && state_of(d, DDZ_EXTRA_EXIF) == DDZ_EXTRA_DAMAGED);
    ddz_decoder_free(d);
    free(stream.data);
}
END_TEST

/* ---- Colours under alpha 0 --------------------------------------------------------------- */

static size_t size_with_invisible(const struct buffer *rgb, int64_t keep, uint8_t *shown)
{
    struct encoder_settings s = encoder_settings(DDZ_TARGET_QUALITY, 60);
    ddz_encoder *e = encoder_new(&s);
    ck_assert_int_eq(ddz_encoder_set(e, DDZ_PARAM_KEEP_INVISIBLE, keep), DDZ_OK);
    ck_assert_int_eq(ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, layers[0].data, N), DDZ_OK);
    ck_assert_int_eq(encode_rgb(e, rgb->data, W, H), DDZ_OK);
    struct buffer stream = stream_of(e);
    ddz_decoder *d = decoder_of(stream.data, stream.size);
    ck_assert_int_eq(decode_rgb(d, DDZ_RECON_MEAN, shown), DDZ_OK);
    ddz_decoder_free(d);
    ddz_encoder_free(e);
    free(stream.data);
    return stream.size;
}

/* What nobody sees makes no difference, unless it is asked for; then it is kept. */
START_TEST(invisible_colours)
{
    struct buffer a = picture(W, H), b = picture(W, H);
    uint8_t shown_a[3 * N], shown_b[3 * N], kept[3 * N];
    for (int i = 0; i < N; i++)
        for (int c = 0; c < 3 && layers[0].data[i] == 0; c++)
            b.data[3 * i + c] = (uint8_t)draw(256);
    size_t cheap = size_with_invisible(&a, 0, shown_a);
    ck_assert_uint_eq(size_with_invisible(&b, 0, shown_b), cheap);
    ck_assert_mem_eq(shown_a, shown_b, sizeof shown_a);
    ck_assert_uint_gt(size_with_invisible(&b, 1, kept), cheap);
    double filled_error = 0, kept_error = 0;
    for (int i = 0; i < N; i++)
        for (int c = 0; c < 3 && layers[0].data[i] == 0; c++) {
            filled_error += abs(shown_b[3 * i + c] - b.data[3 * i + c]);
            kept_error += abs(kept[3 * i + c] - b.data[3 * i + c]);
        }
    ck_assert_double_lt(kept_error, 0.7 * filled_error);
    free(a.data);
    free(b.data);
}
END_TEST

START_TEST(layers_out_of_memory)
{
    struct buffer rgb = picture(8, 6);
    int failures = 0;
    for (int n = 1;; n++) {
        struct ledger l = {.fails_at = n};
        struct encoder_settings s = encoder_settings(DDZ_TARGET_BYTES, 200);
        s.allocator = ledger_allocator(&l);
        ddz_encoder *e;
        ddz_status status = encoder_make(model(), &s, &e);
        if (status == DDZ_OK)
            status = ddz_encoder_set_extra(e, DDZ_EXTRA_ALPHA, layers[0].data, 48);
        if (status == DDZ_OK)
            status = ddz_encoder_set_extra(e, DDZ_EXTRA_ICC, layers[1].data, 30);
        if (status == DDZ_OK)
            status = encode_rgb(e, rgb.data, 8, 6);
        ddz_encoder_free(e);
        ck_assert_int_eq(l.alive, 0);
        if (status == DDZ_OK)
            break;
        ck_assert_int_eq(status, DDZ_ERR_MEMORY);
        failures++;
    }
    ck_assert_int_gt(failures, 30);
    free(rgb.data);
}
END_TEST

int main(void)
{
    fill_layers();
    return RUN("layers", 300,
               CASE("streams", layers_come_back, nothing_costs_nothing, prefixes_have_layers,
                    pieces_make_no_difference, any_bits, targets_are_divided),
               CASE("damage", damage_is_told, damage_stays_where_it_is),
               CASE("alpha", invisible_colours, layers_out_of_memory));
}
