/* What Check's own assertions do not have. */
#ifndef DDZ_TESTS_ASSERTIONS_H
#define DDZ_TESTS_ASSERTIONS_H

#include <check.h>
#include <math.h>
#include <stdint.h>

/* For inner loops: Check's own assertions report each success to the parent process. */
#define must_equal(a, b) must_equal_at((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)

static inline void must_equal_at(uint64_t a, uint64_t b, const char *what, const char *file, int line)
{
    if (a != b)
        ck_abort_msg("%s:%d: %s: %llu, %llu", file, line, what, (unsigned long long)a, (unsigned long long)b);
}

static inline void check_near(double got, double expected, double tolerance, const char *what)
{
    if (!(fabs(got - expected) <= tolerance))
        ck_abort_msg("%s: %.9g, expected %.9g +- %.3g", what, got, expected, tolerance);
}

#endif
