/*
 * An alpha plane as a string of bytes any prefix of which is a plane, and all of which is exact.
 *
 * The plane is halved across and down in turn, each pair of samples becoming its mean, until one sample is
 * left. The string has that sample, then level by level, from there to the plane, the difference of each pair.
 * It is predicted from the means around it: where the string ends, the predictions stand in.
 */
#ifndef DDZ_FORMAT_ALPHA_H
#define DDZ_FORMAT_ALPHA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* *out has *size bytes, at least one, and is freed with ddz_mem_free. Sides are 1 to MAX_SIDE. */
ddz_status ddz_alpha_write(const struct mem *mem, const uint8_t *plane, uint32_t width, uint32_t height,
                           uint8_t **out, size_t *size);

/* The plane that the first `size` bytes of a string give; `whole`: they are all of it. Any bytes give one.
 * MEMORY. */
ddz_status ddz_alpha_read(const struct mem *mem, const uint8_t *data, size_t size, bool whole, uint32_t width,
                          uint32_t height, uint8_t *plane);

/* No string is longer. */
uint64_t ddz_alpha_max_size(uint32_t width, uint32_t height);

#endif
