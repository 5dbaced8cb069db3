#include "exact/blend.h"

#include <string.h>

enum { HASTE_SHIFT = 16, BITS_MOST = 1 << 24 };

static int inputs_of(const struct blend_shape *shape)
{
    return shape->counted + shape->others;
}

size_t ddz_blend_weights(const struct blend_shape *shape)
{
    return (size_t)(shape->first_sets + shape->second_sets) * (size_t)ddz_mixer_stride(inputs_of(shape));
}

size_t ddz_blend_points(const struct blend_shape *shape)
{
    return (size_t)shape->contexts * APM_STEPS;
}

void ddz_blend_init(struct blend *b, const struct mixing_tables *tables, const struct blend_shape *shape,
                    int32_t *weights, uint16_t *points)
{
    int inputs = inputs_of(shape);
    int32_t weight = 3 * MIXER_UNIT_Q16 / (2 * inputs);
    *b = (struct blend){.tables = tables,
                        .counted = shape->counted,
                        .limit = shape->limit,
                        .rate = shape->rate,
                        .haste = shape->haste};
    ddz_mixer_init(&b->first, tables, weights, inputs, shape->first_sets, shape->rate, weight);
    weights += (size_t)shape->first_sets * (size_t)ddz_mixer_stride(inputs);
    ddz_mixer_init(&b->second, tables, weights, inputs, shape->second_sets, shape->rate, weight);
    ddz_apm_init(&b->map, tables, points, shape->contexts, 6);
}

int ddz_blend_code(struct blend *b, struct bit_coder *c, int bit, int first_set, int second_set, int context)
{
    int haste = (int)(((uint32_t)b->haste << HASTE_SHIFT) / (b->bits + (1U << HASTE_SHIFT)));
    b->first.rate = b->second.rate = b->rate + haste;
    const int counted = b->counted;
    const struct mixing_tables *tables = b->tables;
    for (int i = 0; i < counted; i++)
        b->first.x[i] = (int16_t)ddz_stretch(tables, ddz_counter_p(*b->counters[i]));
    memcpy(b->second.x, b->first.x, sizeof b->first.x);
    int32_t x = asr32(ddz_mix(&b->first, first_set) + ddz_mix(&b->second, second_set), 1);
    uint32_t p = (ddz_squash(tables, x) + ddz_apm_correct(&b->map, x, context) + 1) / 2;
    bit = ddz_code(c, bit, p);
    if (ddz_code_ended(c))
        return 0;
    b->bits += b->bits < BITS_MOST;
    ddz_mixer_learn(&b->first, bit);
    ddz_mixer_learn(&b->second, bit);
    ddz_apm_learn(&b->map, bit);
    const uint32_t limit = b->limit;
    for (int i = 0; i < counted; i++)
        ddz_counter_learn(tables, b->counters[i], bit, limit);
    return bit;
}
