/* Settings that are whole numbers with an id: one table says what each may be, and what it is at first. */
#ifndef DDZ_API_PARAMETERS_H
#define DDZ_API_PARAMETERS_H

#include <stdint.h>

#include "ddz.h"

enum parameter_kind {
    PARAMETER_WHOLE,
    PARAMETER_WHOLE_OR_ZERO, /* 0 is allowed although it is below `low` */
    PARAMETER_POWER,         /* of two */
    PARAMETER_POWER_OR_ZERO
};

struct parameter {
    int id; /* ddz_parameter or ddz_research_parameter */
    enum parameter_kind kind;
    int64_t low, high, usual; /* `usual` is the default */
};

/* values[i] = table[i].usual for all `count` parameters */
void ddz_parameters_default(const struct parameter *table, int count, int64_t *values);

/* Set the value of a parameter of the table. UNSUPPORTED: there is no such id; ARGUMENT: out of range. */
ddz_status ddz_parameters_set(const struct parameter *table, int count, int64_t *values, int id,
                              int64_t value);

#endif
