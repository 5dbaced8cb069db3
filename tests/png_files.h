/* PNG files of every kind, made with libpng from known samples. */
#ifndef DDZ_TESTS_PNG_FILES_H
#define DDZ_TESTS_PNG_FILES_H

#include <png.h>
#include <stddef.h>
#include <stdint.h>

struct file {
    uint8_t *data; /* to be released with free() */
    size_t size, capacity;
};

/* Bytes, or a chunk with its checksum, at the end of a file */
void append(struct file *f, const void *data, size_t size);
void append_chunk(struct file *f, const char *name, const uint8_t *data, uint32_t size);

/* A picture before it is a file: samples of `depth` bits, `channels` a pixel. */
struct source {
    uint32_t width, height;
    int type, depth, interlaced, channels;
    int transparent;   /* has a tRNS chunk */
    uint16_t *samples; /* to be released with free() */
    png_color palette[256];
    uint8_t palette_alpha[256];
    int colours, alphas;
    png_color_16 key;
};

struct metadata {
    const uint8_t *icc, *exif;
    uint32_t icc_size, exif_size;
    int gamma;
};

/* Random samples, and the file of a source */
struct source source_make(int type, int depth, int interlaced, int transparent, uint32_t width,
                          uint32_t height);
struct file source_write(const struct source *s, const struct metadata *m);

/* A profile that libpng takes: header, one tag, and noise in it, as chunks of less than 132 bytes compressed are
 * refused. `space` is "RGB " or "GRAY". */
enum { PROFILE = 400 };
void make_profile(uint8_t icc[PROFILE], const char *space);

enum { EXIF = 15 };
extern const uint8_t exif[EXIF];

#endif
