#include "tools/scale.h"

#include <string.h>

#include "tools/message.h"
#include "tools/options.h"

enum { COARSEST = 16 }; /* of the library: any picture is one pixel there */

/* 1/8, or 8 */
static int read_divisor(const char *text, int *scale)
{
    int divisor, code = cli_power_of_two("--scale", strncmp(text, "1/", 2) == 0 ? text + 2 : text, 1,
                                         1 << COARSEST, &divisor);
    for (*scale = 0; code == CLI_OK && divisor >> *scale > 1; ++*scale)
        ;
    return code;
}

int scale_read(struct scale_choice *choice, const char *option, const char *text)
{
    if (choice->given++)
        return cli_fail(CLI_USAGE, "only one of --scale and --fit can be given");
    if (strcmp(option, "--scale") == 0)
        return read_divisor(text, &choice->scale);
    return cli_sides(option, text, &choice->width, &choice->height);
}

/* Are rows shown as columns? The header says it. */
static ddz_status is_turned(const struct stream *stream, const ddz_model *model, int *turned)
{
    enum { HEADER = 10, FIRST_TURNED = 5 };
    const uint8_t *orientation = NULL;
    size_t size = 0;
    ddz_decoder *decoder = NULL;
    ddz_status status = ddz_decoder_new(model, NULL, &decoder);
    if (status == DDZ_OK)
        status = ddz_decoder_set(decoder, DDZ_PARAM_MAX_PIXELS, (int64_t)COMMON_MOST_PIXELS);
    if (status == DDZ_OK)
        status = ddz_decoder_feed(decoder, stream->data, stream->size < HEADER ? stream->size : HEADER);
    if (status == DDZ_OK)
        status = ddz_decoder_extra(decoder, DDZ_EXTRA_ORIENTATION, &orientation, &size);
    *turned = size > 0 && orientation[0] >= FIRST_TURNED;
    ddz_decoder_free(decoder);
    return status;
}

ddz_status scale_choose(const struct scale_choice *choice, const struct stream *stream,
                        const ddz_model *model, int *scale)
{
    int turned;
    *scale = choice->scale;
    if (!choice->width)
        return DDZ_OK;
    ddz_status status = is_turned(stream, model, &turned);
    uint32_t width = turned ? choice->height : choice->width;
    uint32_t height = turned ? choice->width : choice->height;
    while ((stream->info.width - 1) >> *scale >= width || (stream->info.height - 1) >> *scale >= height)
        ++*scale;
    return status;
}
