/*
 * A program that uses the library, for tests/growth.sh, which compiles it against the header as it is, as an
 * older version had it, and as a later one may: with less or more in the structures that the library fills
 * in, and a parameter that is not there. It prints what it finds; what a version does not know it does not
 * ask for.
 *
 *   growth_caller MODEL STREAM
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ddz.h>

static unsigned char *read_file(const char *path, size_t *size)
{
    unsigned char *data = malloc(1 << 24);
    FILE *file = fopen(path, "rb");
    if (!data || !file)
        exit(2);
    *size = fread(data, 1, 1 << 24, file);
    fclose(file);
    return data;
}

static void check(ddz_status status, const char *what)
{
    if (status == DDZ_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, ddz_strerror(status));
    exit(1);
}

/* What stands behind a structure belongs to the caller. */
struct guarded_info {
    ddz_info info;
    unsigned char guard[64];
};

struct guarded_step {
    ddz_step step;
    unsigned char guard[64];
};

static void check_guard(const unsigned char guard[64])
{
    for (int i = 0; i < 64; i++)
        if (guard[i] != 0xEE) {
            fprintf(stderr, "the library wrote behind the structure\n");
            exit(1);
        }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t model_size, size, count;
    unsigned char *file = read_file(argv[1], &model_size), *stream = read_file(argv[2], &size);
    struct guarded_info info;
    struct guarded_step step;
    ddz_model *model = NULL;
    ddz_decoder *decoder = NULL;
    memset(&info, 0xEE, sizeof info);
    memset(&step, 0xEE, sizeof step);
    check(ddz_model_load(file, model_size, NULL, &model), "model");
    check(ddz_decoder_new(model, NULL, &decoder), "decoder");
    check(ddz_decoder_set(decoder, DDZ_PARAM_THREADS, 1), "threads");
#ifdef LATER
    if (ddz_decoder_set(decoder, DDZ_PARAM_LATER, 1) != DDZ_ERR_UNSUPPORTED)
        return 1;
#endif
    check(ddz_decoder_feed(decoder, stream, size), "feed");
    check(ddz_decoder_info(decoder, &info.info, sizeof info.info), "info");
    check(ddz_decoder_step_count(decoder, &count), "steps");
    check(ddz_decoder_step(decoder, count - 1, &step.step, sizeof step.step), "step");
    check_guard(info.guard);
    check_guard(step.guard);
#ifdef LATER
    if (info.info.later != 0 || step.step.later != 0)
        return 1;
#endif
    unsigned char *pixels = calloc(4, (size_t)info.info.width * info.info.height);
    check(ddz_decoder_picture(decoder, DDZ_RECON_MEAN, DDZ_PIXELS_RGBA8, pixels, 0,
                              (size_t)4 * info.info.width * info.info.height),
          "picture");
    unsigned long sum = 0;
    for (size_t i = 0; i < (size_t)4 * info.info.width * info.info.height; i++)
        sum = (sum * 31 + pixels[i]) & 0xFFFFFFFF;
    printf("%u x %u, %lu steps, scale %d, %08lx\n", (unsigned)info.info.width, (unsigned)info.info.height,
           (unsigned long)count, step.step.scale, sum);
    free(pixels);
    ddz_decoder_free(decoder);
    ddz_model_free(model);
    free(file);
    free(stream);
    return 0;
}
