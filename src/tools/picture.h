/* Pictures in and out. */
#ifndef DDZ_TOOLS_PICTURE_H
#define DDZ_TOOLS_PICTURE_H

#include "imgio/image.h"
#include "tools/options.h"
#include "tools/output.h"

/* A picture from a file, or from stdin if `path` is "-", to be freed with image_free. Returns an exit status. */
int picture_load(const char *path, const struct common *common, struct image *image);

/* The same as RGB of 8 bits, without alpha. */
int picture_load_rgb8(const char *path, const struct common *common, struct image *image);

/* Whether a picture may be written under this name: not under that of a stream, a model, or a kind of picture that is
 * not written. Returns an exit status. */
int picture_check_name(const char *path);

/* End an output that was begun for `path` with a picture, in the format that its name says, else PNG; if `code` is a failure, give it up and return
 * that. */
int picture_finish(struct output *output, const char *path, const struct image_view *image, int code);

#endif
