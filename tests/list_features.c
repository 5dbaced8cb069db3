/* Prints the features that this machine has, each after those that it builds on. */
#include <stdio.h>

#include "cpu/cpu.h"

int main(void)
{
    for (int bit = 0; bit < 64; bit++)
        if (ddz_cpu_features() >> bit & 1)
            puts(ddz_cpu_feature_name((uint64_t)1 << bit));
    return 0;
}
