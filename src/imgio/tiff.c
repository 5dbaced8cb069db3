#include "imgio/tiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/tiff_open.h"
#include "imgio/upright.h"

enum { MOST_SAMPLES = 16, MOST_BITS = 16, BEYOND = 2 };

/* What one call works with. A block is a strip or a tile. */
struct job {
    struct tiff_source source;
    TIFF *tiff;
    struct image image;
    uint32_t width, height, block_width, block_height;
    uint16_t bits, samples, kind, compression;
    int colours, alpha; /* how many of a pixel's samples are its colour; which one is alpha, -1: none */
    bool associated, tiled, separate;
    const uint16_t *palette[3]; /* NULL: none */
    int palette_shift, depth;
    uint8_t *block;
    size_t row; /* bytes of a row of the block */
};

static int fail(const struct job *job, const char *text)
{
    return tiff_fail(&job->source, text);
}

/* ---- How the samples lie -------------------------------------------------------------------- */

/* Those whose decoders take no more memory than their output; those that are left out are rare. */
static bool is_read(uint16_t compression)
{
    static const uint16_t read[] = {COMPRESSION_NONE,          COMPRESSION_CCITTRLE,  COMPRESSION_CCITTRLEW,
                                    COMPRESSION_CCITTFAX3,     COMPRESSION_CCITTFAX4, COMPRESSION_LZW,
                                    COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,   COMPRESSION_PACKBITS,
                                    COMPRESSION_JPEG,          COMPRESSION_ZSTD};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i] == compression)
            return TIFFIsCODECConfigured(compression);
    return false;
}

/* The depth of a palette's colours: 16 bits if 8 do not hold them. Old files have values of 8 bits. */
static int read_palette(struct job *job)
{
    uint16_t *lists[3];
    bool deep = false, old = true;
    if (!TIFFGetField(job->tiff, TIFFTAG_COLORMAP, &lists[0], &lists[1], &lists[2]))
        return fail(job, "the picture has no palette");
    for (int c = 0; c < 3; c++) {
        job->palette[c] = lists[c];
        for (size_t i = 0; i < (size_t)1 << job->bits; i++) {
            const uint32_t value = lists[c][i];
            deep = deep || (value != (value >> 8) * 257 && (value & 255) != 0);
            old = old && value < 256;
        }
    }
    job->depth = deep && !old ? 16 : 8;
    job->palette_shift = deep || old ? 0 : 8;
    return 0;
}

static int read_kind(struct job *job)
{
    char text[80];
    if (!TIFFGetField(job->tiff, TIFFTAG_PHOTOMETRIC, &job->kind))
        return fail(job, "the colours' kind is not given");
    if (job->kind == PHOTOMETRIC_SEPARATED)
        return fail(job, "CMYK pictures are not read; convert it to RGB first");
    if (job->kind == PHOTOMETRIC_YCBCR) {
        if (job->compression != COMPRESSION_JPEG || job->separate || job->samples != 3)
            return fail(job, "YCbCr pictures are read only where JPEG compresses them");
        TIFFSetField(job->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        job->kind = PHOTOMETRIC_RGB;
    }
    job->colours = job->kind == PHOTOMETRIC_RGB ? 3 : 1;
    job->depth = job->bits > 8 ? 16 : 8;
    if (job->kind == PHOTOMETRIC_PALETTE)
        return read_palette(job);
    if (job->kind == PHOTOMETRIC_RGB || job->kind == PHOTOMETRIC_MINISBLACK ||
        job->kind == PHOTOMETRIC_MINISWHITE)
        return 0;
    snprintf(text, sizeof text, "colours of kind %d are not read; convert it to RGB first", job->kind);
    return fail(job, text);
}

static int read_alpha(struct job *job)
{
    uint16_t count = 0, *kinds = NULL;
    if (job->samples < job->colours || job->samples > MOST_SAMPLES)
        return fail(job, "the number of samples of a pixel is not one that is read");
    if (!TIFFGetField(job->tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds))
        count = 0;
    for (int i = count - 1; i >= 0; i--)
        if (job->colours + i < job->samples &&
            (kinds[i] == EXTRASAMPLE_ASSOCALPHA || kinds[i] == EXTRASAMPLE_UNASSALPHA)) {
            job->alpha = job->colours + i;
            job->associated = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
        }
    return 0;
}

static int read_samples(struct job *job)
{
    char text[80];
    uint16_t format, planar;
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_BITSPERSAMPLE, &job->bits);
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_SAMPLESPERPIXEL, &job->samples);
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_COMPRESSION, &job->compression);
    job->separate = planar == PLANARCONFIG_SEPARATE;
    if (!is_read(job->compression)) {
        snprintf(text, sizeof text, "compression of kind %d is not read", job->compression);
        return fail(job, text);
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return fail(job, "samples that are not whole numbers from 0 on are not read");
    if (job->bits < 1 || job->bits > MOST_BITS) {
        snprintf(text, sizeof text, "samples of %d bits are not read", job->bits);
        return fail(job, text);
    }
    return read_kind(job) != 0 || read_alpha(job) != 0 ? -1 : 0;
}

