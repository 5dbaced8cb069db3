/* How small a picture is to be: --scale or --fit, of which one can be given. */
#ifndef DDZ_TOOLS_SCALE_H
#define DDZ_TOOLS_SCALE_H

#include "ddz.h"

struct scale_choice {
    int given;
    int scale;              /* 2^scale times smaller, */
    uint32_t width, height; /* or within this; 0: `scale` says it */
};

/* `option` is the name of one of the two. Returns an exit status. */
int scale_read(struct scale_choice *choice, const char *option, const char *text);

/* The scale for the picture of a stream, for DDZ_PARAM_SCALE. The picture is as its orientation shows it when it has to be
 * within a size. */
int scale_choose(const struct scale_choice *choice, const ddz_info *info);

#endif
