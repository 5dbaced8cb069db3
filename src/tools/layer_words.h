/* What small side layers say, in words. */
#ifndef DDZ_TOOLS_LAYER_WORDS_H
#define DDZ_TOOLS_LAYER_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { LAYER_WORDS = 160 };

/* Of a colour space, an ICC profile (its description) or a resolution: printable ASCII. "" for other layers, and
 * for content that is not understood. */
void layer_words(ddz_extra kind, const uint8_t *data, size_t size, char words[LAYER_WORDS]);

#endif
