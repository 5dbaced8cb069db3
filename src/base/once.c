#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "base/once.h"

#ifdef DDZ_THREADS
#include <sched.h>
#else
#define sched_yield() ((void)0) /* nobody else is at it */
#endif

enum { NOT_YET, UNDER_WAY, DONE };

/* The compilers' own functions, since memory of zeros is to do: C11's atomic types want to be initialised. */
bool ddz_once_begin(struct once *once)
{
    int state = __atomic_load_n(&once->state, __ATOMIC_ACQUIRE);
    if (state == NOT_YET && __atomic_compare_exchange_n(&once->state, &state, UNDER_WAY, false,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
        return true;
    while (__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != DONE)
        sched_yield();
    return false;
}

void ddz_once_done(struct once *once)
{
    __atomic_store_n(&once->state, DONE, __ATOMIC_RELEASE);
}
