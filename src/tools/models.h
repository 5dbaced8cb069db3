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

/* All that model_load could choose among for streams that are not known yet. All zero is a valid, empty value. */
enum { MODELS_INSTALLED = 2 };
struct models {
    ddz_model
        *model[MODELS_INSTALLED];  /* owned; NULL: could not be loaded. One that was named stands alone */
    int failure[MODELS_INSTALLED]; /* exit status; CLI_OK: loaded, or not tried */
};

/* Load them: a failure only if there is none. To be freed in any case. */
int models_load(struct models *models, const char *name, const char *argv0);
void models_free(struct models *models);

/* The one of them that model_load would have chosen for a stream: *model is still theirs. `subject` is for messages. */
int models_choose(const struct models *models, const char *subject, const ddz_info *stream,
                  const ddz_model **model);

#endif
