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

#ifdef DDZ_THREADS

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { YIELDS = 100 /* how often a row looks before it sleeps: some ten microseconds */ };

/* passed[row % lanes] is row * marks + the number of marks that the row has passed. It never falls: when a row begins,
 * the one that had its place has passed all of its marks, since those between them are at work or have ended. */
struct wave {
    size_t rows, marks, lanes;
    wave_row *run;
    void *argument;
    atomic_size_t next; /* row */
    atomic_size_t passed[PARALLEL_MAX_THREADS];
    atomic_int waiting; /* rows that may be asleep */
    pthread_mutex_t mutex;
    pthread_cond_t moved;
};

static bool has_passed(struct wave *wave, size_t row, size_t mark)
{
    return atomic_load(&wave->passed[row % wave->lanes]) > row * wave->marks + mark;
}

void ddz_wave_wait(struct wave *wave, size_t row, size_t mark)
{
    if (!wave || row == 0)
        return;
    for (int i = 0; i < YIELDS && !has_passed(wave, row - 1, mark); i++)
        sched_yield();
    if (has_passed(wave, row - 1, mark))
        return;
    pthread_mutex_lock(&wave->mutex);
    atomic_fetch_add(&wave->waiting, 1);
    while (!has_passed(wave, row - 1, mark))
        pthread_cond_wait(&wave->moved, &wave->mutex);
    atomic_fetch_sub(&wave->waiting, 1);
    pthread_mutex_unlock(&wave->mutex);
}

void ddz_wave_pass(struct wave *wave, size_t row, size_t mark)
{
    if (!wave)
        return;
    atomic_store(&wave->passed[row % wave->lanes], row * wave->marks + mark + 1);
    if (atomic_load(&wave->waiting) == 0)
        return;
    pthread_mutex_lock(&wave->mutex);
    pthread_cond_broadcast(&wave->moved);
    pthread_mutex_unlock(&wave->mutex);
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
    pthread_mutex_init(&wave.mutex, NULL);
    pthread_cond_init(&wave.moved, NULL);
    ddz_parallel_for(parallel, rows < lanes ? rows : lanes, run_lane, &wave);
    pthread_cond_destroy(&wave.moved);
    pthread_mutex_destroy(&wave.mutex);
}

#else /* no threads */

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
