/* TIFF files for tests, made with libtiff in memory of samples that a formula gives */
#ifndef DDZ_TESTS_TIFFS_H
#define DDZ_TESTS_TIFFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tiffio.h>

enum { WIDTH = 21, HEIGHT = 18, TILE = 16, MOST = 1 << 16, ROWS = 5 /* of a strip */ };

struct tiff_file {
    uint8_t data[MOST];
    size_t size, at;
};

/* What is written; zeros: grey of 8 bits in strips, without compression */
struct tiff_spec {
    int bits, colours, extra; /* 0: 8, 1, none */
    uint16_t extra_kind, kind, compression;
    bool tiled, separate, big, twice /* two pictures */;
    int (*value)(const struct tiff_spec *, int x, int y, int c); /* NULL: sample() */
    void (*more)(TIFF *);                                        /* sets further tags */
};

/* The greatest value of a sample; the formula's, and the written sample of a pixel */
int tiff_high(const struct tiff_spec *s);
int tiff_sample(const struct tiff_spec *s, int x, int y, int c);
int tiff_value(const struct tiff_spec *s, int x, int y, int c);

/* A file, valid until the next call */
struct tiff_file *tiff_make(const struct tiff_spec *s);

#endif
