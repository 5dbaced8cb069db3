/*
 * The exact layer: a record behind the main frame that makes the picture exact, or none of its samples off by more
 * than a number. Its content:
 *
 *   u8 coder, u8 channels, u8 depth, u8 error, u32 check, then the coder's bytes
 *
 * `check` is the CRC-32 of the samples, row by row, each as two bytes, the low one first. Samples are R, G, B, or grey,
 * and alpha where there are 2 or 4 channels. The residual coder has a u32 before the colours' bytes then, their number,
 * and behind them stands alpha as a picture of one channel, by the coder of graphics; `check` goes over the colours,
 * then over alpha.
 *
 * A layer of some blocks of the picture (exact/blocks.h) has colours alone, and its check goes over all pixels, those
 * that are not coded being what the coder takes them for.
 */
#ifndef DDZ_FORMAT_EXACT_LAYER_H
#define DDZ_FORMAT_EXACT_LAYER_H

#include <stdbool.h>

#include "base/mem.h"

enum exact_coder {
    EXACT_RESIDUAL = 0,
    EXACT_GRAPHICS = 1,
    EXACT_RAW = 2,    /* samples of up to 8 bits as a byte each, others as two, the low one first */
    EXACT_BLOCKS = 3, /* some blocks, by the coder of graphics; in a record of its own kind */
    EXACT_CODERS
};

enum { EXACT_HEAD_SIZE = 8, EXACT_ALPHA_SIZE = 4, EXACT_MAX_DEPTH = 16, EXACT_MAX_ERROR = 127 };

struct exact_head {
    int coder;    /* enum exact_coder */
    int channels; /* 1 to 4 */
    int depth;    /* 1 to EXACT_MAX_DEPTH bits a sample */
    int error;    /* by how much a sample may be off, 0 to EXACT_MAX_ERROR */
    uint32_t check;
    uint32_t coded; /* bytes of the colours, where alpha's stand behind them */
};

/* Bytes before the coder's */
size_t ddz_exact_head_size(const struct exact_head *head);

/* Returns how many bytes it wrote, ddz_exact_head_size(head) of them. */
size_t ddz_exact_head_write(const struct exact_head *head, uint8_t out[EXACT_HEAD_SIZE + EXACT_ALPHA_SIZE]);

/* TRUNCATED while bytes are missing; FEATURE: made by a coder that this library does not have. */
ddz_status ddz_exact_head_read(const uint8_t *data, size_t size, struct exact_head *head);

/* ---- As it arrives ------------------------------------------------------------------------ */

struct exact_reader {
    uint8_t *data; /* owned: what there is of the record's content */
    size_t size, capacity;
    bool begun, whole;
};

/* The record begins. False: there was one before, or its length is beyond what any such picture's layer has. */
bool ddz_exact_reader_begin(struct exact_reader *r, uint32_t width, uint32_t height, uint64_t length);

/* MEMORY */
ddz_status ddz_exact_reader_add(struct exact_reader *r, const struct mem *mem, const uint8_t *data,
                                size_t size);
void ddz_exact_reader_free(struct exact_reader *r, const struct mem *mem);

#endif
