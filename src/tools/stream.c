#include "tools/stream.h"

#include <stdlib.h>
#include <string.h>

#include "tools/files.h"
#include "tools/message.h"
#include "tools/options.h"

static const size_t stream_max_size = (size_t)1 << 31;

int stream_open(struct stream *stream, const char *path)
{
    *stream = (struct stream){.name = file_input_name(path)};
    int code = file_read(path, stream_max_size, &stream->data, &stream->size);
    if (code != CLI_OK)
        return code;
    ddz_status status = ddz_probe(stream->data, stream->size, &stream->info, sizeof stream->info);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(stream->name, status);
}

void stream_close(struct stream *stream)
{
    free(stream->data);
    stream->data = NULL;
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

/* An image could own its layers, so they are not const there. */
static ddz_status lend(const ddz_decoder *decoder, ddz_extra kind, uint8_t **data, size_t *size)
{
    const uint8_t *layer = NULL;
    ddz_status status = ddz_decoder_extra(decoder, kind, &layer, size);
    *data = (uint8_t *)(uintptr_t)layer;
    return status;
}

int stream_extras(const struct stream *stream, const ddz_decoder *decoder, struct image *image)
{
    size_t alpha_size;
    ddz_status status = lend(decoder, DDZ_EXTRA_ALPHA, &image->alpha, &alpha_size);
    if (status == DDZ_OK)
        status = lend(decoder, DDZ_EXTRA_ICC, &image->icc, &image->icc_size);
    if (status == DDZ_OK)
        status = lend(decoder, DDZ_EXTRA_EXIF, &image->exif, &image->exif_size);
    return status == DDZ_OK ? CLI_OK : cli_fail_status(stream->name, status);
}
