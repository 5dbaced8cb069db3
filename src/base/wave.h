/*
 * Work in a wave: rows of work, each of which passes the same marks, 0 to marks - 1, in this order. Lanes take rows in
 * their order, each lane one at a time, and a row may wait for the row before it to have passed a mark. So no row
 * overtakes another, and rows are at work together as closely as their waiting allows.
 */
#ifndef DDZ_BASE_WAVE_H
#define DDZ_BASE_WAVE_H

#include <stddef.h>

#include "base/parallel.h"

struct wave;

/* A row, which must pass every mark */
typedef void wave_row(void *argument, size_t row, int lane, struct wave *wave);

/* Runs all rows; with one lane, or where a compiler has no atomic types, one after the other, in lane 0. */
void ddz_wave_run(struct parallel *parallel, size_t rows, size_t marks, wave_row *run, void *argument);

/* Until row - 1 has passed the mark; what it had written by then can be read. Row 0 does not wait. */
void ddz_wave_wait(struct wave *wave, size_t row, size_t mark);
void ddz_wave_pass(struct wave *wave, size_t row, size_t mark);

#endif
