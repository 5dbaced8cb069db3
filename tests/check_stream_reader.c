/* Whole streams: written, and read in any pieces */
#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "format/bits.h"
#include "format/step_code.h"
#include "format/stream_reader.h"
#include "format/stream_writer.h"
#include "guard.h"
#include "inputs.h"
#include "ledger.h"
#include "runner.h"

static struct mem mem;

/* A stream of a 40 x 30 picture with a preview of 20 bits and a step of 100 bits behind it, and these bytes
 * as records */
static uint8_t *make_stream(const uint8_t *records, size_t records_size, size_t *size)
{
    const struct header header = {.width = 40, .height = 30, .model_low = 5};
    const struct settings settings = {.trellis_bits = 12, .end_level = 100, .model_id = 0xABCD};
    const struct step_record steps[] = {{.preview = true, .bits = 20},
                                        {.has_offset = true, .rate_offset = -3, .bits = 100}};
    static const uint8_t bits[16] = {0xA5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xC0};
    struct step_place place;
    struct stream_writer w;
    struct extras none = {{NULL}, {0}};
    uint8_t *plain, *stream;
    ddz_stream_writer_init(&w, &mem);
    ck_assert_int_eq(ddz_stream_writer_open(&w, &header, &none, 20, UINT64_MAX, false), DDZ_OK);
    ddz_stream_writer_begin(&w, &settings, 20);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ddz_stream_writer_put_step(&w, &steps[i], &place), 1);
        ck_assert_uint_eq(place.known, steps[i].bits);
        ddz_stream_writer_put_bits(&w, steps[i].preview, bits, place.known);
    }
    ck_assert_int_eq(ddz_stream_writer_finish(&w, 0x12345678, &plain, size), DDZ_OK);
    ddz_stream_writer_free(&w);
    size_t end = *size - 5; /* of the records, and the digest */
    *size += records_size;
    stream = ddz_mem_alloc(&mem, *size, 1);
    memcpy(stream, plain, end);
    if (records_size)
        memcpy(stream + end, records, records_size);
    memcpy(stream + end + records_size, plain + end, 5);
    ddz_mem_free(&mem, plain);
    return stream;
}

/* Feed a copy that ends at a guard page and is gone afterwards. */
static ddz_status feed(struct stream_reader *r, const uint8_t *data, size_t size)
{
    uint8_t *input = guard_copy(data, size);
    ddz_status status = ddz_stream_reader_feed(r, input, size, 8);
    guard_free(input, size);
    return status;
}

/* Read it in pieces, telling the size of the preview when `told` bytes have been fed. */
static ddz_status read_stream(struct stream_reader *r, const uint8_t *stream, size_t size, size_t piece,
                              size_t told)
{
    bool known = false;
    uint8_t *room = guard_alloc(piece);
    ddz_stream_reader_init(r, &mem, 1 << 20);
    for (size_t at = 0, n; at < size; at += n) {
        n = piece < size - at ? piece : size - at;
        memcpy(room + piece - n, stream + at, n);
        ddz_stream_reader_feed(r, room + piece - n, n, 8);
        if (!known && at + n >= told && r->part != PART_HEADER && r->error == DDZ_OK) {
            ddz_stream_reader_set_preview(r, 20);
            known = true;
        }
    }
    guard_free(room, piece);
    return r->error;
}

/* Whenever the preview's size becomes known, and in whatever pieces, the same is found. */
START_TEST(streams_come_back)
{
    size_t size;
    uint8_t *stream = make_stream(NULL, 0, &size);
    for (size_t piece = 1; piece <= size; piece += piece < 10 ? 1 : 7)
        for (size_t told = 0; told <= size; told += 3) {
            struct stream_reader r;
            const uint8_t *preview, *content;
            ck_assert_int_eq(read_stream(&r, stream, size, piece, told), DDZ_OK);
            ck_assert(r.part == PART_END && r.has_settings && r.header.width == 40 && r.header.height == 30);
            ck_assert_uint_eq(r.settings.model_id, 0xABCD);
            ck_assert_uint_eq(get_le32(r.digest), 0x12345678);
            ck_assert_uint_eq(ddz_stream_reader_preview(&r, &preview), 24);
            ck_assert(preview[0] == 0xA5 && preview[1] == 1 && preview[2] == 0);
            /* settings, the code of -3, 100 bits, up to a whole byte */
            ck_assert_uint_eq(ddz_stream_reader_main(&r, &content),
                              8 * ((7 * 8 + (uint64_t)ddz_step_code_length(0, -3) + 100 + 7) / 8));
            struct bit_reader bits;
            int offset = 0;
            ddz_bit_reader_init(&bits, content, 7 + 14);
            bits.position = 7 * 8;
            ck_assert_int_eq(ddz_step_code_read(&bits, &offset), DDZ_OK);
            ck_assert_int_eq(offset, -3);
            ck_assert_uint_eq(ddz_bit_read(&bits, 8), 0xA5);
            ddz_stream_reader_free(&r);
        }
    ddz_mem_free(&mem, stream);
}
END_TEST

