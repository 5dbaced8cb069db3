/*
 * The pixel coder alone on PNG files: each is coded, decoded and compared. A line for each: bytes, seconds of the
 * processor for coding and for decoding, name. bench/synthetic_table.py uses it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exact/graphics.h"
#include "imgio/png.h"

static const uint64_t max_pixels = UINT64_C(1) << 28;

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* The whole file, to be released with free(); NULL if it cannot be read. */
static uint8_t *load(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    uint8_t *data = length > 0 && fseek(file, 0, SEEK_SET) == 0 ? malloc((size_t)length) : NULL;
    if (data && fread(data, 1, (size_t)length, file) != (size_t)length) {
        free(data);
        data = NULL;
    }
    fclose(file);
    *size = length > 0 ? (size_t)length : 0;
    return data;
}

static uint16_t *widen(const struct image *image, size_t count)
{
    uint16_t *samples = malloc(count * sizeof *samples);
    const uint8_t *narrow = image->pixels;
    if (samples && image->depth == 16)
        memcpy(samples, image->pixels, count * sizeof *samples);
    else if (samples)
        for (size_t i = 0; i < count; i++)
            samples[i] = narrow[i];
    return samples;
}

/* Whether all rows come out of the code */
static bool decode(const struct mem *mem, const struct graphics_size *size, const uint8_t *data, size_t bytes,
                   uint16_t *samples)
{
    struct graphics *g;
    if (ddz_graphics_decoder_new(mem, size, samples, &g) != DDZ_OK)
        return false;
    bool all = ddz_graphics_decode(g, data, bytes, true, NULL, NULL) == DDZ_OK &&
               ddz_graphics_rows(g) == size->height;
    ddz_graphics_decoder_free(g);
    return all;
}

/* Code and decode the samples; whether they come back. Prints the figures. */
static bool try_coder(const struct graphics_size *size, const uint16_t *samples, size_t count,
                      const char *path)
{
    struct mem mem = ddz_mem_init(NULL);
    uint8_t *data = NULL;
    size_t bytes = 0;
    uint16_t *back = malloc(count * sizeof *back);
    double start = seconds();
    bool ok = back && ddz_graphics_encode(&mem, size, samples, NULL, NULL, &data, &bytes) == DDZ_OK;
    double middle = seconds();
    ok = ok && decode(&mem, size, data, bytes, back);
    double end = seconds();
    ok = ok && memcmp(samples, back, count * sizeof *back) == 0;
    if (ok)
        printf("%zu %.3f %.3f %s\n", bytes, middle - start, end - middle, path);
    ddz_mem_free(&mem, data);
    free(back);
    return ok;
}

static bool run(const char *path)
{
    size_t size, count;
    struct image image = {.pixels = NULL};
    struct image_messages messages = {.error = "cannot be read"};
    uint8_t *file = load(path, &size);
    if (!file || png_read(file, size, max_pixels, &image, &messages) != 0) {
        fprintf(stderr, "%s: %s\n", path, messages.error);
        free(file);
        return false;
    }
    free(file);
    count = (size_t)image.width * image.height * (size_t)image.channels;
    uint16_t *samples = widen(&image, count);
    struct graphics_size shape = {image.width, image.height, image.channels, image.depth};
    bool ok = samples && try_coder(&shape, samples, count, path);
    if (!ok)
        fprintf(stderr, "%s: does not come back\n", path);
    free(samples);
    image_free(&image);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;
    for (int i = 1; i < argc; i++)
        ok = run(argv[i]) && ok;
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
