#include "channel/search/search.h"

#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with -mavx512f -mavx512bw"
#endif

#include <immintrin.h>
#include <string.h>

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

enum { LANES = 32, OUTER = 3 /* branches whose pairs are vectors apart, at a time */ };

/* ---- Values ---------------------------------------------------------------------------------- */

/* Table of up to 256 values in registers: 64 to a pair. */
struct table {
    __m512i part[8];
};

static inline __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline __m512i look_up_64(const struct table *t, int pair, __m512i index)
{
    return _mm512_permutex2var_epi16(t->part[2 * pair], index, t->part[2 * pair + 1]);
}

static inline __m512i look_up_128(const struct table *t, int pair, __m512i index)
{
    __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
    return _mm512_mask_mov_epi16(look_up_64(t, pair, index), upper, look_up_64(t, pair + 1, index));
}

static inline __m512i look_up_256(const struct table *t, __m512i index)
{
    __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
    return _mm512_mask_mov_epi16(look_up_128(t, 0, index), upper, look_up_128(t, 2, index));
}

/* 16 values from memory to the low halves of 32-bit lanes; the high halves are their neighbours. */
static inline __m512i gather(const int16_t *values, __m256i index)
{
    return _mm512_i32gather_epi32(_mm512_cvtepu16_epi32(index), values, 2);
}

/* 32 numbers from `first` on, `stride` apart. */
static inline __m512i words(int first, int stride)
{
    int16_t w[LANES];
    for (int i = 0; i < LANES; i++)
        w[i] = (int16_t)(first + stride * i);
    return load(w);
}

static inline __m512i look_up_memory(const int16_t *values, __m512i index)
{
    return _mm512_permutex2var_epi16(gather(values, _mm512_castsi512_si256(index)), words(0, 2),
                                     gather(values, _mm512_extracti64x4_epi64(index, 1)));
}

/* A branch as the loops have it */
struct turn {
    struct table table;
    __m512i owned;
    const int16_t *values;
};

/* `reach`: how many values the look-up covers, a constant at each call: 0 for any number. */
ALWAYS_INLINE struct turn turn_of(const struct search_branch *branch, uint32_t reach)
{
    struct turn t; /* of the table only what is used */
    t.owned = _mm512_set1_epi16((short)branch->owned);
    t.values = branch->values;
    for (uint32_t i = 0; i < 8; i++)
        if (32 * i < reach)
            t.table.part[i] = load(branch->values + 32 * i);
    return t;
}

ALWAYS_INLINE __m512i branch_values(const struct turn *t, __m512i label, uint32_t reach)
{
    __m512i index = _mm512_mulhi_epu16(label, t->owned), sign = _mm512_mullo_epi16(label, t->owned);
    __m512i v = reach == 64    ? look_up_64(&t->table, 0, index)
                : reach == 128 ? look_up_128(&t->table, 0, index)
                : reach == 256 ? look_up_256(&t->table, index)
                               : look_up_memory(t->values, index);
    return _mm512_mask_sub_epi16(v, _mm512_movepi16_mask(sign), _mm512_setzero_si512(), v);
}

/* ---- Branches -------------------------------------------------------------------------------- */

static inline void put_decisions(uint8_t *decisions, __mmask32 won)
{
    memcpy(decisions, &won, sizeof won);
}

/* Scores and what wins over them; returns who won. */
ALWAYS_INLINE __mmask32 choose(__m512i *own, __m512i other)
{
    __mmask32 won = _mm512_cmpgt_epi16_mask(other, *own);
    *own = _mm512_max_epi16(*own, other);
    return won;
}

/* A branch whose pairs are vectors apart */
struct outer {
    struct turn turn;
    __m512i order;                    /* labels of a vector's pairs, less that of the first */
    __m512i offset[1 << (OUTER - 1)]; /* what those of further vectors have more */
};

ALWAYS_INLINE void turn_pair(const struct turn *t, __m512i label, __m512i *x, __m512i *y, uint8_t *to_x,
                             uint8_t *to_y, uint32_t reach)
{
    __m512i v = branch_values(t, label, reach), from_x = _mm512_sub_epi16(*x, v),
            from_y = _mm512_sub_epi16(*y, v);
    *x = _mm512_add_epi16(*x, v);
    *y = _mm512_add_epi16(*y, v);
    put_decisions(to_x, choose(x, from_y));
    put_decisions(to_y, choose(y, from_x));
}

