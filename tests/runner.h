/* The cases of each unit test, and the end of its main(). */
#ifndef DDZ_TESTS_RUNNER_H
#define DDZ_TESTS_RUNNER_H

#include <check.h>
#include <stddef.h>

/* A case of these tests: CASE("name", first_test, second_test, ...) */
#define CASE(name, ...)                                                                                      \
    new_case(name, (const TTest *const[]){__VA_ARGS__},                                                      \
             sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))

TCase *new_case(const char *name, const TTest *const *tests, size_t count);

/* Run these cases, `timeout` seconds a test; returns the exit status of main(). */
int run_cases(const char *name, double timeout, TCase **cases, size_t count);

/* The same: RUN("name", timeout, first_case, second_case, ...) */
#define RUN(name, timeout, ...)                                                                              \
    run_cases(name, timeout, (TCase *[]){__VA_ARGS__}, sizeof((TCase *[]){__VA_ARGS__}) / sizeof(TCase *))

#endif
