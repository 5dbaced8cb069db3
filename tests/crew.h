/* Threads for tests of functions that take them: made once for each number of them, and kept. */
#ifndef DDZ_TESTS_CREW_H
#define DDZ_TESTS_CREW_H

#include <check.h>
#include <pthread.h>

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

/* A caller's runner that starts threads for each piece of work; thread i takes each RUNNER_THREADS-th item, the last
 * ones first. `cookie` counts its calls. */
enum { RUNNER_THREADS = 3 };

struct piece {
    size_t count;
    parallel_item *item;
    void *argument;
    int thread;
};

static inline void *run_share(void *argument)
{
    const struct piece *p = argument;
    for (size_t i = p->count; i-- > 0;)
        if (i % RUNNER_THREADS == (size_t)p->thread)
            p->item(p->argument, i, p->thread);
    return NULL;
}

static inline void run_with_threads(void *cookie, size_t count, parallel_item *item, void *argument)
{
    int *pieces = cookie;
    pthread_t thread[RUNNER_THREADS];
    struct piece piece[RUNNER_THREADS];
    ++*pieces;
    for (int i = 0; i < RUNNER_THREADS; i++) {
        piece[i] = (struct piece){count, item, argument, i};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run_share, &piece[i]), 0);
    }
    for (int i = 0; i < RUNNER_THREADS; i++)
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
}

#endif
