#include "exact/value.h"

#include "base/fetch.h"

enum { LEAST_BITS = 4, BIT_CLASSES = 8, COUNTER_WEIGHT = 12000, EXPERT_WEIGHT = 14000 };

static const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);

enum { OPEN_CONTEXTS = VALUE_CONTEXTS - 2 };

/* Where colours do not come again, contexts of whole colours are of no use: [0] has none. */
static const struct blend_shape shapes[2] = {{.counted = OPEN_CONTEXTS,
                                              .others = EXPERTS + 1,
                                              .first_sets = 4 * 16,
                                              .second_sets = SPREAD_CLASSES * BIT_CLASSES,
                                              .contexts = SPREAD_CLASSES * 4,
                                              .rate = 12,
                                              .haste = 80,
                                              .limit = 255},
                                             {.counted = VALUE_CONTEXTS,
                                              .others = EXPERTS + 1,
                                              .first_sets = 4 * 16,
                                              .second_sets = SPREAD_CLASSES * BIT_CLASSES,
                                              .contexts = SPREAD_CLASSES * 4,
                                              .rate = 12,
                                              .haste = 80,
                                              .limit = 255}};

/* How many lines a context can have in use, in powers of two: those of few make do with what caches hold. */
static const int8_t most_bits[VALUE_CONTEXTS] = {16, 14, 15, 15, 15, 16, 16};

void ddz_value_place(struct value *v, struct arena *arena, uint64_t pixels, int depth)
{
    int bits = LEAST_BITS;
    v->depth = depth;
    while (bits < most_bits[0] && UINT64_C(4) << bits < pixels)
        bits++;
    for (int i = 0; i < VALUE_CONTEXTS; i++) {
        v->line_bits[i] = bits < most_bits[i] ? bits : most_bits[i];
        v->lines[i] = arena_carve(arena, (size_t)1 << v->line_bits[i], VALUE_LINE * sizeof(counter));
    }
    for (int i = 0; i < 2; i++) {
        v->weights[i] = arena_carve(arena, ddz_blend_weights(&shapes[i]), sizeof *v->weights[i]);
        v->points[i] = arena_carve(arena, ddz_blend_points(&shapes[i]), sizeof *v->points[i]);
    }
}

void ddz_value_init(struct value *v, const struct mixing_tables *tables)
{
    v->tables = tables;
    for (int k = 0; k < 2; k++) {
        const size_t weights = ddz_blend_weights(&shapes[k]), counted = (size_t)shapes[k].counted;
        const size_t stride = (size_t)ddz_mixer_stride(shapes[k].counted + shapes[k].others);
        ddz_blend_init(&v->blends[k], tables, &shapes[k], v->weights[k], v->points[k]);
        for (size_t i = 0; i < weights; i++)
            v->weights[k][i] = i % stride < counted ? COUNTER_WEIGHT : EXPERT_WEIGHT;
    }
}

/* ---- Contexts ---------------------------------------------------------------------------------- */

static uint64_t add(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * odd;
    return hash ^ hash >> 29;
}

static void hash_contexts(struct value *v, const struct predict *p, const struct neighbours *n, int place,
                          uint64_t known)
{
    int channel = ddz_channel_order(p->channels, place);
    const struct outlook *o = &p->outlook[channel];
    uint64_t base = add(add((uint64_t)channel + 1, known), 7);
    uint64_t w = n->row[0][(int64_t)n->x - 1], up = n->row[1][n->x];
    uint64_t mean = (uint64_t)asr32(p->expert[0].mean_q4 + 8, 4);
    uint64_t corrected = (uint64_t)asr32(p->expert[1].mean_q4 + 8, 4);
    int32_t last_q4 = place ? ddz_predict_residual(p, n, ddz_channel_order(p->channels, place - 1)) : 0;
    v->hash[0] = add(base, 1);
    v->hash[OPEN_CONTEXTS] = add(add(base, 2), w);
    v->hash[OPEN_CONTEXTS + 1] = add(add(base, 3), up);
    base = (uint64_t)channel << 32;
    v->hash[1] = add(base | 5, mean);
    v->hash[2] = add(add(base | 6, corrected), (uint64_t)o->spread_class / 2);
    v->hash[3] = add(add(base | 7, (uint64_t)o->plain[0]), (uint64_t)o->plain[1]);
    v->hash[4] = add(add(base | 8, corrected), (uint64_t)(int64_t)asr32(last_q4 + 16, 5));
}

/* ---- Bits -------------------------------------------------------------------------------------- */

/* part of whole, in 1/65536 */
static uint32_t share(uint32_t part, uint32_t whole)
{
    int shift = whole >> 20 ? 9 : whole >> 16 ? 4 : 0;
    uint32_t p = ((part >> shift) << 16) / ((whole >> shift) + 1);
    return p < 1 ? 1 : p > 65535 ? 65535 : p;
}

static void ask_experts(const struct value *v, const struct predict *p, struct halving *h, int bit,
                        int16_t *others)
{
    for (int e = 0; e < EXPERTS; e++) {
        h->middle[e] = ddz_expert_below(v->tables, &p->expert[e], v->depth, h->least | UINT32_C(1) << bit);
        others[e] = (int16_t)ddz_stretch(v->tables, share(h->to[e] - h->middle[e], h->to[e] - h->from[e]));
    }
    others[EXPERTS] = 256;
}

