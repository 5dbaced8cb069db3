/*
 * Items of work, each in a process of its own: one that crashes, or takes more memory than there is, takes nobody with
 * it. All that a process needs has been loaded before, and is shared.
 */
#ifndef DDZ_TOOLS_PROCESSES_H
#define DDZ_TOOLS_PROCESSES_H

#include <stddef.h>

enum { PROCESSES_MOST = 256 };

struct processes {
    size_t count; /* items, numbered from 0 */
    int jobs;     /* at a time, 1 to PROCESSES_MOST */
    /* Called in an item's process; `job`, below `jobs`, is the number of no other that is at work. Returns an exit
     * status, and has said why it failed. What it draws as progress is its share of the progress over all. */
    int (*work)(void *cookie, size_t item, int job);
    const char *(*name)(void *cookie, size_t item); /* for messages */
    void *cookie;
    const char *verb; /* "encoding", for the progress */
    int quiet;
};

/*
 * Work on all items. One that fails does not stop the others: the exit status is that of the first of them, by their
 * numbers, that failed. A process that a signal ended, other than a signal to this program, which is passed on to all,
 * has failed with CLI_LIMIT. Must not be called while an output is under construction.
 */
int processes_run(const struct processes *processes);

#endif
