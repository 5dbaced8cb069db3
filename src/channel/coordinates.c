#include "channel/coordinates.h"

#include "base/fixed.h"

enum { PIECES = 64 };

struct taking {
    const int32_t *mixed;
    uint32_t samples;
    uint32_t peaks[PIECES];
    int16_t *value;
    int shift;
};

static void find_peak(void *argument, size_t index, int lane)
{
    struct taking *t = argument;
    uint32_t begin = (uint32_t)((uint64_t)t->samples * index / PIECES),
             end = (uint32_t)((uint64_t)t->samples * (index + 1) / PIECES);
    int32_t least = 0, most = 0;
    (void)lane;
    for (uint32_t i = begin; i < end; i++) {
        least = t->mixed[i] < least ? t->mixed[i] : least;
        most = t->mixed[i] > most ? t->mixed[i] : most;
    }
    uint32_t below = -(uint32_t)least, above = (uint32_t)most;
    t->peaks[index] = below > above ? below : above;
}

/* Elements that follow one another come from all over memory. */
static void take(const struct mixing *m, struct mix_unit unit, int32_t *values, void *argument)
{
    const struct taking *t = argument;
    uint32_t at = placement_at(m->order, unit.first);
    (void)values;
    for (uint32_t i = unit.first; i < unit.first + unit.count; i++, at = placement_next(m->order, at))
        t->value[i] = (int16_t)asr32(t->mixed[at], t->shift);
}

struct coordinates ddz_coordinates_take(const int32_t *mixed, struct placement where, int16_t *value,
                                        struct mix_room room, struct parallel *parallel)
{
    static const struct mix_phase phase = {take, false};
    struct taking t = {.mixed = mixed, .samples = where.count, .value = value};
    struct mixing visits = ddz_mix_visits(where);
    uint32_t peak = 0;
    ddz_parallel_for(parallel, PIECES, find_peak, &t);
    for (int i = 0; i < PIECES; i++)
        peak = t.peaks[i] > peak ? t.peaks[i] : peak;
    while (peak >> t.shift >= 1u << 14)
        t.shift++;
    ddz_mix_units(&visits, room, parallel, &phase, 1, &t);
    return (struct coordinates){value, t.shift, peak};
}
