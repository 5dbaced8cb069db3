/*
 * Colour spaces that a stream names in the three bits of its header, and what they stand for: the content of
 * one of the extras that describe colour.
 */
#ifndef DDZ_FORMAT_COLOURS_H
#define DDZ_FORMAT_COLOURS_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

/* The extra that a number from 1 to 7 stands for, and its content; 0: nothing that this version knows. */
int ddz_colours_extra(int number, const uint8_t **content, size_t *size);

/* The number of an extra's content; 0: it has none. */
int ddz_colours_number(int extra, const uint8_t *content, size_t size);

/* The number that comes close to an ICC profile: its primaries are those of the colour space. 0: none does. */
int ddz_colours_of_profile(const uint8_t *profile, size_t size);

#endif
