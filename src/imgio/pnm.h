/*
 * The formats of Netpbm: PNM (PBM, PGM and PPM, as text or bytes) and PAM. Samples whose greatest value is below 256
 * become 8 bits, others 16; they are scaled if that value is not 255 or 65535.
 */
#ifndef DDZ_IMGIO_PNM_H
#define DDZ_IMGIO_PNM_H

#include <stdio.h>

#include "imgio/image.h"

/* Readers and writers of formats.h */
int pnm_is(const uint8_t *data, size_t size);
int pnm_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages);
int pam_is(const uint8_t *data, size_t size);
int pam_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages);

/* PGM or PPM, without alpha; and PAM. What the format cannot hold is left out, with a warning. */
int pnm_write(FILE *file, const struct image_view *image, struct image_messages *messages);
int pam_write(FILE *file, const struct image_view *image, struct image_messages *messages);

#endif
