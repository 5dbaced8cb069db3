/* Work in a wave: every row once and with all its marks, none before its turn, each lane one row at a time. */
#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/wave.h"
#include "crew.h"
#include "runner.h"

enum { ROWS = 60, MARKS = 7, LANES = 8 };

struct record {
    atomic_int runs[ROWS], passed[ROWS];
    atomic_int busy[LANES];
    atomic_int begun, clashes;
    int lanes, distance; /* how many marks a row waits for the one before to be ahead */
    bool rests;
    int plain[MARKS]; /* without any protection but the waiting */
};

static void note(struct record *r, bool well)
{
    if (!well)
        atomic_fetch_add(&r->clashes, 1);
}

static void record_row(void *argument, size_t row, int lane, struct wave *wave)
{
    struct record *r = argument;
    note(r, lane >= 0 && lane < r->lanes && atomic_fetch_add(&r->busy[lane], 1) == 0);
    note(r, row < ROWS && atomic_fetch_add(&r->begun, 1) - (int)row < r->lanes);
    atomic_fetch_add(&r->runs[row], 1);
    for (int mark = 0; mark < MARKS; mark++) {
        int needed = mark + r->distance < MARKS ? mark + r->distance : MARKS - 1;
        ddz_wave_wait(wave, row, (size_t)needed);
        note(r, row == 0 || atomic_load(&r->passed[row - 1]) > needed);
        note(r, r->plain[mark] == (int)row);
        r->plain[mark]++;
        if (r->rests && (row + (size_t)mark) % 5 == 0)
            nanosleep(&(struct timespec){0, 200000}, NULL);
        atomic_fetch_add(&r->passed[row], 1);
        ddz_wave_pass(wave, row, (size_t)mark);
    }
    atomic_fetch_sub(&r->busy[lane], 1);
}

static void check_wave(struct parallel *p, size_t rows, int distance, bool rests)
{
    static struct record r;
    memset(&r, 0, sizeof r);
    r.lanes = ddz_parallel_lanes(p);
    r.distance = distance;
    r.rests = rests;
    ddz_wave_run(p, rows, MARKS, record_row, &r);
    ck_assert_int_eq(atomic_load(&r.clashes), 0);
    for (size_t i = 0; i < ROWS; i++) {
        ck_assert_int_eq(atomic_load(&r.runs[i]), i < rows);
        ck_assert_int_eq(atomic_load(&r.passed[i]), i < rows ? MARKS : 0);
    }
}

static void check_waves(struct parallel *p)
{
    static const size_t rows[] = {0, 1, 2, 3, 8, 9, ROWS};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int distance = 0; distance < 3; distance++) {
            check_wave(p, rows[i], distance, false);
            check_wave(p, rows[i], distance, true);
        }
}

START_TEST(rows_follow_one_another)
{
    struct mem mem = ddz_mem_init(NULL);
    check_waves(NULL);
    for (int threads = 1; threads <= LANES; threads++) {
        struct parallel *p = ddz_parallel_new(&mem, threads, NULL);
        ck_assert_ptr_nonnull(p);
        check_waves(p);
        for (int i = 0; i < 100; i++)
            check_wave(p, 1 + (size_t)i % 20, i % 2, false);
        ddz_parallel_free(p);
    }
}
END_TEST

/* A runner that has one thread in truth, whatever it says, must not wait for others. */
START_TEST(runner_of_the_caller)
{
    int calls = 0;
    struct mem mem = ddz_mem_init(NULL);
    const struct parallel_runner runner = {run_backwards, &calls, 3};
    struct parallel *p = ddz_parallel_new(&mem, 1, &runner);
    ck_assert_ptr_nonnull(p);
    check_waves(p);
    ck_assert_int_gt(calls, 10);
    ddz_parallel_free(p);
}
END_TEST

/* Rows 0 and 1 wait for each other to begin, which they can only do on two threads. */
static void meet(void *argument, size_t row, int lane, struct wave *wave)
{
    atomic_int *begun = argument;
    (void)lane;
    atomic_fetch_add(begun, 1);
    while (row < 2 && atomic_load(begun) < 2)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    for (size_t mark = 0; mark < MARKS; mark++) {
        ddz_wave_wait(wave, row, mark);
        ddz_wave_pass(wave, row, mark);
    }
}

/* Rows run on the threads of a caller's runner, also where the library has none of its own. */
START_TEST(threads_of_the_caller)
{
    int calls = 0;
    struct mem mem = ddz_mem_init(NULL);
    const struct parallel_runner runner = {run_with_threads, &calls, RUNNER_THREADS};
    struct parallel *p = ddz_parallel_new(&mem, 1, &runner);
    ck_assert_ptr_nonnull(p);
    check_waves(p);
    for (size_t rows = 2; rows < 9; rows++) {
        atomic_int begun;
        atomic_init(&begun, 0);
        ddz_wave_run(p, rows, MARKS, meet, &begun);
        ck_assert_int_eq(atomic_load(&begun), (int)rows);
    }
    ddz_parallel_free(p);
}
END_TEST

int main(void)
{
    return RUN("wave", 60,
               CASE("wave", rows_follow_one_another, runner_of_the_caller, threads_of_the_caller));
}
