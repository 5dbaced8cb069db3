/* Whole files in, and files out that are complete or not there. */
#ifndef DDZ_TOOLS_FILES_H
#define DDZ_TOOLS_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Name for messages: "-" is standard input or output. */
const char *file_input_name(const char *path);
const char *file_output_name(const char *path);

/* A path put together as by printf, freed by the caller; NULL: no memory. */
char *file_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Open for reading, "-" is stdin. Both return an exit status and have said what went wrong. */
int file_open(const char *path, FILE **file);
void file_close(FILE *file);

/* Whether the first bytes of a file look like those of the kind that is wanted. */
typedef int (*file_check)(const uint8_t *data, size_t size);

/* All bytes of a file of at most `limit`, but of one that `check` (NULL: none) does not want only the first ones;
 * *data is freed by the caller. */
int file_read(const char *path, size_t limit, file_check check, uint8_t **data, size_t *size);

/* Make a folder unless it is there. */
int folder_make(const char *path);

/*
 * A file under construction. It is written under a temporary name in the folder of its own, and
 * takes that over at the end; it is removed by output_abandon, and by SIGINT, SIGTERM and SIGHUP.
 * Standard output ("-") and what is not a regular file (a device, a pipe) are written to directly.
 * One at a time.
 */
struct output {
    FILE *file;
    char *path;      /* NULL: standard output */
    char *temporary; /* NULL: written to directly */
};

int output_begin(struct output *output, const char *path);
int output_finish(struct output *output); /* the output is gone afterwards, finished or not */
void output_abandon(struct output *output);

#endif
