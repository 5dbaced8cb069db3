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

int scale_choose(const struct scale_choice *choice, const ddz_info *info)
{
    enum { FIRST_TURNED = 5 }; /* of the orientations that show rows as columns */
    int turned = info->orientation >= FIRST_TURNED, scale = choice->scale;
    uint32_t width = turned ? choice->height : choice->width;
    uint32_t height = turned ? choice->width : choice->height;
    while (width && ((info->width - 1) >> scale >= width || (info->height - 1) >> scale >= height))
        scale++;
    return scale;
}
