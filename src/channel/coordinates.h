/*
 * Mixed coordinates in the order in which the branches of a trellis visit them, as the search takes them.
 */
#ifndef DDZ_CHANNEL_COORDINATES_H
#define DDZ_CHANNEL_COORDINATES_H

#include <stdint.h>

#include "base/parallel.h"
#include "channel/mix.h"

struct coordinates {
    const int16_t *value; /* [samples]: coordinates shifted down, rounded down */
    int shift;            /* by so many bits, the fewest with which all of them fit */
    uint32_t peak;        /* the greatest magnitude before the shift */
};

/* Those of mixed[samples], each at its place `where`, into value[samples]. The result does not depend on `parallel`, nor on
 * `room`, which is as ddz_mix_units has it. */
struct coordinates ddz_coordinates_take(const int32_t *mixed, struct placement where, int16_t *value,
                                        struct mix_room room, struct parallel *parallel);

#endif
