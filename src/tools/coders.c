#include "tools/coders.h"

#include <math.h>
#include <stddef.h>

#include "ddz/research.h"

struct setting {
    int parameter;
    int64_t value;
};

struct encoding encoding_usual(void)
{
    return (struct encoding){.target = DDZ_TARGET_QUALITY,
                             .target_value = 60,
                             .effort = 5,
                             .steering = 0.7,
                             .exact = -1,
                             .seed = 1};
}

struct decoding decoding_usual(void)
{
    return (struct decoding){.max_bits = UINT64_MAX, .seed = 1, .sample_steps = 8};
}

/* ddz_encoder_set or ddz_decoder_set */
typedef ddz_status (*setter)(void *handle, int parameter, int64_t value);

static ddz_status set_encoder(void *encoder, int parameter, int64_t value)
{
    return ddz_encoder_set(encoder, parameter, value);
}

static ddz_status set_decoder(void *decoder, int parameter, int64_t value)
{
    return ddz_decoder_set(decoder, parameter, value);
}

static ddz_status set_all(setter set, void *handle, const struct setting *settings, size_t count)
{
    ddz_status status = DDZ_OK;
    for (size_t i = 0; status == DDZ_OK && i < count; i++)
        status = set(handle, settings[i].parameter, settings[i].value);
    return status;
}

ddz_status encoder_open(const ddz_model *model, const struct common *common, const struct encoding *how,
                        struct cli_progress *progress, ddz_encoder **encoder)
{
    const struct setting settings[] = {{DDZ_PARAM_THREADS, common->threads},
                                       {DDZ_PARAM_CPU_FEATURES, common->features},
                                       {DDZ_PARAM_MAX_PIXELS, (int64_t)common->max_pixels},
                                       {DDZ_PARAM_MEMORY_LIMIT, (int64_t)common->memory},
                                       {DDZ_PARAM_EFFORT, how->effort},
                                       {DDZ_PARAM_TRELLIS_BITS, how->trellis_bits},
                                       {DDZ_PARAM_STEERING, llrint(1000 * how->steering)},
                                       {DDZ_PARAM_KEEP_INVISIBLE, how->keep_invisible},
                                       {DDZ_PARAM_EXACT, how->exact},
                                       {DDZ_PARAM_MAX_ERROR, how->max_error},
                                       {DDZ_RESEARCH_CALLS_PER_OCTAVE, how->calls},
                                       {DDZ_RESEARCH_UPDATES, how->updates},
                                       {DDZ_RESEARCH_IDEAL_CHANNEL, how->ideal},
                                       {DDZ_RESEARCH_IDEAL_SEED, how->seed},
                                       {DDZ_RESEARCH_STEP_PSNR, how->step_psnr}};
    *encoder = NULL;
    ddz_status status = ddz_encoder_new(model, NULL, encoder);
    if (status == DDZ_OK)
        status = set_all(set_encoder, *encoder, settings, sizeof settings / sizeof *settings);
    if (status == DDZ_OK)
        status = ddz_encoder_set_target(*encoder, how->target, how->target_value);
    if (status == DDZ_OK && progress)
        status = ddz_encoder_set_progress(*encoder, cli_progress_draw, progress);
    return status;
}

ddz_status decoder_open(const ddz_model *model, const struct common *common, const struct decoding *how,
                        struct cli_progress *progress, ddz_decoder **decoder)
{
    const int64_t max_bits = how->max_bits < INT64_MAX ? (int64_t)how->max_bits : INT64_MAX;
    const struct setting settings[] = {{DDZ_PARAM_THREADS, common->threads},
                                       {DDZ_PARAM_CPU_FEATURES, common->features},
                                       {DDZ_PARAM_MAX_PIXELS, (int64_t)common->max_pixels},
                                       {DDZ_PARAM_MEMORY_LIMIT, (int64_t)common->memory},
                                       {DDZ_PARAM_MAX_BITS, max_bits},
                                       {DDZ_PARAM_SEED, how->seed},
                                       {DDZ_PARAM_SAMPLE_STEPS, how->sample_steps},
                                       {DDZ_PARAM_SCALE, how->scale}};
    *decoder = NULL;
    ddz_status status = ddz_decoder_new(model, NULL, decoder);
    if (status == DDZ_OK)
        status = set_all(set_decoder, *decoder, settings, sizeof settings / sizeof *settings);
    if (status == DDZ_OK && progress)
        status = ddz_decoder_set_progress(*decoder, cli_progress_draw, progress);
    return status;
}

