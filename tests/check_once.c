/* What is done once: by one of the threads that come to it, and before any of the others goes on. */
#include <check.h>
#include <stdatomic.h>
#include <string.h>

#include "base/once.h"
#include "crew.h"
#include "runner.h"

enum { THINGS = 500, VISITS = 8, WORDS = 64 };

struct things {
    struct once once[THINGS];
    atomic_int done[THINGS], wrong;
    int made[THINGS][WORDS]; /* without any protection but struct once */
};

/* Visits to one thing follow one another, so that several threads are at it. */
static void visit(void *argument, size_t index, int lane)
{
    struct things *t = argument;
    size_t thing = index / VISITS;
    (void)lane;
    if (ddz_once_begin(&t->once[thing])) {
        atomic_fetch_add(&t->done[thing], 1);
        for (int i = 0; i < WORDS; i++)
            t->made[thing][i] = (int)thing + i;
        ddz_once_done(&t->once[thing]);
    }
    for (int i = 0; i < WORDS; i++)
        if (t->made[thing][i] != (int)thing + i)
            atomic_fetch_add(&t->wrong, 1);
}

START_TEST(every_thing_once)
{
    static struct things t;
    memset(&t, 0, sizeof t);
    ddz_parallel_for(crew(_i), (size_t)THINGS * VISITS, visit, &t);
    ck_assert_int_eq(atomic_load(&t.wrong), 0);
    for (int i = 0; i < THINGS; i++)
        ck_assert_int_eq(atomic_load(&t.done[i]), 1);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("once");
    tcase_add_loop_test(tc, every_thing_once, 1, 9);
    return run_cases("once", 60, &tc, 1);
}
