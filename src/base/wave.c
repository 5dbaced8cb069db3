#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "base/wave.h"

#include <stdbool.h>

static void run_alone(size_t rows, wave_row *run, void *argument)
{
    for (size_t i = 0; i < rows; i++)
        run(argument, i, 0, NULL);
}

/* A build without threads of its own still runs on those of a caller's runner. */
#ifndef __STDC_NO_ATOMICS__

#include <stdatomic.h>
#ifdef DDZ_THREADS
#include <pthread.h>
#endif
#ifdef HAVE_SCHED_H
#include <sched.h>
#endif

enum { YIELDS = 100 /* how often a row looks before it sleeps: some ten microseconds */ };

static void let_others_run(void)
{
#ifdef HAVE_SCHED_H
    sched_yield();
#endif
}

/* passed[row % lanes] is row * marks + the number of marks that the row has passed. It never falls: when a row begins,
 * the one that had its place has passed all of its marks, since those between them are at work or have ended. */
struct wave {
    size_t rows, marks, lanes;
    wave_row *run;
    void *argument;
    atomic_size_t next; /* row */
    atomic_size_t passed[PARALLEL_MAX_THREADS];
#ifdef DDZ_THREADS
    atomic_int waiting; /* rows that may be asleep */
    pthread_mutex_t mutex;
    pthread_cond_t moved;
#endif
};

static bool has_passed(struct wave *wave, size_t row, size_t mark)
{
    return atomic_load(&wave->passed[row % wave->lanes]) > row * wave->marks + mark;
}

#ifdef DDZ_THREADS

static void begin_waiting(struct wave *wave)
{
    pthread_mutex_init(&wave->mutex, NULL);
    pthread_cond_init(&wave->moved, NULL);
}

static void end_waiting(struct wave *wave)
{
    pthread_cond_destroy(&wave->moved);
    pthread_mutex_destroy(&wave->mutex);
}

static void sleep_until_passed(struct wave *wave, size_t row, size_t mark)
{
    pthread_mutex_lock(&wave->mutex);
    atomic_fetch_add(&wave->waiting, 1);
    while (!has_passed(wave, row, mark))
        pthread_cond_wait(&wave->moved, &wave->mutex);
    atomic_fetch_sub(&wave->waiting, 1);
    pthread_mutex_unlock(&wave->mutex);
}

static void wake(struct wave *wave)
{
    if (atomic_load(&wave->waiting) == 0)
        return;
    pthread_mutex_lock(&wave->mutex);
    pthread_cond_broadcast(&wave->moved);
    pthread_mutex_unlock(&wave->mutex);
}

#else /* nothing to sleep on: a row that waits looks again and again, and lets others have its processor */

static void begin_waiting(struct wave *wave)
{
    (void)wave;
}

static void end_waiting(struct wave *wave)
{
    (void)wave;
}

static void sleep_until_passed(struct wave *wave, size_t row, size_t mark)
{
    while (!has_passed(wave, row, mark))
        let_others_run();
}

static void wake(struct wave *wave)
{
    (void)wave;
}

#endif

void ddz_wave_wait(struct wave *wave, size_t row, size_t mark)
{
    if (!wave || row == 0)
        return;
    for (int i = 0; i < YIELDS && !has_passed(wave, row - 1, mark); i++)
        let_others_run();
    if (!has_passed(wave, row - 1, mark))
        sleep_until_passed(wave, row - 1, mark);
}

void ddz_wave_pass(struct wave *wave, size_t row, size_t mark)
{
    if (!wave)
        return;
    atomic_store(&wave->passed[row % wave->lanes], row * wave->marks + mark + 1);
    wake(wave);
}

/* A lane's part. Whoever comes first can do all of it alone: rows wait for none but earlier ones. */
static void run_lane(void *argument, size_t index, int lane)
{
    struct wave *wave = argument;
    size_t row;
    (void)index;
    while ((row = atomic_fetch_add(&wave->next, 1)) < wave->rows)
        wave->run(wave->argument, row, lane, wave);
}

void ddz_wave_run(struct parallel *parallel, size_t rows, size_t marks, wave_row *run, void *argument)
{
    size_t lanes = (size_t)ddz_parallel_lanes(parallel);
    if (lanes == 1 || rows < 2) {
        run_alone(rows, run, argument);
        return;
    }
    struct wave wave = {.rows = rows, .marks = marks, .lanes = lanes, .run = run, .argument = argument};
    begin_waiting(&wave);
    ddz_parallel_for(parallel, rows < lanes ? rows : lanes, run_lane, &wave);
    end_waiting(&wave);
}

#else /* rows cannot wait for one another */

void ddz_wave_wait(struct wave *wave, size_t row, size_t mark)
{
    (void)wave;
    (void)row;
    (void)mark;
}

void ddz_wave_pass(struct wave *wave, size_t row, size_t mark)
{
    (void)wave;
    (void)row;
    (void)mark;
}

void ddz_wave_run(struct parallel *parallel, size_t rows, size_t marks, wave_row *run, void *argument)
{
    (void)parallel;
    (void)marks;
    run_alone(rows, run, argument);
}

#endif
