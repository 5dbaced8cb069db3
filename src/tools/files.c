#include "tools/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/message.h"

enum { HEAD_SIZE = 65536 /* bytes of a file that tell of what kind it is */ };

const char *file_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

const char *file_output_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard output" : path;
}

/* ---- Reading -------------------------------------------------------------------------------- */

int file_open(const char *path, FILE **file)
{
    struct stat about;
    FILE *opened = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!opened)
        return cli_fail(CLI_FILE, "cannot read %s: %s", path, strerror(errno));
    if (fstat(fileno(opened), &about) == 0 && S_ISDIR(about.st_mode)) {
        file_close(opened);
        return cli_fail(CLI_FILE, "cannot read %s: %s", path, strerror(EISDIR));
    }
    *file = opened;
    return CLI_OK;
}

void file_close(FILE *file)
{
    if (file != stdin)
        fclose(file);
}

/* Appends until the end of the file, or until `check` does not want it; the buffer doubles. */
static int read_all(FILE *file, const char *name, size_t limit, file_check check, uint8_t **data,
                    size_t *size)
{
    size_t capacity = 0;
    do {
        if (check && *size == HEAD_SIZE && !check(*data, *size))
            return CLI_OK;
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : HEAD_SIZE;
            uint8_t *larger = realloc(*data, capacity);
            if (!larger)
                return cli_fail(CLI_LIMIT, "%s: out of memory", name);
            *data = larger;
        }
        errno = 0;
        *size += fread(*data + *size, 1, capacity - *size, file);
        if (ferror(file))
            return cli_fail(CLI_FILE, "cannot read %s: %s", name, strerror(errno));
        if (*size > limit)
            return cli_fail(CLI_LIMIT, "%s: larger than %zu bytes", name, limit);
    } while (!feof(file));
    return CLI_OK;
}

int file_read(const char *path, size_t limit, file_check check, uint8_t **data, size_t *size)
{
    FILE *file;
    uint8_t *read = NULL;
    size_t length = 0;
    int status = file_open(path, &file);
    if (status != CLI_OK)
        return status;
    status = read_all(file, file_input_name(path), limit, check, &read, &length);
    file_close(file);
    if (status != CLI_OK) {
        free(read);
        return status;
    }
    *data = read;
    *size = length;
    return CLI_OK;
}

int folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return cli_fail(CLI_FILE, "cannot make %s: %s", path, strerror(errno));
    return CLI_OK;
}
