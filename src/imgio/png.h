/*
 * PNG files as 8-bit RGB, and back. Sample values are taken as they are (gAMA, cHRM and sRGB chunks
 * are ignored): grey becomes R = G = B, palettes are looked up, tRNS becomes alpha, 16-bit samples
 * are scaled to 8 bits. ICC profile and Exif block are kept, but for the profile of a grey picture,
 * which no RGB file may have.
 */
#ifndef DDZ_IMGIO_PNG_H
#define DDZ_IMGIO_PNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct image {
    uint32_t width, height;
    uint8_t *rgb;   /* 3 * width * height bytes */
    uint8_t *alpha; /* width * height bytes, or NULL */
    uint8_t *icc;   /* or NULL */
    size_t icc_size;
    uint8_t *exif; /* or NULL */
    size_t exif_size;
    int reduced_depth; /* the file had 16-bit samples */
};

/*
 * Both return 0, or -1 with one line in `error` (no newline; error_size > 0). Nothing is printed.
 * Damage to a file (checksums, truncation) is an error; warnings of libpng are not.
 */

/* The image is written on success only; it is freed with image_free. Pictures of more than
 * max_pixels pixels, or with a side above 65535, are refused before their memory is allocated. */
int png_read(FILE *file, uint64_t max_pixels, struct image *image, char *error, size_t error_size);

/* RGB, or RGBA if there is an alpha plane. A profile that libpng finds invalid is left out. */
int png_write(FILE *file, const struct image *image, char *error, size_t error_size);

/* Frees what the image owns and zeroes it; NULL and zeroed images are allowed. */
void image_free(struct image *image);

#endif
