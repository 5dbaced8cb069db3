#include "exact/levels.h"

#include <stdlib.h>
#include <string.h>

enum {
    Z_MOST = 4095,      /* stretched distances from the mean, in 1/256 */
    SCALE_CLASSES = 32, /* of an error, four to an octave */
    SMALL_CLASSES = 16, /* two to an octave */
    PARTS = 8,          /* of the way between two bounds, where the mean is */
    STEPS = 20,         /* decisions outward that are told apart, for either direction */
    DECISIONS = PARTS + 2 * STEPS,
    HALVES = 16, /* decisions within a group of bins */
    CONTEXTS = SCALE_CLASSES * SCALE_CLASSES,
    INPUTS = LEVELS_EXPERTS + LEVELS_COUNTERS + 1,
    WEIGHTS = (INPUTS + MIXER_VECTOR - 1) / MIXER_VECTOR * MIXER_VECTOR, /* of a decision */
    BIAS = 77, /* the input that is always the same, 0.3 */
    EXPERT_WEIGHT = MIXER_UNIT_Q16 * 2 / 5,
    COUNTER_WEIGHT = MIXER_UNIT_Q16 / 20,
    MIXER_RATE = 8,
    COUNTER_MEMORY = 255,
    SCALE_MEMORY = 200, /* errors that a scale remembers: when there are as many, half are forgotten */
    SCALE_PRIOR = 4,    /* errors that its first guess counts for */
    GROUP_BINS = 8      /* a mean error of so many bins is coded in groups of them */
};

/* 256 * 2 ln 2 * 2^LEVELS_ERROR_BITS: a logistic distribution with mean error m has the scale m / (2 ln 2). */
static const int64_t scale_unit = 1453635;

/* Errors in a context: their sum and number */
struct scale {
    uint32_t sum, count;
};

struct level_tables {
    struct mixing_tables mixing;
    int16_t softplus[2 * Z_MOST + 1]; /* ln(1 + e^z), in 1/256, from -Z_MOST on */
    int16_t log_rise[Z_MOST + 1];     /* ln(e^z - 1), z > 0 */
    struct scale scales[LEVELS_CHANNELS][LEVELS_EXPERTS][CONTEXTS];
    counter counters[LEVELS_CHANNELS][LEVELS_COUNTERS][CONTEXTS][DECISIONS];
    counter halves[LEVELS_CHANNELS][HALVES][HALVES];
    struct mixer mixer;
    int32_t weights[LEVELS_CHANNELS][DECISIONS][WEIGHTS];
};

/* ---- Tables ------------------------------------------------------------------------------ */

/* 256 ln v for v in 1 / 2^32 */
static int32_t log_q32(uint64_t v)
{
    const int64_t ln2_q32 = INT64_C(2977044472);
    int64_t log2_q16 = (int64_t)ddz_ilog2_q16(v) - (32 << 16);
    return (int32_t)rshift_round(log2_q16 * ln2_q32, 16 + 32 - 8);
}

static void make_tables(struct level_tables *t)
{
    const uint64_t one = UINT64_C(1) << 32, step_q32 = UINT64_C(4278222805); /* e^(-1/256) */
    uint64_t power = one;
    ddz_mixing_tables_init(&t->mixing);
    for (int z = 0; z <= Z_MOST; z++) { /* power = e^-z */
        int32_t log = log_q32(one + power);
        t->softplus[Z_MOST - z] = (int16_t)log;
        t->softplus[Z_MOST + z] = (int16_t)(log + z);
        t->log_rise[z] = (int16_t)(z ? z + log_q32(one - power) : 0);
        power = (power * step_q32 + one / 2) >> 32;
    }
}

static void fresh(counter *counters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        counters[i] = counter_fresh;
}

ddz_status ddz_level_coder_init(struct level_coder *c, const struct mem *mem, int max, int span)
{
    *c = (struct level_coder){.mem = *mem, .max = max, .span = span, .unit_q32 = (INT64_C(255) << 32) / max};
    struct level_tables *t = c->tables = ddz_mem_alloc(mem, 1, sizeof *t);
    if (!t)
        return DDZ_ERR_MEMORY;
    make_tables(t);
    fresh(&t->counters[0][0][0][0], sizeof t->counters / sizeof(counter));
    fresh(&t->halves[0][0][0], sizeof t->halves / sizeof(counter));
    ddz_mixer_init(&t->mixer, &t->mixing, &t->weights[0][0][0], INPUTS, LEVELS_CHANNELS * DECISIONS,
                   MIXER_RATE, COUNTER_WEIGHT);
    for (int channel = 0; channel < LEVELS_CHANNELS; channel++)
        for (int decision = 0; decision < DECISIONS; decision++)
            for (int i = 0; i < LEVELS_EXPERTS; i++)
                t->weights[channel][decision][i] = EXPERT_WEIGHT;
    return DDZ_OK;
}

