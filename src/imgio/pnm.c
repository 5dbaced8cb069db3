#include "imgio/pnm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 65535 /* greatest value of a sample */ };

/* A file as it is taken apart */
struct reader {
    const uint8_t *data;
    size_t size, at;
    const char *format; /* for messages */
    uint32_t width, height, most;
    int channels;
    char kind; /* '1' to '7' */
    struct image_messages *messages;
};

/* ---- Reading: headers ----------------------------------------------------------------------- */

static bool is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int fail(const struct reader *r, const char *text)
{
    image_error(r->messages, "%s: %s", r->format, text);
    return -1;
}

/* Over blanks, and comments from '#' to the end of the line */
static void skip_blanks(struct reader *r)
{
    while (r->at < r->size && (is_blank(r->data[r->at]) || r->data[r->at] == '#')) {
        if (r->data[r->at] == '#')
            while (r->at < r->size && r->data[r->at] != '\n')
                r->at++;
        else
            r->at++;
    }
}

/* The next whole number, up to `high`; -1 if there is none. */
static int read_number(struct reader *r, uint32_t high, uint32_t *value)
{
    uint64_t number = 0;
    skip_blanks(r);
    size_t from = r->at;
    for (; r->at < r->size && r->data[r->at] >= '0' && r->data[r->at] <= '9' && number <= high; r->at++)
        number = 10 * number + (uint64_t)(r->data[r->at] - '0');
    *value = (uint32_t)number;
    return r->at > from && number <= high ? 0 : -1;
}

static int read_pnm_header(struct reader *r)
{
    r->kind = (char)r->data[1];
    r->at = 2;
    r->channels = r->kind == '3' || r->kind == '6' ? 3 : 1;
    r->most = 1;
    bool is_bitmap = r->kind == '1' || r->kind == '4';
    if (read_number(r, UINT32_MAX - 1, &r->width) != 0 || read_number(r, UINT32_MAX - 1, &r->height) != 0 ||
        (!is_bitmap && (read_number(r, MOST, &r->most) != 0 || r->most < 1)))
        return fail(r, "the header is not valid");
    if (r->kind >= '4') { /* a single blank stands before the bytes */
        if (r->at >= r->size || !is_blank(r->data[r->at]))
            return fail(r, "the header is not valid");
        r->at++;
    }
    return 0;
}

/* The next word of a line, at most 31 letters of it; "" at the end of the line. */
static void read_word(struct reader *r, char word[32])
{
    size_t length = 0;
    while (r->at < r->size && r->data[r->at] != '\n' && is_blank(r->data[r->at]))
        r->at++;
    for (; r->at < r->size && !is_blank(r->data[r->at]); r->at++)
        if (length < 31)
            word[length++] = (char)r->data[r->at];
    word[length] = 0;
}

static int check_tuples(struct reader *r, const char *type)
{
    static const struct {
        const char *name;
        int channels;
    } types[] = {{"BLACKANDWHITE", 1}, {"BLACKANDWHITE_ALPHA", 2},
                 {"GRAYSCALE", 1},     {"GRAYSCALE_ALPHA", 2},
                 {"RGB", 3},           {"RGB_ALPHA", 4}};
    if (!*type && r->channels >= 1 && r->channels <= 4)
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].name) == 0 && r->channels == types[i].channels)
            return 0;
    image_error(r->messages, "%s: pictures of type '%s' with %d channels are not read", r->format, type,
                r->channels);
    return -1;
}

/* Lines of a name and a value, up to ENDHDR */
static int read_pam_header(struct reader *r)
{
    char name[32], type[32] = "";
    uint32_t channels = 0;
    r->kind = '7';
    r->at = 2;
    for (;;) {
        skip_blanks(r);
        read_word(r, name);
        int failed = 0;
        if (strcmp(name, "ENDHDR") == 0)
            break;
        if (strcmp(name, "WIDTH") == 0)
            failed = read_number(r, UINT32_MAX - 1, &r->width);
        else if (strcmp(name, "HEIGHT") == 0)
            failed = read_number(r, UINT32_MAX - 1, &r->height);
        else if (strcmp(name, "DEPTH") == 0)
            failed = read_number(r, MOST, &channels);
        else if (strcmp(name, "MAXVAL") == 0)
            failed = read_number(r, MOST, &r->most);
        else if (strcmp(name, "TUPLTYPE") == 0)
            read_word(r, type);
        else
            failed = -1;
        if (failed)
            return fail(r, "the header is not valid");
    }
    r->channels = (int)channels;
    if (r->at >= r->size || r->data[r->at++] != '\n' || r->most < 1)
        return fail(r, "the header is not valid");
    return check_tuples(r, type);
}

/* ---- Reading: samples ----------------------------------------------------------------------- */

static void put_sample(const struct reader *r, struct image *image, size_t i, uint32_t value)
{
    uint32_t most = image->depth == 8 ? UINT8_MAX : MOST;
    uint32_t scaled = r->most == most ? value : (value * most + r->most / 2) / r->most;
    if (image->depth == 8)
        ((uint8_t *)image->pixels)[i] = (uint8_t)scaled;
    else
        ((uint16_t *)image->pixels)[i] = (uint16_t)scaled;
}

