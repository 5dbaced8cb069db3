#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *default_allocate(void *cookie, size_t size)
{
    (void)cookie;
    return calloc(1, size); /* zeroed, and pages that nobody touches cost nothing */
}

static void default_release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

struct mem ddz_mem_init(const ddz_allocator *allocator)
{
    struct mem mem = {{default_allocate, default_release, NULL}};
    if (allocator && allocator->allocate && allocator->release)
        mem.functions = *allocator;
    return mem;
}

size_t ddz_size_mul(size_t a, size_t b)
{
    return b && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

size_t ddz_size_add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* The pointer that the allocator gave is kept just below the aligned one. */
void *ddz_mem_alloc(const struct mem *mem, size_t count, size_t size)
{
    size_t bytes = ddz_size_mul(count, size);
    size_t total = ddz_size_add(bytes, DDZ_ALIGN + sizeof(void *));
    if (total == SIZE_MAX)
        return NULL;
    char *raw = mem->functions.allocate(mem->functions.cookie, total);
    if (!raw)
        return NULL;
    uintptr_t address = (uintptr_t)raw + sizeof(void *);
    address = (address + DDZ_ALIGN - 1) & ~(uintptr_t)(DDZ_ALIGN - 1);
    char *aligned = raw + (address - (uintptr_t)raw);
    memcpy(aligned - sizeof(void *), &raw, sizeof(void *));
    if (mem->functions.allocate != default_allocate)
        memset(aligned, 0, bytes);
    return aligned;
}

void ddz_mem_free(const struct mem *mem, void *memory)
{
    if (!memory)
        return;
    void *raw;
    memcpy(&raw, (char *)memory - sizeof(void *), sizeof(void *));
    mem->functions.release(mem->functions.cookie, raw);
}

void ddz_copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
    size_t known = to_size < from_size ? to_size : from_size;
    memcpy(to, from, known);
    memset((char *)to + known, 0, to_size - known);
}
