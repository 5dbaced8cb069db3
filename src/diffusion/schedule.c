#include "diffusion/schedule.h"

#include "base/fixed.h"

/* 2^30 * 2^(-j/32) */
static const uint32_t pow2_table[LEVELS_PER_OCTAVE] = {
    1073741824, 1050733751, 1028218693, 1006186087, 984625594, 963527098, 942880699, 922676710,
    902905651,  883558244,  864625413,  846098274,  827968132, 810226483, 792865000, 775875538,
    759250125,  742980960,  727060411,  711481005,  696235434, 681316545, 666717336, 652430958,
    638450708,  624770026,  611382493,  598281827,  585461881, 572916640, 560640218, 548626854,
};

enum { SIGMA_LIFTED_Q8 = 5849088 }; /* 0.7 * 32640 * 256 */

int64_t ddz_ratio_q30(int32_t levels)
{
    int octaves = levels / LEVELS_PER_OCTAVE;
    int64_t mantissa = pow2_table[levels % LEVELS_PER_OCTAVE];
    return octaves ? rshift_round(mantissa, octaves) : mantissa;
}

int64_t ddz_sigma_q8(int32_t level)
{
    /* 320 levels up, so that the index of the table is not negative */
    int octaves = (level + 320) / LEVELS_PER_OCTAVE - 10;
    int64_t mantissa = (int64_t)SIGMA_LIFTED_Q8 * pow2_table[(level + 320) % LEVELS_PER_OCTAVE];
    return rshift_round(mantissa, 30 + octaves);
}

int32_t ddz_level_q8_of_sigma(int64_t sigma)
{
    int32_t log_lifted = (int32_t)ddz_ilog2_q16(SIGMA_LIFTED_Q8);
    return (int32_t)asr64(log_lifted - (int32_t)ddz_ilog2_q16((uint64_t)sigma), 3);
}

static uint32_t longer(const struct pyramid *p, int scale)
{
    return p->width[scale] > p->height[scale] ? p->width[scale] : p->height[scale];
}

struct pyramid ddz_pyramid_of(uint32_t width, uint32_t height)
{
    struct pyramid p = {.width = {width}, .height = {height}};
    while (longer(&p, p.coarsest) > PYRAMID_COARSEST) {
        int next = p.coarsest + 1;
        p.width[next] = (p.width[p.coarsest] + 1) / 2;
        p.height[next] = (p.height[p.coarsest] + 1) / 2;
        p.coarsest = next;
    }
    return p;
}

int ddz_scale_label(const struct pyramid *p, int scale, int32_t level)
{
    uint32_t side = longer(p, scale);
    if (scale == 0 && level > LEVEL_LIFT)
        return 0;
    if (scale < 3 && side > 64)
        return scale;
    int ceil_log2 = side > 1 ? ddz_ilog2(side - 1) + 1 : 0;
    return 3 + (int)clamp64(7 - ceil_log2, 0, 4);
}

/* Bits that `nats_q16` nats a coordinate take on average: over ln 2 and the channel's efficiency
 * of about 0.93. */
static uint64_t bits_for(uint32_t samples, uint64_t nats_q16)
{
    enum { PER_NAT_Q16 = 101663 }; /* 65536 / ln 2 / 0.93 */
    uint64_t nats = ((uint64_t)samples * nats_q16) >> 8;
    return (nats * PER_NAT_Q16) >> 24;
}

/* KL of a reverse step per coordinate, q16: (1-r^2) / (2 r^2) * err / sigma_from^2 */
static uint64_t predicted_nats(const struct ddz_model *model, const struct step *s)
{
    if (s->lift)
        return model->lift_density_q16[s->label] / 2;
    int64_t r2 = ddz_ratio_q30(2 * (s->level_to - s->level_from));
    uint64_t factor_q16 = (uint64_t)((((int64_t)1 << 30) - r2) << 16) / (uint64_t)(2 * r2);
    return (ddz_model_rate(model, s->label, s->level_from) * factor_q16) >> 16;
}