/* The picture's sides and its blocks', within the limits */
static int read_sizes(struct job *job, uint64_t max_pixels)
{
    uint32_t purpose = 0;
    if (TIFFGetField(job->tiff, TIFFTAG_SUBFILETYPE, &purpose) && purpose & FILETYPE_REDUCEDIMAGE)
        return fail(job, "the first picture is but a thumbnail, as in a camera's raw files");
    if (!TIFFGetField(job->tiff, TIFFTAG_IMAGEWIDTH, &job->width) ||
        !TIFFGetField(job->tiff, TIFFTAG_IMAGELENGTH, &job->height))
        return fail(job, "the file has no picture");
    if (image_check_size(job->width, job->height, max_pixels, "TIFF", job->source.messages) != 0)
        return -1;
    job->tiled = TIFFIsTiled(job->tiff);
    if (job->tiled) {
        if (!TIFFGetField(job->tiff, TIFFTAG_TILEWIDTH, &job->block_width) ||
            !TIFFGetField(job->tiff, TIFFTAG_TILELENGTH, &job->block_height))
            return fail(job, "the size of the tiles is not given");
    } else {
        job->block_width = job->width;
        TIFFGetFieldDefaulted(job->tiff, TIFFTAG_ROWSPERSTRIP, &job->block_height);
        if (job->block_height > job->height)
            job->block_height = job->height;
    }
    return image_check_size(job->block_width, job->block_height, max_pixels, "TIFF: a tile",
                            job->source.messages);
}

/* ---- The picture ---------------------------------------------------------------------------- */

/* Up to BEYOND bytes behind the sample are read. */
static uint32_t sample_at(const uint8_t *row, size_t i, unsigned bits)
{
    uint16_t value;
    if (bits == 8)
        return row[i];
    if (bits == 16) {
        memcpy(&value, row + 2 * i, 2);
        return value;
    }
    const uint8_t *p = row + i * bits / 8;
    const uint32_t window = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    return window >> (24 - i * bits % 8 - bits) & ((1U << bits) - 1);
}

static uint32_t stored(const struct image *image, size_t at)
{
    return image->depth == 8 ? ((const uint8_t *)image->pixels)[at] : ((const uint16_t *)image->pixels)[at];
}

static void store(struct image *image, size_t at, uint32_t value)
{
    if (image->depth == 8)
        ((uint8_t *)image->pixels)[at] = (uint8_t)value;
    else
        ((uint16_t *)image->pixels)[at] = (uint16_t)value;
}

/* One sample of a pixel whose first channel is `at` */
static void put_sample(struct job *job, size_t at, int sample, uint32_t value)
{
    const uint32_t high = (1U << job->bits) - 1, most = job->depth == 8 ? UINT8_MAX : UINT16_MAX;
    const bool is_alpha = sample == job->alpha;
    if (!is_alpha && job->palette[0]) {
        for (size_t c = 0; c < 3; c++)
            store(&job->image, at + c, job->palette[c][value] >> job->palette_shift);
        return;
    }
    if (!is_alpha && job->kind == PHOTOMETRIC_MINISWHITE)
        value = high - value;
    if (high != most)
        value = (value * most + high / 2) / high;
    store(&job->image, at + (size_t)(is_alpha ? job->image.channels - 1 : sample), value);
}

