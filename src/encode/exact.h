/* The exact layer of a picture: L_0 of the paper. Of a photograph it is coded with all that the chain's end says of it; of
 * a picture of another kind alone, and the chain then ends with the preview. */
#ifndef DDZ_ENCODE_EXACT_H
#define DDZ_ENCODE_EXACT_H

#include "api/progress.h"
#include "chain/chain.h"
#include "exact/blocks.h"

/* A picture's own samples, and the content of its record once it is coded */
struct exact_layer {
    struct mem mem;
    struct progress *progress; /* of the coder of graphics; NULL: nobody is told */
    uint32_t width, height;
    int channels, depth;
    int error;         /* by how much samples of a photograph may be off */
    uint16_t *colours; /* owned, [height][width][channels] */
    uint16_t *alpha;   /* owned, [height][width]; NULL: none, or 8-bit alpha, which is a layer of its own */
    uint16_t *near;    /* owned; colours as a decoder has them, if they may be off; else NULL */
    uint8_t *graphics; /* owned; the content by the coder of graphics, or raw; NULL: it has not been made */
    size_t graphics_size;
    bool is_graphics; /* with a chain it would not be smaller */
    uint64_t
        size_alone; /* about what the other coder would take without a chain, or the raw samples, if that is less */
};

/* All zero is a valid layer to free. */
void ddz_exact_free(struct exact_layer *layer);

/* Take the pixels' samples, and code them by the coder of graphics, if a part of the picture says that this may be worth
 * it. MEMORY, CANCELLED. */
ddz_status ddz_exact_open(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                          const void *pixels, int error, struct progress *progress);

/* Then: set layer->is_graphics. MEMORY, CANCELLED. */
ddz_status ddz_exact_judge(struct exact_layer *layer, struct progress *progress);

/* Take the pixels' samples, and make of them as they are what stands in place of the graphics' code; the samples are then
 * forgotten. MEMORY. */
ddz_status ddz_exact_store(struct exact_layer *layer, const struct mem *mem, const struct layout *layout,
                           const void *pixels);

/* The record's content by what the chain knows, whose last estimate has been made; freed with ddz_mem_free. MEMORY,
 * CANCELLED. */
ddz_status ddz_exact_code(struct exact_layer *layer, struct chain *chain, struct progress *progress,
                          uint8_t **content, size_t *size);

/* The content by the coder of graphics into the layer, unless it is there. MEMORY, CANCELLED. */
ddz_status ddz_exact_code_graphics(struct exact_layer *layer);

/* Is what stands in place of the graphics' code the samples as they are? */
bool ddz_exact_is_stored(const struct exact_layer *layer);

/* Samples can be forgotten, and read again from the same pixels. MEMORY. */
void ddz_exact_forget_samples(struct exact_layer *layer);
ddz_status ddz_exact_read(struct exact_layer *layer, const struct layout *layout, const void *pixels);

/* The samples, as a decoder has them, over a picture of the chain. `alone`: coded without it */
void ddz_exact_show_samples(const struct exact_layer *layer, bool alone, const struct layout *layout,
                            void *pixels);

/* The samples of some blocks over a picture of the chain */
void ddz_exact_show_blocks(const struct exact_layer *layer, const struct blocks *blocks,
                           const struct layout *layout, void *pixels);

/* Bytes that a layer takes, but for what is coded, and the chain's part in it */
uint64_t ddz_exact_memory(uint32_t width, uint32_t height);

#endif
