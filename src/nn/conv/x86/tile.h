/*
 * Body of the direct vector kernels. The file that includes it defines
 *   LANES                 8 or 16, and types: `vec` of LANES int32, `out_vec` of LANES int16
 *   vec_zero, vec_load    weights of LANES output channels
 *   vec_pair              a pair of inputs, in all lanes
 *   vec_dot(acc, w, x)    acc + sum of the two products in each lane
 *   struct rescale, rescale_load(run, entry)
 *   rescale(s, acc, residual)   an out_vec; `residual` points to LANES int16, or is NULL
 *   out_load, out_store, out_gate(v, gates)
 *   store_gated(s, t, a, b, out)    with 8 lanes: the values a gated by b
 *   store_gated(s, a, out)          with 16: the first half of a gated by the second
 * and makes its tiles with TILE and STRIP.
 *
 * A tile keeps its sums in registers: pixels x vectors of output channels. Each weight loaded
 * serves all its pixels, each input all its vectors. The sums are variables of their own, written
 * out by macros, because compilers do not always keep an array of them in registers.
 */

static inline const int16_t *weights_of(const struct direct_run *run, int vector)
{
    int entry = vector * LANES;
    ptrdiff_t block = (ptrdiff_t)run->kernel_taps * run->pairs * CONV_BLOCK * 2;
    return run->weight + entry / CONV_BLOCK * block + entry % CONV_BLOCK * 2;
}

static inline void store(const struct direct_run *run, const struct rescale *s, vec acc, ptrdiff_t pixel,
                         int vector)
{
    int16_t *out = run->out + pixel * run->out_step + vector * LANES;
    out_vec v = rescale(s, acc, run->end == END_ADD ? out : NULL);
    if (run->end == END_GATE_BY)
        v = out_gate(v, out_load(run->gates + pixel * run->gates_step + vector * LANES));
    out_store(out, v);
}

/* Where the result of a gated vector goes, or of two of 8 lanes */
static inline int16_t *gated_out(const struct direct_run *run, ptrdiff_t pixel, int vector)
{
    return run->out + pixel * run->out_step + vector * LANES / 2;
}

/* clang-format off: it takes the macros' statements for something else. */
#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_4(M) EACH_2(M) M(2) M(3)
#define EACH_6(M) EACH_4(M) M(4) M(5)
#define EACH_8(M) EACH_6(M) M(6) M(7)
#define EACH_12(M) EACH_8(M) M(8) M(9) M(10) M(11)

/* Of pixel p: sums a, b, c of the tile's first, second and third vector */
#define SUMS(p) vec a##p = vec_zero(), b##p = vec_zero(), c##p = vec_zero();
#define STEP(p)                                                                                              \
    {                                                                                                        \
        vec x = vec_pair(in + p * step);                                                                     \
        a##p = vec_dot(a##p, wa, x);                                                                         \
        if (vectors > 1)                                                                                     \
            b##p = vec_dot(b##p, wb, x);                                                                     \
        if (vectors > 2)                                                                                     \
            c##p = vec_dot(c##p, wc, x);                                                                     \
    }
#define STORE_A(p) store(run, &s, a##p, pixel + p, first);
#define STORE_B(p) store(run, &s, b##p, pixel + p, first + 1);
#define STORE_C(p) store(run, &s, c##p, pixel + p, first + 2);

/* With 8 lanes the gates are the second vector, and are used up with the first. */
#if LANES == 8
#define GATED_A(p) store_gated(&s, &gates, a##p, b##p, gated_out(run, pixel + p, first));
#define STORE_GATED(EACH)                                                                                    \
    {                                                                                                        \
        struct rescale s = rescale_load(run, first * LANES), gates = rescale_load(run, (first + 1) * LANES); \
        EACH(GATED_A)                                                                                        \
    }
