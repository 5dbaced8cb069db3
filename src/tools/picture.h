/* Pictures in and out. */
#ifndef DDZ_TOOLS_PICTURE_H
#define DDZ_TOOLS_PICTURE_H

#include "imgio/png.h"
#include "tools/files.h"

/* The programs refuse larger pictures. */
enum { PICTURE_MAX_PIXELS = 1 << 26 };

/* A PNG picture from a file, or from stdin if `path` is "-". Returns an exit status. */
int picture_load(const char *path, struct image *image);

/* End an output that was begun for `path` with a PNG picture; if `code` is a failure, give it up and
 * return that. */
int picture_finish(struct output *output, const char *path, const struct image *image, int code);

#endif
