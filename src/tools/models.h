/* The models that come with the programs, and others. */
#ifndef DDZ_TOOLS_MODELS_H
#define DDZ_TOOLS_MODELS_H

#include "ddz.h"

/*
 * The model called `name` if that is not NULL, else what $DDZ_MODEL says, else the one that made a stream
 * with this header, else "default". A name is "default", "small" or that of a file; the files of the first
 * two are in models/ of the build tree that the program stands in (`argv0` is how it was called), else where
 * they are installed. `stream` may be NULL, or know no bit of its model's id.
 *
 * Returns an exit status, and has said what went wrong; the model is the caller's to free.
 */
int model_load(const char *name, const char *argv0, const ddz_info *stream, ddz_model **model);

#endif
