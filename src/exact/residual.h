/*
 * Exact samples of a photograph, given an estimate of it and what the chain knows besides, y: L_0 of the paper, with
 * everything that has been coded before as its condition. Rows from the top, in each the channels G, R, B; a sample's
 * residual is predicted by least squares (regress.h), and its level coded around that (levels.h). Integers only.
 */
#ifndef DDZ_EXACT_RESIDUAL_H
#define DDZ_EXACT_RESIDUAL_H

#include "base/mem.h"

/* What encoder and decoder know */
struct residual_known {
    uint32_t width, height;
    const int16_t *estimate; /* [height][width][3], in 1/256 of a grey level less CENTRE */
    const int32_t *noisy;    /* y, the same; NULL: nothing but the estimate is known */
};

struct residual_format {
    int channels; /* 3, or 1: the three are alike */
    int depth;    /* bits a sample, 1 to 16 */
    int error;    /* by how much a decoded sample may be off, 0 to 127 */
};

/* Bytes that both take, the code not counted */
uint64_t ddz_residual_memory(uint32_t width);

/* Row y, [width][channels], of samples as a decoder has them. Anything but OK ends the work with it. */
typedef ddz_status residual_row(void *cookie, uint32_t y, const uint16_t *row);

/* The coded samples, [height][width][channels]; *coded is freed with ddz_mem_free. Each row is shown once it is coded.
 * MEMORY, and what `show` says. */
ddz_status ddz_residual_encode(const struct mem *mem, const struct residual_known *known,
                               const struct residual_format *format, const uint16_t *samples,
                               residual_row *show, void *cookie, uint8_t **coded, size_t *size);

/* A picture that is decoded as its code arrives */
struct residual;

/* MEMORY */
ddz_status ddz_residual_decoder_new(const struct mem *mem, uint32_t width, uint32_t height,
                                    const struct residual_format *format, struct residual **decoder);

/* NULL: nothing. */
void ddz_residual_decoder_free(struct residual *decoder);

/* Goes on with the first `size` bytes of the code, of which none that there were before may have changed, and shows the
 * rows that become certain; `whole`: no more will come. What is known is the same each time, and need not stay from one
 * to the next. What `show` says. */
ddz_status ddz_residual_decode(struct residual *decoder, const struct residual_known *known,
                               const uint8_t *coded, size_t size, bool whole, residual_row *show,
                               void *cookie);

#endif
