/*
 * The impulses of a step all of whose bits are known, by the units of its mixing. Where bits are few, most coordinates
 * have no impulse: a list of those that have one is shorter than a place for every coordinate, and lies in order.
 */
#ifndef DDZ_CHANNEL_IMPULSES_H
#define DDZ_CHANNEL_IMPULSES_H

#include <stddef.h>
#include <stdint.h>

#include "base/parallel.h"
#include "channel/mix.h"
#include "channel/trellis.h"

struct impulse_list {
    struct impulses impulses;
    const uint32_t *entry; /* unit after unit; places are linear coordinates */
    const uint32_t *end;   /* [units]: the number of the entry behind those of a unit */
};

/* How many values of `room` a list takes */
uint64_t ddz_impulse_list_room(const struct trellis *t, const struct mixing *m);

/* `bits` as ddz_trellis_walk has them. The list is in `room`. */
struct impulse_list ddz_impulse_list_make(const struct trellis *t, const uint8_t *bits,
                                          const struct mixing *m, uint32_t *room, struct parallel *parallel);

/* values[unit.count]: the unit's mixed coordinates, q12 */
void ddz_impulse_list_spread(const struct impulse_list *list, const struct mixing *m, struct mix_unit unit,
                             int32_t *values);

#endif
