/* The orientation in an Exif block. */
#ifndef DDZ_FORMAT_EXIF_H
#define DDZ_FORMAT_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* 1 to 8; 1, upright, also where the block says nothing. */
int ddz_exif_orientation(const uint8_t *exif, size_t size);

#endif
