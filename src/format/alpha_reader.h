/* Alpha as it arrives: pieces of its string, and the plane that they give so far. */
#ifndef DDZ_FORMAT_ALPHA_READER_H
#define DDZ_FORMAT_ALPHA_READER_H

#include "format/alpha.h"
#include "format/records.h"

struct alpha_reader;

/* NULL: out of memory. `mem` is copied. */
struct alpha_reader *ddz_alpha_reader_new(const struct mem *mem, uint32_t width, uint32_t height);
void ddz_alpha_reader_free(struct alpha_reader *r);

/* Take a part of a piece. CORRUPT: more than a string can have, or there was an end. MEMORY. */
ddz_status ddz_alpha_reader_add(struct alpha_reader *r, const uint8_t *data, size_t size);

/* The content of RECORD_ALPHA_END. CORRUPT: not one, or the second. */
ddz_status ddz_alpha_reader_end(struct alpha_reader *r, const uint8_t *content, size_t size);

/* The plane as far as it is known, which is made if there is more than at the last call; the reader's. MEMORY.
 * *state: EXACT, APPROXIMATE, PARTIAL or DAMAGED. */
ddz_status ddz_alpha_reader_plane(struct alpha_reader *r, const uint8_t **plane, ddz_extra_state *state);

#endif