/* Bits, the highest first, rows in whole bytes; 1 is black */
static int read_bits(struct reader *r, struct image *image)
{
    size_t row = ((size_t)r->width + 7) / 8;
    if ((r->size - r->at) / row < r->height)
        return fail(r, "the file is truncated");
    for (uint32_t y = 0; y < r->height; y++, r->at += row)
        for (uint32_t x = 0; x < r->width; x++)
            put_sample(r, image, (size_t)y * r->width + x, !(r->data[r->at + x / 8] >> (7 - x % 8) & 1));
    return 0;
}

static int read_binary(struct reader *r, struct image *image, size_t count)
{
    const size_t bytes = r->most > UINT8_MAX ? 2 : 1;
    if ((r->size - r->at) / bytes < count)
        return fail(r, "the file is truncated");
    for (size_t i = 0; i < count; i++, r->at += bytes) {
        const uint8_t *p = r->data + r->at;
        uint32_t value = bytes == 2 ? (uint32_t)p[0] << 8 | p[1] : p[0];
        if (value > r->most)
            return fail(r, "a sample is beyond the greatest value");
        put_sample(r, image, i, value);
    }
    return 0;
}

static int read_text(struct reader *r, struct image *image, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value;
        skip_blanks(r);
        if (r->at >= r->size)
            return fail(r, "the file is truncated");
        if (r->kind == '1') { /* digits need no blanks between them; 1 is black */
            value = (uint32_t)(r->data[r->at++] - '0');
            if (value > 1)
                return fail(r, "a sample is neither 0 nor 1");
            value = !value;
        } else if (read_number(r, r->most, &value) != 0) {
            return fail(r, "a sample is not a number up to the greatest value");
        }
        put_sample(r, image, i, value);
    }
    return 0;
}

static int read_samples(struct reader *r, struct image *image)
{
    size_t count = (size_t)r->width * r->height * (size_t)r->channels;
    if (r->kind == '4')
        return read_bits(r, image);
    return r->kind >= '5' ? read_binary(r, image, count) : read_text(r, image, count);
}

static int read_file(struct reader *r, uint64_t max_pixels, struct image *image)
{
    struct image read = {0};
    *r->messages = (struct image_messages){0};
    if ((r->data[1] == '7' ? read_pam_header(r) : read_pnm_header(r)) != 0 ||
        image_check_size(r->width, r->height, max_pixels, r->format, r->messages) != 0)
        return -1;
    if (image_alloc(&read, r->width, r->height, r->channels, r->most > UINT8_MAX ? 16 : 8) != 0)
        return fail(r, "out of memory");
    if (read_samples(r, &read) != 0) {
        image_free(&read);
        return -1;
    }
    skip_blanks(r);
    if (r->at < r->size)
        image_warning(r->messages, "%s: what stands behind the first picture is ignored", r->format);
    *image = read;
    return 0;
}

int pnm_is(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6' &&
           (is_blank(data[2]) || data[2] == '#');
}

int pam_is(const uint8_t *data, size_t size)
{
    return size >= 3 && memcmp(data, "P7\n", 3) == 0;
}

int pnm_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages)
{
    return read_file(&(struct reader){.data = data, .size = size, .format = "PNM", .messages = messages},
                     max_pixels, image);
}

int pam_read(const uint8_t *data, size_t size, uint64_t max_pixels, struct image *image,
             struct image_messages *messages)
{
    return read_file(&(struct reader){.data = data, .size = size, .format = "PAM", .messages = messages},
                     max_pixels, image);
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* The first `channels` samples of each pixel, those of 16 bits with the high byte first */
static int write_samples(FILE *file, const struct image_view *image, int channels)
{
    size_t pixels = (size_t)image->width * image->height;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++) {
            size_t at = i * (size_t)image->channels + (size_t)c;
            if (image->depth == 16) {
                uint16_t sample = ((const uint16_t *)image->pixels)[at];
                putc(sample >> 8, file);
                putc(sample & 255, file);
            } else {
                putc(((const uint8_t *)image->pixels)[at], file);
            }
        }
    return ferror(file) ? -1 : 0;
}

static int finish(FILE *file, int written, const char *format, const struct image_view *image, bool no_alpha,
                  struct image_messages *messages)
{
    if (written < 0 || fflush(file) != 0) {
        image_error(messages, "%s: %s", format, strerror(errno));
        return -1;
    }
    image_warn_of_losses(image, no_alpha, format, messages);
    return 0;
}

int pnm_write(FILE *file, const struct image_view *image, struct image_messages *messages)
{
    int channels = image->channels < 3 ? 1 : 3;
    *messages = (struct image_messages){0};
    int written = fprintf(file, "P%c\n%u %u\n%d\n", channels == 1 ? '5' : '6', image->width, image->height,
                          image->depth == 16 ? MOST : UINT8_MAX);
    return finish(file, written < 0 ? -1 : write_samples(file, image, channels), "PNM", image, true,
                  messages);
}

int pam_write(FILE *file, const struct image_view *image, struct image_messages *messages)
{
    static const char *const types[] = {"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
    *messages = (struct image_messages){0};
    int written = fprintf(file, "P7\nWIDTH %u\nHEIGHT %u\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n",
                          image->width, image->height, image->channels, image->depth == 16 ? MOST : UINT8_MAX,
                          types[image->channels - 1]);
    return finish(file, written < 0 ? -1 : write_samples(file, image, image->channels), "PAM", image, false,
                  messages);
}