static uint32_t limit_bits(const struct step *s, uint64_t bits)
{
    uint64_t least = ((uint64_t)s->samples + STEP_MAX_OWNED - 1) / STEP_MAX_OWNED;
    /* fewer impulses than this would not look like noise once unmixed */
    if (!s->fixed && least < 32)
        least = s->samples < 32 ? s->samples : 32;
    return (uint32_t)(bits < least ? least : bits > s->samples ? s->samples : bits);
}

uint32_t ddz_step_bits(const struct step *s, int eighths)
{
    /* rounded up to a power of two, then down by less than one octave */
    int up = eighths > 0 ? (eighths + 7) / 8 : 0;
    int down = 8 * up - eighths;
    uint64_t scaled = (uint64_t)s->bits << up, most = 2 * (uint64_t)s->samples;
    scaled = scaled < most ? scaled : most;
    return limit_bits(s, (uint64_t)rshift_round((int64_t)scaled * ddz_ratio_q30(down * 4), 30));
}

static uint32_t samples_of(const struct pyramid *p, const struct step *s)
{
    uint32_t across = (p->width[s->scale] + 1) / 2, down = (p->height[s->scale] + 1) / 2;
    return s->lift ? 9 * across * down : 3 * p->width[s->scale] * p->height[s->scale];
}

static void add(struct schedule *out, const struct ddz_model *model, const struct pyramid *p, struct step s,
                uint32_t rate_q16)
{
    if (out->steps == MAX_STEPS)
        return;
    s.samples = samples_of(p, &s);
    s.label = ddz_scale_label(p, s.scale, s.level_from);
    s.fixed = rate_q16 != 0;
    uint64_t bits = s.fixed ? ((uint64_t)s.samples * rate_q16 + 32768) >> 16
                            : bits_for(s.samples, predicted_nats(model, &s));
    s.bits = limit_bits(&s, bits);
    out->step[out->steps++] = s;
    if (s.fixed && out->preview_steps == out->steps - 1)
        out->preview_steps = out->steps;
}

/* One call of the network, and what its steps do with it */
static void add_call(struct schedule *out, const struct ddz_model *model, const struct pyramid *p,
                     struct step s, uint32_t rate_q16, int updates_log2)
{
    if (rate_q16) { /* only such steps may begin from nothing */
        add(out, model, p, s, rate_q16);
        return;
    }
    int32_t from = s.level_from, length = s.level_to - from;
    int32_t count = 1 << updates_log2 < length ? 1 << updates_log2 : length;
    for (int32_t i = 0; i < count; i++) {
        s.level_from = from + length * i / count;
        s.level_to = from + length * (i + 1) / count;
        s.update = i + 1 < count;
        add(out, model, p, s, 0);
    }
}

/* Levels to the next call of scale 0, from the distance to the end. */
static int32_t stride(struct walk walk, int32_t distance)
{
    enum { LONGEST = 16 }; /* two calls an octave at least */
    int32_t length = LEVELS_PER_OCTAVE >> walk.calls_log2;
    int32_t boundary = 0;
    if (!walk.uniform && distance > LEVELS_PER_OCTAVE) {
        bool far = distance > 2 * LEVELS_PER_OCTAVE;
        length *= far ? 4 : 2;
        boundary = far ? 2 * LEVELS_PER_OCTAVE : LEVELS_PER_OCTAVE;
    }
    length = length > LONGEST ? LONGEST : length;
    return length < distance - boundary ? length : distance - boundary;
}

void ddz_schedule_build(struct schedule *s, const struct ddz_model *model, const struct pyramid *p,
                        struct walk walk)
{
    s->steps = s->preview_steps = 0;
    int32_t level = LEVEL_NOTHING;
    for (int scale = p->coarsest; scale >= 0; scale--) {
        if (scale < p->coarsest) {
            struct step lift = {
                .scale = scale, .lift = true, .level_from = LEVEL_LIFTED, .level_to = LEVEL_LIFTED};
            add(s, model, p, lift, model->lift_rate_q16[ddz_scale_label(p, scale, LEVEL_LIFTED)]);
            level = LEVEL_LIFTED;
        }
        int label = ddz_scale_label(p, scale, level);
        bool planned = scale > 0 || scale == p->coarsest;
        for (int i = 0; planned && i < model->plan_steps[label]; i++) {
            struct plan_step to = model->plan[label][i];
            add_call(s, model, p, (struct step){.scale = scale, .level_from = level, .level_to = to.level},
                     to.rate_q16, walk.updates_log2);
            level = to.level;
        }
    }
    while (level < walk.end_level) {
        int32_t next = level + stride(walk, walk.end_level - level);
        add_call(s, model, p, (struct step){.level_from = level, .level_to = next}, 0, walk.updates_log2);
        level = next;
    }
}

