/*
 * Orientation and resolution in an Exif block (CIPA DC-008, a TIFF file). The library reads it, and the programs' JPEG reader,
 * which is not linked with what the library hides, is compiled with this file, too.
 */
#ifndef DDZ_FORMAT_EXIF_H
#define DDZ_FORMAT_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIF_UPRIGHT = 1 };

/* Where the two bytes of the orientation stand in a block of `size` bytes, 0 if it has none; *big is their order. The
 * block begins with its byte order mark, or with "Exif" and two zeros before it. */
size_t ddz_exif_find_orientation(const uint8_t *exif, size_t size, bool *big);

/* 1 to 8; EXIF_UPRIGHT also where the block has no orientation or another value. */
int ddz_exif_orientation(const uint8_t *exif, size_t size);

/* The resolution that a block gives, in pixels a metre, 1 to 2^31 - 1. False, and they are not to be used, if it gives none, or
 * the 72 pixels an inch that stand for one that is not known. */
bool ddz_exif_resolution(const uint8_t *exif, size_t size, uint32_t *across, uint32_t *down);

#endif
