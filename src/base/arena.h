/* Several arrays in one allocation: a first pass with a NULL base adds up sizes, a second one hands out places. */
#ifndef DDZ_BASE_ARENA_H
#define DDZ_BASE_ARENA_H

#include "base/mem.h"

struct arena {
    uint8_t *base;
    size_t used; /* SIZE_MAX if not representable */
};

/* count * size bytes aligned to DDZ_ALIGN; NULL if there is no base yet. */
static inline void *arena_carve(struct arena *arena, size_t count, size_t size)
{
    size_t at = arena->used, bytes = ddz_size_add(ddz_size_mul(count, size), DDZ_ALIGN - 1);
    if (bytes != SIZE_MAX)
        bytes &= ~(size_t)(DDZ_ALIGN - 1);
    arena->used = ddz_size_add(at, bytes);
    return arena->base ? arena->base + at : NULL;
}

#endif
