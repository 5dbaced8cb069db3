/* Threads for tests of functions that take them: made once for each number of them, and kept. */
#ifndef DDZ_TESTS_CREW_H
#define DDZ_TESTS_CREW_H

#include <check.h>

#include "base/parallel.h"

/* NULL for 1, which is the calling thread alone. */
static inline struct parallel *crew(int threads)
{
    static struct parallel *made[9];
    ck_assert(threads >= 1 && threads <= 8);
    if (threads > 1 && !made[threads]) {
        struct mem mem = ddz_mem_init(NULL);
        made[threads] = ddz_parallel_new(&mem, threads, NULL);
        ck_assert_ptr_nonnull(made[threads]);
    }
    return made[threads];
}

/* A caller's runner that says it has three threads and is the calling one alone; `cookie` counts its calls. */
static inline void run_backwards(void *cookie, size_t count, parallel_item *item, void *argument)
{
    int *calls = cookie;
    ++*calls;
    while (count-- > 0)
        item(argument, count, (int)(count % 3));
}

#endif
