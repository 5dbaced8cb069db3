/* What travels beside the picture: its alpha, the colours under it, and the layers in the stream. */
#ifndef DDZ_ENCODE_LAYERS_H
#define DDZ_ENCODE_LAYERS_H

#include "api/pixels.h"
#include "encode/state.h"

/* The alpha plane of the pixels, else that of the extras, into e->alpha. ARGUMENT, MEMORY. */
ddz_status ddz_layers_take_alpha(ddz_encoder *e, const struct layout *layout, const void *pixels);

/* e->x[0] is there: colours that nobody sees are made such that they cost little; and is the picture grey? */
ddz_status ddz_layers_prepare(ddz_encoder *e);

/* Open the stream: its header, and as much of the layers as a target in bytes leaves room for. e->alpha becomes
 * what a decoder will know of it. ARGUMENT: the target is smaller than a header. MEMORY. */
ddz_status ddz_layers_open_stream(ddz_encoder *e);

/* Once it is open: the size of a stream that has its layers, a preview and a record of this many bytes, or a little more */
uint64_t ddz_layers_size_with(ddz_encoder *e, uint64_t bytes);

/* Before anything is there: the size of a stream with all of its preview, or a little more */
uint64_t ddz_layers_least_size(ddz_encoder *e, uint32_t width, uint32_t height);

#endif
