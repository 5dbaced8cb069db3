/*
 * What is done once, by whichever thread comes to it first; others wait the moment that it takes. Memory of zeros is a
 * `struct once` of something not yet done.
 */
#ifndef DDZ_BASE_ONCE_H
#define DDZ_BASE_ONCE_H

#include <stdbool.h>

struct once {
    int state; /* looked at atomically, where there are threads */
};

/* True: the caller has to do it now, and to say so with ddz_once_done. False: it has been done. */
bool ddz_once_begin(struct once *once);
void ddz_once_done(struct once *once);

#endif
