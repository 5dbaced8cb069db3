#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define _GNU_SOURCE /* sched_getaffinity, where there is one */

#include "base/parallel.h"

#include <stdbool.h>

static void run_alone(size_t count, parallel_item *item, void *argument)
{
    for (size_t i = 0; i < count; i++)
        item(argument, i, 0);
}

#ifdef DDZ_THREADS

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum {
    YIELDS = 100,        /* how often a thread looks for work before it sleeps: some ten microseconds */
    STACK_SIZE = 1 << 20 /* some systems give less by default than kernels may use */
};

/* A thread beside the caller's */
struct member {
    struct parallel *parallel;
    int lane;
    pthread_t thread; /* with OpenMP only that of the first member */
};

struct parallel {
    struct mem mem;
    struct parallel_runner runner; /* run is NULL: own threads */
    int lanes;
    int members; /* threads that have been started, in process `process` */
    pid_t process;
    struct member *member; /* [lanes - 1] */

    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    atomic_uint work;  /* number of the present or last work */
    bool open;         /* members may still join it */
    bool leave;        /* members have to end */
    atomic_int inside; /* members that are at it */
    parallel_item *item;
    void *argument;
    size_t count;
    atomic_size_t next; /* item */
};

#ifndef _OPENMP
static int processors(void)
{
#ifdef CPU_COUNT /* those that this process may use */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (int)online : 1;
}
#endif

int ddz_parallel_threads(int setting)
{
#ifdef _OPENMP
    int threads = setting > 0 ? setting : omp_get_max_threads();
#else
    int threads = setting > 0 ? setting : processors();
#endif
    return threads < PARALLEL_MAX_THREADS ? threads : PARALLEL_MAX_THREADS;
}

/* ---- Members ------------------------------------------------------------------------------- */

static void take_items(struct parallel *p, int lane)
{
    size_t i;
    while ((i = atomic_fetch_add(&p->next, 1)) < p->count)
        p->item(p->argument, i, lane);
}

/* Until there is other work than number `seen`, open or not, or the time to leave. Holds the mutex before and
 * after. */
static void wait_for_work(struct parallel *p, unsigned seen)
{
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < YIELDS && atomic_load(&p->work) == seen; i++)
        sched_yield();
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->work) == seen && !p->leave)
        pthread_cond_wait(&p->wake, &p->mutex);
}

static void join_work(struct parallel *p, int lane)
{
    atomic_fetch_add(&p->inside, 1);
    pthread_mutex_unlock(&p->mutex);
    take_items(p, lane);
    pthread_mutex_lock(&p->mutex);
    if (atomic_fetch_sub(&p->inside, 1) == 1)
        pthread_cond_signal(&p->done);
}

