#include "tools/processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/message.h"
#include "tools/signals.h"

/* ---- Signals -------------------------------------------------------------------------------- */

static volatile pid_t at_work[PROCESSES_MOST]; /* 0: none */

/* Passed on to all, and nobody is left when this process ends. */
static void end_all(int number)
{
    for (int i = 0; i < PROCESSES_MOST; i++)
        if (at_work[i])
            kill(at_work[i], number);
    for (int i = 0; i < PROCESSES_MOST; i++)
        while (at_work[i] && waitpid(at_work[i], NULL, 0) < 0 && errno == EINTR)
            ;
    signal(number, SIG_DFL);
    raise(number);
}

/* Between the birth of a process and the note of it, and between its end and that, signals have to wait. */
static void hold_signals(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, before);
}

static void release_signals(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- The crew ------------------------------------------------------------------------------- */

struct crew {
    const struct processes *processes;
    struct pollfd
        pipes[PROCESSES_MOST]; /* by job: progress, which ends when the process does; -1: no process */
    double share[PROCESSES_MOST];
    size_t item[PROCESSES_MOST];
    size_t begun, done, failed;
    size_t first_failed;
    int status; /* of that */
    struct cli_progress progress;
    char verb[80];
};

static void note_failure(struct crew *crew, size_t item, int status)
{
    if (status != CLI_OK && (!crew->failed || item < crew->first_failed)) {
        crew->first_failed = item;
        crew->status = status;
    }
    crew->failed += status != CLI_OK;
}

/* In the new process; `end` is where its progress goes. */
static _Noreturn void work(struct crew *crew, int job, int end, const sigset_t *mask)
{
    const struct processes *p = crew->processes;
    for (int i = 0; i < p->jobs; i++)
        if (crew->pipes[i].fd >= 0)
            close(crew->pipes[i].fd);
    for (int i = 0; i < PROCESSES_MOST; i++)
        at_work[i] = 0;
    signals_release(end_all);
    release_signals(mask);
    cli_progress_send(end, crew->progress.shown);
    exit(p->work(p->cookie, crew->item[job], job));
}

static void begin(struct crew *crew, int job)
{
    int ends[2];
    sigset_t mask;
    size_t item = crew->item[job] = crew->begun++;
    pid_t process = -1;
    crew->share[job] = 0;
    hold_signals(&mask);
    if (pipe(ends) == 0) {
        process = fork();
        if (process == 0) {
            close(ends[0]);
            work(crew, job, ends[1], &mask);
        }
        int error = errno;
        close(ends[1]);
        if (process < 0)
            close(ends[0]);
        errno = error;
    }
    if (process < 0) {
        crew->done++;
        note_failure(crew, item,
                     cli_fail(CLI_LIMIT, "%s: cannot begin: %s",
                              crew->processes->name(crew->processes->cookie, item), strerror(errno)));
    } else {
        at_work[job] = process;
        crew->pipes[job].fd = ends[0];
    }
    release_signals(&mask);
}

static void end(struct crew *crew, int job)
{
    const struct processes *p = crew->processes;
    const char *name = p->name(p->cookie, crew->item[job]);
    int answer = 0, status;
    sigset_t mask;
    hold_signals(&mask);
    pid_t ended = waitpid(at_work[job], &answer, 0);
    at_work[job] = 0;
    release_signals(&mask);
    if (ended < 0)
        status = cli_fail(CLI_LIMIT, "%s: cannot learn how it ended: %s", name, strerror(errno));
    else if (WIFEXITED(answer))
        status = WEXITSTATUS(answer);
    else
        status = cli_fail(CLI_LIMIT, "%s: ended by signal %d, %s%s", name, WTERMSIG(answer),
                          strsignal(WTERMSIG(answer)), WTERMSIG(answer) == SIGKILL ? "; out of memory?" : "");
    note_failure(crew, crew->item[job], status);
    close(crew->pipes[job].fd);
    crew->pipes[job].fd = -1;
    crew->share[job] = 0;
    crew->done++;
}

static void draw(struct crew *crew)
{
    const struct processes *p = crew->processes;
    double sum = (double)crew->done;
    for (int i = 0; i < p->jobs; i++)
        sum += crew->share[i];
    snprintf(crew->verb, sizeof crew->verb, "%s, %zu of %zu done,", p->verb, crew->done, p->count);
    cli_progress_draw(&crew->progress, sum / (double)p->count);
}

/* What a process has to tell: how far it is, or that it has ended */
static void hear(struct crew *crew, int job)
{
    double shares[64];
    ssize_t size = read(crew->pipes[job].fd, shares, sizeof shares);
    if (size < 0 && errno == EINTR)
        return;
    if (size <= 0)
        end(crew, job);
    else if (size % (ssize_t)sizeof *shares == 0)
        crew->share[job] = shares[size / (ssize_t)sizeof *shares - 1];
    draw(crew);
}

static void work_on_all(struct crew *crew)
{
    const struct processes *p = crew->processes;
    while (crew->done < p->count) {
        for (int i = 0; i < p->jobs; i++)
            if (crew->pipes[i].fd < 0 && crew->begun < p->count)
                begin(crew, i);
        if (crew->begun > crew->done && poll(crew->pipes, (nfds_t)p->jobs, -1) > 0)
            for (int i = 0; i < p->jobs; i++)
                if (crew->pipes[i].fd >= 0 && crew->pipes[i].revents)
                    hear(crew, i);
    }
}

int processes_run(const struct processes *processes)
{
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew)
        return cli_fail(CLI_LIMIT, "out of memory");
    crew->processes = processes;
    for (int i = 0; i < PROCESSES_MOST; i++)
        crew->pipes[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    fflush(NULL); /* what waits to be written is not for each process to write */
    signal(SIGCHLD, SIG_DFL);
    signals_catch(end_all);
    cli_progress_begin(&crew->progress, crew->verb, processes->quiet);
    work_on_all(crew);
    cli_progress_end();
    signals_release(end_all);
    int status = crew->status;
    if (crew->failed && processes->count > 1)
        cli_note("%zu of %zu files failed", crew->failed, processes->count);
    free(crew);
    return status;
}
