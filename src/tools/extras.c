#include "tools/extras.h"

#include <stdio.h>
#include <string.h>

#include "tools/message.h"

static const ddz_extra kinds[] = {DDZ_EXTRA_ALPHA,      DDZ_EXTRA_ICC,        DDZ_EXTRA_EXIF,
                                  DDZ_EXTRA_XMP,        DDZ_EXTRA_CICP,       DDZ_EXTRA_CHROMATICITIES,
                                  DDZ_EXTRA_RESOLUTION, DDZ_EXTRA_ORIENTATION};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *extras_name(ddz_extra kind)
{
    switch (kind) {
    case DDZ_EXTRA_ALPHA:
        return "alpha";
    case DDZ_EXTRA_ICC:
        return "ICC profile";
    case DDZ_EXTRA_EXIF:
        return "Exif";
    case DDZ_EXTRA_XMP:
        return "XMP";
    case DDZ_EXTRA_CICP:
        return "colour space";
    case DDZ_EXTRA_CHROMATICITIES:
        return "gamma";
    case DDZ_EXTRA_RESOLUTION:
        return "resolution";
    case DDZ_EXTRA_ORIENTATION:
        return "orientation";
    }
    return "layer";
}

ddz_status extras_attach(ddz_encoder *encoder, const struct image_view *image)
{
    const struct image_notes *notes = &image->notes;
    /* Which a stream is that says nothing of its colours */
    const int is_srgb = !image->icc && image_is_srgb(notes);
    const struct {
        ddz_extra kind;
        const uint8_t *data;
        size_t size;
    } layers[] = {
        {DDZ_EXTRA_ICC, image->icc, image->icc_size},
        {DDZ_EXTRA_EXIF, image->exif, image->exif_size},
        {DDZ_EXTRA_XMP, image->xmp, image->xmp_size},
        {DDZ_EXTRA_CICP, notes->cicp, notes->has_cicp && !is_srgb ? sizeof notes->cicp : 0},
        {DDZ_EXTRA_CHROMATICITIES, notes->gamma, is_srgb ? 0 : notes->gamma_size},
        {DDZ_EXTRA_RESOLUTION, notes->resolution, notes->has_resolution ? sizeof notes->resolution : 0}};
    ddz_status status = DDZ_OK;
    for (size_t i = 0; i < sizeof layers / sizeof *layers && status == DDZ_OK; i++)
        if (layers[i].data && layers[i].size > 0)
            status = ddz_encoder_set_extra(encoder, layers[i].kind, layers[i].data, layers[i].size);
    return status;
}

/* Does the picture look different without it? */
static int shows(ddz_extra kind)
{
    return kind != DDZ_EXTRA_EXIF && kind != DDZ_EXTRA_XMP && kind != DDZ_EXTRA_RESOLUTION;
}

void extras_note_losses(const ddz_encoder *encoder, const char *name, int quiet)
{
    for (int i = 0; i < KINDS; i++) {
        ddz_extra_state state;
        if ((quiet && !shows(kinds[i])) || ddz_encoder_extra_state(encoder, kinds[i], &state) != DDZ_OK)
            continue;
        if (state == DDZ_EXTRA_APPROXIMATE)
            cli_note("%s: warning: so few bytes have room for an approximation of its %s only", name,
                     extras_name(kinds[i]));
        else if (state == DDZ_EXTRA_LEFT_OUT)
            cli_note("%s: warning: its %s is left out: so few bytes have no room for it", name,
                     extras_name(kinds[i]));
    }
}

/* An Exif block that says nothing but the orientation: a directory of one entry */
static void orient(uint8_t exif[EXTRAS_EXIF_SIZE], uint8_t orientation)
{
    static const uint8_t block[EXTRAS_EXIF_SIZE] = {'M', 'M',  0,    42, 0, 0, 0, 8, 0,
                                                    1,   0x01, 0x12, 0,  3, 0, 0, 0, 1};
    memcpy(exif, block, sizeof block);
    exif[19] = orientation; /* a number of 16 bits, in the first half of its field */
}

/* A layer of a few bytes, which has arrived as a whole or not at all; returns its size, at most `most`. */
static uint8_t copy_note(const ddz_decoder *decoder, ddz_extra kind, uint8_t *note, size_t most)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    if (ddz_decoder_extra(decoder, kind, &data, &size) != DDZ_OK || size > most)
        return 0;
    if (size)
        memcpy(note, data, size);
    return (uint8_t)size;
}

static void copy_notes(const ddz_decoder *decoder, struct image_notes *notes)
{
    notes->has_cicp = copy_note(decoder, DDZ_EXTRA_CICP, notes->cicp, sizeof notes->cicp) > 0;
    notes->gamma_size = copy_note(decoder, DDZ_EXTRA_CHROMATICITIES, notes->gamma, sizeof notes->gamma);
    notes->has_resolution =
        copy_note(decoder, DDZ_EXTRA_RESOLUTION, notes->resolution, sizeof notes->resolution) > 0;
}

ddz_status extras_lend(const ddz_decoder *decoder, struct image_view *image, uint8_t exif[EXTRAS_EXIF_SIZE])
{
    const uint8_t *orientation;
    size_t size;
    ddz_status status = ddz_decoder_extra(decoder, DDZ_EXTRA_ICC, &image->icc, &image->icc_size);
    if (status == DDZ_OK)
        status = ddz_decoder_extra(decoder, DDZ_EXTRA_EXIF, &image->exif, &image->exif_size);
    if (status == DDZ_OK)
        status = ddz_decoder_extra(decoder, DDZ_EXTRA_XMP, &image->xmp, &image->xmp_size);
    if (status == DDZ_OK)
        status = ddz_decoder_extra(decoder, DDZ_EXTRA_ORIENTATION, &orientation, &size);
    if (status == DDZ_OK && orientation && !image->exif) {
        orient(exif, *orientation);
        image->exif = exif;
        image->exif_size = EXTRAS_EXIF_SIZE;
    }
    copy_notes(decoder, &image->notes);
    ddz_info info;
    if (!image->icc && !image->notes.has_cicp && !image->notes.gamma_size &&
        ddz_decoder_info(decoder, &info, sizeof info) == DDZ_OK && info.complete)
        image_set_srgb(&image->notes);
    return status;
}

const char *extras_damage(const ddz_decoder *decoder, char text[EXTRAS_TEXT])
{
    ddz_info info;
    if (ddz_decoder_info(decoder, &info, sizeof info) != DDZ_OK || !info.damaged_extras)
        return ddz_strerror(DDZ_ERR_DIGEST);
    int n = snprintf(text, EXTRAS_TEXT, "%s; damaged:",
                     info.digest_agrees ? "the picture is exact, what is beside it is not"
                     : info.complete    ? "the picture is damaged, and what is beside it"
                                        : "the stream is damaged");
    const char *comma = "";
    for (int i = 0; i < KINDS && n < EXTRAS_TEXT; i++)
        if (info.damaged_extras >> kinds[i] & 1) {
            n += snprintf(text + n, (size_t)(EXTRAS_TEXT - n), "%s %s", comma, extras_name(kinds[i]));
            comma = ",";
        }
    if (info.damaged_extras & 1)
        snprintf(text + n, (size_t)(EXTRAS_TEXT - n), " orientation, colour space or resolution");
    return text;
}
