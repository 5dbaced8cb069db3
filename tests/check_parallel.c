/* Work divided among threads: every item once, each lane one at a time, whoever runs it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/parallel.h"
#include "crew.h"
#include "ddz/research.h"
#include "ledger.h"
#include "runner.h"

enum { ITEMS = 1000, LANES = 8 };

struct record {
    atomic_int runs[ITEMS];
    atomic_int busy[LANES]; /* items that a lane is at */
    atomic_int clashes;
    int lanes;
    long pause; /* microseconds that an item takes */
};

static void rest(long microseconds)
{
    nanosleep(&(struct timespec){0, 1000 * microseconds}, NULL);
}

static void record_item(void *argument, size_t index, int lane)
{
    struct record *r = argument;
    atomic_fetch_add(&r->runs[index], 1);
    if (lane < 0 || lane >= r->lanes) {
        atomic_fetch_add(&r->clashes, 1);
        return;
    }
    if (atomic_fetch_add(&r->busy[lane], 1) != 0)
        atomic_fetch_add(&r->clashes, 1);
    if (r->pause)
        rest(r->pause);
    atomic_fetch_sub(&r->busy[lane], 1);
}

/* Whether `count` items run once each and no lane runs two at a time */
static bool runs_well(struct parallel *p, size_t count, long pause)
{
    static struct record r;
    memset(&r, 0, sizeof r);
    r.lanes = ddz_parallel_lanes(p);
    r.pause = pause;
    ddz_parallel_for(p, count, record_item, &r);
    bool well = atomic_load(&r.clashes) == 0;
    for (size_t i = 0; i < ITEMS; i++)
        well = well && atomic_load(&r.runs[i]) == (i < count);
    return well;
}

static struct parallel *start(int threads, const struct parallel_runner *runner)
{
    struct mem mem = ddz_mem_init(NULL);
    struct parallel *p = ddz_parallel_new(&mem, threads, runner);
    ck_assert_ptr_nonnull(p);
    return p;
}

START_TEST(every_item_once)
{
    static const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 100, ITEMS};
    ck_assert(runs_well(NULL, ITEMS, 0));
    for (int threads = 1; threads <= LANES; threads++) {
        struct parallel *p = start(threads, NULL);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            ck_assert(runs_well(p, counts[i], 0));
        for (int i = 0; i < 500; i++)
            ck_assert(runs_well(p, 1 + (size_t)i % 20, 0));
        ddz_parallel_free(p);
    }
}
END_TEST

/* One after the other, the threads asleep in between */
START_TEST(after_a_rest)
{
    struct parallel *p = start(4, NULL);
    for (int i = 0; i < 10; i++) {
        ck_assert(runs_well(p, 12, 200));
        rest(5000);
    }
    ddz_parallel_free(p);
}
END_TEST

START_TEST(lanes)
{
    ck_assert_int_eq(ddz_parallel_lanes(NULL), 1);
    struct parallel *p = start(0, NULL);
    ck_assert_int_ge(ddz_parallel_lanes(p), 1);
    ck_assert_int_le(ddz_parallel_lanes(p), PARALLEL_MAX_THREADS);
    ck_assert_int_eq(ddz_research_threads(0), ddz_parallel_lanes(p));
    ck_assert_int_eq(ddz_research_threads(1), 1);
    ddz_parallel_free(p); /* without ever having worked */
    ddz_parallel_free(NULL);
}
END_TEST

#ifdef DDZ_THREADS
/* Items that wait for each other: they end only if there are as many threads as that. */
struct meeting {
    pthread_barrier_t barrier;
    atomic_int met;
};

static void meet(void *argument, size_t index, int lane)
{
    (void)index;
    (void)lane;
    struct meeting *m = argument;
    pthread_barrier_wait(&m->barrier);
    atomic_fetch_add(&m->met, 1);
}

START_TEST(threads_run_at_a_time)
{
    struct meeting m = {.met = 0};
    struct parallel *p = start(5, NULL);
    ck_assert_int_eq(ddz_parallel_lanes(p), 5);
    ck_assert_int_eq(pthread_barrier_init(&m.barrier, NULL, 5), 0);
    for (int i = 1; i <= 20; i++) {
        ddz_parallel_for(p, 5, meet, &m);
        ck_assert_int_eq(atomic_load(&m.met), 5 * i);
    }
    pthread_barrier_destroy(&m.barrier);
    ddz_parallel_free(p);
}
END_TEST
#endif

#ifndef __SANITIZE_THREAD__ /* which takes the child's threads for its parent's */
/* A child has none of its parent's threads. It goes on with what it inherited, and the parent does, too. */
START_TEST(fork_after_use)
{
    struct parallel *p = start(3, NULL);
    ck_assert(runs_well(p, 50, 100));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(20); /* a child that hangs is killed */
        bool well = runs_well(p, 50, 100) && runs_well(p, ITEMS, 0);
        ddz_parallel_free(p);
        _exit(well ? 0 : 1);
    }
    ck_assert(runs_well(p, 50, 100));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert(runs_well(p, 50, 0));
    ddz_parallel_free(p);
}
END_TEST

/* A child that frees without working first */
START_TEST(free_after_fork)
{
    struct parallel *p = start(3, NULL);
    ck_assert(runs_well(p, 50, 100));
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        ddz_parallel_free(p);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ddz_parallel_free(p);
}
END_TEST

#endif

/* ---- A caller's runner ---------------------------------------------------------------------- */

START_TEST(runner_of_the_caller)
{
    int calls = 0;
    const struct parallel_runner runner = {run_backwards, &calls, 3};
    struct parallel *p = start(7, &runner);
    ck_assert_int_eq(ddz_parallel_lanes(p), 3);
    ck_assert(runs_well(p, 40, 0));
    ck_assert(runs_well(p, 1, 0)); /* not worth it */
    ck_assert_int_eq(calls, 1);
    ddz_parallel_free(p);
    const struct parallel_runner none = {NULL, NULL, 3};
    p = start(2, &none);
    ck_assert(runs_well(p, 40, 0));
    ddz_parallel_free(p);
}
END_TEST

START_TEST(without_memory)
{
    for (int granted = 0; granted < 3; granted++) {
        struct ledger l = {.fails_at = granted + 1};
        ddz_allocator functions = ledger_allocator(&l);
        struct mem mem = ddz_mem_init(&functions);
        struct parallel *p = ddz_parallel_new(&mem, 2, NULL);
        ck_assert(p || granted < 2);
        if (p)
            ck_assert(runs_well(p, 40, 0));
        ddz_parallel_free(p);
        ck_assert_int_eq(l.alive, 0);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("parallel");
    tcase_add_test(tc, every_item_once);
    tcase_add_test(tc, after_a_rest);
    tcase_add_test(tc, lanes);
#ifdef DDZ_THREADS
    tcase_add_test(tc, threads_run_at_a_time);
#endif
#ifndef __SANITIZE_THREAD__
    tcase_add_test(tc, fork_after_use);
    tcase_add_test(tc, free_after_fork);
#endif
    tcase_add_test(tc, runner_of_the_caller);
    tcase_add_test(tc, without_memory);
    return run_cases("parallel", 60, &tc, 1);
}
