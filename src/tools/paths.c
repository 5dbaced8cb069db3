#include "tools/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

char *path_make(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *path = length < 0 ? NULL : malloc((size_t)length + 1);
    if (path)
        vsnprintf(path, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return path;
}

/* A number that is all of a text, else -1 */
static int whole_number(const char *text)
{
    size_t length = strlen(text);
    if (length < 1 || length > 6 || strspn(text, "0123456789") != length)
        return -1;
    return atoi(text);
}

int path_descriptor(const char *path)
{
    static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    char own[40];
    snprintf(own, sizeof own, "/proc/%ld/fd/", (long)getpid());
    const char *const folders[] = {"/dev/fd/", "/proc/self/fd/", own};
    for (int i = 0; i < 3; i++)
        if (strcmp(path, streams[i]) == 0)
            return i;
    for (int i = 0; i < 3; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return whole_number(path + strlen(folders[i]));
    return -1;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return path_make("%.*s", slash ? (int)(slash - path) + 1 : 0, path);
}

/* Where one link leads; NULL with errno */
static char *follow_one(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0 || length == sizeof target) {
        errno = length < 0 ? errno : ENAMETOOLONG;
        return NULL;
    }
    char *folder = target[0] == '/' ? strdup("") : path_folder(path);
    char *next = folder ? path_make("%s%.*s", folder, (int)length, target) : NULL;
    free(folder);
    return next;
}

char *path_follow(const char *path)
{
    enum { MOST_LINKS = 40 };
    char *found = strdup(path);
    for (int i = 0; found && path_descriptor(found) < 0; i++) {
        char *next = i < MOST_LINKS ? follow_one(found) : NULL;
        if (!next && i < MOST_LINKS && (errno == EINVAL || errno == ENOENT))
            return found; /* not a link, or nothing at all */
        int error = i < MOST_LINKS ? errno : ELOOP;
        free(found);
        found = next;
        errno = error;
    }
    return found;
}

const char *path_extension(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *point = strrchr(name, '.');
    return point && point != name ? point : "";
}

int path_is_of(const char *path, const char *kinds)
{
    const char *extension = path_extension(path);
    if (!*extension)
        return 0;
    for (const char *kind = kinds; *kind;) {
        size_t length = strcspn(kind, " ");
        if (strlen(extension + 1) == length && strncasecmp(extension + 1, kind, length) == 0)
            return 1;
        kind += length + strspn(kind + length, " ");
    }
    return 0;
}

char *path_with_extension(const char *path, const char *folder, const char *kinds, const char *extension)
{
    const char *slash = strrchr(path, '/'), *start = folder && slash ? slash + 1 : path;
    size_t length = strlen(start);
    if (path_is_of(path, kinds))
        length -= strlen(path_extension(path));
    if (!folder)
        return path_make("%.*s%s", (int)length, start, extension);
    return path_make("%s/%.*s%s", folder, (int)length, start, extension);
}
