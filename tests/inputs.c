#include "inputs.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

void *new_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

uint32_t draw(uint32_t below)
{
    static uint64_t draws;
    return (uint32_t)((hash_pair(7, draws++) >> 32) * below >> 32);
}

uint8_t *random_bytes(size_t size)
{
    uint8_t *data = new_array(size, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)draw(256);
    return data;
}

int32_t spread(uint64_t key, uint64_t i, int32_t limit)
{
    return (int32_t)(hash_pair(key, i) % (2 * (uint64_t)limit + 1)) - limit;
}

double uniform(uint64_t key, uint64_t i)
{
    return ((double)(hash_pair(key, i) >> 11) + 0.5) * 0x1p-53;
}

/* By Box and Muller. */
double normal(uint64_t key, uint64_t i)
{
    return sqrt(-2 * log(uniform(key, 2 * i))) * cos(2 * acos(-1.0) * uniform(key, 2 * i + 1));
}
