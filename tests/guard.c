#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct span {
    size_t page, inside; /* bytes: of a page, of those between the guards */
};

static struct span span_of(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
    return (struct span){page, (pages ? pages : 1) * page};
}

void *guard_alloc(size_t size)
{
    struct span s = span_of(size);
    uint8_t *all = mmap(NULL, s.inside + 2 * s.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + s.page, s.inside, PROT_READ | PROT_WRITE) != 0)
        abort();
    return all + s.page + s.inside - size;
}

void guard_free(void *memory, size_t size)
{
    struct span s = span_of(size);
    if (memory)
        munmap((uint8_t *)memory + size - s.inside - s.page, s.inside + 2 * s.page);
}

void *guard_copy(const void *data, size_t size)
{
    void *copy = guard_alloc(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}
