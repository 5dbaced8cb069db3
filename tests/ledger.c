#include "ledger.h"

#include <stdint.h>
#include <stdlib.h>

enum { HEAD = 16 }; /* bytes before each block: its size */

static void *ledger_allocate(void *cookie, size_t size)
{
    struct ledger *l = cookie;
    l->calls++;
    l->largest = size > l->largest ? size : l->largest;
    if (l->fails_at && (l->calls == l->fails_at || (!l->once && l->calls > l->fails_at)))
        return NULL;
    size_t *block = size <= SIZE_MAX - HEAD ? malloc(size + HEAD) : NULL;
    if (!block)
        return NULL;
    block[0] = size;
    l->alive++;
    l->used += size;
    l->most = l->used > l->most ? l->used : l->most;
    return (char *)block + HEAD;
}

static void ledger_release(void *cookie, void *memory)
{
    struct ledger *l = cookie;
    if (!memory)
        return;
    size_t *block = (size_t *)(void *)((char *)memory - HEAD);
    l->alive--;
    l->used -= block[0];
    free(block);
}

ddz_allocator ledger_allocator(struct ledger *l)
{
    return (ddz_allocator){ledger_allocate, ledger_release, l};
}