void ddz_schedule_shorten(struct schedule *s)
{
    int kept = 0;
    while (kept < s->preview_steps && s->step[kept].scale == s->step[0].scale)
        kept++;
    s->steps = s->preview_steps = kept;
}

bool ddz_schedule_is_thumbnail(const struct pyramid *p, int shown)
{
    return shown > 0 && ddz_side_at(longer(p, 0), shown) <= THUMBNAIL_SIDE;
}

static int32_t shown_level(const struct pyramid *p, int shown)
{
    return ddz_schedule_is_thumbnail(p, shown) ? LEVEL_THUMBNAIL : LEVEL_SHOWN;
}

int ddz_schedule_enough(const struct schedule *s, const struct pyramid *p, int shown)
{
    for (int i = 0; i < s->steps && shown > 0; i++) {
        const struct step *step = &s->step[i];
        int32_t level = step->level_to + LEVELS_PER_OCTAVE * (shown - step->scale);
        if (step->scale <= shown && level >= shown_level(p, shown))
            return i + 1;
    }
    return s->steps;
}

int ddz_schedule_finest(const struct pyramid *p, int shown)
{
    /* a scale that is not the last ends at LEVEL_LIFT */
    int finest = shown - (shown_level(p, shown) - LEVEL_LIFT) / LEVELS_PER_OCTAVE;
    return finest < 0 ? 0 : finest < p->coarsest ? finest : p->coarsest;
}

void ddz_schedule_save_calls(struct schedule *s, const struct pyramid *p, int shown)
{
    enum { SERVED = LEVELS_PER_OCTAVE / 2 }; /* as far as the longest strides at full size go */
    int finest = ddz_schedule_finest(p, shown);
    int32_t called = LEVEL_NOTHING;
    for (int i = 0; i + 1 < s->steps; i++) {
        struct step *step = &s->step[i];
        const struct step *next = &s->step[i + 1];
        if (i == 0 || !s->step[i - 1].update)
            called = step->level_from;
        if (step->scale <= finest + 1 && !step->fixed && !step->lift && !next->lift &&
            next->level_from - called < SERVED)
            step->update = true;
    }
}

static void add_drawn(struct schedule *out, const struct pyramid *p, struct step s)
{
    if (out->steps == SCHEDULE_CAPACITY)
        return;
    s.label = ddz_scale_label(p, s.scale, s.level_from);
    s.bits = s.samples = samples_of(p, &s);
    out->step[out->steps++] = s;
}

void ddz_schedule_draw_rest(struct schedule *s, const struct pyramid *p, int made, int steps_log2)
{
    const struct step *last = made > 0 ? &s->step[made - 1] : NULL;
    int32_t level = last ? last->level_to : LEVEL_NOTHING;
    s->steps = made;
    for (int scale = last ? last->scale : p->coarsest; scale >= 0; scale--) {
        int32_t end = scale > 0 ? LEVEL_LIFT : LEVEL_QUIETEST;
        int32_t stride = LEVELS_PER_OCTAVE >> (steps_log2 + scale);
        stride = stride > 1 ? stride : 1;
        while (level < end) {
            int32_t next = level == LEVEL_NOTHING ? LEVEL_LOUDEST : level + stride;
            next = next < end ? next : end;
            add_drawn(s, p, (struct step){.scale = scale, .level_from = level, .level_to = next});
            level = next;
        }
        if (scale > 0)
            add_drawn(s, p, (struct step){.scale = scale - 1, .lift = true});
        level = LEVEL_LIFTED;
    }
}
