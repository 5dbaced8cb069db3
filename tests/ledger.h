/* An allocator that counts what a library takes and gives back, and that fails where a test wants it to. */
#ifndef DDZ_TESTS_LEDGER_H
#define DDZ_TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "ddz.h"

struct ledger {
    int fails_at; /* number of the allocation that fails, from 1, and all later ones with it; 0: none fails */
    bool once;    /* the later ones succeed */
    int calls;    /* of allocate */
    int alive;    /* blocks that have not been released */
    size_t used, most,
        largest; /* bytes: in blocks alive, the most there have been, those of the largest request */
};

/* Counts in `l`, which has to outlive what is allocated. */
ddz_allocator ledger_allocator(struct ledger *l);

#endif
