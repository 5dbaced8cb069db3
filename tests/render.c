/*
 * Draws the pictures of testdata, in integers, so that every machine makes the same ones:
 *
 *   render FOLDER
 *
 * A landscape made of what photographs are made of: a smooth sky with clouds, ridges that fade with
 * distance, edges at all angles, fine texture in front, film grain over all.
 */
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 256 };

struct colour {
    int r, g, b;
};

/* ---- Noise ---------------------------------------------------------------------------------- */

static uint32_t hash(int x, int y, uint32_t seed)
{
    uint32_t h = (uint32_t)x * 0x8DA6B343u ^ (uint32_t)y * 0xD8163841u ^ seed * 0xCB1AB31Fu;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

static int blend(int a, int b, int t256)
{
    return (a * (256 - t256) + b * t256) / 256;
}

/* 0..255, smooth between the points of a grid of 2^log2 pixels */
static int value_noise(int x, int y, int log2, uint32_t seed)
{
    int cell = 1 << log2, i = x / cell, j = y / cell;
    int u = (x % cell) * 256 / cell, v = (y % cell) * 256 / cell;
    u = u * u * (768 - 2 * u) / 65536;
    v = v * v * (768 - 2 * v) / 65536;
    int corner[4];
    for (int k = 0; k < 4; k++)
        corner[k] = (int)(hash(i + k % 2, j + k / 2, seed) & 255);
    return blend(blend(corner[0], corner[1], u), blend(corner[2], corner[3], u), v);
}

/* 0..255, octaves of halving size and weight */
static int fractal(int x, int y, int log2, uint32_t seed)
{
    int sum = 0, weights = 0;
    for (int k = log2, weight = 64; k >= 0 && weight > 0; k--, weight /= 2) {
        sum += weight * value_noise(x, y, k, seed + (uint32_t)k);
        weights += weight;
    }
    return sum / weights;
}

/* ---- Scene ---------------------------------------------------------------------------------- */

static struct colour ddz_mix_forward(struct colour a, struct colour b, int t256)
{
    return (struct colour){blend(a.r, b.r, t256), blend(a.g, b.g, t256), blend(a.b, b.b, t256)};
}

static struct colour sky(int x, int y)
{
    struct colour c =
        ddz_mix_forward((struct colour){66, 112, 178}, (struct colour){236, 206, 170}, y * 256 / 176);
    int dx = x - 182, dy = y - 58, distance = dx * dx + dy * dy;
    int cloud = fractal(x, 3 * y, 6, 11) - 118;
    if (cloud > 0)
        c = ddz_mix_forward(c, (struct colour){250, 243, 236}, cloud * 5 > 230 ? 230 : cloud * 5);
    if (distance < 15 * 15)
        return (struct colour){255, 249, 226};
    return ddz_mix_forward(c, (struct colour){255, 238, 196}, 40000 / (distance + 40));
}

static struct colour hill(int x, int y, int depth, int top)
{
    static const struct colour base[] = {{128, 140, 168}, {92, 112, 112}, {62, 88, 58}};
    int shade = fractal(x, y, 5 - depth, 31 + (uint32_t)depth) - 128;
    int strength = 24 + 40 * depth, lit = (top + 24 - y) > 0 ? top + 24 - y : 0;
    struct colour c = base[depth];
    c.r += shade * strength / 256 + lit;
    c.g += shade * strength / 256 + lit * 3 / 4;
    c.b += shade * strength / 384 + lit / 3;
    return c;
}

/* A conifer: a triangle with a ragged edge. */
static int in_tree(int x, int y)
{
    static const int trees[][3] = {
        {34, 122, 96}, {58, 150, 70}, {90, 168, 44}, {212, 134, 88}, {240, 158, 60}};
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        int down = y - trees[i][1], height = trees[i][2];
        int side = abs(x - trees[i][0]);
        int ragged = (int)(hash(x / 2, y / 3, 5) % 5) + (down % 11) / 2;
        if (down >= 0 && down < height && side * 4 < down + ragged)
            return 1;
    }
    return 0;
}

