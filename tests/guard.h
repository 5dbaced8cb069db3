/* Memory between pages that may not be touched, so that a test stops at the first access beyond an array. */
#ifndef DDZ_TESTS_GUARD_H
#define DDZ_TESTS_GUARD_H

#include <stddef.h>

/* `size` bytes of zeros that end where such a page begins; also the page before the first one of them is guarded.
 * Aligned as far as `size` is, up to a page. Aborts when memory is short. */
void *guard_alloc(size_t size);
void guard_free(void *memory, size_t size);

/* A copy of `size` bytes, to be released with guard_free. */
void *guard_copy(const void *data, size_t size);

#endif
