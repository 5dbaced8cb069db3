/* Where the network's pictures come from, and go. */
#ifndef DDZ_NN_ROWS_H
#define DDZ_NN_ROWS_H

#include <stdint.h>

/*
 * Rows y to y + rows - 1 of a picture, [rows][width][3]: how the network comes by those of its input and what becomes
 * of those of its output, int16 q12 both. Part 0 is the call, parts 1, 2, ... are its updates. Of each part rows are
 * taken once and given once, from the top, one or two at a time; those of part k + 1 are given when those of part k
 * have been, and a row is given after the rows above and below it have been taken. Several threads may take and give
 * at a time.
 */
struct net_rows {
    const int16_t *(*take)(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *room);
    void (*give)(void *cookie, int part, uint32_t y, uint32_t rows, int16_t *values);
    void *cookie;
};

#endif
