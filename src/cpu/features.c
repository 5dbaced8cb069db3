/* A file of its own, which a program may replace when it links. */
#include "cpu/cpu.h"

uint64_t ddz_cpu_features(void)
{
    return ddz_cpu_detect();
}
