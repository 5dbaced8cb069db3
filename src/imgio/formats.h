/* The formats of picture files: one reader and one writer interface. A format is a file beside this one, and a line in
 * the table. */
#ifndef DDZ_IMGIO_FORMATS_H
#define DDZ_IMGIO_FORMATS_H

#include <stdio.h>

#include "imgio/image.h"

/*
 * Readers and writers return 0, or -1 and an error. They print nothing. A reader writes the image on success only, to be
 * freed with image_free, and refuses pictures of more than max_pixels pixels before it allocates their memory.
 */
struct picture_format {
    const char *name;
    const char
        *extensions; /* of the names of files that are written so, separated by blanks; "" if none are */
    int (*is)(const uint8_t *data, size_t size); /* by the first bytes of a file */
    int (*read)(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
                struct image_messages *messages);
    int (*write)(FILE *file, const struct image_view *image, struct image_messages *messages); /* or NULL */
};

/* All formats: PNG, which is the usual one, first; the last one has no name. */
extern const struct picture_format picture_formats[];

/* The format that a file's first bytes tell; NULL: none */
const struct picture_format *picture_format_of(const uint8_t *data, size_t size);

#endif