static bool is_wanted(const struct job *job, int sample)
{
    return sample < job->colours || sample == job->alpha;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The block that has the pixel (x, y), of one plane if each sample has its own */
static int read_block(struct job *job, uint32_t x, uint32_t y, uint16_t plane)
{
    const uint32_t rows = job->tiled ? job->block_height : lesser(job->block_height, job->height - y);
    const tmsize_t size = (tmsize_t)(job->row * rows);
    const tmsize_t read =
        job->tiled
            ? TIFFReadEncodedTile(job->tiff, TIFFComputeTile(job->tiff, x, y, 0, plane), job->block, size)
            : TIFFReadEncodedStrip(job->tiff, TIFFComputeStrip(job->tiff, y, plane), job->block, size);
    return read == size && !job->source.messages->error[0] ? 0 : fail(job, "the picture is cut or damaged");
}

static void take_block(struct job *job, uint32_t x, uint32_t y, int plane)
{
    const uint32_t rows = lesser(job->block_height, job->height - y),
                   columns = lesser(job->block_width, job->width - x);
    const int samples = job->separate ? 1 : job->samples;
    for (uint32_t r = 0; r < rows; r++) {
        const uint8_t *row = job->block + r * job->row;
        size_t at = ((size_t)(y + r) * job->width + x) * (size_t)job->image.channels, i = 0;
        for (uint32_t c = 0; c < columns; c++, at += (size_t)job->image.channels)
            for (int s = plane; s < plane + samples; s++, i++)
                if (is_wanted(job, s))
                    put_sample(job, at, s, sample_at(row, i, job->bits));
    }
}

static int read_blocks(struct job *job)
{
    const uint16_t planes = job->separate ? job->samples : 1;
    job->row = ((size_t)job->block_width * (job->separate ? 1 : job->samples) * job->bits + 7) / 8;
    job->block = calloc(job->row * job->block_height + BEYOND, 1);
    if (!job->block)
        return fail(job, "out of memory");
    for (uint16_t plane = 0; plane < planes; plane++)
        for (uint32_t y = 0; is_wanted(job, plane) && y < job->height; y += job->block_height)
            for (uint32_t x = 0; x < job->width; x += job->block_width) {
                if (read_block(job, x, y, plane) != 0)
                    return -1;
                take_block(job, x, y, plane);
            }
    return 0;
}

/* Colours that were multiplied with their alpha */
static void divide_alpha_out(struct image *image)
{
    const size_t channels = (size_t)image->channels, count = channels * image->width * image->height;
    const uint32_t most = image->depth == 8 ? UINT8_MAX : UINT16_MAX;
    for (size_t at = 0; at < count; at += channels) {
        const uint32_t alpha = stored(image, at + channels - 1);
        for (size_t c = 0; alpha && c + 1 < channels; c++)
            store(image, at + c, lesser((stored(image, at + c) * most + alpha / 2) / alpha, most));
    }
}

/* ---- What comes with the picture ------------------------------------------------------------ */

static int take_layer(struct job *job, uint32_t tag, uint8_t **layer, size_t *layer_size)
{
    uint32_t count = 0;
    const void *data = NULL;
    if (!TIFFGetField(job->tiff, tag, &count, &data) || count == 0)
        return 0;
    *layer = malloc(count);
    if (!*layer)
        return fail(job, "out of memory");
    memcpy(*layer, data, count);
    *layer_size = count;
    return 0;
}

/* Where there is no unit, the shape of the pixels, in thousandths */
static void take_resolution(struct job *job)
{
    float x, y;
    uint16_t unit;
    if (!TIFFGetField(job->tiff, TIFFTAG_XRESOLUTION, &x) ||
        !TIFFGetField(job->tiff, TIFFTAG_YRESOLUTION, &y))
        return;
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_RESOLUTIONUNIT, &unit);
    const double times = unit == RESUNIT_CENTIMETER ? 100 : unit == RESUNIT_INCH ? 1 / 0.0254 : 1000;
    const double across = x * times, down = y * times;
    const bool in_range = across >= 1 && across < INT32_MAX && down >= 1 && down < INT32_MAX;
    if (in_range && !(unit == RESUNIT_NONE && x == y))
        image_set_resolution(&job->image.notes, (uint32_t)(across + 0.5), (uint32_t)(down + 0.5),
                             unit != RESUNIT_NONE);
}

