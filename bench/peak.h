/* What a machine can do at best: multiply-adds of an instruction set on registers alone. */
#ifndef DDZ_BENCH_PEAK_H
#define DDZ_BENCH_PEAK_H

#include "cpu/cpu.h"

/*
 * A fraction of a second of nothing but the instruction that the network's kernels for `features`,
 * which the machine must have, spend their time in. Returns how many multiply-adds that was; 0 if they
 * have no instruction of their own.
 */
double peak_macs(uint64_t features);

#endif
