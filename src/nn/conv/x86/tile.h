/*
 * Body of the direct vector kernels. The file that includes it defines
 *   LANES                 8 or 16, and `vec`, a type of LANES int32
 *   vec_zero, vec_load    weights of LANES output channels
 *   vec_pair              a pair of inputs, in all lanes
 *   vec_dot(acc, w, x)    acc + sum of the two products in each lane
 *   vec_store             to int32, aligned to 64 bytes with 16 lanes, to 32 with 8
 *   finish(run, block, blocks, pixel, pixels, sums)    ends sums[blocks][pixels][CONV_BLOCK]
 * and makes its tiles with TILE and STRIP.
 *
 * A tile keeps its sums in registers: pixels x vectors of output channels. Each weight loaded
 * serves all its pixels, each input all its vectors. The sums are variables of their own, written
 * out by macros, because compilers do not always keep an array of them in registers. They go through memory to
 * their end, of which there is a copy for each of its kinds, and for tiles of all sizes.
 */

static inline const int16_t *weights_of(const struct direct_run *run, int vector)
{
    int entry = vector * LANES;
    ptrdiff_t block = (ptrdiff_t)run->kernel_taps * run->pairs * CONV_BLOCK * 2;
    return run->weight + entry / CONV_BLOCK * block + entry % CONV_BLOCK * 2;
}

/* Taps of which one begins in memory where the one before ends, in inputs and in weights: they are multiplied as one. */
struct spans {
    int count;
    const int16_t *in[DIRECT_MAX_TAPS];
    ptrdiff_t weight[DIRECT_MAX_TAPS], inputs[DIRECT_MAX_TAPS];
};

static inline struct spans spans_of(const struct direct_run *run)
{
    const ptrdiff_t inputs = 2 * run->pairs;
    struct spans spans = {.count = 0};
    for (int t = 0; t < run->taps; t++) {
        const int last = spans.count - 1;
        if (t > 0 && run->tap[t] == run->tap[t - 1] + 1 && run->in[t] == run->in[t - 1] + inputs) {
            spans.inputs[last] += inputs;
        } else {
            spans.in[last + 1] = run->in[t];
            spans.weight[last + 1] = run->tap[t] * inputs * CONV_BLOCK;
            spans.inputs[last + 1] = inputs;
            spans.count++;
        }
    }
    return spans;
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
#define STORE_A(p) vec_store(sums + p * CONV_BLOCK, a##p);
#define STORE_B(p) vec_store(sums + next + p * CONV_BLOCK, b##p);
#define STORE_C(p) vec_store(sums + 2 * next + p * CONV_BLOCK, c##p);

/* A function that computes PIXELS pixels from `pixel` on, VECTORS vectors of channels from `first` on;
 * there is at least one span, and one pair in it. */
#define TILE(name, PIXELS, VECTORS)                                                                          \
    static void name(const struct direct_run *run, const struct spans *spans, int first, ptrdiff_t pixel)    \
    {                                                                                                        \
        enum {                                                                                               \
            vectors = VECTORS,                                                                               \
            next = LANES < CONV_BLOCK ? LANES : PIXELS * CONV_BLOCK,                                         \
            blocks = VECTORS * LANES / CONV_BLOCK                                                            \
        };                                                                                                   \
        const int block = first * LANES / CONV_BLOCK;                                                        \
        const ptrdiff_t step = run->in_step;                                                                 \
        const int16_t *weight_a = weights_of(run, first);                                                    \
        const int16_t *weight_b = weights_of(run, first + (vectors > 1));                                    \
        const int16_t *weight_c = weights_of(run, first + vectors - 1);                                      \
        _Alignas(64) int32_t sums[VECTORS * PIXELS * LANES];                                                 \
        int t = 0;                                                                                           \
        EACH_##PIXELS(SUMS) do                                                                               \
        {                                                                                                    \
            const int16_t *in = spans->in[t] + pixel * step, *end = in + spans->inputs[t];                   \
            ptrdiff_t i = spans->weight[t];                                                                  \
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
        while (++t < spans->count)                                                                           \
            ;                                                                                                \
        EACH_##PIXELS(STORE_A) if (vectors > 1)                                                              \
        {                                                                                                    \
            EACH_##PIXELS(STORE_B)                                                                           \
        }                                                                                                    \
        if (vectors > 2) {                                                                                   \
            EACH_##PIXELS(STORE_C)                                                                           \
        }                                                                                                    \
        finish(run, block, blocks, pixel, PIXELS, sums);                                                     \
    }

/* A function for all pixels of VECTORS vectors: tiles of PIXELS pixels, the rest in powers of two */
#define STRIP(name, PIXELS, VECTORS)                                                                         \
    TILE(name##_most, PIXELS, VECTORS)                                                                       \
    TILE(name##_4, 4, VECTORS)                                                                               \
    TILE(name##_2, 2, VECTORS)                                                                               \
    TILE(name##_1, 1, VECTORS)                                                                               \
    static void name(const struct direct_run *run, const struct spans *spans, int first)                     \
    {                                                                                                        \
        ptrdiff_t i = 0, n = run->pixels;                                                                    \
        for (; n - i >= PIXELS; i += PIXELS)                                                                 \
            name##_most(run, spans, first, i);                                                               \
        for (; n - i >= 4; i += 4)                                                                           \
            name##_4(run, spans, first, i);                                                                  \
        for (; n - i >= 2; i += 2)                                                                           \
            name##_2(run, spans, first, i);                                                                  \
        if (i < n)                                                                                           \
            name##_1(run, spans, first, i);                                                                  \
    }
/* clang-format on */
