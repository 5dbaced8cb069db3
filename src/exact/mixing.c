#include "exact/mixing.h"

/* e^(-1/256), of 2^32 */
static const uint64_t step_q32 = UINT64_C(4278222805);

enum {
    WEIGHT_MOST = 1 << 22,
    APM_STEP = 2 * STRETCH_MOST / (APM_STEPS - 1) + 1, /* between the points, which lie about 0 */
    APM_FIRST = APM_STEP * (APM_STEPS - 1) / 2         /* by how much the first one lies below 0 */
};

/* ---- Tables -------------------------------------------------------------------------------- */

/* Probabilities of -STRETCH_MOST to 0, of 2^31: 1 / (1 + e^(x/256)) */
static void fill_probabilities(uint32_t p_q31[STRETCH_MOST + 1])
{
    uint64_t one = UINT64_C(1) << 32, power_q32 = one;
    for (int x = 0; x <= STRETCH_MOST; x++) {
        p_q31[STRETCH_MOST - x] = (uint32_t)(((power_q32 << 31) + (one + power_q32) / 2) / (one + power_q32));
        power_q32 = (power_q32 * step_q32 + one / 2) >> 32;
    }
}

/* Which of them is nearest to a probability; not below `from`, where the search begins. */
static int nearest(const uint32_t p_q31[STRETCH_MOST + 1], int from, uint32_t wanted_q31)
{
    while (from < STRETCH_MOST && wanted_q31 > (p_q31[from] + p_q31[from + 1]) / 2)
        from++;
    return from;
}

void ddz_mixing_tables_init(struct mixing_tables *tables)
{
    uint32_t p_q31[STRETCH_MOST + 1];
    fill_probabilities(p_q31);
    for (int x = 0; x <= STRETCH_MOST; x++) {
        uint32_t p = (p_q31[x] + (1 << 14)) >> 15;
        tables->squash[x] = (uint16_t)p;
        tables->squash[2 * STRETCH_MOST - x] = (uint16_t)(65536 - p);
    }
    int x = 0;
    for (uint32_t i = 0; i < STRETCH_FINE; i++) {
        x = nearest(p_q31, x, i << 15);
        tables->fine[i] = (int16_t)(x - STRETCH_MOST);
    }
    x = 0;
    for (uint32_t i = 0; i < STRETCH_COARSE / 2; i++) {
        x = nearest(p_q31, x, (16 * i + 8) << 15);
        tables->coarse[i] = (int16_t)(x - STRETCH_MOST);
        tables->coarse[STRETCH_COARSE - 1 - i] = (int16_t)(STRETCH_MOST - x);
    }
    for (uint32_t n = 0; n <= COUNTER_LIMIT; n++)
        tables->rate[n] = (uint16_t)((2 * 65536 + n + 1) / (2 * n + 3));
}

/* ---- Mixers -------------------------------------------------------------------------------- */

void ddz_mixer_init(struct mixer *m, const struct mixing_tables *tables, int32_t *weights, int inputs,
                    int sets, int rate, int32_t first)
{
    *m = (struct mixer){.tables = tables,
                        .weights = weights,
                        .inputs = inputs,
                        .sets = sets,
                        .rate = rate,
                        .chosen = weights};
    for (size_t i = 0; i < (size_t)inputs * (size_t)sets; i++)
        weights[i] = first;
}

int32_t ddz_mix(struct mixer *m, int set)
{
    int64_t sum = 1 << 15;
    m->chosen = m->weights + (size_t)set * (size_t)m->inputs;
    for (int i = 0; i < m->inputs; i++)
        sum += (int64_t)m->chosen[i] * m->x[i];
    int32_t x = (int32_t)clamp64(asr64(sum, 16), -STRETCH_MOST, STRETCH_MOST);
    m->p = ddz_squash(m->tables, x);
    return x;
}

void ddz_mixer_learn(struct mixer *m, int bit)
{
    int64_t error = ((bit << 16) - (int32_t)m->p) * (int64_t)m->rate;
    for (int i = 0; i < m->inputs; i++) {
        int64_t weight = m->chosen[i] + asr64(m->x[i] * error + (1 << 19), 20);
        m->chosen[i] = (int32_t)clamp64(weight, -WEIGHT_MOST, WEIGHT_MOST);
    }
}

/* ---- Adaptive maps ------------------------------------------------------------------------- */

void ddz_apm_init(struct apm *a, const struct mixing_tables *tables, uint16_t *points, int contexts,
                  int shift)
{
    *a = (struct apm){.tables = tables, .points = points, .shift = shift};
    for (int context = 0; context < contexts; context++)
        for (int i = 0; i < APM_STEPS; i++)
            *points++ = (uint16_t)ddz_squash(tables, i * APM_STEP - APM_FIRST);
}

uint32_t ddz_apm_correct(struct apm *a, int32_t x, int context)
{
    uint32_t from_first = (uint32_t)(x + APM_FIRST), step = from_first / APM_STEP;
    a->at = (uint32_t)context * APM_STEPS + step;
    a->part = (int32_t)((from_first - step * APM_STEP) * 256 / APM_STEP);
    int32_t low = a->points[a->at], high = a->points[a->at + 1];
    int32_t p = asr32(low * 256 + (high - low) * a->part, 8);
    return p > 0 ? (uint32_t)p : 1;
}

void ddz_apm_learn(struct apm *a, int bit)
{
    /* beyond 0 and 65535, so that rounding down lets points reach both */
    int32_t aim = bit ? 65534 + (1 << a->shift) : 0;
    uint16_t *nearer = &a->points[a->at + (a->part >= 128)];
    *nearer = (uint16_t)(*nearer + asr32(aim - *nearer, a->shift));
}
