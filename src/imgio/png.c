#include "imgio/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_SIZE = 8, MAX_CHUNK = 16 << 20, MAX_CACHED_CHUNKS = 64 };

/*
 * What one call works with. It lives in the function that cleans up, and the functions that
 * libpng may leave by longjmp reach everything through a pointer to it: no local of theirs is
 * needed afterwards.
 */
struct job {
    const uint8_t *data; /* of a file being read: what is left of it */
    size_t left;
    FILE *file; /* being written */
    png_structp png;
    png_infop info;
    uint64_t max_pixels;
    struct image image; /* being read */
    int bad_profile;    /* its profile has a wrong checksum */
    png_bytep *rows;
    struct image_messages *messages;
};

static void PNGCBAPI on_error(png_structp png, png_const_charp message)
{
    struct job *job = png_get_error_ptr(png);
    image_error(job->messages, "PNG: %s", message);
    png_longjmp(png, 1);
}

static void PNGCBAPI on_warning(png_structp png, png_const_charp message)
{
    struct job *job = png_get_error_ptr(png);
    image_warning(job->messages, "PNG: %s", message);
    /* libpng 1.6 leaves other chunks with a wrong checksum out, but keeps a profile. */
    if (strncmp(message, "iCCP", 4) == 0 && strstr(message, "CRC"))
        job->bad_profile = 1;
}

/* libpng takes and gives 16-bit samples with the high byte first, unless it is told otherwise. */
static void set_byte_order(struct job *job, int depth)
{
    static const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    if (depth == 16 && first == 1)
        png_set_swap(job->png);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void PNGCBAPI read_bytes(png_structp png, png_bytep data, size_t size)
{
    struct job *job = png_get_io_ptr(png);
    if (size > job->left)
        png_error(png, "the file is truncated");
    memcpy(data, job->data, size);
    job->data += size;
    job->left -= size;
}

/* A copy of libpng's data, which die with its structures. */
static uint8_t *duplicate(struct job *job, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    if (!copy)
        png_error(job->png, "out of memory");
    memcpy(copy, data, size);
    return copy;
}

/* Ask for whole bytes without a palette, whatever the file holds. */
static void set_transforms(struct job *job)
{
    png_set_expand(job->png);
    set_byte_order(job, png_get_bit_depth(job->png, job->info));
    (void)png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

static void take_profile(struct job *job)
{
    png_charp name;
    png_bytep profile;
    png_uint_32 size;
    int method;
    if (job->bad_profile || !png_get_iCCP(job->png, job->info, &name, &method, &profile, &size) || size == 0)
        return;
    job->image.icc = duplicate(job, profile, size);
    job->image.icc_size = size;
}

static void take_exif(struct job *job)
{
    png_bytep exif;
    png_uint_32 size;
    if (!png_get_eXIf_1(job->png, job->info, &size, &exif) || size == 0)
        return;
    job->image.exif = duplicate(job, exif, size);
    job->image.exif_size = size;
}

static void read_pixels(struct job *job)
{
    size_t row_size = png_get_rowbytes(job->png, job->info);
    uint32_t width = png_get_image_width(job->png, job->info);
    uint32_t height = png_get_image_height(job->png, job->info);
    int channels = png_get_channels(job->png, job->info), depth = png_get_bit_depth(job->png, job->info);
    if (image_alloc(&job->image, width, height, channels, depth) != 0)
        png_error(job->png, "out of memory");
    if (row_size != image_size(width, 1, channels, depth))
        png_error(job->png, "unexpected row size");
    job->rows = calloc(height, sizeof *job->rows);
    if (!job->rows)
        png_error(job->png, "out of memory");
    for (size_t y = 0; y < height; y++)
        job->rows[y] = (uint8_t *)job->image.pixels + y * row_size;
    png_read_image(job->png, job->rows);
}

static int read_guarded(struct job *job)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_read_fn(job->png, job, read_bytes);
    png_set_user_limits(job->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(job->png, MAX_CHUNK);
    png_set_chunk_cache_max(job->png, MAX_CACHED_CHUNKS);
    png_set_crc_action(job->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_read_info(job->png, job->info);
    if (image_check_size(png_get_image_width(job->png, job->info), png_get_image_height(job->png, job->info),
                         job->max_pixels, "PNG", job->messages) != 0)
        return -1;
    set_transforms(job);
    read_pixels(job);
    png_read_end(job->png, job->info);
    take_profile(job);
    take_exif(job);
    return 0;
}

int png_is(const uint8_t *data, size_t size)
{
    return size >= SIGNATURE_SIZE && png_sig_cmp(data, 0, SIGNATURE_SIZE) == 0;
}

int png_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages)
{
    struct job job = {.data = data, .left = size, .max_pixels = max_pixels, .messages = messages};
    *messages = (struct image_messages){0};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    int result = -1;
    if (job.info)
        result = read_guarded(&job);
    else
        image_error(messages, "PNG: out of memory");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    if (result == 0)
        *image = job.image;
    else
        image_free(&job.image);
    return result;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void PNGCBAPI write_bytes(png_structp png, png_bytep data, size_t size)
{
    struct job *job = png_get_io_ptr(png);
    if (fwrite(data, 1, size, job->file) != size)
        png_error(png, "cannot write the file");
}

static void PNGCBAPI flush_bytes(png_structp png)
{
    struct job *job = png_get_io_ptr(png);
    if (fflush(job->file) != 0)
        png_error(png, "cannot write the file");
}

static void write_header(struct job *job, const struct image_view *image)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    png_set_IHDR(job->png, job->info, image->width, image->height, image->depth, types[image->channels - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_benign_errors(job->png, 1); /* a profile that libpng rejects is no reason to fail */
    if (image->icc && image->icc_size <= PNG_UINT_31_MAX)
        png_set_iCCP(job->png, job->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, image->icc,
                     (png_uint_32)image->icc_size);
    /* libpng copies the block, although its argument is not const. */
    if (image->exif && image->exif_size <= PNG_UINT_31_MAX)
        png_set_eXIf_1(job->png, job->info, (png_uint_32)image->exif_size, job->image.exif);
    png_write_info(job->png, job->info);
}

static int write_guarded(struct job *job, const struct image_view *image)
{
    const uint8_t *row = image->pixels;
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_write_fn(job->png, job, write_bytes, flush_bytes);
    if (image->exif)
        job->image.exif = duplicate(job, image->exif, image->exif_size);
    write_header(job, image);
    set_byte_order(job, image->depth);
    for (uint32_t y = 0; y < image->height; y++)
        png_write_row(job->png, row + y * image_size(image->width, 1, image->channels, image->depth));
    png_write_end(job->png, NULL); /* given `info`, libpng 1.6.39 writes the Exif block once more */
    flush_bytes(job->png);
    return 0;
}

int png_write(FILE *file, const struct image_view *image, struct image_messages *messages)
{
    struct job job = {.file = file, .messages = messages};
    *messages = (struct image_messages){0};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    int result = -1;
    if (job.info)
        result = write_guarded(&job, image);
    else
        image_error(messages, "PNG: out of memory");
    png_destroy_write_struct(&job.png, &job.info);
    image_free(&job.image);
    return result;
}
