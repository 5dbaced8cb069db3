#include "tools/picture.h"

#include "tools/message.h"

int picture_load(const char *path, struct image *image)
{
    char error[200] = "";
    FILE *file;
    int status = file_open(path, &file);
    if (status != CLI_OK)
        return status;
    if (png_read(file, PICTURE_MAX_PIXELS, image, error, sizeof error) != 0)
        status = cli_fail(CLI_INPUT, "%s: %s", file_input_name(path), error);
    file_close(file);
    return status;
}

int picture_finish(struct output *output, const char *path, const struct image *image, int code)
{
    char error[200] = "";
    if (code == CLI_OK && png_write(output->file, image, error, sizeof error) != 0)
        code = cli_fail(CLI_FILE, "cannot write %s: %s", file_output_name(path), error);
    if (code == CLI_OK)
        return output_finish(output);
    output_abandon(output);
    return code;
}
