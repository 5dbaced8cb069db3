/* Items of work in processes of their own */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "tools/message.h"
#include "tools/processes.h"

enum { MOST_ITEMS = 40 };

/* What all processes see */
static struct shared {
    atomic_int at_work, most_at_work, begun;
    atomic_int runs[MOST_ITEMS];
    atomic_int job_taken[MOST_ITEMS];
    atomic_int process[MOST_ITEMS];
} * shared;

static void make_shared(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void drop_shared(void)
{
    munmap(shared, sizeof *shared);
}

static const char *name(void *cookie, size_t item)
{
    (void)cookie;
    (void)item;
    return "an item";
}

static int run(size_t count, int jobs, int (*work)(void *, size_t, int), void *cookie)
{
    return processes_run(&(struct processes){.count = count,
                                             .jobs = jobs,
                                             .work = work,
                                             .name = name,
                                             .cookie = cookie,
                                             .verb = "working",
                                             .quiet = 1});
}

/* Notes who is at work, and ends when `*cookie` items have begun: so many must be at work beside each other. */
static int meet(void *cookie, size_t item, int job)
{
    const int *jobs = cookie;
    int now = atomic_fetch_add(&shared->at_work, 1) + 1, most = shared->most_at_work;
    while (now > most && !atomic_compare_exchange_weak(&shared->most_at_work, &most, now))
        ;
    if (job < 0 || job >= *jobs || atomic_exchange(&shared->job_taken[job], 1))
        abort();
    atomic_fetch_add(&shared->begun, 1);
    while (shared->begun < *jobs)
        sched_yield();
    shared->runs[item]++;
    atomic_store(&shared->job_taken[job], 0);
    atomic_fetch_sub(&shared->at_work, 1);
    return CLI_OK;
}

START_TEST(each_item_once)
{
    int jobs = 1 + _i;
    ck_assert_int_eq(run(MOST_ITEMS, jobs, meet, &jobs), CLI_OK);
    for (int i = 0; i < MOST_ITEMS; i++)
        ck_assert_int_eq(shared->runs[i], 1);
    ck_assert_int_eq(shared->most_at_work, jobs);
}
END_TEST

/* The status of an item; 100: a crash */
static int end_so(void *cookie, size_t item, int job)
{
    const int *statuses = cookie;
    (void)job;
    shared->runs[item]++;
    if (statuses[item] == 100)
        raise(SIGKILL);
    return statuses[item];
}

START_TEST(first_failure)
{
    static const struct {
        int statuses[6], expected;
    } cases[] = {{{0, 0, 0, 0, 0, 0}, 0}, {{0, 0, 3, 0, 1, 2}, 3},   {{0, 5, 0, 0, 0, 0}, 5},
                 {{2, 0, 0, 0, 0, 1}, 2}, {{0, 100, 0, 3, 0, 0}, 5}, {{0, 3, 0, 100, 0, 0}, 3},
                 {{1, 1, 1, 1, 1, 1}, 1}, {{0, 0, 0, 0, 0, 100}, 5}};
    int statuses[6];
    for (int i = 0; i < 6; i++)
        statuses[i] = cases[_i / 3].statuses[i];
    ck_assert_int_eq(run(6, 1 + _i % 3, end_so, statuses), cases[_i / 3].expected);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(shared->runs[i], 1);
}
END_TEST

/* Works for ever */
static int stay(void *cookie, size_t item, int job)
{
    (void)cookie;
    (void)job;
    shared->process[item] = getpid();
    shared->begun++;
    for (;;)
        pause();
    return CLI_OK;
}

START_TEST(signals_end_all)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1};
    enum { JOBS = 3 };
    pid_t program = fork();
    if (program == 0) {
        signal(signals[_i], SIG_DFL);
        _exit(run(MOST_ITEMS, JOBS, stay, NULL));
    }
    while (shared->begun < JOBS)
        sched_yield();
    ck_assert_int_eq(kill(program, signals[_i]), 0);
    int answer = 0;
    ck_assert_int_eq(waitpid(program, &answer, 0), program);
    ck_assert(WIFSIGNALED(answer));
    ck_assert_int_eq(WTERMSIG(answer), signals[_i]);
    ck_assert_int_eq(shared->begun, JOBS);
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(kill(shared->process[i], 0), -1);
        ck_assert_int_eq(errno, ESRCH);
    }
}
END_TEST

/* Progress of an item that another one waits for: what arrives is the mean of all. It is drawn on terminals only; here
 * it must do no harm, however much there is of it. */
static int tell(void *cookie, size_t item, int job)
{
    struct cli_progress progress = {.drawn = -1};
    (void)cookie;
    (void)job;
    shared->runs[item]++;
    for (int i = 1; i <= 20000; i++) {
        progress.drawn = -1;
        if (cli_progress_draw(&progress, i / 20000.0) != 0)
            return CLI_FILE;
    }
    return CLI_OK;
}

START_TEST(much_progress)
{
    ck_assert_int_eq(run(4, 2, tell, NULL), CLI_OK);
    ck_assert_int_eq(shared->runs[3], 1);
}
END_TEST

int main(void)
{
    cli_begin("check_processes");
    TCase *items = tcase_create("items");
    tcase_add_checked_fixture(items, make_shared, drop_shared);
    tcase_add_loop_test(items, each_item_once, 0, 5);
    tcase_add_loop_test(items, first_failure, 0, 24);
    tcase_add_loop_test(items, signals_end_all, 0, 5);
    tcase_add_test(items, much_progress);
    return RUN("processes", 30, items);
}
