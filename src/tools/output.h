/* Files out that are complete or not there. */
#ifndef DDZ_TOOLS_OUTPUT_H
#define DDZ_TOOLS_OUTPUT_H

#include <stdio.h>
#include <sys/stat.h>

/*
 * A file under construction. It is written under a temporary name in the folder of its own, and takes that over at
 * the end; the temporary file is removed by output_abandon and by any signal that ends the program. One at a time.
 *
 * A file that is replaced keeps its permissions and owner, and links to it stay links: a symbolic link is followed, and
 * a file with several hard links, or in a folder that cannot be written to, is overwritten itself, once the new content
 * is complete elsewhere. Standard output ("-"), other descriptors by name (/dev/stdout, /dev/fd/N), and what is not
 * a regular file (a device, a pipe) are written to directly.
 */
struct output {
    FILE *file;
    const char *name; /* for messages */
    char *path;       /* of a regular file, links followed; NULL: written to directly */
    char *temporary;  /* NULL: there is none, or it has no name */
    int in_place;     /* the file itself is overwritten at the end */
    int keep;         /* there must not be one at the end, either */
    int is_stdout;    /* which is not closed */
    int error;        /* errno of the first write of output_write that failed, 0 if none did */
};

/* What an output must not do */
struct output_guard {
    const char *input; /* the file that it is made from: it is never replaced. "-" is stdin; NULL: none */
    int keep;          /* no existing regular file is replaced */
};

/* All that can fail return an exit status, and have said what went wrong. `path` must outlive the output. */
int output_begin(struct output *output, const char *path, struct output_guard guard);
void output_write(struct output *output, const void *data, size_t size); /* output_finish tells a failure */
int output_finish(struct output *output); /* the output is gone afterwards, finished or not */
void output_abandon(struct output *output);

#endif
