/* The input of a fuzz target in pieces, each in a buffer of its exact size. */
#ifndef DDZ_TESTS_FUZZ_PIECES_H
#define DDZ_TESTS_FUZZ_PIECES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy of the piece that begins at `at` < size, 1 to 128 bytes as `plan` says, *n of them; to be released with
 * free() */
static inline uint8_t *piece_at(const uint8_t *data, size_t size, size_t at, uint8_t plan, size_t *n)
{
    size_t wanted = (size_t)1 << (plan + at) % 8;
    *n = wanted < size - at ? wanted : size - at;
    uint8_t *piece = malloc(*n);
    if (!piece)
        abort();
    memcpy(piece, data + at, *n);
    return piece;
}

#endif
