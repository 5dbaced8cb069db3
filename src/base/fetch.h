/* Beginning to load what will be needed: tables of megabytes, read where a hash says, are waited for more than all else. */
#ifndef DDZ_BASE_FETCH_H
#define DDZ_BASE_FETCH_H

static inline void fetch(const void *memory)
{
#ifdef __GNUC__
    __builtin_prefetch(memory);
#else
    (void)memory;
#endif
}

#endif
