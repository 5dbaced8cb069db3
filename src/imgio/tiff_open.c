#include "imgio/tiff_open.h"

#include <stdio.h>
#include <string.h>

enum { OWN_MEMORY = 1 << 26 /* what libtiff allocates at once, beyond what the file holds, is far less */ };

int tiff_fail(const struct tiff_source *source, const char *text)
{
    if (!source->messages->error[0])
        image_error(source->messages, "TIFF: %s", text);
    return -1;
}

/* ---- The file ------------------------------------------------------------------------------- */

static tmsize_t read_file(thandle_t handle, void *to, tmsize_t count)
{
    struct tiff_source *source = handle;
    const size_t left = source->at < source->size ? source->size - source->at : 0;
    const size_t size = count > 0 && (size_t)count < left ? (size_t)count : count > 0 ? left : 0;
    if (size > 0)
        memcpy(to, source->data + source->at, size);
    source->at += size;
    return (tmsize_t)size;
}

static tmsize_t write_file(thandle_t handle, void *from, tmsize_t count)
{
    (void)handle, (void)from, (void)count;
    return 0;
}

static toff_t seek_file(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_source *source = handle;
    const toff_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source->at : source->size;
    source->at = (size_t)(base + offset);
    return source->at;
}

static int close_file(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t file_size(thandle_t handle)
{
    return ((const struct tiff_source *)handle)->size;
}

static int map_file(thandle_t handle, void **base, toff_t *size)
{
    const struct tiff_source *source = handle;
    *base = (void *)(uintptr_t)source->data; /* nothing is written there */
    *size = source->size;
    return 1;
}

/* ---- Messages ------------------------------------------------------------------------------- */

static int tell(struct tiff_source *source, bool failed, const char *format, va_list arguments)
{
    char text[128];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *c = text; *c; c++) /* names in files may be anything */
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    if (failed)
        tiff_fail(source, text);
    else
        image_warning(source->messages, "TIFF: %s", text);
    return 1; /* nobody else is told */
}

static int on_error(TIFF *tiff, void *cookie, const char *module, const char *format, va_list arguments)
{
    (void)tiff, (void)module;
    return tell(cookie, true, format, arguments);
}

/* JPEG and fax decoders fill what is missing and warn. The reader lists tags that libtiff does not know. */
static int on_warning(TIFF *tiff, void *cookie, const char *module, const char *format, va_list arguments)
{
    struct tiff_source *source = cookie;
    const bool fills = module && (strcmp(module, "JPEGLib") == 0 || strncmp(module, "Fax", 3) == 0);
    (void)tiff;
    if (strncmp(format, "Unknown field", 13) == 0)
        return 1;
    return tell(source, source->decoding && fills, format, arguments);
}

TIFF *tiff_open(struct tiff_source *source)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) {
        tiff_fail(source, "out of memory");
        return NULL;
    }
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(source->size + OWN_MEMORY));
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, source);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, source);
    TIFF *tiff = TIFFClientOpenExt("", "r", source, read_file, write_file, seek_file, close_file, file_size,
                                   map_file, NULL, options);
    TIFFOpenOptionsFree(options);
    if (!tiff)
        tiff_fail(source, "the file is cut or damaged");
    return tiff;
}
