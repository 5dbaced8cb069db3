#include "imgio/webp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "format/exif.h"
#include "imgio/upright.h"

enum { RIFF_HEAD = 12, CHUNK_HEAD = 8, NAME = 4 };

static int fail(struct image_messages *messages, const char *text)
{
    image_error(messages, "WebP: %s", text);
    return -1;
}

static uint32_t number_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- What comes with the picture ------------------------------------------------------------ */

/* The first chunk of a kind, *layer being NULL if there is none. Of Exif, what JPEG has before a block is no part of it. */
static int take_chunk(const WebPDemuxer *demuxer, const char *name, uint8_t **layer, size_t *layer_size)
{
    static const char exif_name[6] = "Exif\0";
    WebPChunkIterator chunk;
    int result = 0;
    if (!WebPDemuxGetChunk(demuxer, name, 1, &chunk))
        return 0;
    const bool named =
        chunk.chunk.size >= sizeof exif_name && memcmp(chunk.chunk.bytes, exif_name, sizeof exif_name) == 0;
    const size_t head = named ? sizeof exif_name : 0;
    if (chunk.chunk.size > head) {
        *layer_size = chunk.chunk.size - head;
        *layer = malloc(*layer_size);
        if (*layer)
            memcpy(*layer, chunk.chunk.bytes + head, *layer_size);
        else
            result = -1;
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return result;
}

static int take_layers(const WebPDemuxer *demuxer, struct image *image)
{
    uint32_t across, down;
    if (take_chunk(demuxer, "ICCP", &image->icc, &image->icc_size) != 0 ||
        take_chunk(demuxer, "EXIF", &image->exif, &image->exif_size) != 0 ||
        take_chunk(demuxer, "XMP ", &image->xmp, &image->xmp_size) != 0)
        return -1;
    image_drop_grey_profile(image);
    if (ddz_exif_resolution(image->exif, image->exif_size, &across, &down))
        image_set_resolution(&image->notes, across, down, 1);
    return 0;
}

/* The chunks that stand in no image, by name. The demuxer has found that they lie within the file. */
static void list_others(const uint8_t *data, size_t size, struct image *image)
{
    static const char known[] = "VP8X VP8  VP8L ALPH ANIM ANMF ICCP EXIF XMP  ";
    const size_t announced = CHUNK_HEAD + (size_t)number_at(data + NAME),
                 end = announced < size ? announced : size;
    for (size_t at = RIFF_HEAD; at < end && end - at >= CHUNK_HEAD;) {
        char name[NAME + 1] = "";
        const size_t length = number_at(data + at + NAME), padded = length + (length & 1);
        memcpy(name, data + at, NAME);
        if (!strstr(known, name) || strlen(name) < NAME)
            image_leave_out(image, "chunk %s", name);
        if (padded > end - at - CHUNK_HEAD)
            break;
        at += CHUNK_HEAD + padded;
    }
    if (size > announced)
        image_leave_out(image, "%zu bytes behind its end", size - announced);
}

/* ---- The picture ---------------------------------------------------------------------------- */

/* The frame in its place; what it leaves of an animation's canvas is transparent. */
static int read_frame(const WebPIterator *frame, struct image *image)
{
    const size_t pixel = (size_t)image->channels, row = pixel * image->width, size = row * image->height;
    const size_t from = row * (size_t)frame->y_offset + pixel * (size_t)frame->x_offset;
    uint8_t *to = (uint8_t *)image->pixels + from;
    memset(image->pixels, 0, size);
    const uint8_t *read =
        image->channels == 4
            ? WebPDecodeRGBAInto(frame->fragment.bytes, frame->fragment.size, to, size - from, (int)row)
            : WebPDecodeRGBInto(frame->fragment.bytes, frame->fragment.size, to, size - from, (int)row);
    return read ? 0 : -1;
}

static int read_picture(const WebPDemuxer *demuxer, const WebPIterator *frame, uint64_t max_pixels,
                        struct image *image, struct image_messages *messages)
{
    const uint32_t width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    const uint32_t height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    const uint64_t right = (uint64_t)frame->x_offset + (uint64_t)frame->width;
    const uint64_t bottom = (uint64_t)frame->y_offset + (uint64_t)frame->height;
    if (image_check_size(width, height, max_pixels, "WebP", messages) != 0)
        return -1;
    if (frame->x_offset < 0 || frame->y_offset < 0 || right > width || bottom > height)
        return fail(messages, "a frame lies outside of the picture");
    const bool part = (uint32_t)frame->width < width || (uint32_t)frame->height < height;
    if (image_alloc(image, width, height, frame->has_alpha || part ? 4 : 3, 8) != 0)
        return fail(messages, "out of memory");
    if (read_frame(frame, image) != 0)
        return fail(messages, "the picture is cut or damaged");
    return 0;
}

static int read_demuxed(const WebPDemuxer *demuxer, const uint8_t *data, size_t size, uint64_t max_pixels,
                        struct image *image, struct image_messages *messages)
{
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame))
        return fail(messages, "the file has no picture");
    int result = read_picture(demuxer, &frame, max_pixels, image, messages);
    if (result == 0 && frame.num_frames > 1)
        image_leave_out(image, "%d frames of an animation", frame.num_frames - 1);
    WebPDemuxReleaseIterator(&frame);
    if (result != 0)
        return result;
    list_others(data, size, image);
    if (take_layers(demuxer, image) != 0 || image_turn_upright(image) != 0)
        return fail(messages, "out of memory");
    return 0;
}

int webp_is(const uint8_t *data, size_t size)
{
    return size >= RIFF_HEAD && memcmp(data, "RIFF", NAME) == 0 && memcmp(data + 8, "WEBP", NAME) == 0;
}

int webp_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
              struct image_messages *messages)
{
    const WebPData file = {data, size};
    struct image read = {0};
    *messages = (struct image_messages){0};
    if (!webp_is(data, size))
        return fail(messages, "not a WebP file");
    WebPDemuxer *demuxer = WebPDemux(&file);
    int result = demuxer ? read_demuxed(demuxer, data, size, max_pixels, &read, messages)
                         : fail(messages, "the file is cut or damaged");
    WebPDemuxDelete(demuxer);
    if (result == 0)
        *image = read;
    else
        image_free(&read);
    return result;
}