static struct colour scene(int x, int y)
{
    struct colour c = sky(x, y);
    for (int depth = 0; depth < 3; depth++) {
        int top = 112 + 34 * depth + (fractal(x, 0, 6, 21 + (uint32_t)depth) - 128) * (3 - depth) / 8;
        if (y >= top)
            c = hill(x, y, depth, top);
    }
    if (in_tree(x, y)) {
        int needle = (int)(hash(x, y / 2, 8) % 34);
        c = (struct colour){18 + needle / 2, 34 + needle, 22 + needle / 2};
    }
    int grain = (int)(hash(x, y, 77) & 7) + (int)(hash(x, y, 78) & 7) - 7;
    return (struct colour){c.r + grain, c.g + grain, c.b + grain};
}

static uint8_t clamp8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* ---- Files ---------------------------------------------------------------------------------- */

struct kind {
    const char *name;
    int x, y, width, height; /* of the scene */
    int depth, colour, interlace;
};

static const struct kind kinds[] = {
    {"scene.png", 0, 0, SIDE, SIDE, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"1x1.png", 182, 58, 1, 1, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"3x5.png", 30, 120, 3, 5, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"67x1.png", 20, 150, 67, 1, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"small.png", 12, 96, 48, 40, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"interlaced.png", 12, 96, 48, 40, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7},
    {"rgb16.png", 12, 96, 48, 40, 16, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE},
    {"grey.png", 12, 96, 48, 40, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE},
    {"grey16.png", 12, 96, 48, 40, 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE},
    {"palette.png", 12, 96, 48, 40, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE},
    {"alpha.png", 12, 96, 48, 40, 8, PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_NONE},
};

/* 16-bit samples are the 8-bit ones times 257, which scale back to them exactly. */
static uint8_t *put_sample(uint8_t *out, const struct kind *kind, uint8_t value)
{
    *out++ = value;
    if (kind->depth == 16)
        *out++ = value;
    return out;
}

static uint8_t *put_pixel(uint8_t *out, const struct kind *kind, int x, int y)
{
    struct colour c = scene(kind->x + x, kind->y + y);
    uint8_t r = clamp8(c.r), g = clamp8(c.g), b = clamp8(c.b);
    if (kind->colour == PNG_COLOR_TYPE_PALETTE) {
        *out++ = (uint8_t)(r / 43 * 36 + g / 43 * 6 + b / 43);
        return out;
    }
    if (kind->colour == PNG_COLOR_TYPE_GRAY)
        return put_sample(out, kind, (uint8_t)((2 * r + 5 * g + b) / 8));
    out = put_sample(out, kind, r);
    out = put_sample(out, kind, g);
    out = put_sample(out, kind, b);
    if (kind->colour == PNG_COLOR_TYPE_RGB_ALPHA)
        out = put_sample(out, kind, clamp8((x - 8) * 8 + y));
    return out;
}

static void set_palette(png_structp png, png_infop info)
{
    png_color palette[216];
    for (int i = 0; i < 216; i++)
        palette[i] = (png_color){clamp8(i / 36 * 51), clamp8(i / 6 % 6 * 51), clamp8(i % 6 * 51)};
    png_set_PLTE(png, info, palette, 216);
}

/* libpng's own handler ends the program on an error. */
static void write_picture(FILE *file, const struct kind *kind)
{
    static uint8_t pixels[SIDE * SIDE * 6];
    uint8_t *row[SIDE], *out = pixels;
    for (int y = 0; y < kind->height; y++) {
        row[y] = out;
        for (int x = 0; x < kind->width; x++)
            out = put_pixel(out, kind, x, y);
    }
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info)
        abort();
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)kind->width, (png_uint_32)kind->height, kind->depth, kind->colour,
                 kind->interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind->colour == PNG_COLOR_TYPE_PALETTE)
        set_palette(png, info);
    png_set_rows(png, info, row);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: render FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", argv[1], kinds[i].name);
        FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "wb") : NULL;
        if (!file) {
            perror(path);
            return 1;
        }
        write_picture(file, &kinds[i]);
        if (fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}
