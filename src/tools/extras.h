/* Side layers of pictures, from a file into a stream and back. */
#ifndef DDZ_TOOLS_EXTRAS_H
#define DDZ_TOOLS_EXTRAS_H

#include "ddz.h"
#include "imgio/image.h"

/* What a picture has besides its pixels, into the encoder; but for sRGB, which a stream is that says nothing else */
ddz_status extras_attach(ddz_encoder *encoder, const struct image_view *image);

/* Notes on what the target in bytes of the picture encoded last left no room for; with `quiet` only on layers without
 * which the picture looks different */
void extras_note_losses(const ddz_encoder *encoder, const char *name, int quiet);

/* The layers that have arrived, but for alpha, lent to a picture: they are the decoder's. An orientation whose Exif block has not
 * arrived is made one, in `exif`; a whole stream that says nothing of its colours is sRGB. */
enum { EXTRAS_EXIF_SIZE = 26 };
ddz_status extras_lend(const ddz_decoder *decoder, struct image_view *image, uint8_t exif[EXTRAS_EXIF_SIZE]);

/* The name of a layer */
const char *extras_name(ddz_extra kind);

/* What is wrong with a stream whose picture was decoded with DDZ_ERR_DIGEST, in one line */
enum { EXTRAS_TEXT = 200 };
const char *extras_damage(const ddz_decoder *decoder, char text[EXTRAS_TEXT]);

#endif
