/*
 * The side information of a step whose bits are predicted: its rate offset q, -RATE_OFFSET_LIMIT to
 * RATE_OFFSET_LIMIT, which scales them by 2^(q/8). It is coded as the difference from that of the last step
 * that has one, 0 before the first.
 */
#ifndef DDZ_FORMAT_STEP_CODE_H
#define DDZ_FORMAT_STEP_CODE_H

#include "format/bits.h"

void ddz_step_code_write(struct bit_writer *w, int last, int offset);

/* Bits that ddz_step_code_write writes */
int ddz_step_code_length(int last, int offset);

/* *offset is the last one on entry, and this one on DDZ_OK. TRUNCATED: not all of the code is there; CORRUPT.
 * In both cases nothing is consumed. */
ddz_status ddz_step_code_read(struct bit_reader *r, int *offset);

#endif