void ddz_level_coder_free(struct level_coder *c)
{
    ddz_mem_free(&c->mem, c->tables);
    c->tables = NULL;
}

uint64_t ddz_level_coder_memory(void)
{
    return sizeof(struct level_tables);
}

/* ---- Contexts ---------------------------------------------------------------------------- */

/* Classes of a positive number, 1 << fine_bits to an octave, from 2^first on */
static int class_of(int32_t v, int first, int fine_bits, int classes)
{
    int octave = ddz_ilog2((uint64_t)v + (UINT64_C(1) << first));
    int fine = (int)(((uint64_t)v + (UINT64_C(1) << first)) >> (octave - fine_bits)) & ((1 << fine_bits) - 1);
    int class = (octave - first) << fine_bits | fine;
    return class < classes ? class : classes - 1;
}

/* A sample as it is coded: the experts, and the contexts of its decisions */
struct site {
    struct level_coder *coder;
    struct level_tables *tables;
    struct bit_coder *bits;
    int channel;
    int32_t mean_q16;
    struct scale *scale[LEVELS_EXPERTS];
    int64_t slope[LEVELS_EXPERTS]; /* of stretched distances: 256 / s, q16 by a grey level of q16 */
    counter *counters[LEVELS_COUNTERS];
    int group_bits; /* log2 of the bins in a group */
};

static int32_t scale_mean(const struct scale *s, int32_t prior)
{
    return (int32_t)((s->sum + SCALE_PRIOR * (int64_t)prior) / (s->count + SCALE_PRIOR));
}

static struct site look(struct level_coder *c, struct bit_coder *bits, const struct level_site *at)
{
    enum { LEAST = 8, LEAST_ACTIVITY = 6 }; /* logarithms of errors that are in the first class */
    struct level_tables *t = c->tables;
    struct site s = {.coder = c, .tables = t, .bits = bits, .channel = at->channel, .mean_q16 = at->mean_q16};
    int near = class_of(at->near, LEAST, 2, SCALE_CLASSES);
    int others = class_of(at->others, LEAST, 2, SCALE_CLASSES);
    int activity = class_of(at->activity, LEAST_ACTIVITY, 1, SMALL_CLASSES);
    int west = class_of(at->west, LEAST, 1, SMALL_CLASSES),
        north = class_of(at->north, LEAST, 1, SMALL_CLASSES);
    int32_t prior = (int32_t)(1229 + ((int64_t)at->near * 92 + (int64_t)at->others * 61) / 256);
    int64_t mean = 0;
    s.scale[0] = &t->scales[at->channel][0][near * SCALE_CLASSES + others];
    s.scale[1] = &t->scales[at->channel][1][near * SMALL_CLASSES + activity];
    for (int i = 0; i < LEVELS_EXPERTS; i++) {
        int32_t m = scale_mean(s.scale[i], prior);
        m = m < 1 ? 1 : m;
        s.slope[i] = scale_unit / m;
        mean += m;
    }
    int scale = class_of((int32_t)(mean / LEVELS_EXPERTS), LEAST - 1, 2, SCALE_CLASSES);
    s.counters[0] = t->counters[at->channel][0][scale];
    s.counters[1] = t->counters[at->channel][1][near * SCALE_CLASSES + others];
    s.counters[2] = t->counters[at->channel][2][west * SMALL_CLASSES + north];
    s.counters[3] = t->counters[at->channel][3][activity * SCALE_CLASSES + scale];
    /* the mean error in bins */
    int64_t bins = (mean / LEVELS_EXPERTS << (32 - LEVELS_ERROR_BITS)) / (c->unit_q32 * c->span);
    s.group_bits = bins >= GROUP_BINS ? ddz_ilog2((uint64_t)bins / (GROUP_BINS / 2)) : 0;
    return s;
}

/* ---- Decisions --------------------------------------------------------------------------- */

static int32_t clamp_z(int64_t z)
{
    return (int32_t)clamp64(z, -Z_MOST, Z_MOST);
}

