#include "exact/predict.h"

#include <string.h>

enum { TAP_SHIFT = 20, TAP_MOST = 1 << 20, LEAST_POWER = 1 << 12, AROUND_RECORDS = 6 };

static const int8_t orders[4][4] = {{0}, {1, 0}, {1, 0, 2}, {3, 1, 0, 2}};

int ddz_channel_order(int channels, int place)
{
    return orders[channels - 1][place];
}

void ddz_predict_place(struct predict *p, struct arena *arena, uint32_t width, int channels, int depth)
{
    p->channels = channels;
    p->depth = depth;
    size_t records = ddz_size_mul((size_t)width + 2 * ROWS_MARGIN, (size_t)channels);
    for (int i = 0; i < 2; i++)
        p->records[i] = arena_carve(arena, records, sizeof *p->records[i]);
}

static struct record *record_at(const struct predict *p, int up, int64_t x, int channel)
{
    return p->records[up] + ((size_t)(x + ROWS_MARGIN) * (size_t)p->channels + (size_t)channel);
}

void ddz_predict_next_row(struct predict *p)
{
    struct record *above = p->records[1];
    p->records[1] = p->records[0];
    p->records[0] = above;
}

void ddz_predict_skip(struct predict *p, const struct neighbours *n)
{
    memset(record_at(p, 0, n->x, 0), 0, (size_t)p->channels * sizeof **p->records);
}

int32_t ddz_predict_residual(const struct predict *p, const struct neighbours *n, int channel)
{
    return record_at(p, 0, n->x, channel)->residual_q4;
}

/* ---- Simple predictors ------------------------------------------------------------------------ */

enum { W, N, NW, NE, WW, NN, NNE, AROUND };

