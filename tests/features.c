/*
 * In place of src/cpu/features.c: a machine that has no other features than those that $DDZ_FEATURES names, if it is
 * set. Names are parted by blanks; "" hides all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

static uint64_t feature_named(const char *name)
{
    for (int bit = 0; bit < 64; bit++) {
        const char *known = ddz_cpu_feature_name((uint64_t)1 << bit);
        if (known && strcmp(known, name) == 0)
            return (uint64_t)1 << bit;
    }
    fprintf(stderr, "DDZ_FEATURES: there is no feature %s\n", name);
    exit(99);
}

uint64_t ddz_cpu_features(void)
{
    const char *names = getenv("DDZ_FEATURES");
    uint64_t left = 0;
    char name[32];
    int length;
    if (!names)
        return ddz_cpu_detect();
    for (; sscanf(names, " %31s%n", name, &length) == 1; names += length)
        left |= feature_named(name);
    return ddz_cpu_detect() & left;
}