static void halve(struct halving *h, int bit, int one)
{
    for (int e = 0; e < EXPERTS; e++)
        *(one ? &h->from[e] : &h->to[e]) = h->middle[e];
    h->least |= (uint32_t)one << bit;
}

/* The counters of four bits behind the first `done`, with which values are at least `least` */
static void fetch_lines(struct value *v, int contexts, uint32_t least, int done)
{
    const uint64_t place = (least | (uint64_t)done << 32) * odd;
    for (int i = 0; i < contexts; i++) {
        uint64_t hash = add(v->hash[i], place) * odd;
        v->next[i] = v->lines[i] + (size_t)(hash >> (64 - v->line_bits[i])) * VALUE_LINE;
        v->next_check[i] = (uint32_t)hash | 1;
        fetch(v->next[i]);
    }
    v->next_least = least;
    v->next_done = done;
}

/* The counters of the next four bits. The place of node 0, which there is not, tells whose they are. */
static void take_lines(struct value *v, int contexts)
{
    if (v->next_least != v->halving.least || v->next_done != v->halving.done)
        fetch_lines(v, contexts, v->halving.least, v->halving.done);
    for (int i = 0; i < contexts; i++) {
        counter *line = v->line[i] = v->next[i];
        if (line[0] != v->next_check[i]) {
            line[0] = v->next_check[i];
            for (int k = 1; k < VALUE_LINE; k++)
                line[k] = counter_fresh;
        }
    }
    v->node = 1;
}

/* The four bits after these are likely to be those of the value that is expected, or, where what is known forbids it,
 * of the nearest to it: their counters are fetched. */
static void fetch_likely(struct value *v, int contexts, uint32_t expected)
{
    const int done = (v->halving.done & ~3) + 4, below = v->depth - done, open = v->depth - v->halving.done;
    const uint32_t least = v->halving.least, most = least + ((UINT32_C(1) << open) - 1);
    uint32_t likely = expected < least ? least : expected > most ? most : expected;
    if (below <= 0)
        return;
    likely = likely >> below << below;
    if (likely != v->next_least || done != v->next_done)
        fetch_lines(v, contexts, likely, done);
}

static void begin_channel(struct value *v)
{
    v->halving = (struct halving){.least = 0};
    for (int e = 0; e < EXPERTS; e++)
        v->halving.to[e] = below_all;
}

/* The channel's other bits */
static void code_channel(struct value *v, const struct predict *p, struct bit_coder *c, int channel,
                         uint32_t value, bool asked)
{
    struct halving *h = &v->halving;
    struct blend *blend = &v->blends[asked];
    int spread = p->outlook[channel].spread_class;
    const uint32_t expected = (uint32_t)asr32(p->expert[1].mean_q4 + 8, 4);
    for (; h->done < v->depth; h->done++) {
        int bit = v->depth - 1 - h->done;
        if (h->done % 4 == 0)
            take_lines(v, blend->counted);
        fetch_likely(v, blend->counted, expected);
        for (int i = 0; i < blend->counted; i++)
            blend->counters[i] = v->line[i] + v->node;
        ask_experts(v, p, h, bit, ddz_blend_others(blend));
        int first = channel * 16 + h->done;
        int second = spread * BIT_CLASSES + (h->done < BIT_CLASSES ? h->done : BIT_CLASSES - 1);
        int one =
            ddz_blend_code(blend, c, value >> bit & 1, first, second, channel * SPREAD_CLASSES + spread);
        if (ddz_code_ended(c))
            return;
        halve(h, bit, one);
        v->node = v->node << 1 | one;
    }
}

/* The channel at this place is predicted, and its first counters are fetched. */
static void expect(struct value *v, struct predict *p, const struct neighbours *n, int place, bool asked)
{
    ddz_predict_channel(p, n, place, v->known);
    hash_contexts(v, p, n, place, v->known);
    fetch_lines(v, v->blends[asked].counted, 0, 0);
    v->expected = place;
}

void ddz_value_expect(struct value *v, struct predict *p, const struct neighbours *n, bool asked)
{
    if (v->place == 0)
        expect(v, p, n, 0, asked);
}

uint64_t ddz_value_code(struct value *v, struct predict *p, struct bit_coder *c, const struct neighbours *n,
                        uint64_t colour, bool asked)
{
    while (v->place < p->channels) {
        int channel = ddz_channel_order(p->channels, v->place);
        if (v->expected != v->place)
            expect(v, p, n, v->place, asked);
        if (v->halving.done == 0)
            begin_channel(v);
        code_channel(v, p, c, channel, colour_channel(colour, channel), asked);
        if (ddz_code_ended(c))
            return 0;
        ddz_predict_note(p, n, channel, (int32_t)v->halving.least);
        v->known |= (uint64_t)v->halving.least << 16 * channel;
        v->halving.done = 0;
        if (++v->place < p->channels)
            expect(v, p, n, v->place, asked); /* memory is waited for while the filter learns */
        ddz_predict_adapt(p, n, channel);
    }
    colour = v->known;
    v->known = 0;
    v->place = 0;
    return colour;
}
