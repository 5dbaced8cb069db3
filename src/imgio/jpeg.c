#include "imgio/jpeg.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "format/exif.h"
#include "imgio/raw_profile.h"
#include "imgio/upright.h"

enum { MOST_MARKER = 0xFFFF, MOST_SCANS = 200 };

/* What one call works with; it lives in the function that cleans up, as in png.c. */
struct job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    uint64_t max_pixels;
    struct image image;
    struct image_messages *messages;
};

static void on_error(j_common_ptr jpeg)
{
    struct job *job = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    image_error(job->messages, "JPEG: %s", text);
    longjmp(job->escape, 1);
}

static _Noreturn void fail(struct job *job, const char *text)
{
    image_error(job->messages, "JPEG: %s", text);
    longjmp(job->escape, 1);
}

/* libjpeg fills what is missing with grey and warns: for us that is a failure. */
static int is_damage(int code)
{
    return code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE ||
           code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
}

static void on_message(j_common_ptr jpeg, int level)
{
    struct job *job = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    if (level >= 0)
        return;
    if (is_damage(jpeg->err->msg_code))
        on_error(jpeg);
    jpeg->err->format_message(jpeg, text);
    image_warning(job->messages, "JPEG: %s", text);
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* A small file can have thousands of scans over a large picture. */
static void count_scans(j_common_ptr jpeg)
{
    struct job *job = jpeg->client_data;
    if (job->jpeg.input_scan_number > MOST_SCANS)
        fail(job, "more scans than any encoder makes");
}

static void take_profile(struct job *job)
{
    JOCTET *profile = NULL;
    unsigned size = 0;
    if (!jpeg_read_icc_profile(&job->jpeg, &profile, &size))
        return;
    job->image.icc = profile;
    job->image.icc_size = size;
    image_drop_grey_profile(&job->image);
}

/* Whether a marker is that of an application with such an identifier, which ends with a zero byte */
static bool is_of(jpeg_saved_marker_ptr m, int application, const char *identifier)
{
    const size_t length = strlen(identifier) + 1;
    return m->marker == JPEG_APP0 + application && m->data_length >= length &&
           memcmp(m->data, identifier, length) == 0;
}

/* What stands in no image, by name */
static void leave_out(struct job *job, jpeg_saved_marker_ptr m)
{
    if (m->marker == JPEG_COM)
        image_leave_out(&job->image, "comment");
    else if (is_of(m, 0, "JFXX"))
        image_leave_out(&job->image, "thumbnail");
    else if (is_of(m, 1, "http://ns.adobe.com/xmp/extension/"))
        image_leave_out(&job->image, "extended XMP");
    else if (is_of(m, 2, "MPF"))
        image_leave_out(&job->image, "further pictures (MPF)");
    else if (is_of(m, 13, "Photoshop 3.0"))
        image_leave_out(&job->image, "Photoshop's data (IPTC)");
    else if (!is_of(m, 0, "JFIF") && !is_of(m, 2, "ICC_PROFILE") && m->marker != JPEG_APP0 + 14)
        image_leave_out(&job->image, "data of an application (APP%d)", m->marker - JPEG_APP0);
}

static void copy_layer(struct job *job, uint8_t **layer, size_t *layer_size, const uint8_t *data, size_t size)
{
    *layer = malloc(size);
    if (!*layer)
        fail(job, "out of memory");
    memcpy(*layer, data, size);
    *layer_size = size;
}

/* The first Exif block and XMP packet; what else there is is listed. */
static void take_markers(struct job *job)
{
    struct image *image = &job->image;
    for (jpeg_saved_marker_ptr m = job->jpeg.marker_list; m; m = m->next) {
        size_t head = 0;
        enum raw_profile_kind kind =
            m->marker == JPEG_APP0 + 1 ? raw_profile_kind(m->data, m->data_length, &head) : RAW_PROFILE_OTHER;
        if (kind == RAW_PROFILE_EXIF && !image->exif)
            copy_layer(job, &image->exif, &image->exif_size, m->data + head, m->data_length - head);
        else if (kind == RAW_PROFILE_XMP && !image->xmp)
            copy_layer(job, &image->xmp, &image->xmp_size, m->data + head, m->data_length - head);
        else
            leave_out(job, m);
    }
}

/* JFIF's pixels an inch or a centimetre; else Exif's; else the shape of JFIF's pixels */
static void take_resolution(struct job *job)
{
    const struct jpeg_decompress_struct *jpeg = &job->jpeg;
    struct image_notes *notes = &job->image.notes;
    const uint32_t across = jpeg->X_density, down = jpeg->Y_density;
    const bool given = jpeg->saw_JFIF_marker && across > 0 && down > 0;
    uint32_t a, d;
    if (!(given && jpeg->density_unit > 0) &&
        ddz_exif_resolution(job->image.exif, job->image.exif_size, &a, &d)) {
        image_set_resolution(notes, a, d, 1);
        return;
    }
    if (!given)
        return;
    if (jpeg->density_unit == 1) /* an inch is 0.0254 m */
        image_set_resolution(notes, (across * 10000 + 127) / 254, (down * 10000 + 127) / 254, 1);
    else if (jpeg->density_unit == 2)
        image_set_resolution(notes, across * 100, down * 100, 1);
    else if (across != down)
        image_set_resolution(notes, across, down, 0);
}

static void choose_colours(struct job *job)
{
    switch (job->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        job->jpeg.out_color_space = JCS_GRAYSCALE;
        return;
    case JCS_RGB:
    case JCS_YCbCr:
        job->jpeg.out_color_space = JCS_RGB;
        return;
    case JCS_CMYK:
    case JCS_YCCK:
        fail(job, "CMYK pictures are not read; convert it to RGB first");
    default:
        fail(job, "colours of an unknown kind");
    }
}

static void read_header(struct job *job, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = job;
    job->progress.progress_monitor = count_scans;
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, data, size);
    for (int i = 0; i < 16; i++)
        jpeg_save_markers(jpeg, JPEG_APP0 + i, MOST_MARKER);
    jpeg_save_markers(jpeg, JPEG_COM, MOST_MARKER);
    (void)jpeg_read_header(jpeg, TRUE);
    if (image_check_size(jpeg->image_width, jpeg->image_height, job->max_pixels, "JPEG", job->messages) != 0)
        longjmp(job->escape, 1);
    choose_colours(job);
}

