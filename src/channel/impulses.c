#include "channel/impulses.h"

#include <string.h>

#include "base/fixed.h"

uint64_t ddz_impulse_list_room(const struct trellis *t, const struct mixing *m)
{
    return 2 * (uint64_t)t->branches + ddz_mix_unit_count(m);
}

/* Counting sort: `end` is first how many entries a unit has, then where its next one goes. */
static void sort_by_unit(const uint32_t *from, uint32_t count, const struct mixing *m, uint32_t *to,
                         uint32_t *end)
{
    uint32_t last = ddz_mix_unit_count(m) - 1, sum = 0;
    int block_log2 = ddz_ilog2(m->block);
    memset(end, 0, ((size_t)last + 1) * sizeof *end);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t unit = impulse_entry_place(from[i]) >> block_log2;
        end[unit < last ? unit : last]++;
    }
    for (uint32_t unit = 0; unit <= last; unit++) {
        uint32_t entries = end[unit];
        end[unit] = sum;
        sum += entries;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t unit = impulse_entry_place(from[i]) >> block_log2;
        to[end[unit < last ? unit : last]++] = from[i];
    }
}

struct impulse_list ddz_impulse_list_make(const struct trellis *t, const uint8_t *bits,
                                          const struct mixing *m, uint32_t *room, struct parallel *parallel)
{
    uint32_t *unsorted = room, *sorted = unsorted + t->branches, *end = sorted + t->branches;
    ddz_trellis_list(t, bits, m->visit, unsorted, parallel);
    sort_by_unit(unsorted, t->branches, m, sorted, end);
    return (struct impulse_list){ddz_trellis_impulses(t), sorted, end};
}

void ddz_impulse_list_spread(const struct impulse_list *list, const struct mixing *m, struct mix_unit unit,
                             int32_t *values)
{
    uint32_t number = unit.first / m->block;
    memset(values, 0, unit.count * sizeof *values);
    for (uint32_t i = number ? list->end[number - 1] : 0; i < list->end[number]; i++)
        values[impulse_entry_place(list->entry[i]) - unit.first] =
            impulse_entry_value(&list->impulses, list->entry[i]);
}
