/*
 * What the processor can do, as a set of features (ddz_cpu_feature), and the one way in which kernels are chosen.
 *
 * The inner loops of one kind stand in a table, the fastest first and the portable one last. Each says which
 * features it needs; the first one that has all it needs is chosen when a handle is made. All kernels of a
 * table give the same result.
 */
#ifndef DDZ_CPU_CPU_H
#define DDZ_CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "ddz.h"

/* What processor and operating system have, of the features that this build has kernels for. The library asks
 * ddz_cpu_features, which returns this, and in whose place tests put one that hides features. */
uint64_t ddz_cpu_detect(void);

/* Of features that the machine has, those that the system lets this process use, which it is asked for. */
uint64_t ddz_cpu_ask(uint64_t features);

/* What kernels may use: of what the machine has (ddz_cpu_features), that which a set of features, or -1 for all, allows,
 * and the system grants. */
uint64_t ddz_cpu_allowed(int64_t set);

/* The beginning of every kernel. */
struct kernel {
    const char *name;
    uint64_t needs; /* a set of features */
};

static inline bool kernel_runs(const struct kernel *kernel, uint64_t features)
{
    return (kernel->needs & ~features) == 0;
}

#endif