static int read_guarded(struct job *job, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    if (setjmp(job->escape))
        return -1;
    read_header(job, data, size);
    (void)jpeg_start_decompress(jpeg);
    if (image_alloc(&job->image, jpeg->output_width, jpeg->output_height, jpeg->output_components, 8) != 0)
        fail(job, "out of memory");
    while (jpeg->output_scanline < jpeg->output_height) {
        size_t row = image_size(job->image.width, 1, job->image.channels, 8);
        JSAMPROW to = (JSAMPROW)job->image.pixels + jpeg->output_scanline * row;
        (void)jpeg_read_scanlines(jpeg, &to, 1);
    }
    take_profile(job);
    take_markers(job);
    take_resolution(job);
    (void)jpeg_finish_decompress(jpeg);
    if (jpeg->src->bytes_in_buffer > 0)
        image_leave_out(&job->image, "%zu bytes behind its end", (size_t)jpeg->src->bytes_in_buffer);
    if (image_turn_upright(&job->image) != 0)
        fail(job, "out of memory");
    return 0;
}

int jpeg_is(const uint8_t *data, size_t size)
{
    return size >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0;
}

int jpeg_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages)
{
    struct job job = {.max_pixels = max_pixels, .messages = messages};
    *messages = (struct image_messages){0};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.errors.output_message = print_nothing;
    int result = read_guarded(&job, data, size);
    jpeg_destroy_decompress(&job.jpeg);
    if (result == 0)
        *image = job.image;
    else
        image_free(&job.image);
    return result;
}
