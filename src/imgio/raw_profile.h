/*
 * "Raw profile type ..." in the texts of a PNG file: how Exif and XMP stood there before there were chunks for them. The
 * text is a name, the number of bytes, and these in hexadecimal, each on lines of its own.
 */
#ifndef DDZ_IMGIO_RAW_PROFILE_H
#define DDZ_IMGIO_RAW_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* The bytes, to be released with free(); NULL if the text is not such a profile, or there is no memory. */
uint8_t *raw_profile_decode(const char *text, size_t size, size_t *length);

/* What the first bytes say of such a profile, or of the APP1 marker of a JPEG file, whose form it has */
enum raw_profile_kind { RAW_PROFILE_OTHER, RAW_PROFILE_EXIF, RAW_PROFILE_XMP };

/* *head: bytes before the block or packet itself */
enum raw_profile_kind raw_profile_kind(const uint8_t *data, size_t size, size_t *head);

#endif