/* A distance from the mean, q16, stretched */
static int32_t stretched(const struct site *s, int expert, int64_t distance_q16)
{
    return clamp_z(asr64(distance_q16 * s->slope[expert], 16));
}

/* The decision is known from a call before, which learnt from it. A sample has fewer than 64. */
static bool repeats(struct level_coder *c, int *bit)
{
    if (c->repeated == c->decided)
        return false;
    *bit = (int)(c->told >> c->repeated++ & 1);
    return true;
}

/* A decision that has not been made before; false: the data ended. */
static bool code_decision(struct site *s, int *bit, uint32_t p)
{
    struct level_coder *c = s->coder;
    *bit = ddz_code(s->bits, *bit, p);
    if (ddz_code_ended(s->bits))
        return false;
    c->told |= (uint64_t)*bit << c->decided;
    c->repeated = ++c->decided;
    return true;
}

static int decide(struct site *s, int decision, int bit)
{
    struct level_tables *t = s->tables;
    struct mixer *m = &t->mixer;
    if (repeats(s->coder, &bit))
        return bit;
    for (int i = 0; i < LEVELS_COUNTERS; i++)
        m->x[LEVELS_EXPERTS + i] = (int16_t)ddz_stretch(&t->mixing, ddz_counter_p(s->counters[i][decision]));
    m->x[INPUTS - 1] = BIAS;
    ddz_mix(m, s->channel * DECISIONS + decision);
    if (!code_decision(s, &bit, m->p))
        return 0;
    ddz_mixer_learn(m, bit);
    for (int i = 0; i < LEVELS_COUNTERS; i++)
        ddz_counter_learn(&t->mixing, &s->counters[i][decision], bit, COUNTER_MEMORY);
    return bit;
}

/* Is the sample above this bound, next to the mean? */
static int decide_side(struct site *s, int64_t bound_q16, int part, int above)
{
    for (int i = 0; i < LEVELS_EXPERTS; i++)
        s->tables->mixer.x[i] = (int16_t)-stretched(s, i, bound_q16 - s->mean_q16);
    return decide(s, part, above);
}

/* Is it farther out than the group from `near_q16` to `far_q16`, distances from the mean? Of a logistic distribution,
 * the odds of that are (1 + e^-near) / (e^(far - near) - 1). */
static int decide_farther(struct site *s, int64_t near_q16, int64_t far_q16, int step, int upward,
                          int farther)
{
    for (int i = 0; i < LEVELS_EXPERTS; i++) {
        int32_t from = stretched(s, i, near_q16), width = stretched(s, i, far_q16 - near_q16);
        int32_t log_odds = s->tables->softplus[Z_MOST - from] - s->tables->log_rise[width < 1 ? 1 : width];
        s->tables->mixer.x[i] = (int16_t)log_odds;
    }
    step = step < STEPS ? step : STEPS - 1;
    return decide(s, PARTS + 2 * step + upward, farther);
}

/* The logarithm of a logistic distribution's density there, both experts' mean */
static int32_t log_density(const struct site *s, int64_t distance_q16)
{
    int32_t sum = 0;
    for (int i = 0; i < LEVELS_EXPERTS; i++) {
        int32_t z = stretched(s, i, distance_q16);
        sum -= z + 2 * s->tables->softplus[Z_MOST - z];
    }
    return sum / LEVELS_EXPERTS;
}

/* ---- Bins -------------------------------------------------------------------------------- */

/* Bins are numbered from the one about the mean; groups of them, too. */
struct bins {
    const struct level_coder *coder;
    int centre;      /* level in the middle of bin 0 */
    int first, last; /* bins that there are */
};

static struct bins bins_about(const struct level_coder *c, int32_t mean_q16)
{
    struct bins b = {.coder = c};
    int half = c->span / 2;
    b.centre = (int)(((int64_t)mean_q16 * 65536 + c->unit_q32 / 2) / c->unit_q32);
    b.centre = b.centre < c->max ? b.centre : c->max;
    b.first = -((b.centre + half) / c->span);
    b.last = (c->max - b.centre + half) / c->span;
    return b;
}

/* Where bin `bin` begins, grey levels in q16 */
static int64_t bound(const struct bins *b, int64_t bin)
{
    int64_t twice = 2 * ((int64_t)b->centre + bin * b->coder->span) - b->coder->span;
    return asr64(twice * b->coder->unit_q32, 17);
}

