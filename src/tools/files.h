/* Whole files in, and folders. */
#ifndef DDZ_TOOLS_FILES_H
#define DDZ_TOOLS_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Name for messages: "-" is standard input or output. */
const char *file_input_name(const char *path);
const char *file_output_name(const char *path);

/* Open for reading, "-" is stdin. Both return an exit status and have said what went wrong. */
int file_open(const char *path, FILE **file);
void file_close(FILE *file);

/* A file that is read piece by piece */
struct file_source {
    FILE *file;
    const char *name; /* for messages */
    size_t limit;
    uint8_t *data; /* what has been read: `size` bytes */
    size_t size;
    int ended; /* that is all of it */
};

/* Open; read 64 KiB at first, then as many bytes as there are already, but at most to the end of the file, which has at most
 * `limit` bytes. Both return an exit status and have said what went wrong; to be closed in any case, which frees the bytes. */
int file_source_open(struct file_source *source, const char *path, size_t limit);
int file_source_more(struct file_source *source);
void file_source_close(struct file_source *source);

/* Whether the first bytes of a file look like those of the kind that is wanted. */
typedef int (*file_check)(const uint8_t *data, size_t size);

/* All bytes of a file of at most `limit`, but of one that `check` (NULL: none) does not want only the first ones;
 * *data is freed by the caller. */
int file_read(const char *path, size_t limit, file_check check, uint8_t **data, size_t *size);

/* Make a folder unless it is there. */
int folder_make(const char *path);

#endif