/* Pair number n of vectors that are 2^bit vectors apart */
#define FIRST_OF(n, bit) ((n) >> (bit) << ((bit) + 1) | ((n) & ((1 << (bit)) - 1)))

/*
 * `count` branches whose pairs are vectors apart, each one's bit `up` (1 or -1) above that of the one before: both are constants
 * at each call. Scores are read and written once for all of them.
 */
ALWAYS_INLINE void step_outer(const struct search_branch *branch, int count, int up, int register_bits,
                              int16_t *scores, uint8_t *decisions, uint32_t reach)
{
    int low = branch[up > 0 ? 0 : count - 1].bit;
    size_t row = (size_t)1 << register_bits >> 3, apart = (size_t)1 << low;
    struct outer o[OUTER];
    for (int k = 0; k < count; k++) {
        o[k].turn = turn_of(&branch[k], reach);
        o[k].order = words(0, (int)(branch[k].key.mul << (register_bits - 1 - branch[k].bit)));
        for (uint32_t n = 0; n < 1u << (count - 1); n++)
            o[k].offset[n] = _mm512_set1_epi16(
                (short)(search_label(&branch[k], register_bits, FIRST_OF(n, branch[k].bit - low) << low) -
                        search_label(&branch[k], register_bits, 0)));
    }
    for (uint32_t above = 0; above < 1u << register_bits; above += 1u << (low + count))
        for (uint32_t p = above; p < above + (1u << low); p += LANES) {
            __m512i s[1 << OUTER];
            int16_t *at = scores + p;
            uint8_t *to = decisions + p / 8;
#define LOAD(j)                                                                                              \
    if ((j) < 1 << count)                                                                                    \
    s[j] = load(at + (j)*apart)
#define STORE(j)                                                                                             \
    if ((j) < 1 << count)                                                                                    \
    _mm512_storeu_si512(at + (j)*apart, s[j])
#define PAIR(k, n, bit)                                                                                      \
    if ((n) < 1 << (count - 1))                                                                              \
    turn_pair(&o[k].turn, _mm512_add_epi16(label, o[k].offset[n]), &s[FIRST_OF(n, bit)],                     \
              &s[FIRST_OF(n, bit) + (1 << (bit))], to + k * row + FIRST_OF(n, bit) * apart / 8,              \
              to + k * row + (FIRST_OF(n, bit) + (1 << (bit))) * apart / 8, reach)
#define BRANCH(k)                                                                                            \
    if ((k) < count) {                                                                                       \
        const int bit = up > 0 ? (k) : count - 1 - (k);                                                      \
        __m512i label = _mm512_add_epi16(                                                                    \
            o[k].order, _mm512_set1_epi16((short)search_label(&branch[k], register_bits, p)));               \
        PAIR(k, 0, bit);                                                                                     \
        PAIR(k, 1, bit);                                                                                     \
        PAIR(k, 2, bit);                                                                                     \
        PAIR(k, 3, bit);                                                                                     \
    }
            LOAD(0);
            LOAD(1);
            LOAD(2);
            LOAD(3);
            LOAD(4);
            LOAD(5);
            LOAD(6);
            LOAD(7);
            BRANCH(0)
            BRANCH(1)
            BRANCH(2)
            STORE(0);
            STORE(1);
            STORE(2);
            STORE(3);
            STORE(4);
            STORE(5);
            STORE(6);
            STORE(7);
#undef LOAD
#undef STORE
#undef PAIR
#undef BRANCH
        }
}

/* What branches within vectors have, of two vectors at a time */
struct inner {
    struct turn turn;
    __m512i label, advance; /* of the pairs of both */
    __m512i first, second;  /* where scores of both have their pair among these */
    __m512i partner;        /* where the other score of the pair is */
};

