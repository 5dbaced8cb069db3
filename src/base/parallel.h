/*
 * Work divided among threads. This, wave.c, which builds on it, and once.c are the only parts of the library that know of threads:
 * parallel.c has OpenMP's, or POSIX threads where it is built without, and the caller may supply a runner in their place.
 *
 * The threads are a handle's own. They start with its first work, sleep when there is none, and end with it. After a
 * fork the child's handles start theirs anew.
 */
#ifndef DDZ_BASE_PARALLEL_H
#define DDZ_BASE_PARALLEL_H

#include <stddef.h>

#include "base/mem.h"

enum { PARALLEL_MAX_THREADS = 256 };

struct parallel;

/* One item of the work. No two items run with one lane at a time, so that each lane may have memory of its own. */
typedef void parallel_item(void *argument, size_t index, int lane);

/* A caller's own threads, as many as it has lanes; `run` NULL: none. */
struct parallel_runner {
    ddz_runner run;
    void *cookie;
    int lanes;
};

/* Threads to use for a setting: 0 means as many as OpenMP would use (OMP_NUM_THREADS), without it as there are
 * processors. Where the library has no threads of its own, 1. */
int ddz_parallel_threads(int setting);

/* `threads` threads, that of the caller included, as a setting has it. With a runner, its own. NULL if memory is
 * short. */
struct parallel *ddz_parallel_new(const struct mem *mem, int threads, const struct parallel_runner *runner);
void ddz_parallel_free(struct parallel *parallel);

/* How many lanes there are, at least 1; of NULL 1. */
int ddz_parallel_lanes(const struct parallel *parallel);

/* Runs all items, in any order; NULL: one after the other, in lane 0. An item must not begin other work of the same
 * `parallel`. */
void ddz_parallel_for(struct parallel *parallel, size_t count, parallel_item *item, void *argument);

#endif