#else
#define GATED_A(p) store_gated(&s, a##p, gated_out(run, pixel + p, first));
#define GATED_B(p) store_gated(&s, b##p, gated_out(run, pixel + p, first + 1));
#define GATED_C(p) store_gated(&s, c##p, gated_out(run, pixel + p, first + 2));
#define STORE_GATED(EACH)                                                                                    \
    {                                                                                                        \
        STORE_ALL(EACH, GATED_A, 0)                                                                          \
        STORE_ALL(EACH, GATED_B, 1)                                                                          \
        STORE_ALL(EACH, GATED_C, 2)                                                                          \
    }
#endif

#define STORE_ALL(EACH, STORE, v)                                                                            \
    if (vectors > v) {                                                                                       \
        struct rescale s = rescale_load(run, (first + v) * LANES);                                           \
        EACH(STORE)                                                                                          \
    }

/* A function that computes PIXELS pixels from `pixel` on, VECTORS vectors of channels from `first` on;
 * there is at least one tap and one pair. */
#define TILE(name, PIXELS, VECTORS)                                                                          \
    static void name(const struct direct_run *run, int first, ptrdiff_t pixel)                               \
    {                                                                                                        \
        enum { vectors = VECTORS };                                                                          \
        const ptrdiff_t step = run->in_step, pairs = run->pairs;                                             \
        const int16_t *weight_a = weights_of(run, first);                                                    \
        const int16_t *weight_b = weights_of(run, first + (vectors > 1));                                    \
        const int16_t *weight_c = weights_of(run, first + vectors - 1);                                      \
        int t = 0;                                                                                           \
        EACH_##PIXELS(SUMS) do                                                                               \
        {                                                                                                    \
            const int16_t *in = run->in[t] + pixel * step, *end = in + 2 * pairs;                            \
            ptrdiff_t i = run->tap[t] * pairs * CONV_BLOCK * 2;                                              \
            do {                                                                                             \
                vec wa = vec_load(weight_a + i), wb = wa, wc = wa;                                           \
                if (vectors > 1)                                                                             \
                    wb = vec_load(weight_b + i);                                                             \
                if (vectors > 2)                                                                             \
                    wc = vec_load(weight_c + i);                                                             \
                EACH_##PIXELS(STEP) i += CONV_BLOCK * 2;                                                     \
                in += 2;                                                                                     \
            } while (in != end);                                                                             \
        }                                                                                                    \
        while (++t < run->taps)                                                                              \
            ;                                                                                                \
        if (run->end == END_GATE)                                                                            \
            STORE_GATED(EACH_##PIXELS)                                                                       \
        else {                                                                                               \
            STORE_ALL(EACH_##PIXELS, STORE_A, 0)                                                             \
            STORE_ALL(EACH_##PIXELS, STORE_B, 1)                                                             \
            STORE_ALL(EACH_##PIXELS, STORE_C, 2)                                                             \
        }                                                                                                    \
    }

/* A function for all pixels of VECTORS vectors: tiles of PIXELS pixels, the rest in powers of two */
#define STRIP(name, PIXELS, VECTORS)                                                                         \
    TILE(name##_most, PIXELS, VECTORS)                                                                       \
    TILE(name##_4, 4, VECTORS)                                                                               \
    TILE(name##_2, 2, VECTORS)                                                                               \
    TILE(name##_1, 1, VECTORS)                                                                               \
    static void name(const struct direct_run *run, int first)                                                \
    {                                                                                                        \
        ptrdiff_t i = 0, n = run->pixels;                                                                    \
        for (; n - i >= PIXELS; i += PIXELS)                                                                 \
            name##_most(run, first, i);                                                                      \
        for (; n - i >= 4; i += 4)                                                                           \
            name##_4(run, first, i);                                                                         \
        for (; n - i >= 2; i += 2)                                                                           \
            name##_2(run, first, i);                                                                         \
        if (i < n)                                                                                           \
            name##_1(run, first, i);                                                                         \
    }
/* clang-format on */
