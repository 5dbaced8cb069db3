/* A picture in memory, as the readers of picture files make it and the writers take it. */
#ifndef DDZ_IMGIO_IMAGE_H
#define DDZ_IMGIO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_MAX_SIDE = 65535 };

/* What describes a picture in a few bytes, each as the chunk of a PNG file has it: numbers with the high byte first. */
struct image_notes {
    uint8_t cicp[4]; /* cICP: primaries, transfer function, matrix (0), full range, of ITU-T H.273 */
    uint8_t has_cicp;
    uint8_t gamma[36];     /* gAMA, 0 if there is none; cHRM behind it */
    uint8_t gamma_size;    /* 0, 4 or 36 */
    uint8_t resolution[9]; /* pHYs */
    uint8_t has_resolution;
};

/* What owns its memory. All zero is a valid, empty value. */
struct image {
    uint32_t width, height; /* 1 to IMAGE_MAX_SIDE */
    int channels;           /* 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha */
    int depth;              /* bits of a sample: 8, or 16 as uint16_t in the machine's byte order */
    void *pixels;           /* interleaved; rows from the top, without gaps */
    uint8_t *icc;           /* ICC profile, or NULL */
    size_t icc_size;
    uint8_t *exif; /* Exif block from its byte order mark on, or NULL */
    size_t exif_size;
    uint8_t *xmp; /* XMP packet, or NULL */
    size_t xmp_size;
    struct image_notes notes;
    char left_out[200]; /* what the file that was read has besides, in words; "": nothing */
};

/* What borrows it: the same fields. It is valid as long as what it was made of. */
struct image_view {
    uint32_t width, height;
    int channels, depth;
    const void *pixels;
    const uint8_t *icc;
    size_t icc_size;
    const uint8_t *exif;
    size_t exif_size;
    const uint8_t *xmp;
    size_t xmp_size;
    struct image_notes notes;
};

/* A reader's or writer's message is one line without a newline. */
struct image_messages {
    char error[160];   /* why it failed */
    int too_large;     /* it failed because of max_pixels */
    char warning[160]; /* what the file has that is wrong but does no harm, the first of them; "": nothing */
};

struct image_view image_view(const struct image *image);

/* Bytes of width * height pixels; SIZE_MAX if that does not fit. */
size_t image_size(uint32_t width, uint32_t height, int channels, int depth);

/* Pixels that are not set, and nothing else. Returns 0, or -1 if there is no memory. */
int image_alloc(struct image *image, uint32_t width, uint32_t height, int channels, int depth);

/* A copy of the pixels, and nothing else. Returns 0, or -1 if there is no memory. */
int image_copy(struct image *copy, const struct image_view *image);

/* Turn the pixels into RGB of 8 bits: grey becomes R = G = B, 16 bits are rounded, alpha is dropped. Returns 0, or
 * -1 if there is no memory, and the image is as it was. */
int image_to_rgb8(struct image *image);

/* Frees what the image owns and zeroes it; NULL and zeroed images are allowed. */
void image_free(struct image *image);

/* Both write the message, cut to its room. A warning is kept only if it is the first one. */
void image_error(struct image_messages *messages, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void image_warning(struct image_messages *messages, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Add words to image->left_out, each once; "and more" if there is no room. */
void image_leave_out(struct image *image, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A profile of grey pictures, which would make a picture in colours grey, is left out. */
void image_drop_grey_profile(struct image *image);

/* A warning that a format cannot hold what a picture has: all of these but alpha, and alpha if `no_alpha` */
void image_warn_of_losses(const struct image_view *image, int no_alpha, const char *format,
                          struct image_messages *messages);

/* Whether cICP says sRGB, and to make it say so */
int image_is_srgb(const struct image_notes *notes);
void image_set_srgb(struct image_notes *notes);

/* The notes of a resolution in pixels a metre across and down (unit 1), or of pixels that are not square (unit 0) */
void image_set_resolution(struct image_notes *notes, uint32_t across, uint32_t down, uint8_t unit);

/* Whether a picture is within the limits; else -1, and an error that begins with `format`'s name. */
int image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels, const char *format,
                     struct image_messages *messages);

#endif
