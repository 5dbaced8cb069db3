/*
 * Pictures exactly as they are, of those that are not photographs: text, user interfaces, charts, pixel art, dithers.
 *
 * Rows come from the top, pixels from the left. A row that repeats an earlier one is a flag; else each pixel is guessed
 * (guess.h) where guesses have come true around it, and what is not guessed is coded channel by channel (value.h).
 * Of a picture of which only some blocks are to be coded (blocks.h), the blocks are told first.
 */
#ifndef DDZ_EXACT_GRAPHICS_H
#define DDZ_EXACT_GRAPHICS_H

#include "exact/blocks.h"

enum { GRAPHICS_MAX_SIDE = 65535, GRAPHICS_MAX_CHANNELS = 4, GRAPHICS_MAX_DEPTH = 16 };

/* A picture's size, which the coded bytes do not tell: sides from 1 to GRAPHICS_MAX_SIDE; channels: 1 grey, 2 grey and
 * alpha, 3 RGB, 4 RGBA; depth: bits of a sample, 1 to GRAPHICS_MAX_DEPTH. */
struct graphics_size {
    uint32_t width, height;
    int channels, depth;
};

/* Bytes that either side allocates beside samples and coded bytes: at most 66 million, and 400 for each column and row.
 * SIZE_MAX: no such size, or samples that no memory could hold. */
size_t ddz_graphics_memory(const struct graphics_size *size);

/* So many rows have been coded. Anything but OK ends the work with it. */
typedef ddz_status graphics_told(void *cookie, uint32_t rows);

/* Codes the samples: rows from the top, channels interleaved. *data is then the caller's (ddz_mem_free); NULL if *bytes
 * is 0. `told` (NULL: nobody) is called after each row. DDZ_ERR_ARGUMENT: no such size, or a sample has more bits than
 * depth; DDZ_ERR_MEMORY, and what `told` says. */
ddz_status ddz_graphics_encode(const struct mem *mem, const struct graphics_size *size,
                               const uint16_t *samples, graphics_told *told, void *cookie, uint8_t **data,
                               size_t *bytes);

/* A picture that is decoded as its bytes arrive */
struct graphics;

/* Rows of `samples`, which has room for all, fill up from the top; what is below them is undefined. It has to stay as
 * long as the decoder does, and as it is. DDZ_ERR_ARGUMENT: no such size; DDZ_ERR_MEMORY. */
ddz_status ddz_graphics_decoder_new(const struct mem *mem, const struct graphics_size *size,
                                    uint16_t *samples, struct graphics **decoder);

/* NULL: nothing. */
void ddz_graphics_decoder_free(struct graphics *decoder);

/* Goes on with the first `bytes` of the coded picture, of which none that there were before may have changed: all rows
 * that they tell come out. `whole`: there are no more bytes; then all rows do, whatever the bytes are. `told` (NULL:
 * nobody) is called after each row, which is there then; what it says but OK. */
ddz_status ddz_graphics_decode(struct graphics *decoder, const uint8_t *data, size_t bytes, bool whole,
                               graphics_told *told, void *cookie);

/* Rows that are there */
uint32_t ddz_graphics_rows(const struct graphics *decoder);

/* ---- Some blocks ------------------------------------------------------------------------------ */

/* The same of some blocks of a picture. `samples` of others must be as ddz_blocks_fill makes them: so they come out. */
ddz_status ddz_graphics_encode_blocks(const struct mem *mem, const struct graphics_size *size,
                                      struct blocks *blocks, const uint16_t *samples, graphics_told *told,
                                      void *cookie, uint8_t **data, size_t *bytes);

/* The same of some blocks, which are told in *blocks, of the picture's size: all of them, once there are rows. It has to
 * stay as long as the decoder does, and as it is. */
ddz_status ddz_graphics_decoder_new_blocks(const struct mem *mem, const struct graphics_size *size,
                                           struct blocks *blocks, uint16_t *samples,
                                           struct graphics **decoder);

#endif
