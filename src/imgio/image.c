#include "imgio/image.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image_view image_view(const struct image *image)
{
    return (struct image_view){.width = image->width,
                               .height = image->height,
                               .channels = image->channels,
                               .depth = image->depth,
                               .pixels = image->pixels,
                               .icc = image->icc,
                               .icc_size = image->icc_size,
                               .exif = image->exif,
                               .exif_size = image->exif_size,
                               .xmp = image->xmp,
                               .xmp_size = image->xmp_size,
                               .notes = image->notes};
}

size_t image_size(uint32_t width, uint32_t height, int channels, int depth)
{
    uint64_t pixel = (uint64_t)(channels * (depth / 8)), pixels = (uint64_t)width * height;
    return pixels > SIZE_MAX / pixel ? SIZE_MAX : (size_t)(pixels * pixel);
}

int image_alloc(struct image *image, uint32_t width, uint32_t height, int channels, int depth)
{
    size_t size = image_size(width, height, channels, depth);
    *image = (struct image){.width = width, .height = height, .channels = channels, .depth = depth};
    image->pixels = size == SIZE_MAX ? NULL : malloc(size);
    return image->pixels ? 0 : -1;
}

int image_copy(struct image *copy, const struct image_view *image)
{
    if (image_alloc(copy, image->width, image->height, image->channels, image->depth) != 0)
        return -1;
    memcpy(copy->pixels, image->pixels,
           image_size(image->width, image->height, image->channels, image->depth));
    return 0;
}

static uint8_t sample8(const struct image *image, size_t i)
{
    if (image->depth == 8)
        return ((const uint8_t *)image->pixels)[i];
    return (uint8_t)((((const uint16_t *)image->pixels)[i] * UINT32_C(255) + 32895) >>
                     16); /* v / 257, rounded */
}

int image_to_rgb8(struct image *image)
{
    struct image rgb;
    size_t count = (size_t)image->width * image->height, channels = (size_t)image->channels;
    if (image->channels == 3 && image->depth == 8)
        return 0;
    if (image_alloc(&rgb, image->width, image->height, 3, 8) != 0)
        return -1;
    uint8_t *out = rgb.pixels;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            *out++ = sample8(image, i * channels + (channels < 3 ? 0 : c));
    free(image->pixels);
    image->pixels = rgb.pixels;
    image->channels = 3;
    image->depth = 8;
    return 0;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    free(image->pixels);
    free(image->icc);
    free(image->exif);
    free(image->xmp);
    *image = (struct image){0};
}

void image_error(struct image_messages *messages, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(messages->error, sizeof messages->error, format, arguments);
    va_end(arguments);
}

void image_warning(struct image_messages *messages, const char *format, ...)
{
    va_list arguments;
    if (messages->warning[0])
        return;
    va_start(arguments, format);
    vsnprintf(messages->warning, sizeof messages->warning, format, arguments);
    va_end(arguments);
}

/* Whether a list, separated by commas, has an entry */
static int lists(const char *list, const char *entry)
{
    size_t length = strlen(entry);
    for (const char *at = strstr(list, entry); at; at = strstr(at + 1, entry))
        if ((at == list || at[-1] == ' ') && (at[length] == 0 || at[length] == ','))
            return 1;
    return 0;
}

void image_leave_out(struct image *image, const char *format, ...)
{
    static const char more[] = ", and more";
    const size_t room = sizeof image->left_out - sizeof more;
    char words[100];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    for (char *c = words; *c; c++) /* names in files may be anything */
        *c = *c < ' ' || *c > '~' || *c == ',' ? '?' : *c;
    size_t length = strlen(image->left_out), needed = strlen(words) + 2;
    if (length > room || lists(image->left_out, words))
        return;
    if (length + needed > room)
        memcpy(image->left_out + length, more, sizeof more); /* and no room is left */
    else
        snprintf(image->left_out + length, sizeof image->left_out - length, "%s%s", length ? ", " : "",
                 words);
}

void image_drop_grey_profile(struct image *image)
{
    if (image->channels < 3 || image->icc_size < 20 || memcmp(image->icc + 16, "GRAY", 4) != 0)
        return;
    free(image->icc);
    image->icc = NULL;
    image->icc_size = 0;
    image_leave_out(image, "ICC profile of grey pictures");
}

void image_warn_of_losses(const struct image_view *image, int no_alpha, const char *format,
                          struct image_messages *messages)
{
    const struct {
        int there;
        const char *name;
    } parts[] = {{no_alpha && image->channels % 2 == 0, "alpha"},
                 {image->icc != NULL, "ICC profile"},
                 {(image->notes.has_cicp && !image_is_srgb(&image->notes)) || image->notes.gamma_size > 0,
                  "colour space"},
                 {image->exif != NULL, "Exif"},
                 {image->xmp != NULL, "XMP"},
                 {image->notes.has_resolution, "resolution"}};
    char names[100] = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].there)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", *names ? ", " : "",
                     parts[i].name);
    if (*names)
        image_warning(messages, "%s cannot hold %s: left out", format, names);
}

static const uint8_t srgb[4] = {1, 13, 0, 1};

int image_is_srgb(const struct image_notes *notes)
{
    return notes->has_cicp && memcmp(notes->cicp, srgb, sizeof srgb) == 0;
}

void image_set_srgb(struct image_notes *notes)
{
    memcpy(notes->cicp, srgb, sizeof srgb);
    notes->has_cicp = 1;
}

static void put_be32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

void image_set_resolution(struct image_notes *notes, uint32_t across, uint32_t down, uint8_t unit)
{
    put_be32(notes->resolution, across);
    put_be32(notes->resolution + 4, down);
    notes->resolution[8] = unit;
    notes->has_resolution = 1;
}

int image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels, const char *format,
                     struct image_messages *messages)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        image_error(messages, "%s: %llu x %llu pixels; a side has 1 to %d", format, (unsigned long long)width,
                    (unsigned long long)height, IMAGE_MAX_SIDE);
    else if ((messages->too_large = width * height > max_pixels))
        image_error(messages, "%s: %llu x %llu pixels are more than the limit of %llu", format,
                    (unsigned long long)width, (unsigned long long)height, (unsigned long long)max_pixels);
    else
        return 0;
    return -1;
}
