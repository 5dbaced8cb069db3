#include "exact/mixing.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
    const int stride = ddz_mixer_stride(inputs);
    *m = (struct mixer){.tables = tables,
                        .weights = weights,
                        .vectors = stride / MIXER_VECTOR,
                        .sets = sets,
                        .rate = rate,
                        .chosen = weights};
    for (size_t i = 0; i < (size_t)stride * (size_t)sets; i++)
        weights[i] = first < WEIGHT_MOST ? first : WEIGHT_MOST;
}

#ifdef __SSE2__

/* Vectors multiply numbers of 16 bits. One of 32 is made of two, both with a sign: the upper one times 65536, and the
 * lower one. With inputs of up to MIXER_INPUT_MOST no sum is beyond 32 bits. */

static int64_t add_lanes(__m128i v)
{
    int32_t lane[4];
    _mm_storeu_si128((__m128i *)lane, v);
    return (int64_t)lane[0] + lane[1] + lane[2] + lane[3];
}

static int64_t weighted_sum(const int32_t *weights, const int16_t *x, int vectors)
{
    const __m128i zero = _mm_setzero_si128(), half = _mm_set1_epi32(1 << 15);
    __m128i low = zero, high = zero;
    for (int i = 0; i < vectors; i++, weights += MIXER_VECTOR, x += MIXER_VECTOR) {
        const __m128i w0 = _mm_loadu_si128((const __m128i *)weights);
        const __m128i w1 = _mm_loadu_si128((const __m128i *)(weights + 4));
        const __m128i inputs = _mm_loadu_si128((const __m128i *)x);
        low = _mm_add_epi32(low, _mm_madd_epi16(w0, _mm_unpacklo_epi16(inputs, zero)));
        low = _mm_add_epi32(low, _mm_madd_epi16(w1, _mm_unpackhi_epi16(inputs, zero)));
        const __m128i up0 = _mm_add_epi32(w0, half), up1 = _mm_add_epi32(w1, half);
        high = _mm_add_epi32(high, _mm_madd_epi16(up0, _mm_unpacklo_epi16(zero, inputs)));
        high = _mm_add_epi32(high, _mm_madd_epi16(up1, _mm_unpackhi_epi16(zero, inputs)));
    }
    return add_lanes(high) * 65536 + add_lanes(low);
}

/* (x * error + 2^19) >> 20, of inputs that stand in the lower halves */
static __m128i steps_of(__m128i inputs, __m128i low, __m128i high)
{
    __m128i fine = _mm_add_epi32(_mm_madd_epi16(inputs, low), _mm_set1_epi32(1 << 19));
    return _mm_srai_epi32(_mm_add_epi32(_mm_madd_epi16(inputs, high), _mm_srai_epi32(fine, 16)), 4);
}

static void descend(int32_t *weights, const int16_t *x, int vectors, int32_t error)
{
    const __m128i zero = _mm_setzero_si128(), low = _mm_set1_epi16((int16_t)error),
                  high = _mm_set1_epi16((int16_t)asr32(error + (1 << 15), 16));
    const __m128i most = _mm_set1_epi32(WEIGHT_MOST), least = _mm_set1_epi32(-WEIGHT_MOST);
    __m128i beyond = zero;
    int32_t *w = weights;
    for (int i = 0; i < vectors; i++, w += MIXER_VECTOR, x += MIXER_VECTOR) {
        const __m128i inputs = _mm_loadu_si128((const __m128i *)x);
        __m128i w0 = _mm_loadu_si128((const __m128i *)w), w1 = _mm_loadu_si128((const __m128i *)(w + 4));
        w0 = _mm_add_epi32(w0, steps_of(_mm_unpacklo_epi16(inputs, zero), low, high));
        w1 = _mm_add_epi32(w1, steps_of(_mm_unpackhi_epi16(inputs, zero), low, high));
        beyond = _mm_or_si128(beyond, _mm_or_si128(_mm_cmpgt_epi32(w0, most), _mm_cmpgt_epi32(w1, most)));
        beyond = _mm_or_si128(beyond, _mm_or_si128(_mm_cmplt_epi32(w0, least), _mm_cmplt_epi32(w1, least)));
        _mm_storeu_si128((__m128i *)w, w0);
        _mm_storeu_si128((__m128i *)(w + 4), w1);
    }
    if (_mm_movemask_epi8(beyond)) /* hardly ever */
        for (int i = 0; i < vectors * MIXER_VECTOR; i++)
            weights[i] = (int32_t)clamp64(weights[i], -WEIGHT_MOST, WEIGHT_MOST);
}

#else

static int64_t weighted_sum(const int32_t *weights, const int16_t *x, int vectors)
{
    int64_t sum = 0;
    for (int i = 0; i < vectors * MIXER_VECTOR; i++)
        sum += (int64_t)weights[i] * x[i];
    return sum;
}

static void descend(int32_t *weights, const int16_t *x, int vectors, int32_t error)
{
    for (int i = 0; i < vectors * MIXER_VECTOR; i++) {
        int64_t weight = weights[i] + asr64((int64_t)x[i] * error + (1 << 19), 20);
        weights[i] = (int32_t)clamp64(weight, -WEIGHT_MOST, WEIGHT_MOST);
    }
}

#endif

int32_t ddz_mix(struct mixer *m, int set)
{
    m->chosen = m->weights + (size_t)set * (size_t)(m->vectors * MIXER_VECTOR);
    int64_t sum = weighted_sum(m->chosen, m->x, m->vectors) + (1 << 15);
    int32_t x = (int32_t)clamp64(asr64(sum, 16), -STRETCH_MOST, STRETCH_MOST);
    m->p = ddz_squash(m->tables, x);
    return x;
}

void ddz_mixer_learn(struct mixer *m, int bit)
{
    descend(m->chosen, m->x, m->vectors, ((bit << 16) - (int32_t)m->p) * m->rate);
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
