/* What the encoder's aim is off x_0: of 17 bits, of which 16 are mostly enough. */
#ifndef DDZ_ENCODE_OFFSET_H
#define DDZ_ENCODE_OFFSET_H

#include <stddef.h>
#include <stdint.h>

/* Both arrays the owner's. `far` has a bit for each sample, set where `low` is off by 2^16: its pages are not touched where
 * nothing is. */
struct offset {
    int16_t *low;
    uint8_t *far; /* [samples / 8 + 1] */
};

enum { OFFSET_MOST = (1 << 16) - 1 }; /* no picture's is greater */

/* What a far sample's `low` lacks */
static inline int32_t offset_missing(int16_t low)
{
    return low < 0 ? 1 << 16 : -(1 << 16);
}

static inline int32_t offset_at(const struct offset *o, size_t i)
{
    return o->low[i] + (o->far[i / 8] >> i % 8 & 1 ? offset_missing(o->low[i]) : 0);
}

#endif
