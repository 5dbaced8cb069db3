/* The exact layer, as far as it has arrived, over a picture of all of the chain. */
#ifndef DDZ_DECODE_EXACT_H
#define DDZ_DECODE_EXACT_H

#include "api/pixels.h"
#include "decode/state.h"

/* Rows of the pixels from the top become exact; the chain has come to its end. Sets d->exact_rows and d->exact_agrees.
 * Rows that are there stay there in d->exact, and coders as long as rows are to come, unless the layer is whole the
 * first time already. MEMORY, CANCELLED. */
ddz_status ddz_exact_show(ddz_decoder *d, const struct layout *layout, void *pixels);

/* Frees what is kept of the layer. */
void ddz_exact_forget(ddz_decoder *d);

/* What ddz_exact_show adds to d->work_done, when all of the layer is there: rows that have been decoded are not counted. */
uint64_t ddz_exact_work(const ddz_decoder *d);

/* Is all of the layer there, and does its check disagree? */
bool ddz_exact_damaged(const ddz_decoder *d);

/* Bytes that the layer takes which has begun to arrive, those of the stream not counted; 0 before */
uint64_t ddz_exact_show_memory(const ddz_decoder *d, uint32_t width, uint32_t height);

#endif