/* Which of the bins from `first` to `last` it is, by halves */
static int64_t code_within(struct site *s, const struct bins *b, int64_t first, int64_t last, int64_t bin)
{
    for (int depth = 0; first < last; depth++) {
        int64_t middle = first + (last - first) / 2 + 1; /* where the upper half begins */
        int upper = bin >= middle;
        if (repeats(s->coder, &upper)) {
            *(upper ? &first : &last) = upper ? middle : middle - 1;
            continue;
        }
        int64_t low = (bound(b, first) + bound(b, middle)) / 2,
                high = (bound(b, middle) + bound(b, last + 1)) / 2;
        int32_t odds = log_density(s, high - s->mean_q16) - log_density(s, low - s->mean_q16);
        counter *learnt = &s->tables->halves[s->channel][s->group_bits][depth];
        odds += ddz_stretch(&s->tables->mixing, ddz_counter_p(*learnt));
        if (!code_decision(s, &upper, ddz_squash(&s->tables->mixing, odds)))
            return first;
        ddz_counter_learn(&s->tables->mixing, learnt, upper, COUNTER_MEMORY);
        *(upper ? &first : &last) = upper ? middle : middle - 1;
    }
    return first;
}

/* From bin `begin` outward: groups of bins, and behind STEPS of them some that become ever greater, so that no sample
 * takes many decisions. Upward, the groups' last bins are known, downward the first. */
static int64_t code_outward(struct site *s, const struct bins *b, int64_t begin, bool upward, int64_t bin)
{
    int64_t size = INT64_C(1) << s->group_bits, end = upward ? b->last : b->first;
    for (int step = 0;; step++) {
        int64_t other = upward ? begin + size - 1 : begin - size + 1;
        bool last = upward ? other >= end : other <= end;
        other = last ? end : other;
        int64_t low = upward ? begin : other, high = upward ? other : begin;
        int64_t from = bound(b, low) - s->mean_q16, to = bound(b, high + 1) - s->mean_q16;
        bool farther = !last && (upward ? decide_farther(s, from, to, step, 1, bin > high)
                                        : decide_farther(s, -to, -from, step, 0, bin < low));
        if (!farther)
            return code_within(s, b, low, high, bin);
        begin = upward ? other + 1 : other - 1;
        if (step >= STEPS)
            size *= 2;
    }
}

/* The bin, written or read: first the side of the bound next to the mean, then outward. */
static int64_t code_bin(struct site *s, const struct bins *b, int64_t bin)
{
    int64_t low = -((INT64_C(1) << s->group_bits) >> 1), high = low + (INT64_C(1) << s->group_bits);
    int64_t lower = bound(b, low), upper = bound(b, high), width = upper - lower;
    int64_t begin = upper - s->mean_q16 < s->mean_q16 - lower ? high : low; /* of what lies above */
    if (b->first == b->last)
        return b->first;
    begin = clamp64(begin, b->first + 1, b->last);
    int64_t edge = bound(b, begin);
    int part = (int)clamp64((s->mean_q16 - edge + width / 2) * PARTS / width, 0, PARTS - 1);
    bool upward = decide_side(s, edge, part, bin >= begin);
    return code_outward(s, b, upward ? begin : begin - 1, upward, bin);
}

/* ---- Samples ----------------------------------------------------------------------------- */

static void learn_scale(struct scale *s, int32_t error)
{
    s->sum += (uint32_t)error;
    if (++s->count >= SCALE_MEMORY) {
        s->sum /= 2;
        s->count /= 2;
    }
}

int ddz_level_code(struct level_coder *c, struct bit_coder *bits, const struct level_site *site, int level,
                   int32_t *error)
{
    struct site s = look(c, bits, site);
    struct bins b = bins_about(c, site->mean_q16);
    int64_t above =
        (int64_t)level - b.centre - (int64_t)b.first * c->span + c->span / 2; /* the first bin's begin */
    c->repeated = 0;
    int64_t bin = code_bin(&s, &b, b.first + above / c->span);
    if (ddz_code_ended(bits))
        return 0;
    c->told = 0;
    c->decided = 0;
    level = (int)clamp64(b.centre + bin * c->span, 0, c->max);
    int64_t distance = asr64((int64_t)level * c->unit_q32, 16) - site->mean_q16;
    *error = (int32_t)((distance < 0 ? -distance : distance) >> (16 - LEVELS_ERROR_BITS));
    for (int i = 0; i < LEVELS_EXPERTS; i++)
        learn_scale(s.scale[i], *error);
    return level;
}
