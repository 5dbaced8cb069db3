/* Steps that wait for their call against steps that are made one by one: y and estimates, exactly. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "chain/chain.h"
#include "channel/viterbi.h"
#include "cpu/cpu.h"
#include "crew.h"
#include "runner.h"
#include "toy_model.h"

enum {
    WIDTH = 131,
    HEIGHT = 70,
    SAMPLES = 3 * WIDTH * HEIGHT,
    FROM = 70,
    TO = 90,
    STEPS = 4,
    STATES_LOG2 = 8
};

static ddz_model *load(void)
{
    static const struct toy_shape shape = {
        .levels = 2, .embedding = 4, .channels = {32, 16}, .blocks = {1, 1}};
    size_t size;
    uint8_t *file = toy_model_shaped(4, &shape, &size);
    ddz_model *model = NULL;
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &model), DDZ_OK);
    free(file);
    return model;
}

/* Steps of one call: all but the last with an update */
static struct step step_of(int index)
{
    return (struct step){.level_from = FROM + (TO - FROM) * index / STEPS,
                         .level_to = FROM + (TO - FROM) * (index + 1) / STEPS,
                         .samples = SAMPLES,
                         .bits = SAMPLES / 2,
                         .update = index < STEPS - 1};
}

static void open_chain(struct chain *chain)
{
    static int16_t x[SAMPLES];
    static int32_t noise[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        x[i] = (int16_t)(hash_pair(1, i / 100) % 20001 - 10000);
        noise[i] = (int32_t)(hash_pair(2, i) % 8193) - 4096;
    }
    ddz_chain_place(chain, x, noise, FROM);
}

/* Bits whose noise at one sample is far beyond all likelihood */
static void find_loud_bits(struct chain *chain, const struct trellis *t, uint8_t *bits)
{
    struct mem mem = ddz_mem_init(NULL);
    struct viterbi *viterbi = ddz_viterbi_new(&mem, STATES_LOG2, t->branches, NULL, ddz_cpu_allowed(-1));
    int32_t *shift = calloc(SAMPLES, sizeof *shift);
    ck_assert(viterbi && shift);
    shift[SAMPLES / 3] = 1 << 22;
    struct coordinates delta = ddz_chain_mix(chain, t, shift);
    ddz_viterbi_search(viterbi, t, &delta, 0, bits);
    free(shift);
    ddz_viterbi_free(viterbi);
}

static struct trellis trellis_of(const struct step *step, int index)
{
    return ddz_chain_trellis(step, index, step->bits, STATES_LOG2);
}

/* Bits of all steps; `loud`: the one that has loud bits. The chain's vector is used. */
static void make_bits(struct chain *chain, int loud, uint8_t bits[STEPS][SAMPLES / 8 + 1])
{
    for (int i = 0; i < STEPS; i++) {
        struct step step = step_of(i);
        struct trellis t = trellis_of(&step, i);
        ddz_chain_draw_bits(77 + (uint64_t)i, bits[i], t.branches);
        if (i == loud)
            find_loud_bits(chain, &t, bits[i]);
    }
}

struct result {
    uint32_t digest;
    int16_t estimate[SAMPLES];
    int64_t sigma_q8;
};

/* So many steps, and the estimate behind them */
static void keep_result(struct chain *chain, struct result *result)
{
    ddz_chain_next_estimate(chain);
    result->digest = ddz_chain_digest(chain);
    result->sigma_q8 = ddz_chain_position(chain).sigma_q8;
    memcpy(result->estimate, ddz_chain_estimate(chain), sizeof result->estimate);
}

static void one_by_one(struct chain *chain, int steps, uint8_t bits[STEPS][SAMPLES / 8 + 1],
                       struct result *result)
{
    open_chain(chain);
    for (int i = 0; i < steps; i++) {
        struct step step = step_of(i);
        struct trellis t = trellis_of(&step, i);
        ddz_chain_next_estimate(chain);
        ddz_chain_apply(chain, &step, &t, bits[i], step.bits);
    }
    keep_result(chain, result);
}

