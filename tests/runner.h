/* The end of each unit test's main(). */
#ifndef DDZ_TESTS_RUNNER_H
#define DDZ_TESTS_RUNNER_H

#include <check.h>
#include <stddef.h>

/* Run these cases, `timeout` seconds a test; returns the exit status of main(). */
int run_cases(const char *name, double timeout, TCase **cases, size_t count);

#endif
