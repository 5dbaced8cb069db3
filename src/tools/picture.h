/* Pictures in and out. */
#ifndef DDZ_TOOLS_PICTURE_H
#define DDZ_TOOLS_PICTURE_H

#include "imgio/image.h"
#include "tools/files.h"

/* The programs refuse larger pictures. */
enum { PICTURE_MAX_PIXELS = 1 << 26 };

/* A picture from a file, or from stdin if `path` is "-", to be freed with image_free. Returns an exit status. */
int picture_load(const char *path, struct image *image);

/* The same as RGB of 8 bits, without alpha. */
int picture_load_rgb8(const char *path, struct image *image);

/* End an output that was begun for `path` with a picture; if `code` is a failure, give it up and return
 * that. */
int picture_finish(struct output *output, const char *path, const struct image_view *image, int code);

#endif
