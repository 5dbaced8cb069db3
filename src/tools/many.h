/* Several files into a folder. */
#ifndef DDZ_TOOLS_MANY_H
#define DDZ_TOOLS_MANY_H

#include "tools/options.h"

/* getopt_long's code of --suffix; --output-dir and --jobs have letters. */
enum { MANY_SUFFIX = 160 };
#define MANY_LETTERS "o:j:"

struct many {
    const char *folder; /* NULL: not given */
    const char *suffix; /* what ends the names of outputs, in place of the inputs' extension */
    int jobs;           /* files at a time; 0: not given */
    char **inputs;      /* the caller's */
    char **outputs;     /* [count] */
    int count;
};

/* For 'o', 'j' and MANY_SUFFIX. All return an exit status, and have said what went wrong. */
int many_option(struct many *many, int option, const char *text);

/* Without a folder: whether there is an option that needs one */
int many_check_options(const struct many *many);

/*
 * Choose the names of the outputs. `kinds` are extensions that the suffix takes the place of, `check` (NULL: none)
 * says whether a name may be written. Refused, before anything is written, are two inputs that would have the same
 * output, and an output that is an input. To be freed by many_free in any case; `inputs` must outlive it.
 */
int many_begin(struct many *many, char **inputs, int count, const char *kinds, int (*check)(const char *));
void many_free(struct many *many);

/*
 * Make the folder if it is not there, and all files, each in a process of its own: `make` has common->threads set to
 * what this file has of all threads, and returns an exit status. The result is that of the first file that failed.
 */
struct many_work {
    int (*make)(void *cookie, const char *input, const char *output);
    void *cookie;
    struct common *common;
    const char *verb; /* "encoding", for the progress */
};
int many_run(const struct many *many, const struct many_work *work);

#endif
