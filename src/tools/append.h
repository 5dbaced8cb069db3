/* ddpmenc --append: an exact layer for a stream that is there. */
#ifndef DDZ_TOOLS_APPEND_H
#define DDZ_TOOLS_APPEND_H

#include "tools/options.h"

struct append {
    const struct common *common;
    const char *argv0;            /* how the program was called */
    const char *picture, *stream; /* names of files; the stream is replaced */
    int max_error;                /* 0: exactly */
};

/* Returns an exit status. */
int append_exact(const struct append *task);

#endif
