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

int file_source_open(struct file_source *source, const char *path, size_t limit)
{
    *source = (struct file_source){.name = file_input_name(path), .limit = limit};
    return file_open(path, &source->file);
}

int file_source_more(struct file_source *source)
{
    size_t capacity = source->size ? 2 * source->size : HEAD_SIZE;
    if (source->ended)
        return CLI_OK;
    uint8_t *larger = realloc(source->data, capacity);
    if (!larger)
        return cli_fail(CLI_LIMIT, "%s: out of memory", source->name);
    source->data = larger;
    errno = 0;
    source->size += fread(source->data + source->size, 1, capacity - source->size, source->file);
    if (ferror(source->file))
        return cli_fail(CLI_FILE, "cannot read %s: %s", source->name, strerror(errno));
    if (source->size > source->limit)
        return cli_fail(CLI_LIMIT, "%s: larger than %zu bytes", source->name, source->limit);
    source->ended = feof(source->file) != 0;
    return CLI_OK;
}

void file_source_close(struct file_source *source)
{
    if (source->file)
        file_close(source->file);
    free(source->data);
    *source = (struct file_source){0};
}

int file_read(const char *path, size_t limit, file_check check, uint8_t **data, size_t *size)
{
    struct file_source source;
    int status = file_source_open(&source, path, limit);
    do {
        if (status == CLI_OK)
            status = file_source_more(&source);
        if (status == CLI_OK && check && !check(source.data, source.size))
            break;
    } while (status == CLI_OK && !source.ended);
    if (status == CLI_OK) {
        *data = source.data;
        *size = source.size;
        source.data = NULL;
    }
    file_source_close(&source);
    return status;
}

int folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return cli_fail(CLI_FILE, "cannot make %s: %s", path, strerror(errno));
    return CLI_OK;
}
