#include "imgio/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_SIZE = 8, MAX_SIDE = 65535, MAX_CHUNK = 16 << 20, MAX_CACHED_CHUNKS = 64 };

/*
 * What one call works with. It lives in the function that cleans up, and the functions that
 * libpng may leave by longjmp reach everything through a pointer to it: no local of theirs is
 * needed afterwards.
 */
struct job {
    FILE *file;
    png_structp png;
    png_infop info;
    uint64_t max_pixels;
    struct image image; /* being read */
    uint8_t *pixels;    /* interleaved samples, of all rows when reading, of one when writing */
    png_bytep *rows;
    char *error;
    size_t error_size;
};

static void set_error(struct job *job, const char *what, const char *detail)
{
    snprintf(job->error, job->error_size, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
}

static void PNGCBAPI on_error(png_structp png, png_const_charp message)
{
    struct job *job = png_get_error_ptr(png);
    set_error(job, "PNG", message);
    png_longjmp(png, 1);
}

static void PNGCBAPI on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void PNGCBAPI read_bytes(png_structp png, png_bytep data, size_t size)
{
    struct job *job = png_get_io_ptr(png);
    if (fread(data, 1, size, job->file) == size)
        return;
    png_error(png, ferror(job->file) ? "cannot read the file" : "the file is truncated");
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

/* Ask for 8-bit RGB or RGBA, whatever the file holds. */
static void set_transforms(struct job *job)
{
    int type = png_get_color_type(job->png, job->info);
    job->image.reduced_depth = png_get_bit_depth(job->png, job->info) == 16;
    png_set_expand(job->png);
    if (!(type & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(job->png);
    if (job->image.reduced_depth)
        png_set_scale_16(job->png);
    (void)png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

/* The profile of a grey picture does not fit the RGB that it becomes. */
static void take_profile(struct job *job, int is_grey)
{
    png_charp name;
    png_bytep profile;
    png_uint_32 size;
    int method;
    if (is_grey || !png_get_iCCP(job->png, job->info, &name, &method, &profile, &size) || size == 0)
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

static void read_pixels(struct job *job, size_t channels)
{
    size_t width = job->image.width, height = job->image.height;
    if (png_get_rowbytes(job->png, job->info) != width * channels)
        png_error(job->png, "unexpected row size");
    if (height > SIZE_MAX / (width * channels) || height > SIZE_MAX / sizeof *job->rows)
        png_error(job->png, "out of memory");
    job->pixels = malloc(width * channels * height);
    job->rows = malloc(height * sizeof *job->rows);
    if (!job->pixels || !job->rows)
        png_error(job->png, "out of memory");
    for (size_t y = 0; y < height; y++)
        job->rows[y] = job->pixels + y * width * channels;
    png_read_image(job->png, job->rows);
}

/* RGBA is taken apart in place: colours move down over themselves. */
static void split_pixels(struct job *job, int has_alpha)
{
    size_t count = (size_t)job->image.width * job->image.height;
    uint8_t *pixels = job->pixels;
    if (has_alpha) {
        job->image.alpha = malloc(count);
        if (!job->image.alpha)
            png_error(job->png, "out of memory");
        for (size_t i = 0; i < count; i++) {
            job->image.alpha[i] = pixels[4 * i + 3];
            memmove(pixels + 3 * i, pixels + 4 * i, 3);
        }
        uint8_t *smaller = realloc(pixels, 3 * count);
        pixels = smaller ? smaller : pixels;
    }
    job->image.rgb = pixels;
    job->pixels = NULL;
}

static void check_size(struct job *job)
{
    job->image.width = png_get_image_width(job->png, job->info);
    job->image.height = png_get_image_height(job->png, job->info);
    uint64_t pixels = (uint64_t)job->image.width * job->image.height;
    if (pixels <= job->max_pixels)
        return;
    snprintf(job->error, job->error_size, "PNG: %lu x %lu pixels are more than the limit of %llu",
             (unsigned long)job->image.width, (unsigned long)job->image.height,
             (unsigned long long)job->max_pixels);
    png_longjmp(job->png, 1);
}

static int read_guarded(struct job *job)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_read_fn(job->png, job, read_bytes);
    png_set_sig_bytes(job->png, SIGNATURE_SIZE);
    png_set_user_limits(job->png, MAX_SIDE, MAX_SIDE);
    png_set_chunk_malloc_max(job->png, MAX_CHUNK);
    png_set_chunk_cache_max(job->png, MAX_CACHED_CHUNKS);
    png_set_crc_action(job->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(job->png, job->info);
    check_size(job);
    int is_grey = !(png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_COLOR);
    take_profile(job, is_grey);
    set_transforms(job);
    int has_alpha = (png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_ALPHA) != 0;
    read_pixels(job, has_alpha ? 4 : 3);
    png_read_end(job->png, job->info);
    take_exif(job);
    split_pixels(job, has_alpha);
    return 0;
}

int png_read(FILE *file, uint64_t max_pixels, struct image *image, char *error, size_t error_size)
{
    struct job job = {.file = file, .max_pixels = max_pixels, .error = error, .error_size = error_size};
    uint8_t signature[SIGNATURE_SIZE];
    if (fread(signature, 1, sizeof signature, file) != sizeof signature ||
        png_sig_cmp(signature, 0, sizeof signature) != 0) {
        set_error(&job, ferror(file) ? "cannot read the file" : "not a PNG file", NULL);
        return -1;
    }
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    int result = -1;
    if (job.info)
        result = read_guarded(&job);
    else
        set_error(&job, "PNG", "out of memory");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    free(job.pixels);
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

static void write_header(struct job *job, const struct image *image)
{
    int type = image->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB;
    png_set_IHDR(job->png, job->info, image->width, image->height, 8, type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_benign_errors(job->png, 1); /* a profile that libpng rejects is no reason to fail */
    if (image->icc && image->icc_size <= PNG_UINT_31_MAX)
        png_set_iCCP(job->png, job->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, image->icc,
                     (png_uint_32)image->icc_size);
    if (image->exif && image->exif_size <= PNG_UINT_31_MAX)
        png_set_eXIf_1(job->png, job->info, (png_uint_32)image->exif_size, image->exif);
    png_write_info(job->png, job->info);
}

static void write_rows(struct job *job, const struct image *image)
{
    size_t width = image->width;
    if (!image->alpha) {
        for (size_t y = 0; y < image->height; y++)
            png_write_row(job->png, image->rgb + 3 * width * y);
        return;
    }
    job->pixels = malloc(4 * width);
    if (!job->pixels)
        png_error(job->png, "out of memory");
    for (size_t y = 0; y < image->height; y++) {
        const uint8_t *rgb = image->rgb + 3 * width * y, *alpha = image->alpha + width * y;
        for (size_t x = 0; x < width; x++) {
            memcpy(job->pixels + 4 * x, rgb + 3 * x, 3);
            job->pixels[4 * x + 3] = alpha[x];
        }
        png_write_row(job->png, job->pixels);
    }
}

static int write_guarded(struct job *job, const struct image *image)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    png_set_write_fn(job->png, job, write_bytes, flush_bytes);
    write_header(job, image);
    write_rows(job, image);
    png_write_end(job->png, NULL); /* given `info`, libpng 1.6.39 writes the Exif block once more */
    flush_bytes(job->png);
    return 0;
}

int png_write(FILE *file, const struct image *image, char *error, size_t error_size)
{
    struct job job = {.file = file, .error = error, .error_size = error_size};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    int result = -1;
    if (job.info)
        result = write_guarded(&job, image);
    else
        set_error(&job, "PNG", "out of memory");
    png_destroy_write_struct(&job.png, &job.info);
    free(job.pixels);
    return result;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    free(image->rgb);
    free(image->alpha);
    free(image->icc);
    free(image->exif);
    *image = (struct image){0};
}
