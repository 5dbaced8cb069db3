#include "tools/picture.h"

#include <stdlib.h>

#include "imgio/png.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/paths.h"

static const size_t picture_max_file = (size_t)1 << 30;

int picture_load(const char *path, const struct common *common, struct image *image)
{
    const char *name = file_input_name(path);
    struct image_messages messages;
    uint8_t *data;
    size_t size;
    int status = file_read(path, picture_max_file, png_is, &data, &size);
    if (status != CLI_OK)
        return status;
    if (!png_is(data, size))
        status = cli_fail(CLI_INPUT, "%s: not a PNG file", name);
    else if (png_read(data, size, common->max_pixels, image, &messages) != 0)
        status = messages.too_large
                     ? cli_fail(CLI_LIMIT, "%s: %s; --max-pixels raises it", name, messages.error)
                     : cli_fail(CLI_INPUT, "%s: %s", name, messages.error);
    else if (messages.warning[0])
        cli_note("%s: warning: %s", name, messages.warning);
    free(data);
    return status;
}

int picture_load_rgb8(const char *path, const struct common *common, struct image *image)
{
    int status = picture_load(path, common, image);
    if (status != CLI_OK || image_to_rgb8(image) == 0)
        return status;
    image_free(image);
    return cli_fail(CLI_LIMIT, "%s: out of memory", file_input_name(path));
}

int picture_check_name(const char *path)
{
    if (!path_is_of(path, PATH_STREAMS " " PATH_MODELS " " PATH_PICTURES) || path_is_of(path, "png"))
        return CLI_OK;
    return cli_fail(CLI_USAGE, "%s is not the name of a PNG file; --force writes one all the same", path);
}

int picture_finish(struct output *output, const char *path, const struct image_view *image, int code)
{
    struct image_messages messages;
    const char *name = file_output_name(path);
    if (code == CLI_OK && png_write(output->file, image, &messages) != 0)
        code = cli_fail(CLI_FILE, "cannot write %s: %s", name, messages.error);
    else if (code == CLI_OK && messages.warning[0])
        cli_note("%s: warning: %s", name, messages.warning);
    if (code == CLI_OK)
        return output_finish(output);
    output_abandon(output);
    return code;
}
