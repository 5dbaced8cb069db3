#include "imgio/png.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "imgio/raw_profile.h"

static const uint8_t cicp_name[5] = "cICP";

static const char truncated[] = "the file is truncated";
static const char xmp_keyword[] = "XML:com.adobe.xmp";

enum { SIGNATURE_SIZE = 8, CHUNK_SIZE = 12, MAX_CHUNK = 16 << 20, MAX_CACHED_CHUNKS = 64 };

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
        png_error(png, truncated);
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

/* cICP, which this libpng may not know, and pHYs */
static void take_notes(struct job *job)
{
    struct image_notes *notes = &job->image.notes;
    png_unknown_chunkp chunks = NULL;
    png_uint_32 across, down;
    int unit, count = png_get_unknown_chunks(job->png, job->info, &chunks);
    for (int i = 0; i < count; i++)
        if (memcmp(chunks[i].name, cicp_name, 4) == 0 && chunks[i].size == sizeof notes->cicp) {
            memcpy(notes->cicp, chunks[i].data, sizeof notes->cicp);
            notes->has_cicp = 1;
        } else {
            image_warning(job->messages, "PNG: %.4s: invalid", (const char *)chunks[i].name);
        }
    if (png_get_pHYs(job->png, job->info, &across, &down, &unit))
        image_set_resolution(notes, across, down, (uint8_t)unit);
}

/* What gAMA, cHRM and sRGB say; a profile says more than they do. */
static void take_colours(struct job *job)
{
    struct image_notes *notes = &job->image.notes;
    png_fixed_point v[9] = {0};
    int intent;
    if (job->image.icc)
        return;
    if (png_get_sRGB(job->png, job->info, &intent)) {
        if (!notes->has_cicp)
            image_set_srgb(notes);
        if (intent != PNG_sRGB_INTENT_PERCEPTUAL)
            image_leave_out(&job->image, "rendering intent");
        return;
    }
    if (png_get_gAMA_fixed(job->png, job->info, &v[0]))
        notes->gamma_size = 4;
    if (png_get_cHRM_fixed(job->png, job->info, &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8]))
        notes->gamma_size = sizeof notes->gamma;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        png_save_uint_32(notes->gamma + 4 * i, (png_uint_32)v[i]);
}

/* Takes over `data`, without its head, unless the image has a layer of that kind. */
static void take_layer(uint8_t **layer, size_t *layer_size, uint8_t *data, size_t size, size_t head)
{
    if (*layer) {
        free(data);
        return;
    }
    memmove(data, data + head, size - head);
    *layer = data;
    *layer_size = size - head;
}

/* Exif and XMP as texts; `type` is the end of the keyword. */
static bool take_raw_profile(struct job *job, const char *type, const char *text, size_t text_size)
{
    struct image *image = &job->image;
    size_t size = 0, head = 0;
    uint8_t *data = raw_profile_decode(text, text_size, &size);
    if (!data)
        return false;
    enum raw_profile_kind kind = raw_profile_kind(data, size, &head);
    if (kind == RAW_PROFILE_EXIF || (kind == RAW_PROFILE_OTHER && strcmp(type, "exif") == 0))
        take_layer(&image->exif, &image->exif_size, data, size, head);
    else if (kind == RAW_PROFILE_XMP || strcmp(type, "xmp") == 0)
        take_layer(&image->xmp, &image->xmp_size, data, size, head);
    else
        free(data);
    return image->exif == data || image->xmp == data;
}

static void take_text(struct job *job, const png_text *text)
{
    static const char raw[] = "Raw profile type ";
    const size_t size = text->compression > 0 ? text->itxt_length : text->text_length;
    if (strcmp(text->key, xmp_keyword) == 0 && size > 0 && !job->image.xmp) {
        job->image.xmp = duplicate(job, (const uint8_t *)text->text, size);
        job->image.xmp_size = size;
    } else if (strncmp(text->key, raw, strlen(raw)) != 0 ||
               !take_raw_profile(job, text->key + strlen(raw), text->text, size)) {
        image_leave_out(&job->image, "text %s", text->key);
    }
}

static void take_texts(struct job *job)
{
    png_textp texts = NULL;
    int count = 0;
    (void)png_get_text(job->png, job->info, &texts, &count);
    for (int i = 0; i < count; i++)
        take_text(job, &texts[i]);
}

