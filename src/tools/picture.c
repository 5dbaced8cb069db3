#include "tools/picture.h"

#include <stdlib.h>

#include "imgio/formats.h"
#include "tools/files.h"
#include "tools/message.h"
#include "tools/paths.h"

static const size_t picture_max_file = (size_t)1 << 30;

/* A file_check */
static int is_picture(const uint8_t *data, size_t size)
{
    return picture_format_of(data, size) != NULL;
}

/* "PNG, PAM" and so on */
static void list_formats(char *text, size_t size)
{
    size_t length = 0;
    for (const struct picture_format *format = picture_formats; format->name && length < size; format++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "", format->name);
}

int picture_load(const char *path, const struct common *common, struct image *image)
{
    const char *name = file_input_name(path);
    struct image_messages messages;
    uint8_t *data;
    size_t size;
    char names[80];
    list_formats(names, sizeof names);
    int status = file_read(path, picture_max_file, is_picture, &data, &size);
    if (status != CLI_OK)
        return status;
    const struct picture_format *format = picture_format_of(data, size);
    if (!format)
        status = cli_fail(CLI_INPUT, "%s: not a picture of a kind that is read: %s", name, names);
    else if (format->read(data, size, common->max_pixels, image, &messages) != 0)
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

/* The format whose files have such names, NULL if there is none */
static const struct picture_format *format_named(const char *path)
{
    for (const struct picture_format *format = picture_formats; format->name; format++)
        if (path_is_of(path, format->extensions))
            return format;
    return NULL;
}

int picture_check_name(const char *path)
{
    if (format_named(path) || !path_is_of(path, PATH_STREAMS " " PATH_MODELS " " PATH_PICTURES))
        return CLI_OK;
    return cli_fail(CLI_USAGE,
                    "%s is not the name of a kind of picture that is written; --force writes a PNG file",
                    path);
}

int picture_finish(struct output *output, const char *path, const struct image_view *image, int code)
{
    struct image_messages messages;
    const char *name = file_output_name(path);
    const struct picture_format *format = format_named(path);
    if (!format)
        format = picture_formats;
    if (code == CLI_OK && format->write(output->file, image, &messages) != 0)
        code = cli_fail(CLI_FILE, "cannot write %s: %s", name, messages.error);
    else if (code == CLI_OK && messages.warning[0])
        cli_note("%s: warning: %s", name, messages.warning);
    if (code == CLI_OK)
        return output_finish(output);
    output_abandon(output);
    return code;
}
