#include "imgio/raw_profile.h"

#include <stdlib.h>
#include <string.h>

static int is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_blanks(const char *text, size_t size, size_t at)
{
    while (at < size && is_blank(text[at]))
        at++;
    return at;
}

static int hexadecimal(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes from text[at] on; -1 if there are not exactly `length` */
static int decode(const char *text, size_t size, size_t at, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < 2 * length; i++) {
        at = skip_blanks(text, size, at);
        int digit = at < size ? hexadecimal(text[at++]) : -1;
        if (digit < 0)
            return -1;
        bytes[i / 2] = (uint8_t)(i % 2 ? bytes[i / 2] << 4 | digit : digit);
    }
    return skip_blanks(text, size, at) == size ? 0 : -1;
}

uint8_t *raw_profile_decode(const char *text, size_t size, size_t *length)
{
    size_t at = skip_blanks(text, size, 0), count = 0;
    while (at < size && !is_blank(text[at])) /* the name */
        at++;
    at = skip_blanks(text, size, at);
    for (; at < size && text[at] >= '0' && text[at] <= '9' && count <= size; at++)
        count = 10 * count + (size_t)(text[at] - '0');
    if (count < 1 || count > size / 2)
        return NULL;
    uint8_t *bytes = malloc(count);
    if (bytes && decode(text, size, at, bytes, count) != 0) {
        free(bytes);
        return NULL;
    }
    *length = count;
    return bytes;
}

enum raw_profile_kind raw_profile_kind(const uint8_t *data, size_t size, size_t *head)
{
    static const char exif[6] = "Exif\0", xmp[29] = "http://ns.adobe.com/xap/1.0/";
    if (size > sizeof exif && memcmp(data, exif, sizeof exif) == 0) {
        *head = sizeof exif;
        return RAW_PROFILE_EXIF;
    }
    if (size > sizeof xmp && memcmp(data, xmp, sizeof xmp) == 0) {
        *head = sizeof xmp;
        return RAW_PROFILE_XMP;
    }
    *head = 0;
    return RAW_PROFILE_OTHER;
}