/* What a reader knows of a stream can be told again with another preview, until it is settled. */
START_TEST(another_preview)
{
    size_t size;
    uint8_t *stream = make_stream(NULL, 0, &size);
    for (uint64_t wrong = 0; wrong < 100; wrong += 9) {
        struct stream_reader r;
        ddz_stream_reader_init(&r, &mem, 1 << 20);
        feed(&r, stream, 11);
        ddz_stream_reader_set_preview(&r, wrong);
        feed(&r, stream + 11, size - 11);
        bool right = (wrong + 7) / 8 == 3;
        ck_assert_int_eq(r.part == PART_END, right);
        ck_assert_int_eq(ddz_stream_reader_set_preview(&r, 20), DDZ_OK);
        ck_assert_int_eq(r.part, PART_END);
        ck_assert_ptr_nonnull(r.kept);
        ddz_stream_reader_settle(&r);
        ck_assert_ptr_null(r.kept);
        ck_assert_int_eq(feed(&r, stream, 2), DDZ_OK);
        ck_assert_uint_eq(r.trailing, 2);
        ddz_stream_reader_free(&r);
    }
    ddz_mem_free(&mem, stream);
}
END_TEST

/* Records of kinds that do not exist yet: skipped if they say so, else refused; and what no reader takes. */
START_TEST(unknown_records)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t size;
        ddz_status status;
        uint32_t skipped;
        uint64_t damaged;
    } cases[] = {
        {"skippable", {0xC4, 3, 1, 2, 3}, 5, DDZ_OK, 1, 0},
        {"empty, skippable", {0xFF, 0}, 2, DDZ_OK, 1, 0},
        {"two", {0xC4, 1, 9, 0xC4, 1, 9}, 6, DDZ_OK, 2, 0},
        {"not skippable", {0x44, 3, 1, 2, 3}, 5, DDZ_ERR_FEATURE, 1, 0},
        {"alpha's number, skippable", {0x81, 1, 7}, 3, DDZ_OK, 1, 0},
        {"the code points' number, not skippable", {0x05, 1, 7}, 3, DDZ_ERR_FEATURE, 1, 0},
        {"steps behind the main frame", {0x04, 1, 7}, 3, DDZ_ERR_CORRUPT, 0, 0},
        {"end's number, skippable", {0x80, 1, 7}, 3, DDZ_OK, 1, 0},
        {"length in too many bytes", {0x84, 0x81, 0x00, 7}, 4, DDZ_ERR_CORRUPT, 0, 0},
        {"Exif that is no frame", {0x83, 3, 1, 2, 3}, 5, DDZ_OK, 0, 8},
        {"empty Exif", {0x83, 0}, 2, DDZ_OK, 0, 8},
        {"empty alpha", {0x02, 0}, 2, DDZ_OK, 0, 2},
        {"resolution, too short", {0x87, 2, 1, 2}, 4, DDZ_OK, 0, 128},
        {"an end of alpha, too long", {0x03, 6, 1, 2, 3, 4, 5, 6}, 8, DDZ_OK, 0, 2},
        /* one raw block of a byte, whole; with a byte too many; cut */
        {"Exif", {0x83, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M'}, 12, DDZ_OK, 0, 0},
        {"a byte behind the frame",
         {0x83, 11, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M', 0},
         13,
         DDZ_OK,
         0,
         8},
        {"half a frame", {0x83, 9, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0}, 11, DDZ_OK, 0, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 200; piece += 37) {
            struct stream_reader r;
            size_t size;
            uint8_t *stream = make_stream(cases[i].bytes, cases[i].size, &size);
            ddz_status status = read_stream(&r, stream, size, piece, 0);
            ck_assert_msg(status == cases[i].status, "%s: status %d", cases[i].what, (int)status);
            ck_assert_uint_eq(r.layers.skipped, cases[i].skipped);
            ck_assert_uint_eq(r.layers.damaged, cases[i].damaged);
            ck_assert_int_eq(r.part == PART_END, status == DDZ_OK);
            ck_assert_int_eq(r.has_settings, 1); /* and all of the picture's bits */
            ck_assert(status != DDZ_OK || get_le32(r.digest) == 0x12345678);
            ddz_stream_reader_free(&r);
            ddz_mem_free(&mem, stream);
        }
    /* the same kind twice */
    static const uint8_t twice[] = {0x83, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M',
                                    0x83, 10, 0x28, 0xB5, 0x2F, 0xFD, 0, 0x38, 9, 0, 0, 'M'};
    struct stream_reader r;
    size_t size;
    uint8_t *stream = make_stream(twice, sizeof twice, &size);
    ck_assert_int_eq(read_stream(&r, stream, size, 1000, 0), DDZ_ERR_CORRUPT);
    ddz_stream_reader_free(&r);
    ddz_mem_free(&mem, stream);
}
END_TEST

/* A size that is asked for is met to the byte, and what is there are the first bytes of the longer stream. */
START_TEST(streams_of_a_size)
{
    const struct header header = {.width = 40, .height = 30, .model_low = 5};
    const struct settings settings = {.trellis_bits = 12, .end_level = 100, .model_id = 0xABCD};
    uint8_t bits[400], *stream;
    memset(bits, 0x5A, sizeof bits);
    for (size_t most = 5; most < 420; most++) {
        struct stream_writer w;
        struct step_place place;
        size_t size;
        ddz_stream_writer_init(&w, &mem);
        struct extras none = {{NULL}, {0}};
        ck_assert_int_eq(ddz_stream_writer_open(&w, &header, &none, 30, 4, false), DDZ_ERR_ARGUMENT);
        ck_assert_int_eq(ddz_stream_writer_open(&w, &header, &none, 30, most, false), DDZ_OK);
        ddz_stream_writer_begin(&w, &settings, 30);
        for (int i = 0; i < 400; i++) {
            struct step_record step = {
                .preview = i == 0, .has_offset = i > 0, .rate_offset = i % 7 - 3, .bits = i ? 50 : 30};
            if (!ddz_stream_writer_put_step(&w, &step, &place))
                break;
            ck_assert(place.known >= 1 && place.known <= step.bits);
            ddz_stream_writer_put_bits(&w, step.preview, bits, place.known);
            if (place.known < step.bits)
                break;
        }
        ck_assert_int_eq(ddz_stream_writer_finish(&w, 0, &stream, &size), DDZ_OK);
        ck_assert_uint_eq(size, most);
        ddz_mem_free(&mem, stream);
        ddz_stream_writer_free(&w);
    }
}
END_TEST

/* Damage anywhere, and prefixes: an error or none, and never more than was there. */
START_TEST(hostile_streams)
{
    static const uint8_t records[] = {0xC4, 3,    1, 2,    3, 0x83, 10, 0x28, 0xB5,
                                      0x2F, 0xFD, 0, 0x38, 9, 0,    0,  'M'};
    size_t size;
    uint8_t *stream = make_stream(records, sizeof records, &size);
    int refused = 0;
    for (int round = 0; round < 30000; round++) {
        uint8_t *bad = guard_copy(stream, size);
        struct stream_reader r;
        const uint8_t *data;
        for (uint32_t flips = draw(4); flips > 0; flips--)
            bad[draw((uint32_t)size)] ^= (uint8_t)(1 << draw(8));
        size_t cut = draw(2) ? size : draw((uint32_t)size + 1);
        refused += read_stream(&r, bad, cut, 1 + draw(60), draw(40)) != DDZ_OK;
        ck_assert_uint_le(ddz_stream_reader_preview(&r, &data), 24);
        ddz_stream_reader_free(&r);
        guard_free(bad, size);
    }
    ck_assert_int_gt(refused, 3000);
    ddz_mem_free(&mem, stream);
}
END_TEST

START_TEST(streams_out_of_memory)
{
    size_t size;
    uint8_t *stream = make_stream((const uint8_t *)"\xC4\1x", 3, &size);
    int successes = 0;
    for (int n = 0; n < 20; n++) {
        struct ledger l = {.fails_at = n + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem poor = ddz_mem_init(&functions);
        struct stream_reader r;
        ddz_stream_reader_init(&r, &poor, 1 << 20);
        feed(&r, stream, 20);
        if (r.error == DDZ_OK)
            ddz_stream_reader_set_preview(&r, 20);
        feed(&r, stream + 20, size - 20);
        ck_assert(r.error == DDZ_ERR_MEMORY || r.part == PART_END);
        successes += r.error == DDZ_OK;
        ddz_stream_reader_free(&r);
        ck_assert_int_eq(l.alive, 0);
    }
    ck_assert_int_gt(successes, 5);
    ck_assert_int_lt(successes, 20);
    ddz_mem_free(&mem, stream);
}
END_TEST

int main(void)
{
    mem = ddz_mem_init(NULL);
    return RUN("stream_reader", 60,
               CASE("streams", streams_come_back, another_preview, unknown_records, streams_of_a_size,
                    hostile_streams, streams_out_of_memory));
}
