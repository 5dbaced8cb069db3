#define _DEFAULT_SOURCE /* madvise, where there is one */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

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
    struct mem mem = {{default_allocate, default_release, NULL}, NULL};
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

/* What stands just below the aligned pointer */
struct block {
    void *raw; /* that the allocator gave */
    size_t total;
};

static bool take_account(struct mem_account *account, size_t total)
{
    if (!account)
        return true;
    if (account->limit && (account->used > account->limit || total > account->limit - account->used)) {
        account->exceeded = true;
        return false;
    }
    account->used += total;
    return true;
}

void *ddz_mem_alloc(const struct mem *mem, size_t count, size_t size)
{
    size_t bytes = ddz_size_mul(count, size);
    struct block block = {.total = ddz_size_add(bytes, DDZ_ALIGN + sizeof block)};
    if (block.total == SIZE_MAX || !take_account(mem->account, block.total))
        return NULL;
    block.raw = mem->functions.allocate(mem->functions.cookie, block.total);
    if (!block.raw) {
        if (mem->account)
            mem->account->used -= block.total;
        return NULL;
    }
    uintptr_t address = (uintptr_t)block.raw + sizeof block;
    address = (address + DDZ_ALIGN - 1) & ~(uintptr_t)(DDZ_ALIGN - 1);
    char *aligned = (char *)block.raw + (address - (uintptr_t)block.raw);
    memcpy(aligned - sizeof block, &block, sizeof block);
    if (mem->functions.allocate != default_allocate)
        memset(aligned, 0, bytes);
    return aligned;
}

void ddz_mem_free(const struct mem *mem, void *memory)
{
    struct block block;
    if (!memory)
        return;
    memcpy(&block, (char *)memory - sizeof block, sizeof block);
    if (mem->account)
        mem->account->used -= block.total;
    mem->functions.release(mem->functions.cookie, block.raw);
}

void ddz_mem_scatter(const struct mem *mem, void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = UINT32_C(1) << 21, at = (uintptr_t)memory;
    const size_t skipped = (size_t)(-at & (page - 1));
    if (mem->functions.allocate == default_allocate && bytes >= skipped + page)
        (void)madvise((char *)memory + skipped, (bytes - skipped) & ~(size_t)(page - 1), MADV_HUGEPAGE);
#else
    (void)mem;
    (void)memory;
    (void)bytes;
#endif
}

bool ddz_mem_append(const struct mem *mem, uint8_t **data, size_t *used, size_t *capacity,
                    const uint8_t *more, size_t size)
{
    size_t needed = ddz_size_add(*used, size);
    if (needed > *capacity) {
        size_t room = ddz_size_mul(needed, 2);
        uint8_t *larger = ddz_mem_alloc(mem, room, 1);
        if (!larger)
            return false;
        if (*used)
            memcpy(larger, *data, *used);
        ddz_mem_free(mem, *data);
        *data = larger;
        *capacity = room;
    }
    if (size)
        memcpy(*data + *used, more, size);
    *used = needed;
    return true;
}

void ddz_copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
    size_t known = to_size < from_size ? to_size : from_size;
    memcpy(to, from, known);
    memset((char *)to + known, 0, to_size - known);
}
