/* How a stream is put together: the chain, an exact layer behind it, or such a layer in place of most of it. */
#ifndef DDZ_ENCODE_STREAM_H
#define DDZ_ENCODE_STREAM_H

#include "api/pixels.h"
#include "encode/state.h"

/* Values of DDZ_PARAM_EXACT */
enum { EXACT_AUTOMATIC = -1, EXACT_KEEPS_CHAIN = 2 };

/* Of a picture that may be no photograph, before the chain is there: code it exactly. What comes out is tried in place of
 * the chain by ddz_encoder_make_stream. MEMORY, CANCELLED. */
ddz_status ddz_encoder_try_graphics(ddz_encoder *e, const struct layout *layout, const void *pixels);

/* Of a picture that may be a photograph in part, likewise: code the other part of it, if that is worth it. What comes out
 * goes behind the chain, which then has to be made of what ddz_layers_prepare puts into its place. MEMORY, CANCELLED. */
ddz_status ddz_encoder_try_partial(ddz_encoder *e, const struct layout *layout, const void *pixels);

/* Make e->stream; the picture has been taken. ARGUMENT: the target is smaller than a header; MEMORY, CANCELLED. */
ddz_status ddz_encoder_make_stream(ddz_encoder *e, const struct layout *layout, const void *pixels);

#endif