/* As the decoder does it. Steps wait but for the last one and what follows noise that is too loud. */
static void waiting(struct chain *chain, int steps, int loud, uint8_t bits[STEPS][SAMPLES / 8 + 1],
                    struct result *result)
{
    open_chain(chain);
    for (int i = 0; i < steps; i++) {
        struct step step = step_of(i);
        struct trellis t = trellis_of(&step, i);
        bool waits = ddz_chain_defer(chain, &step, STEPS - 1 - i, &t, bits[i]);
        ck_assert_int_eq(waits, step.update && (loud < 0 || i < loud));
        if (waits)
            continue;
        if (step.update)
            ck_assert(ddz_chain_prepare_update(chain));
        ddz_chain_next_estimate(chain);
        ddz_chain_apply(chain, &step, &t, bits[i], step.bits);
    }
    keep_result(chain, result);
}

static void compare(struct chain *kept, struct chain *flowing, int steps, int loud)
{
    static struct result expected, got;
    static uint8_t bits[STEPS][SAMPLES / 8 + 1];
    make_bits(kept, loud, bits);
    one_by_one(kept, steps, bits, &expected);
    waiting(flowing, steps, loud, bits, &got);
    ck_assert_uint_eq(got.digest, expected.digest);
    ck_assert_int_eq(got.sigma_q8, expected.sigma_q8);
    ck_assert_mem_eq(got.estimate, expected.estimate, sizeof got.estimate);
}

START_TEST(same_as_one_by_one)
{
    struct mem mem = ddz_mem_init(NULL);
    ddz_model *model = load();
    struct parallel *lanes = crew(_i / 2 ? 3 : 1);
    struct chain *kept = ddz_chain_new(&mem, model, NET_KEEPS, WIDTH, HEIGHT, 0, lanes, ddz_cpu_allowed(-1)),
                 *flowing =
                     ddz_chain_new(&mem, model, NET_FLOWS, WIDTH, HEIGHT, 0, lanes, ddz_cpu_allowed(-1));
    ck_assert(kept && flowing);
    if (_i % 2) {
        ddz_chain_set_grey(kept);
        ddz_chain_set_grey(flowing);
    }
    for (int steps = 1; steps <= STEPS; steps++)
        compare(kept, flowing, steps, -1);
    for (int loud = 0; loud < STEPS - 1; loud++)
        compare(kept, flowing, STEPS, loud);
    compare(kept, flowing, STEPS, -1);
    ddz_chain_forget_network(flowing);
    ck_assert(ddz_chain_recall_network(flowing));
    compare(kept, flowing, STEPS, -1);
    ddz_chain_free(kept);
    ddz_chain_free(flowing);
    ddz_model_free(model);
}
END_TEST

static void *allocate_little(void *cookie, size_t size)
{
    return size > *(size_t *)cookie ? NULL : malloc(size);
}

static void release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

/* Where there is no memory for steps that wait, nor for a call that is kept, that is said. */
START_TEST(short_of_memory)
{
    size_t most = SIZE_MAX;
    struct mem mem = ddz_mem_init(&(ddz_allocator){allocate_little, release, &most});
    ddz_model *model = load();
    struct chain *chain = ddz_chain_new(&mem, model, NET_FLOWS, WIDTH, HEIGHT, 0, NULL, ddz_cpu_allowed(-1));
    ck_assert_ptr_nonnull(chain);
    open_chain(chain);
    most = 1000;
    struct step step = step_of(0);
    struct trellis t = trellis_of(&step, 0);
    uint8_t *bits = calloc(SAMPLES / 8 + 1, 1);
    ck_assert(!ddz_chain_defer(chain, &step, STEPS - 1, &t, bits));
    ck_assert(!ddz_chain_prepare_update(chain));
    most = SIZE_MAX;
    ck_assert(ddz_chain_defer(chain, &step, STEPS - 1, &t, bits));
    free(bits);
    ddz_chain_free(chain);
    ddz_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("chain");
    tcase_add_loop_test(tc, same_as_one_by_one, 0, 4);
    tcase_add_test(tc, short_of_memory);
    return run_cases("chain", 120, &tc, 1);
}