static int32_t middle(int32_t a, int32_t b, int32_t c)
{
    int32_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* The values of a channel around */
static void look_around(const struct neighbours *n, int channel, int32_t around[AROUND])
{
    const uint64_t *here = n->row[0] + n->x, *above = n->row[1] + n->x, *higher = n->row[2] + n->x;
    const uint64_t colours[AROUND] = {here[-1], above[0],  above[-1], above[1],
                                      here[-2], higher[0], higher[1]};
    for (int i = 0; i < AROUND; i++)
        around[i] = (int32_t)colour_channel(colours[i], channel);
}

static void predict_simply(struct outlook *o, const int32_t a[AROUND], bool all)
{
    int32_t gradient = a[W] + a[N] - a[NW], *p = o->prediction + o->count;
    p[0] = middle(a[W], a[N], gradient);
    p[1] = gradient;
    p[2] = a[W];
    o->count += 3;
    if (!all)
        return;
    p[3] = a[N];
    p[4] = a[W] + a[NE] - a[N];
    p[5] = a[N] + a[NE] - a[NNE];
    p[6] = asr32(2 * (a[W] + a[N]) + a[NE] - a[NW] + 2, 2);
    o->count += 4;
}

/* Those that were good around weigh most. */
static void weigh(const struct predict *p, struct outlook *o,
                  const struct record *const around[AROUND_RECORDS])
{
    int shift = p->depth > 8 ? p->depth - 8 : 0;
    uint32_t least = UINT32_MAX;
    uint64_t moving = 0;
    int64_t sum = 0;
    o->total = 0;
    for (int i = 0; i < o->count; i++) {
        uint32_t off = 0;
        for (int k = 0; k < AROUND_RECORDS; k++)
            off += around[k]->off[i];
        if (off < least) {
            least = off;
            o->best = i;
        }
        off = (off >> shift) + 1;
        o->weight[i] = (UINT32_C(1) << 26) / (off * off) + 1;
        o->total += o->weight[i];
        sum += (int64_t)o->weight[i] * o->prediction[i] * 16;
        moving += i >= o->moving ? o->weight[i] : 0;
    }
    o->mean_q4 = (int32_t)(sum / (int64_t)o->total);
    o->moves_q8 = (int32_t)((moving << 8) / o->total);
}

static void expect(struct outlook *o, const struct record *const around[AROUND_RECORDS])
{
    for (int i = 0; i < EXPERTS; i++) {
        uint32_t spread = 0; /* 32 times the mean error */
        for (int k = 0; k < AROUND_RECORDS; k++)
            spread += (uint32_t)around[k]->off_q2[i] << (k < 2);
        o->slope[i] = 11356 / (int32_t)(spread + 8);
        if (i == 1) {
            int class = ddz_ilog2((uint64_t)spread * spread + 1);
            o->spread_class = class < SPREAD_CLASSES ? class : SPREAD_CLASSES - 1;
        }
    }
}

static void look_at_channel(struct predict *p, const struct neighbours *n, int place)
{
    int channel = ddz_channel_order(p->channels, place), first = p->channels == 4;
    struct outlook *o = &p->outlook[channel];
    const struct record *const around[AROUND_RECORDS] = {
        record_at(p, 0, (int64_t)n->x - 1, channel), record_at(p, 1, n->x, channel),
        record_at(p, 1, (int64_t)n->x - 1, channel), record_at(p, 1, (int64_t)n->x + 1, channel),
        record_at(p, 0, (int64_t)n->x - 2, channel), record_at(p, 1, (int64_t)n->x + 2, channel)};
    look_around(n, channel, o->plain);
    o->reference = p->channels >= 3 && place > first ? ddz_channel_order(p->channels, first) : -1;
    o->count = 0;
    predict_simply(o, o->plain, o->reference < 0);
    o->moving = o->count;
    if (o->reference >= 0) {
        int32_t less[AROUND];
        for (int i = 0; i < AROUND; i++)
            less[i] = o->plain[i] - p->outlook[o->reference].plain[i];
        predict_simply(o, less, true);
    }
    weigh(p, o, around);
    expect(o, around);
}

void ddz_predict_look(struct predict *p, const struct neighbours *n, int from, int to)
{
    for (int place = from; place < to; place++)
        look_at_channel(p, n, place);
}

uint32_t ddz_predict_score(const struct predict *p, const struct mixing_tables *tables, uint64_t colour)
{
    uint64_t score_q32 = UINT32_MAX;
    for (int channel = 0; channel < p->channels; channel++) {
        const struct outlook *o = &p->outlook[channel];
        uint32_t value = colour_channel(colour, channel);
        struct expert e = {.mean_q4 = o->mean_q4, .slope = o->slope[0]};
        if (o->reference >= 0)
            e.mean_q4 += asr32(o->moves_q8 * (int32_t)colour_channel(colour, o->reference), 4);
        uint32_t part =
            ddz_expert_below(tables, &e, p->depth, value + 1) - ddz_expert_below(tables, &e, p->depth, value);
        score_q32 = score_q32 * part >> 24;
    }
    return score_q32 < UINT32_MAX ? (uint32_t)score_q32 : UINT32_MAX;
}

/* ---- The filter -------------------------------------------------------------------------------- */

static void take_input(struct predict *p, int channel, int32_t input_q4)
{
    p->inputs_q4[channel][p->inputs[channel]++] = input_q4;
}

/* How neighbours are from the mean, and how predictions were off around and in the channels before */
static void gather(struct predict *p, const struct neighbours *n, int place, int32_t mean_q4)
{
    int channel = ddz_channel_order(p->channels, place);
    p->inputs[channel] = 0;
    for (int i = 0; i < AROUND; i++)
        take_input(p, channel, p->outlook[channel].plain[i] * 16 - mean_q4);
    take_input(p, channel, record_at(p, 0, (int64_t)n->x - 1, channel)->residual_q4);
    take_input(p, channel, record_at(p, 1, n->x, channel)->residual_q4);
    for (int i = 0; i < place; i++) {
        int before = ddz_channel_order(p->channels, i);
        take_input(p, channel, record_at(p, 0, n->x, before)->residual_q4);
        take_input(p, channel, record_at(p, 1, (int64_t)n->x + 1, before)->residual_q4);
    }
}

void ddz_predict_channel(struct predict *p, const struct neighbours *n, int place, uint64_t known)
{
    int channel = ddz_channel_order(p->channels, place);
    const struct outlook *o = &p->outlook[channel];
    int32_t most = (1 << p->depth) - 1;
    int32_t add = o->reference < 0 ? 0 : (int32_t)colour_channel(known, o->reference);
    int64_t sum = 0;
    for (int i = 0; i < o->count; i++) {
        int32_t value = o->prediction[i] + (i >= o->moving ? add : 0);
        p->prediction[i] = value < 0 ? 0 : value > most ? most : value;
        sum += (int64_t)o->weight[i] * p->prediction[i];
    }
    int32_t mean_q4 = (int32_t)((uint64_t)sum * 16 / o->total);
    gather(p, n, place, mean_q4);
    sum = 0;
    for (int i = 0; i < p->inputs[channel]; i++)
        sum += (int64_t)p->taps_q16[channel][i] * p->inputs_q4[channel][i];
    p->expert[0].mean_q4 = mean_q4;
    p->expert[1].mean_q4 = (int32_t)clamp64(mean_q4 + rshift_round(sum, 16), 0, (int64_t)most * 16);
    p->expert[2].mean_q4 = p->prediction[o->best] * 16;
    for (int i = 0; i < EXPERTS; i++)
        p->expert[i].slope = o->slope[i];
}

/* Normalised least mean squares */
void ddz_predict_adapt(struct predict *p, const struct neighbours *n, int channel)
{
    const int32_t error_q4 = record_at(p, 0, n->x, channel)->residual_q4, *inputs_q4 = p->inputs_q4[channel];
    const int inputs = p->inputs[channel];
    int32_t *taps_q16 = p->taps_q16[channel];
    int64_t power = LEAST_POWER;
    for (int i = 0; i < inputs; i++)
        power += (int64_t)inputs_q4[i] * inputs_q4[i];
    int64_t step_q32 = ((int64_t)error_q4 * (INT64_C(1) << 32)) / power;
    for (int i = 0; i < inputs; i++) {
        int64_t tap = taps_q16[i] + asr64(step_q32 * inputs_q4[i], TAP_SHIFT);
        taps_q16[i] = (int32_t)clamp64(tap, -TAP_MOST, TAP_MOST);
    }
}

void ddz_predict_note(struct predict *p, const struct neighbours *n, int channel, int32_t value)
{
    struct record *record = record_at(p, 0, n->x, channel);
    int count = p->outlook[channel].count;
    for (int i = 0; i < count; i++) {
        int32_t off = value - p->prediction[i];
        record->off[i] = (uint16_t)(off < 0 ? -off : off);
    }
    for (int i = 0; i < EXPERTS; i++) {
        int32_t off_q4 = value * 16 - p->expert[i].mean_q4;
        uint32_t off_q2 = (uint32_t)(off_q4 < 0 ? -off_q4 : off_q4) / 4;
        record->off_q2[i] = (uint16_t)(off_q2 < 65535 ? off_q2 : 65535);
    }
    record->residual_q4 = value * 16 - p->expert[1].mean_q4;
}

/* ---- Experts ------------------------------------------------------------------------------------ */

uint32_t ddz_expert_below(const struct mixing_tables *tables, const struct expert *e, int depth,
                          uint32_t value)
{
    if (value == 0)
        return 0;
    if (value >> depth)
        return below_all;
    int64_t distance_q4 = (int64_t)value * 16 - 8 - e->mean_q4;
    int64_t x = clamp64(asr64(distance_q4 * e->slope, 4), -STRETCH_MOST, STRETCH_MOST);
    return (ddz_squash(tables, (int32_t)x) << 8) + (value << 16 >> depth);
}
