/*
 * Where the network's tensors lie in memory. Those that are never needed at the same time share a place:
 *
 *   patches   the input, until `head` or `sift` has read it; then the output
 *   stream 0  the stream of a call, and after it the features that `gates` reads; once the gates are there, what
 *             `sift` writes
 *   work      the inner maps of a call; once it is over, its gates, until the next call
 */
#ifndef DDZ_NN_PLAN_H
#define DDZ_NN_PLAN_H

#include <stdint.h>

#include "base/arena.h"
#include "model/topology.h"
#include "nn/conv/map.h"

struct plan {
    const struct architecture *unet;
    int16_t *patches, *work, *stream[TOPOLOGY_MAX_LEVELS];
};

/* Takes room for all tensors of pictures of up to width x height pixels from the arena. */
struct plan ddz_plan_make(struct arena *arena, const struct architecture *unet, uint32_t width,
                          uint32_t height);

/* Size of a level for a side of the picture: padded to whole pixels of the deepest level */
uint32_t ddz_plan_side(const struct architecture *unet, uint32_t side, int level);

/* The map of a tensor for a picture of that width, no larger than the plan was made for. */
struct map ddz_plan_map(const struct plan *plan, struct tensor tensor, uint32_t width);

/* Makes the border of a map of `rows` rows zero. */
void ddz_plan_clear_border(const struct map *map, ptrdiff_t rows);

/* Values that a tensor takes, border and all, and the first of them. */
size_t ddz_plan_values(const struct architecture *unet, struct tensor tensor, uint32_t width,
                       uint32_t height);
int16_t *ddz_plan_data(const struct plan *plan, struct tensor tensor);

#endif
