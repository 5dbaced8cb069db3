/* Checked allocation through the caller's allocator, aligned for vectors. */
#ifndef DDZ_BASE_MEM_H
#define DDZ_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ddz.h"

enum { DDZ_ALIGN = 64 };

/* What a handle and all it owns have taken, and may take. Used by one thread at a time. */
struct mem_account {
    uint64_t used, limit; /* bytes; no limit: 0 */
    bool exceeded;        /* an allocation was refused for the limit's sake */
};

struct mem {
    ddz_allocator functions;
    struct mem_account *account; /* NULL: none is kept */
};

/* `allocator` NULL or with NULL functions: malloc and free. */
struct mem ddz_mem_init(const ddz_allocator *allocator);

/* count * size bytes, zeroed, aligned to DDZ_ALIGN; NULL on overflow, failure, or beyond the limit. A count
 * or size of 0 gives a valid pointer. */
void *ddz_mem_alloc(const struct mem *mem, size_t count, size_t size);

/* NULL is allowed. */
void ddz_mem_free(const struct mem *mem, void *memory);

/* Of what ddz_mem_alloc gave and nobody has touched: it will be read all over, which large pages make faster, where the
 * system has them. It changes nothing else. */
void ddz_mem_scatter(const struct mem *mem, void *memory, size_t bytes);

/* Put `size` bytes behind the *used ones of a buffer that grows: *capacity, both 0 at first, *data NULL. False: there is
 * no memory, and nothing has changed. */
bool ddz_mem_append(const struct mem *mem, uint8_t **data, size_t *used, size_t *capacity,
                    const uint8_t *more, size_t size);

/* Fill in the caller's structure of `to_size` bytes from one of ours: what ours does not have becomes
 * zero, and what theirs does not have is left out. */
void ddz_copy_sized(void *to, size_t to_size, const void *from, size_t from_size);

/* a * b and a + b, or SIZE_MAX when they do not fit (which no allocation grants) */
size_t ddz_size_mul(size_t a, size_t b);
size_t ddz_size_add(size_t a, size_t b);

#endif