static void *member_run(void *argument)
{
    const struct member *member = argument;
    struct parallel *p = member->parallel;
    unsigned seen = 0;
    pthread_mutex_lock(&p->mutex);
    while (!p->leave) {
        bool fresh = atomic_load(&p->work) != seen;
        seen = atomic_load(&p->work);
        if (fresh && p->open)
            join_work(p, member->lane);
        else
            wait_for_work(p, seen);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

#ifdef _OPENMP

/*
 * OpenMP's threads, in one region that lasts as long as the handle. The region has a thread of its own to be in, for
 * two reasons: between two works its threads wait on a condition of ours, asleep, where OpenMP's own would spin; and
 * after a fork that thread is new, while the caller's may belong to a team whose threads are not there any more.
 */
static void *team_run(void *argument)
{
    struct member *member = argument;
#pragma omp parallel num_threads(member->parallel->lanes - 1)
    member_run(&member[omp_get_thread_num()]);
    return NULL;
}

static void create_members(struct parallel *p, const pthread_attr_t *attributes)
{
    if (pthread_create(&p->member[0].thread, attributes, team_run, p->member) == 0)
        p->members = p->lanes - 1;
}

static void join_members(struct parallel *p)
{
    if (p->members > 0)
        pthread_join(p->member[0].thread, NULL);
}

#else

/* As many as can be had: with fewer the work takes longer. */
static void create_members(struct parallel *p, const pthread_attr_t *attributes)
{
    while (p->members < p->lanes - 1) {
        struct member *member = &p->member[p->members];
        if (pthread_create(&member->thread, attributes, member_run, member) != 0)
            break;
        p->members++;
    }
}

static void join_members(struct parallel *p)
{
    for (int i = 0; i < p->members; i++)
        pthread_join(p->member[i].thread, NULL);
}

#endif

/* Signals are for the program's own threads. */
static void start_members(struct parallel *p)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    if (p->lanes == 1 || pthread_attr_init(&attributes) != 0)
        return;
    for (int i = 0; i < p->lanes - 1; i++)
        p->member[i] = (struct member){.parallel = p, .lane = i + 1};
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    create_members(p, &attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* In a new process there are neither threads nor what they waited on. */
static void begin(struct parallel *p)
{
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    atomic_init(&p->work, 0);
    atomic_init(&p->inside, 0);
    atomic_init(&p->next, 0);
    p->open = p->leave = false;
    p->members = 0;
    p->process = getpid();
    start_members(p);
}

/* ---- Work ---------------------------------------------------------------------------------- */

struct parallel *ddz_parallel_new(const struct mem *mem, int threads, const struct parallel_runner *runner)
{
    struct parallel *p = ddz_mem_alloc(mem, 1, sizeof *p);
    if (!p)
        return NULL;
    p->mem = *mem;
    p->lanes = ddz_parallel_threads(threads);
    if (runner && runner->run) {
        p->runner = *runner;
        p->lanes = runner->lanes;
        return p;
    }
    p->member = ddz_mem_alloc(mem, (size_t)p->lanes, sizeof *p->member);
    if (p->member)
        return p;
    ddz_mem_free(mem, p);
    return NULL;
}

static void end_members(struct parallel *p)
{
    pthread_mutex_lock(&p->mutex);
    p->leave = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    join_members(p);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
}

void ddz_parallel_free(struct parallel *p)
{
    if (!p)
        return;
    struct mem mem = p->mem;
    if (p->process && p->process == getpid())
        end_members(p);
    ddz_mem_free(&mem, p->member);
    ddz_mem_free(&mem, p);
}

static void open_work(struct parallel *p, size_t count, parallel_item *item, void *argument)
{
    pthread_mutex_lock(&p->mutex);
    p->item = item;
    p->argument = argument;
    p->count = count;
    atomic_store(&p->next, 0);
    p->open = true;
    atomic_fetch_add(&p->work, 1);
    for (size_t i = 1; i < count && i <= (size_t)p->members; i++)
        pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mutex);
}

/* Who has not come by now need not come: nobody waits for a thread that has no processor. */
static void close_work(struct parallel *p)
{
    pthread_mutex_lock(&p->mutex);
    p->open = false;
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < YIELDS && atomic_load(&p->inside); i++)
        sched_yield();
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->inside))
        pthread_cond_wait(&p->done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}

static void run_together(struct parallel *p, size_t count, parallel_item *item, void *argument)
{
    if (p->process != getpid())
        begin(p);
    open_work(p, count, item, argument);
    take_items(p, 0);
    close_work(p);
}

#else /* no threads */

struct parallel {
    struct mem mem;
    struct parallel_runner runner;
    int lanes;
};

int ddz_parallel_threads(int setting)
{
    (void)setting;
    return 1;
}

struct parallel *ddz_parallel_new(const struct mem *mem, int threads, const struct parallel_runner *runner)
{
    (void)threads;
    struct parallel *p = ddz_mem_alloc(mem, 1, sizeof *p);
    if (!p)
        return NULL;
    p->mem = *mem;
    p->lanes = 1;
    if (runner && runner->run) {
        p->runner = *runner;
        p->lanes = runner->lanes;
    }
    return p;
}

void ddz_parallel_free(struct parallel *p)
{
    if (!p)
        return;
    struct mem mem = p->mem;
    ddz_mem_free(&mem, p);
}

static void run_together(struct parallel *p, size_t count, parallel_item *item, void *argument)
{
    (void)p;
    run_alone(count, item, argument);
}

#endif

int ddz_parallel_lanes(const struct parallel *p)
{
    return p ? p->lanes : 1;
}

void ddz_parallel_for(struct parallel *p, size_t count, parallel_item *item, void *argument)
{
    if (!p || p->lanes == 1 || count < 2)
        run_alone(count, item, argument);
    else if (p->runner.run)
        p->runner.run(p->runner.cookie, count, item, argument);
    else
        run_together(p, count, item, argument);
}
