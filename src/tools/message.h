/*
 * What the programs tell: failures in one line, notes, progress.
 *
 * A function that returns an exit status has already said why it failed.
 */
#ifndef DDZ_TOOLS_MESSAGE_H
#define DDZ_TOOLS_MESSAGE_H

#include "ddz.h"

/* Exit statuses: ddpmenc(1), ddpmdec(1), ddpmeval(1), ddpmsample(1). */
enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 1, /* options or arguments */
    CLI_FILE = 2,  /* a file cannot be read or written */
    CLI_INPUT = 3, /* a picture or a stream is not valid */
    CLI_MODEL = 4, /* no model, not a model, or not the one that made the stream */
    CLI_LIMIT = 5  /* out of memory, or a picture too large */
};

/* `program` is a string constant; it begins every message. Call this first: it opens standard streams that are
 * closed, and lets a file that grows too large be an error instead of a signal. */
void cli_begin(const char *program);
const char *cli_program(void);

/* One line on stderr, "program: ..."; returns `status`. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what is not a failure. Both clear the progress line away. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text of any number of lines on stderr, without the program's name */
void cli_print(const char *text);

/* cli_fail for a status of the library, about `subject`. */
int cli_fail_status(const char *subject, ddz_status status);

/* CLI_FILE if anything written to stdout did not get there. */
int cli_flush(void);

/* ---- Progress ------------------------------------------------------------------------------- */

struct cli_progress {
    const char *verb;
    int shown; /* stderr is a terminal, and nobody asked for quiet */
    double begun, drawn;
};

void cli_progress_begin(struct cli_progress *progress, const char *verb, int quiet);
int cli_progress_draw(void *progress, double share); /* a ddz_progress */
void cli_progress_end(void);

/* From now on, cli_progress_draw writes its shares, each a double, to a descriptor. `shown`: another process may have
 * drawn a line when this one has something to say. For a process that works for another one. */
void cli_progress_send(int descriptor, int shown);

/* Seconds on a clock that only goes forward. */
double cli_seconds(void);

#endif
