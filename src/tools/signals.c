#include "tools/signals.h"

#include <signal.h>
#include <stddef.h>

static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGALRM,   SIGTERM,
                            SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF};

static void exchange(signal_handler from, signal_handler to)
{
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        struct sigaction action;
        if (sigaction(fatal[i], NULL, &action) == 0 && action.sa_handler == from) {
            action.sa_handler = to;
            sigaction(fatal[i], &action, NULL);
        }
    }
}

void signals_catch(signal_handler handler)
{
    exchange(SIG_DFL, handler);
}

void signals_release(signal_handler handler)
{
    exchange(handler, SIG_DFL);
}
