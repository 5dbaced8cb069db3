/*
 * The stream reader on hostile bytes, without a model or a network behind it: fed whole and in pieces, with
 * the size of the preview told before, between and again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/stream_reader.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* zstd's contexts are large; what is freed is soon taken again, or fresh pages would take most of the time. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

enum { MAX_PICTURE = 64 * 64 };

/* All that a reader says, summed up so that it has to be there */
static uint64_t read_all(const struct stream_reader *r)
{
    const uint8_t *bytes;
    uint64_t sum = (uint64_t)r->part + r->layers.skipped, bits = ddz_stream_reader_preview(r, &bytes);
    for (uint64_t i = 0; i < bits / 8; i++)
        sum = sum * 31 + bytes[i];
    bits = ddz_stream_reader_main(r, &bytes);
    for (uint64_t i = 0; i < bits / 8; i++)
        sum = sum * 31 + bytes[i];
    for (int kind = 1; kind <= EXTRA_KINDS; kind++) {
        size_t n;
        ddz_extra_state state;
        if (ddz_stream_reader_extra(r, (ddz_extra)kind, &bytes, &n, &state) != DDZ_OK)
            abort();
        for (size_t k = 0; k < n; k++)
            sum = sum * 31 + bytes[k];
        sum = sum * 31 + (uint64_t)state;
    }
    return sum;
}

static void feed_pieces(struct stream_reader *r, const uint8_t *data, size_t size, uint8_t plan,
                        uint64_t preview)
{
    for (size_t at = 0, n; at < size; at += n) {
        uint8_t *piece = piece_at(data, size, at, plan, &n);
        ddz_stream_reader_feed(r, piece, n, 8);
        free(piece);
        if (r->part != PART_HEADER && !r->has_preview && (plan + at) % 3 == 0)
            ddz_stream_reader_set_preview(r, preview);
    }
    if (r->part != PART_HEADER)
        ddz_stream_reader_set_preview(r, preview);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16)
        return 0;
    struct mem mem = ddz_mem_init(NULL);
    struct stream_reader whole, pieces;
    uint8_t plan = size ? data[size / 2] : 0;
    uint64_t preview = 8 * (uint64_t)(plan % 64);
    ddz_stream_reader_init(&whole, &mem, MAX_PICTURE);
    ddz_stream_reader_init(&pieces, &mem, MAX_PICTURE);
    ddz_stream_reader_feed(&whole, data, size, 8);
    if (whole.part != PART_HEADER) {
        if (plan % 8 == 1)
            ddz_stream_reader_set_preview(&whole, preview / 2 + 1); /* a wrong one first */
        ddz_stream_reader_set_preview(&whole, preview);
    }
    feed_pieces(&pieces, data, size, plan, preview);
    if (whole.part != PART_HEADER && whole.header.width * (uint64_t)whole.header.height > MAX_PICTURE)
        abort();
    if (whole.error != pieces.error || (whole.error == DDZ_OK && read_all(&whole) != read_all(&pieces)))
        abort();
    ddz_stream_reader_free(&whole);
    ddz_stream_reader_free(&pieces);
    return 0;
}