/* What libpng has not been asked for, of a file that it has read */
static void list_others(struct image *image, const uint8_t *data, size_t size)
{
    static const char taken[] =
        "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP pHYs eXIf tEXt zTXt iTXt acTL fcTL fdAT";
    unsigned frames = 0;
    bool in_pixels = false, ended = false;
    size_t at = SIGNATURE_SIZE;
    while (!ended && size - at >= CHUNK_SIZE) {
        const uint32_t length = png_get_uint_32(data + at);
        char name[5] = {0};
        if (length > size - at - CHUNK_SIZE)
            return;
        memcpy(name, data + at + 4, 4);
        at += CHUNK_SIZE + (size_t)length;
        in_pixels |= strcmp(name, "IDAT") == 0;
        ended = strcmp(name, "IEND") == 0;
        frames += in_pixels && strcmp(name, "fcTL") == 0;
        if (!strstr(taken, name))
            image_leave_out(image, "chunk %s", name);
    }
    if (frames)
        image_leave_out(image, "%u frame%s of an animation", frames, frames > 1 ? "s" : "");
    if (at < size)
        image_leave_out(image, "%zu bytes behind its end", size - at);
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

/* libpng takes memory for as much as a chunk says that it has: that is known to be there first. */
static void check_lengths(struct job *job)
{
    const uint8_t *data = job->data;
    const size_t size = job->left;
    size_t at = SIGNATURE_SIZE;
    if (!png_is(data, size))
        return; /* which libpng says */
    while (size - at >= CHUNK_SIZE) {
        const uint32_t length = png_get_uint_32(data + at);
        if (memcmp(data + at + 4, "IEND", 4) == 0)
            return;
        if (length > size - at - CHUNK_SIZE)
            break;
        at += CHUNK_SIZE + (size_t)length;
    }
    png_error(job->png, truncated);
}

static int read_guarded(struct job *job)
{
    if (setjmp(png_jmpbuf(job->png)))
        return -1;
    check_lengths(job);
    png_set_read_fn(job->png, job, read_bytes);
    png_set_user_limits(job->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(job->png, MAX_CHUNK);
    png_set_chunk_cache_max(job->png, MAX_CACHED_CHUNKS);
    png_set_crc_action(job->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_ALWAYS, cicp_name, 1);
    png_read_info(job->png, job->info);
    if (image_check_size(png_get_image_width(job->png, job->info), png_get_image_height(job->png, job->info),
                         job->max_pixels, "PNG", job->messages) != 0)
        return -1;
    set_transforms(job);
    read_pixels(job);
    png_read_end(job->png, job->info);
    take_profile(job);
    take_exif(job);
    take_notes(job);
    take_colours(job);
    take_texts(job);
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
    if (result == 0) {
        list_others(&job.image, data, size);
        *image = job.image;
    } else {
        image_free(&job.image);
    }
    return result;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void PNGCBAPI write_bytes(png_structp png, png_bytep data, size_t size)
{
    struct job *job = png_get_io_ptr(png);
    if (fwrite(data, 1, size, job->file) != size)
        png_error(png, strerror(errno));
}

static void PNGCBAPI flush_bytes(png_structp png)
{
    struct job *job = png_get_io_ptr(png);
    if (fflush(job->file) != 0)
        png_error(png, strerror(errno));
}

static void write_colours(struct job *job, const struct image_view *image)
{
    const struct image_notes *notes = &image->notes;
    png_fixed_point v[9] = {0};
    for (int i = 0; 4 * i < notes->gamma_size; i++) {
        const uint32_t number = png_get_uint_32(notes->gamma + 4 * i);
        v[i] = number <= PNG_UINT_31_MAX ? (png_fixed_point)number : -1; /* which libpng rejects */
    }
    if (v[0] && !image->icc)
        png_set_gAMA_fixed(job->png, job->info, v[0]);
    if (notes->gamma_size == sizeof notes->gamma && !image->icc)
        png_set_cHRM_fixed(job->png, job->info, v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]);
    if (!notes->has_cicp)
        return;
    if (!image->icc && image_is_srgb(notes)) {
        png_set_sRGB(job->png, job->info, PNG_sRGB_INTENT_PERCEPTUAL);
        return;
    }
    png_unknown_chunk chunk = {.size = sizeof notes->cicp, .location = PNG_HAVE_IHDR};
    uint8_t content[sizeof notes->cicp];
    memcpy(chunk.name, cicp_name, sizeof cicp_name);
    memcpy(content, notes->cicp, sizeof content);
    chunk.data = content;
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_ALWAYS, cicp_name, 1);
    png_set_unknown_chunks(job->png, job->info, &chunk, 1);
}

static void write_xmp(struct job *job, const struct image_view *image)
{
    char key[sizeof xmp_keyword], none[1] = "";
    if (!image->xmp || image->xmp_size == 0)
        return;
    if (memchr(image->xmp, 0, image->xmp_size)) {
        image_warning(job->messages, "PNG cannot hold XMP with bytes of zero: left out");
        return;
    }
    job->image.xmp = malloc(image->xmp_size + 1);
    if (!job->image.xmp)
        png_error(job->png, "out of memory");
    memcpy(job->image.xmp, image->xmp, image->xmp_size);
    job->image.xmp[image->xmp_size] = 0;
    memcpy(key, xmp_keyword, sizeof key);
    const png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE,
                           .key = key,
                           .text = (char *)job->image.xmp,
                           .lang = none,
                           .lang_key = none};
    png_set_text(job->png, job->info, &text, 1);
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
    write_colours(job, image);
    write_xmp(job, image);
    const uint8_t *resolution = image->notes.resolution;
    if (image->notes.has_resolution)
        png_set_pHYs(job->png, job->info, png_get_uint_32(resolution), png_get_uint_32(resolution + 4),
                     resolution[8]);
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
    /* one thread's work, while all others wait: half the time of level 6, for 1 to 3 % more bytes of a photograph */
    png_set_compression_level(job->png, 4);
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
