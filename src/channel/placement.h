/*
 * A permutation that needs no table: element i of a vector is kept at place (stride i + offset) mod count, stride
 * and count coprime.
 */
#ifndef DDZ_CHANNEL_PLACEMENT_H
#define DDZ_CHANNEL_PLACEMENT_H

#include <stdint.h>

struct placement {
    uint32_t stride, offset, count; /* stride and offset below count; of plain places, stride 1 */
};

/* Every element at its own place */
static inline struct placement placement_plain(uint32_t count)
{
    return (struct placement){1, 0, count};
}

static inline uint32_t placement_at(struct placement p, uint32_t i)
{
    return (uint32_t)(((uint64_t)p.stride * i + p.offset) % p.count);
}

/* The place of the element behind the one at `at` */
static inline uint32_t placement_next(struct placement p, uint32_t at)
{
    return at >= p.count - p.stride ? at - (p.count - p.stride) : at + p.stride;
}

/* Where element i of `inner` is, if its places are the elements of `outer`. */
static inline struct placement placement_join(struct placement outer, struct placement inner)
{
    return (struct placement){(uint32_t)((uint64_t)outer.stride * inner.stride % outer.count),
                              placement_at(outer, inner.offset), outer.count};
}

#endif