static struct inner inner_of(const struct search_branch *branch, int register_bits)
{
    int16_t label[LANES], pair[LANES], partner[LANES];
    uint32_t run = 1u << branch->bit;
    for (uint32_t i = 0; i < LANES; i++) {
        label[i] = (int16_t)search_label(branch, register_bits, 2 * i - i % run);
        pair[i] = (int16_t)((i >> (branch->bit + 1) << branch->bit) | i % run);
        partner[i] = (int16_t)(i ^ run);
    }
    struct inner in;
    in.label = load(label);
    in.advance = _mm512_set1_epi16((short)(branch->key.mul * (2 * LANES >> (branch->bit + 1))));
    in.first = load(pair);
    in.second = _mm512_add_epi16(in.first, _mm512_set1_epi16(LANES / 2));
    in.partner = load(partner);
    return in;
}

ALWAYS_INLINE void turn_within(__m512i *s, __m512i v, __m512i partner, uint8_t *decisions)
{
    __m512i other = _mm512_sub_epi16(_mm512_permutexvar_epi16(partner, *s), v);
    *s = _mm512_add_epi16(*s, v);
    put_decisions(decisions, choose(s, other));
}

ALWAYS_INLINE void step_inner(const struct search_branch *branch, int count, int register_bits,
                              int16_t *scores, uint8_t *decisions, uint32_t reach)
{
    size_t row = (size_t)1 << register_bits >> 3;
    struct inner in[SEARCH_BATCH];
    for (int k = 0; k < count; k++) {
        in[k] = inner_of(&branch[k], register_bits);
        in[k].turn = turn_of(&branch[k], reach);
    }
    for (uint32_t p = 0; p < 1u << register_bits; p += 2 * LANES) {
        __m512i x = load(scores + p), y = load(scores + p + LANES);
        for (int k = 0; k < count; k++) {
            __m512i v = branch_values(&in[k].turn, in[k].label, reach);
            uint8_t *to = decisions + k * row + p / 8;
            turn_within(&x, _mm512_permutexvar_epi16(in[k].first, v), in[k].partner, to);
            turn_within(&y, _mm512_permutexvar_epi16(in[k].second, v), in[k].partner, to + LANES / 8);
            in[k].label = _mm512_add_epi16(in[k].label, in[k].advance);
        }
        _mm512_storeu_si512(scores + p, x);
        _mm512_storeu_si512(scores + p + LANES, y);
    }
}

ALWAYS_INLINE void step_outer_some(const struct search_branch *branch, int count, int register_bits,
                                   int16_t *scores, uint8_t *decisions, uint32_t reach)
{
    int up = count > 1 && branch[1].bit > branch[0].bit;
    if (count == 3 && up)
        step_outer(branch, 3, 1, register_bits, scores, decisions, reach);
    else if (count == 3)
        step_outer(branch, 3, -1, register_bits, scores, decisions, reach);
    else if (count == 2 && up)
        step_outer(branch, 2, 1, register_bits, scores, decisions, reach);
    else if (count == 2)
        step_outer(branch, 2, -1, register_bits, scores, decisions, reach);
    else
        step_outer(branch, 1, 1, register_bits, scores, decisions, reach);
}

ALWAYS_INLINE void step_reach(const struct search_branch *branch, int count, int register_bits,
                              int16_t *scores, uint8_t *decisions, uint32_t reach)
{
    if (branch->bit < SEARCH_INNER) {
        step_inner(branch, count, register_bits, scores, decisions, reach);
        return;
    }
    for (int first = 0, some; first < count; first += some) {
        some = count - first == 4 ? 2 : count - first < OUTER ? count - first : OUTER;
        step_outer_some(branch + first, some, register_bits, scores,
                        decisions + ((size_t)first << register_bits >> 3), reach);
    }
}

static void step(const struct search_branch *branch, int count, int register_bits, int16_t *scores,
                 uint8_t *decisions)
{
    uint32_t most = 0;
    for (int i = 0; i < count; i++)
        most = branch[i].owned > most ? branch[i].owned : most;
    if (most <= 64)
        step_reach(branch, count, register_bits, scores, decisions, 64);
    else if (most <= 128)
        step_reach(branch, count, register_bits, scores, decisions, 128);
    else if (most <= 256)
        step_reach(branch, count, register_bits, scores, decisions, 256);
    else
        step_reach(branch, count, register_bits, scores, decisions, 0);
}

const struct search_kernel ddz_search_avx512 = {{"avx512", DDZ_CPU_AVX512}, step};
