/* Pseudo-random inputs of the tests: the same ones in every run. */
#ifndef DDZ_TESTS_INPUTS_H
#define DDZ_TESTS_INPUTS_H

#include <stddef.h>
#include <stdint.h>

/* Zeros, to be released with free(); the running test fails when memory is short. */
void *new_array(size_t count, size_t size);

/* The next number of one sequence, from 0 to below - 1 */
uint32_t draw(uint32_t below);

/* `size` bytes of that sequence, to be released with free() */
uint8_t *random_bytes(size_t size);

/* Number `i` of the sequence that `key` names: an integer from -limit to limit, a uniform value above 0 and below 1,
 * and one of the standard normal distribution */
int32_t spread(uint64_t key, uint64_t i, int32_t limit);
double uniform(uint64_t key, uint64_t i);
double normal(uint64_t key, uint64_t i);

#endif
