/* The very samples of pictures, for the exact layer: as numbers of so many bits, in the caller's layout and apart. */
#ifndef DDZ_API_SAMPLES_H
#define DDZ_API_SAMPLES_H

#include "api/pixels.h"

/* What of a picture is to be kept exactly */
struct sample_form {
    int channels; /* 3: R, G, B; 1: grey, or all three alike everywhere */
    int depth;    /* 8 or 16 bits; 8 if all samples of 16 bits are multiples of 257 */
    bool alpha;   /* of the same depth; only with 16 bits, 8-bit alpha is a layer of its own */
};

struct sample_form ddz_samples_form(const struct layout *layout, const void *pixels);

/* Bytes of all samples that are to be kept, without loss and unpacked */
uint64_t ddz_samples_size(const struct layout *layout, const void *pixels);

enum { SAMPLE_COLOURS_MOST = 256 };

/* How much of a picture repeats, alpha included */
struct sample_repeats {
    uint64_t alike;   /* pixels that are as the one on their left or the one above them */
    uint32_t colours; /* different ones; SAMPLE_COLOURS_MOST + 1: more than that */
};

struct sample_repeats ddz_samples_repeats(const struct layout *layout, const void *pixels);

/* colours[height][width][form.channels] and, if there is, alpha[height][width] */
void ddz_samples_read(const struct layout *layout, const void *pixels, const struct sample_form *form,
                      uint16_t *colours, uint16_t *alpha);

/* Row y of the pixels, from row[width][channels] of `depth` bits, 1 to 16. Of 2 or 4 channels the last is alpha; else it
 * stays as it is. */
void ddz_samples_write_row(const struct layout *layout, uint32_t y, int channels, int depth,
                           const uint16_t *row, void *pixels);

/* The same of columns `begin` to `end` - 1 alone; `row` begins with the first of them. */
void ddz_samples_write_part(const struct layout *layout, uint32_t y, uint32_t begin, uint32_t end,
                            int channels, int depth, const uint16_t *row, void *pixels);

/* Alpha of row y, from row[width], if the layout has alpha */
void ddz_samples_write_alpha(const struct layout *layout, uint32_t y, int depth, const uint16_t *row,
                             void *pixels);

/* CRC-32 of samples as two bytes each, the low one first, behind what has the check `check` (0: nothing) */
uint32_t ddz_samples_check(uint32_t check, const uint16_t *samples, size_t count);

#endif