int check_pixels(const char *name, const struct common *common, uint32_t width, uint32_t height)
{
    if ((uint64_t)width * height <= common->max_pixels)
        return CLI_OK;
    return cli_fail(CLI_LIMIT, "%s: %u x %u pixels are more than the limit of %llu; --max-pixels raises it",
                    name, width, height, (unsigned long long)common->max_pixels);
}

int check_memory(const char *name, const struct common *common, uint64_t bytes)
{
    const uint64_t unit = (uint64_t)1 << 20;
    if (!common->memory || bytes <= common->memory)
        return CLI_OK;
    return cli_fail(
        CLI_LIMIT, "%s: the picture may take %lluM of memory, the limit is %lluM; --memory raises it", name,
        (unsigned long long)((bytes + unit - 1) / unit), (unsigned long long)(common->memory / unit));
}

/* `status` is that of asking the coder how many bytes it takes: those, and those of the picture */
static int check_asked(const char *name, const struct common *common, ddz_status status, uint64_t bytes,
                       const struct image_view *image)
{
    if (status != DDZ_OK)
        return cli_fail_status(name, status);
    return check_memory(name, common,
                        bytes + image_size(image->width, image->height, image->channels, image->depth));
}

int encoder_check_memory(const char *name, const struct common *common, const ddz_encoder *encoder,
                         const struct image_view *image)
{
    uint64_t bytes = 0;
    ddz_status status = ddz_encoder_memory(encoder, image->width, image->height, &bytes);
    return check_asked(name, common, status, bytes, image);
}

int decoder_check_memory(const char *name, const struct common *common, const ddz_decoder *decoder,
                         const ddz_info *stream, const struct image *image)
{
    const struct image_view view = image_view(image);
    uint64_t bytes = 0;
    ddz_status status = ddz_decoder_memory(decoder, stream->width, stream->height, &bytes);
    return check_asked(name, common, status, bytes, &view);
}

ddz_pixel_format pixel_format(int channels, int depth)
{
    static const ddz_pixel_format formats[2][4] = {
        {DDZ_PIXELS_GREY8, DDZ_PIXELS_GREY_ALPHA8, DDZ_PIXELS_RGB8, DDZ_PIXELS_RGBA8},
        {DDZ_PIXELS_GREY16, DDZ_PIXELS_GREY_ALPHA16, DDZ_PIXELS_RGB16, DDZ_PIXELS_RGBA16}};
    return formats[depth == 16][channels - 1];
}

ddz_status encode_image(ddz_encoder *encoder, const struct image_view *image)
{
    return ddz_encoder_encode(encoder, image->width, image->height,
                              pixel_format(image->channels, image->depth), image->pixels, 0,
                              image_size(image->width, image->height, image->channels, image->depth));
}

ddz_status decode_image(ddz_decoder *decoder, ddz_recon recon, struct image *image)
{
    return ddz_decoder_picture(decoder, recon, pixel_format(image->channels, image->depth), image->pixels, 0,
                               image_size(image->width, image->height, image->channels, image->depth));
}

double encoder_kl_bits(const ddz_encoder *encoder, uint64_t bits)
{
    ddz_step step;
    ddz_research_step more;
    double sum = 0;
    for (size_t i = 0; ddz_encoder_step(encoder, i, &step, sizeof step) == DDZ_OK &&
                       ddz_research_encoder_step(encoder, i, &more, sizeof more) == DDZ_OK;
         i++) {
        uint64_t end = step.offset_bits + step.bits;
        if (end <= bits || step.bits == 0)
            sum += more.kl_bits;
        else if (step.offset_bits < bits)
            sum += more.kl_bits * (double)(bits - step.offset_bits) / (double)step.bits;
    }
    return sum;
}
