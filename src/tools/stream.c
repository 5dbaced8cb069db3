#include "tools/stream.h"

#include <string.h>

#include "tools/coders.h"
#include "tools/extras.h"
#include "tools/message.h"
#include "tools/options.h"

static const size_t stream_max_size = (size_t)1 << 31;

/* Read on. */
static int read_more(struct stream *stream)
{
    int code = file_source_more(&stream->source);
    stream->data = stream->source.data;
    stream->size = stream->source.size;
    return code;
}

int stream_open(struct stream *stream, const char *path, const struct common *common)
{
    *stream = (struct stream){.name = file_input_name(path)};
    int code = file_source_open(&stream->source, path, stream_max_size);
    if (code == CLI_OK)
        code = read_more(stream);
    if (code != CLI_OK)
        return code;
    ddz_status status = ddz_probe(stream->data, stream->size, &stream->info, sizeof stream->info);
    if (status != DDZ_OK)
        return cli_fail_status(stream->name, status);
    return check_pixels(stream->name, common, stream->info.width, stream->info.height);
}

int stream_read(struct stream *stream)
{
    int code = CLI_OK;
    while (code == CLI_OK && !stream->source.ended)
        code = read_more(stream);
    return code;
}

int stream_read_for(struct stream *stream, const ddz_model *model, int scale)
{
    int code = CLI_OK;
    size_t enough;
    if (scale == 0 || stream->info.side_layers)
        return stream_read(stream);
    while (code == CLI_OK && !stream->source.ended &&
           ddz_scale_bytes(model, NULL, stream->data, stream->size, scale, &enough) == DDZ_ERR_TRUNCATED)
        code = read_more(stream);
    return code;
}

int stream_feed(const struct stream *stream, ddz_decoder *decoder, size_t from, size_t until)
{
    ddz_status status = ddz_decoder_feed(decoder, stream->data + from, until - from);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(stream->name, status);
}

void stream_note_trailing(const struct stream *stream, const ddz_decoder *decoder)
{
    ddz_info info;
    if (ddz_decoder_info(decoder, &info, sizeof info) == DDZ_OK && info.trailing_bytes)
        cli_note("%s: %llu bytes behind the end of the stream are ignored", stream->name,
                 (unsigned long long)info.trailing_bytes);
}

void stream_note_outcome(const struct stream *stream, const ddz_decoder *decoder, const char *path)
{
    ddz_info info;
    char exact[40] = "";
    if (ddz_decoder_info(decoder, &info, sizeof info) != DDZ_OK)
        return;
    if (info.exact_channels)
        snprintf(exact, sizeof exact, ", %u rows %s%s", info.exact_rows,
                 info.exact_error ? "near lossless" : "lossless", info.exact_blocks ? " in part" : "");
    if (info.picture_width < info.width || info.picture_height < info.height)
        cli_note("%s -> %s: %u x %u, of %u x %u", stream->name, file_output_name(path), info.picture_width,
                 info.picture_height, info.width, info.height);
    else
        cli_note("%s -> %s: %u x %u, %llu bits used, %.4f bits a pixel%s%s", stream->name,
                 file_output_name(path), info.width, info.height, (unsigned long long)info.bits,
                 (double)info.bits / info.width / info.height, exact,
                 info.digest_agrees && !info.damaged_extras ? ", decoded exactly" : "");
}

void stream_close(struct stream *stream)
{
    file_source_close(&stream->source);
}

int stream_limit_read(struct stream_limit *limit, const char *option, const char *text)
{
    if (limit->given++)
        return cli_fail(CLI_USAGE, "only one of --bits, --bytes and --bpp can be given");
    if (strcmp(option, "--bpp") == 0)
        return cli_real(option, text, 0.0001, 1000, &limit->bpp);
    uint64_t unit = strcmp(option, "--bytes") == 0 ? 8 : 1;
    int status = cli_whole(option, text, 0, UINT64_MAX / 8 / unit, &limit->bits);
    limit->bits *= unit;
    return status;
}

uint64_t stream_limit_bits(const struct stream_limit *limit, const ddz_info *info)
{
    if (limit->bpp > 0)
        return 8 * cli_bytes_of_bpp(limit->bpp, info->width, info->height);
    return limit->given ? limit->bits : UINT64_MAX;
}

int stream_channels(const ddz_decoder *decoder)
{
    enum { COLOUR_SPACE = 16, SPACE_SIZE = 4 }; /* of an ICC profile: ICC.1, section 7.2 */
    const uint8_t *alpha = NULL, *icc = NULL;
    size_t alpha_size = 0, icc_size = 0;
    (void)ddz_decoder_extra(decoder, DDZ_EXTRA_ALPHA, &alpha, &alpha_size);
    (void)ddz_decoder_extra(decoder, DDZ_EXTRA_ICC, &icc, &icc_size);
    ddz_info info = {0};
    (void)ddz_decoder_info(decoder, &info, sizeof info);
    int grey = info.grey;
    if (icc_size >= COLOUR_SPACE + SPACE_SIZE)
        grey = memcmp(icc + COLOUR_SPACE, "GRAY", SPACE_SIZE) == 0;
    if (info.exact_blocks) /* their colours count, too */
        grey = grey && info.exact_channels == 1;
    else
        grey = grey || info.exact_channels == 1 || info.exact_channels == 2;
    return (grey ? 1 : 3) + (alpha != NULL || (info.exact_channels && info.exact_channels % 2 == 0));
}

int stream_view(struct stream *stream, const ddz_decoder *decoder, const struct image *image,
                struct image_view *view)
{
    *view = image_view(image);
    ddz_status status = extras_lend(decoder, view, stream->exif);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(stream->name, status);
}
