/* What the targets of the readers of picture files share: a reader on an input, and a look at all that it gives. */
#ifndef DDZ_TESTS_FUZZ_PICTURE_INPUT_H
#define DDZ_TESTS_FUZZ_PICTURE_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/image.h"

enum { MAX_PIXELS = 1 << 14, LARGEST_INPUT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read all of it: it has to be there. */
static void look_at(const void *data, size_t size)
{
    static volatile uint8_t seen;
    uint8_t all = 0;
    for (size_t i = 0; data && i < size; i++)
        all ^= ((const uint8_t *)data)[i];
    seen = seen ^ all;
}

static void look_at_image(struct image *image)
{
    if (image->width < 1 || image->height < 1 || (uint64_t)image->width * image->height > MAX_PIXELS)
        abort();
    look_at(image->pixels, image_size(image->width, image->height, image->channels, image->depth));
    look_at(image->icc, image->icc_size);
    look_at(image->exif, image->exif_size);
    look_at(image->xmp, image->xmp_size);
    look_at(&image->notes, sizeof image->notes);
    look_at(image->left_out, strlen(image->left_out));
    if (image_to_rgb8(image) != 0)
        abort();
    look_at(image->pixels, image_size(image->width, image->height, 3, 8));
}

/* A reader as in formats.h */
typedef int (*picture_reader)(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
                              struct image_messages *messages);

/* A failure is told in one line. */
static void read_input(picture_reader reader, const uint8_t *data, size_t size)
{
    struct image image;
    struct image_messages messages = {.error = ""};
    if (reader(data, size, MAX_PIXELS, &image, &messages) != 0) {
        if (!messages.error[0] || strchr(messages.error, '\n'))
            abort();
        return;
    }
    look_at_image(&image);
    image_free(&image);
}

#endif
