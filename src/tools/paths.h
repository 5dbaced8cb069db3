/* Names of files: where links lead, and what an extension says. */
#ifndef DDZ_TOOLS_PATHS_H
#define DDZ_TOOLS_PATHS_H

/* A path put together as by printf, freed by the caller; NULL: no memory. */
char *path_make(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number of the open file that a name such as /dev/stdout or /dev/fd/3 stands for, else -1. */
int path_descriptor(const char *path);

/* Where symbolic links lead, whether there is a file or not; it ends before a name that stands for a descriptor.
 * Freed by the caller; NULL with errno if there are too many, or no memory. */
char *path_follow(const char *path);

/* The folder of a file, up to its last slash: "" or "photos/". Freed by the caller; NULL: no memory. */
char *path_folder(const char *path);

/* The extension from the point on, "" if there is none. */
const char *path_extension(const char *path);

/* Whether the extension is that of a kind of file: one of `kinds`, separated by blanks, upper or lower case. */
int path_is_of(const char *path, const char *kinds);

/* Extensions of pictures, models and streams */
#define PATH_PICTURES                                                                                        \
    "png apng jpg jpeg jpe jfif webp avif heic heif jxl gif tif tiff bmp pnm ppm pgm pbm pam pfm jp2 svg"
#define PATH_STREAMS "ddz"
#define PATH_MODELS "ddm"

/* `path` with another extension: in place of its own if that is one of `kinds`, else behind it. `folder` takes the
 * place of its folder unless it is NULL. Freed by the caller; NULL: no memory. */
char *path_with_extension(const char *path, const char *folder, const char *kinds, const char *extension);

#endif
