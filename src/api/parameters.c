#include "api/parameters.h"

#include <stdbool.h>

#include "base/parallel.h"
#include "ddz/research.h"

void ddz_parameters_default(const struct parameter *table, int count, int64_t *values)
{
    for (int i = 0; i < count; i++)
        values[i] = table[i].usual;
}

static bool is_valid(const struct parameter *p, int64_t value)
{
    bool or_zero = p->kind == PARAMETER_WHOLE_OR_ZERO || p->kind == PARAMETER_POWER_OR_ZERO;
    bool power = p->kind == PARAMETER_POWER || p->kind == PARAMETER_POWER_OR_ZERO;
    if (or_zero && value == 0)
        return true;
    return value >= p->low && value <= p->high && (!power || (value & (value - 1)) == 0);
}

ddz_status ddz_parameters_set(const struct parameter *table, int count, int64_t *values, int id,
                              int64_t value)
{
    for (int i = 0; i < count; i++) {
        if (table[i].id != id)
            continue;
        if (!is_valid(&table[i], value))
            return DDZ_ERR_ARGUMENT;
        values[i] = value;
        return DDZ_OK;
    }
    return DDZ_ERR_UNSUPPORTED;
}

int ddz_research_threads(int threads)
{
    return ddz_parallel_threads(threads);
}