/* What stands in no image, by name */
static void list_others(struct job *job)
{
    struct image *image = &job->image;
    uint16_t *curves[3], count = 0;
    uint64_t *places;
    uint32_t slices;
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_IMAGEDEPTH, &slices);
    if (!TIFFLastDirectory(job->tiff) || slices > 1 ||
        TIFFGetField(job->tiff, TIFFTAG_SUBIFD, &count, &places))
        image_leave_out(image, "further pictures");
    if (job->samples > job->colours + (job->alpha >= 0))
        image_leave_out(image, "channels that are no alpha");
    if (TIFFGetField(job->tiff, TIFFTAG_TRANSFERFUNCTION, &curves[0], &curves[1], &curves[2]))
        image_leave_out(image, "tag TransferFunction");
    for (int i = 0; i < TIFFGetTagListCount(job->tiff); i++) {
        const uint32_t tag = TIFFGetTagListEntry(job->tiff, i);
        const TIFFField *field = TIFFFieldWithTag(job->tiff, tag);
        if (tag == TIFFTAG_EXIFIFD || tag == TIFFTAG_GPSIFD)
            image_leave_out(image, "Exif");
        else if (!field || TIFFFieldIsAnonymous(field))
            image_leave_out(image, "tag %u", tag);
        else if (tag != TIFFTAG_ICCPROFILE && tag != TIFFTAG_XMLPACKET && tag != TIFFTAG_YCBCRCOEFFICIENTS)
            image_leave_out(image, "tag %s", TIFFFieldName(field));
    }
}

static int read_opened(struct job *job, uint64_t max_pixels)
{
    uint16_t orientation;
    if (read_sizes(job, max_pixels) != 0 || read_samples(job) != 0)
        return -1;
    const int colours = job->palette[0] ? 3 : job->colours;
    if (image_alloc(&job->image, job->width, job->height, colours + (job->alpha >= 0), job->depth) != 0)
        return fail(job, "out of memory");
    job->source.decoding = true;
    if (read_blocks(job) != 0)
        return -1;
    job->source.decoding = false;
    if (job->associated)
        divide_alpha_out(&job->image);
    if (take_layer(job, TIFFTAG_ICCPROFILE, &job->image.icc, &job->image.icc_size) != 0 ||
        take_layer(job, TIFFTAG_XMLPACKET, &job->image.xmp, &job->image.xmp_size) != 0)
        return -1;
    image_drop_grey_profile(&job->image);
    take_resolution(job);
    list_others(job);
    TIFFGetFieldDefaulted(job->tiff, TIFFTAG_ORIENTATION, &orientation);
    if (image_turn(&job->image, orientation) != 0)
        return fail(job, "out of memory");
    return job->source.messages->error[0] ? -1 : 0; /* of libtiff, which went on */
}

int tiff_is(const uint8_t *data, size_t size)
{
    static const char *const marks[] = {"II*\0", "MM\0*", "II+\0", "MM\0+"}; /* those with '+' are BigTIFF */
    for (size_t i = 0; size >= 8 && i < sizeof marks / sizeof *marks; i++)
        if (memcmp(data, marks[i], 4) == 0)
            return 1;
    return 0;
}

int tiff_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages)
{
    struct job job = {.source = {.data = data, .size = size, .messages = messages}, .alpha = -1};
    *messages = (struct image_messages){0};
    job.tiff = tiff_open(&job.source);
    int result = job.tiff ? read_opened(&job, max_pixels) : -1;
    if (job.tiff)
        TIFFClose(job.tiff);
    free(job.block);
    if (result == 0)
        *image = job.image;
    else
        image_free(&job.image);
    return result;
}
