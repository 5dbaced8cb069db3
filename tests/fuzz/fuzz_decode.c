/*
 * The decoder on hostile streams: fed whole and in pieces, with pictures asked for in between. The
 * model is a toy with a fixed seed, which the corpus' streams were made with.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ddz.h"
#include "pieces.h"
#include "toy_model.h"

enum { MAX_PIXELS = 64 * 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ddz_model *toy(void)
{
    static ddz_model *model;
    if (!model) {
        const struct toy_shape shape = {
            .levels = 1, .embedding = 2, .channels = {16}, .blocks = {0}, .networks = 2};
        size_t size;
        uint8_t *file = toy_model_shaped(1, &shape, &size);
        if (ddz_model_load(file, size, NULL, &model) != DDZ_OK)
            abort();
        free(file);
    }
    return model;
}

static ddz_decoder *open_decoder(int64_t max_bits)
{
    ddz_decoder *d;
    if (ddz_decoder_new(toy(), NULL, &d) != DDZ_OK ||
        ddz_decoder_set(d, DDZ_PARAM_MAX_PIXELS, MAX_PIXELS) != DDZ_OK ||
        ddz_decoder_set(d, DDZ_PARAM_MAX_BITS, max_bits) != DDZ_OK ||
        ddz_decoder_set(d, DDZ_PARAM_THREADS, 1) != DDZ_OK)
        abort();
    return d;
}

/* All that can be asked of a decoder. Returns the picture's status. */
static ddz_status ask(ddz_decoder *d, ddz_recon recon, uint8_t *rgb)
{
    ddz_info info;
    ddz_step step;
    const uint8_t *extra;
    size_t count, size;
    if (ddz_decoder_info(d, &info, sizeof info) == DDZ_OK && (uint64_t)info.width * info.height > MAX_PIXELS)
        abort();
    if (ddz_decoder_step_count(d, &count) == DDZ_OK && count > 0)
        ddz_decoder_step(d, count - 1, &step, sizeof step);
    for (int kind = DDZ_EXTRA_ALPHA; kind <= DDZ_EXTRA_ORIENTATION; kind++)
        ddz_decoder_extra(d, (ddz_extra)kind, &extra, &size);
    return ddz_decoder_picture(d, recon, DDZ_PIXELS_RGB8, rgb, 0, 3 * MAX_PIXELS);
}

/* The same bytes in the pieces that `plan` names */
static ddz_status feed_pieces(ddz_decoder *d, const uint8_t *data, size_t size, uint8_t plan, uint8_t *rgb)
{
    for (size_t at = 0, n; at < size; at += n) {
        uint8_t *piece = piece_at(data, size, at, plan, &n);
        ddz_decoder_feed(d, piece, n);
        free(piece);
        if ((plan + at) % 64 == 3)
            ask(d, (ddz_recon)(at / 64 % 2), rgb);
    }
    return ask(d, DDZ_RECON_MEAN, rgb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[3 * MAX_PIXELS], pieces[3 * MAX_PIXELS];
    if (size > 1 << 16)
        return 0;
    memset(whole, 0, sizeof whole);
    memset(pieces, 0, sizeof pieces);
    ddz_decoder *d = open_decoder(INT64_MAX);
    ddz_decoder_feed(d, data, size);
    ddz_status status = ask(d, DDZ_RECON_MEAN, whole);
    ask(d, DDZ_RECON_SAMPLE, pieces);
    ddz_decoder_free(d);

    memset(pieces, 0, sizeof pieces);
    d = open_decoder(INT64_MAX);
    ddz_status again = feed_pieces(d, data, size, size ? data[size / 2] : 0, pieces);
    ddz_decoder_free(d);
    /* where a frame is damaged, more of it may come out in pieces */
    if ((again == DDZ_OK) != (status == DDZ_OK) ||
        (status == DDZ_OK && memcmp(whole, pieces, sizeof whole) != 0))
        abort();

    d = open_decoder(size > 32 ? 8 * (int64_t)size - data[7] : 8 * (int64_t)size);
    ddz_decoder_feed(d, data, size);
    ask(d, DDZ_RECON_MEAN, pieces);
    ddz_decoder_free(d);
    return 0;
}
