/* The network against a direct, scalar evaluation of the formulas in model.h, exactly. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "crew.h"
#include "exact.h"
#include "net_reference.h"
#include "nn/mirror.h"
#include "nn/net.h"
#include "runner.h"
#include "toy_model.h"

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static ddz_model *load(uint64_t seed, const struct toy_shape *shape)
{
    size_t size;
    uint8_t *file = shape ? toy_model_shaped(seed, shape, &size) : toy_model(seed, &size);
    ddz_model *model = NULL;
    ck_assert_int_eq(ddz_model_load(file, size, NULL, &model), DDZ_OK);
    free(file);
    return model;
}

struct size {
    int width, height;
};

static const struct size sizes[] = {{1, 1}, {3, 5}, {17, 9}, {64, 48}, {8, 8}, {2, 70}, {131, 4}, {1, 33}};

enum { SIZES = sizeof sizes / sizeof *sizes };

static const struct {
    uint64_t features;
    int threads;
    enum net_use use;
} variants[] = {{0, 1, NET_ASIDE},
                {0, 2, NET_FLOWS},
                {DDZ_CPU_SSE2, 2, NET_KEEPS},
                {DDZ_CPU_AVX2, 1, NET_FLOWS},
                {DDZ_CPU_AVX2, 2, NET_KEEPS},
                {UINT64_MAX, 1, NET_ASIDE},
                {UINT64_MAX, 2, NET_FLOWS}};

enum { VARIANTS = sizeof variants / sizeof *variants };

/* Another call in between, of the other network if there is one, which leaves the one before alone */
static void digress(struct net *net, int label)
{
    static int16_t other[3 * 20 * 11];
    fill(other, 3 * 20 * 11, 1, 7);
    ddz_net_forward(net, other, other, &(struct net_call){20, 11, !label, 64 * 256, true});
}

/* A call and a few updates after it, of other kinds of noise, and the last in place */
enum { RUNS = 4 };

static void compare_size(const ddz_model *model, struct net **net, struct size size, int kind, int label,
                         int32_t level_q8)
{
    uint32_t width = (uint32_t)size.width, height = (uint32_t)size.height;
    size_t count = (size_t)width * height * 3;
    int16_t *in[RUNS], *expected[RUNS], *out = allocate(count, 2);
    for (int run = 0; run < RUNS; run++) {
        in[run] = allocate(count, 2);
        expected[run] = allocate(count, 2);
        fill(in[run], count, (kind + run) % 3, width + 1000 * (uint64_t)run);
    }
    struct reference r =
        reference_forward(model, in[0], expected[0], size.width, size.height, label, level_q8);
    for (int run = 1; run < RUNS; run++)
        reference_update(&r, in[run], expected[run], size.width, size.height);
    free(r.gates.v);
    for (int i = 0; i < VARIANTS; i++)
        for (int run = 0; run < RUNS; run++) {
            memset(out, 0, 2 * count);
            if (run == 2 && variants[i].use != NET_KEEPS)
                digress(net[i], label);
            if (run == RUNS - 1)
                memcpy(out, in[run], 2 * count);
            if (run == 0)
                ddz_net_forward(net[i], in[run], out,
                                &(struct net_call){width, height, label, level_q8, false});
            else
                ddz_net_update(net[i], run == RUNS - 1 ? out : in[run], out);
            ck_assert_msg(memcmp(out, expected[run], 2 * count) == 0,
                          "%ux%u, features %d, %d threads, kind %d, update %d", width, height,
                          (int)variants[i].features, variants[i].threads, kind, run);
        }
    for (int run = 0; run < RUNS; run++) {
        free(in[run]);
        free(expected[run]);
    }
    free(out);
}

/* Every picture size by one network of each variant, which is larger than any: what a call leaves
 * behind must not matter to the next. An instruction set that is not there falls back. */
static void compare_all(const ddz_model *model, int kind, int label, int32_t level_q8)
{
    struct mem mem = ddz_mem_init(NULL);
    struct net *net[VARIANTS];
    for (int i = 0; i < VARIANTS; i++) {
        net[i] = ddz_net_new(&mem, model, variants[i].use, 135, 70, crew(variants[i].threads),
                             variants[i].features & ddz_cpu_allowed(-1));
        ck_assert_ptr_nonnull(net[i]);
        ck_assert(ddz_net_keep(net[i], 135, 70));
    }
    for (int i = 0; i < SIZES; i++)
        compare_size(model, net, sizes[i], kind, label, level_q8);
    for (int i = 0; i < VARIANTS; i++)
        ddz_net_free(net[i]);
}

START_TEST(sane_models)
{
    ddz_model *model = load(1, NULL);
    compare_all(model, 0, 1, 1234);
    compare_all(model, 0, 0, 64 * 256 - 1);
    compare_all(model, 0, 0, 64 * 256);
    compare_all(model, 2, 7, -40 * 256 + 17);
    ddz_model_free(model);
}
END_TEST

/* Every rounding, clamp and saturation, at 48 and 80 channels: tiles of 3 and of 2 vectors */
START_TEST(wild_models)
{
    const struct toy_shape shape = {
        .levels = 2, .embedding = 3, .channels = {48, 80}, .blocks = {1, 1}, .wild = 1};
    ddz_model *model = load((uint64_t)_i, &shape);
    compare_all(model, _i, 3, 30000);
    ddz_model_free(model);
}
END_TEST

START_TEST(architectures)
{
    static const struct toy_shape shapes[] = {
        {.levels = 1, .embedding = 1, .channels = {16}, .blocks = {0}},
        {.levels = 1, .embedding = 5, .channels = {64}, .blocks = {2}},
        {.levels = 5, .embedding = 2, .channels = {16, 16, 32, 16, 32}, .blocks = {0, 1, 0, 2, 1}},
    };
    ddz_model *model = load((uint64_t)_i + 9, &shapes[_i]);
    compare_all(model, 1, 0, 5000 * _i);
    ddz_model_free(model);
}
END_TEST

/* A network that ignored its conditioning, or its input, would agree with itself. */
START_TEST(output_depends)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_KEEPS, 16, 16, NULL, ddz_cpu_allowed(-1));
    static int16_t in[768], a[768], b[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, a, &(struct net_call){16, 16, 2, 300, false});
    ddz_net_forward(net, in, b, &(struct net_call){16, 16, 3, 300, false});
    ck_assert_mem_ne(a, b, sizeof a);
    ddz_net_forward(net, in, b, &(struct net_call){16, 16, 2, 3000, false});
    ck_assert_mem_ne(a, b, sizeof a);
    in[700]++;
    in[0] += 999;
    ddz_net_forward(net, in, b, &(struct net_call){16, 16, 2, 300, false});
    ck_assert_mem_ne(a, b, sizeof a);
    in[700]--;
    in[0] -= 999;
    ddz_net_forward(net, in, in, &(struct net_call){16, 16, 2, 300, false});
    ck_assert_mem_eq(a, in, sizeof a);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* The update is that of the last call: of its features, its conditioning and its network. */
START_TEST(update_depends)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_KEEPS, 16, 16, NULL, ddz_cpu_allowed(-1));
    static const struct {
        int picture, label;
        int32_t level_q8;
    } calls[] = {{0, 0, 300}, {1, 0, 300}, {0, 3, 300}, {0, 0, 4000}, {0, 0, 64 * 256}};
    static int16_t in[2][768], noise[768], f[768], moved[6][768];
    fill(in[0], 768, 0, 1);
    fill(in[1], 768, 0, 2);
    fill(noise, 768, 0, 3);
    for (int i = 0; i < 6; i++) {
        ddz_net_forward(net, in[calls[i % 5].picture], f,
                        &(struct net_call){16, 16, calls[i % 5].label, calls[i % 5].level_q8, false});
        ddz_net_update(net, noise, moved[i]);
        for (int k = 0; k < i; k++)
            ck_assert_int_eq(memcmp(moved[i], moved[k], sizeof f) == 0, i == 5 && k == 0);
        ck_assert_mem_ne(moved[i], f, sizeof f);
    }
    noise[0] += 999;
    ddz_net_update(net, noise, moved[1]);
    ck_assert_mem_ne(moved[1], moved[0], sizeof f);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* A network on the weights of another gives the same, and leaves it alone. */
START_TEST(networks_beside)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_KEEPS, 40, 24, crew(2), ddz_cpu_allowed(-1)),
               *other = ddz_net_new_beside(net, 16, 16);
    ck_assert_ptr_nonnull(other);
    static int16_t in[768], f[768], moved[768], out[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, f, &(struct net_call){16, 16, 0, 300, false});
    ddz_net_forward(other, in, out, &(struct net_call){16, 16, 5, 4000, false});
    ck_assert_mem_ne(f, out, sizeof f);
    ddz_net_update(net, in, moved);
    ddz_net_forward(other, in, out, &(struct net_call){16, 16, 0, 300, false});
    ck_assert_mem_eq(f, out, sizeof f);
    ddz_net_update(other, in, out);
    ck_assert_mem_eq(moved, out, sizeof f);
    ddz_net_free(other);
    ddz_net_forward(net, in, out, &(struct net_call){16, 16, 0, 300, false});
    ck_assert_mem_eq(f, out, sizeof f);
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

/* A call that is aside leaves the one before it alone, before that one's first update and between updates, and makes none. */
START_TEST(calls_aside)
{
    ddz_model *model = load(1, NULL);
    struct mem mem = ddz_mem_init(NULL);
    struct net *net = ddz_net_new(&mem, model, NET_ASIDE, 16, 16, NULL, ddz_cpu_allowed(-1));
    const struct net_call kept = {16, 16, 0, 300, false}, aside = {16, 16, 0, 4000, true};
    static int16_t in[768], f[768], moved[768], other[768], out[768];
    fill(in, 768, 0, 1);
    ddz_net_forward(net, in, other, &aside);
    ck_assert(!ddz_net_is_kept(net));
    ddz_net_forward(net, in, f, &kept);
    ck_assert_mem_ne(f, other, sizeof f);
    ddz_net_update(net, in, moved);
    for (int updated = 1; updated >= 0; updated--) {
        ddz_net_forward(net, in, out, &kept);
        if (updated)
            ddz_net_update(net, in, out);
        ddz_net_forward(net, in, out, &aside);
        ck_assert_mem_eq(out, other, sizeof f);
        ck_assert(ddz_net_is_kept(net));
        ddz_net_update(net, in, out);
        ck_assert_mem_eq(moved, out, sizeof f);
    }
    ddz_net_free(net);
    ddz_model_free(model);
}
END_TEST

struct ledger {
    size_t bytes;
    int calls, allowed;
};

static void *ledger_allocate(void *cookie, size_t size)
{
    struct ledger *l = cookie;
    if (l->calls++ >= l->allowed)
        return NULL;
    l->bytes += size;
    return malloc(size);
}

static void ledger_release(void *cookie, void *memory)
{
    (void)cookie;
    free(memory);
}

START_TEST(mirrored)
{
    static const uint32_t shapes[][2] = {{1, 1}, {5, 4}, {4, 7}, {6, 1}, {1, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        uint32_t width = shapes[i][0], height = shapes[i][1];
        int16_t picture[5 * 7 * 3];
        for (uint32_t k = 0; k < 3 * width * height; k++)
            picture[k] = (int16_t)k;
        ddz_mirror(picture, width, height, _i);
        for (uint32_t k = 0; k < 3 * width * height; k++) {
            uint32_t x = k / 3 % width, y = k / 3 / width;
            x = _i & MIRROR_ACROSS ? width - 1 - x : x;
            y = _i & MIRROR_DOWN ? height - 1 - y : y;
            ck_assert_int_eq(picture[k], 3 * (y * width + x) + k % 3);
        }
    }
}
END_TEST

START_TEST(memory)
{
    ddz_model *model = load(1, NULL);
    for (int allowed = 0; allowed < 2; allowed++) {
        struct ledger ledger = {0, 0, allowed};
        ddz_allocator functions = {ledger_allocate, ledger_release, &ledger};
        struct mem mem = ddz_mem_init(&functions);
        struct net *net = ddz_net_new(&mem, model, NET_KEEPS, 100, 70, NULL, ddz_cpu_allowed(-1));
        ck_assert_int_eq(net != NULL, allowed);
        if (net) {
            static int16_t picture[21000];
            ddz_net_forward(net, picture, picture, &(struct net_call){100, 70, 1, 0, false});
            ddz_net_update(net, picture, picture);
            size_t stated = ddz_net_memory(model, NET_KEEPS, 100, 70, 1, ddz_cpu_allowed(-1));
            ck_assert(ledger.bytes >= stated && ledger.bytes < stated + 256);
        }
        ddz_net_free(net);
        ck_assert_int_eq(ledger.calls, 1);
    }
    /* 2^31 x 2^31 pixels: more than any size_t holds bytes, or at least refused */
    ck_assert(ddz_net_memory(model, NET_KEEPS, 1u << 31, 1u << 31, 1, 0) >
              ((size_t)1 << (sizeof(size_t) * 8 - 2)));
    struct mem mem = ddz_mem_init(NULL);
    ck_assert_ptr_null(
        ddz_net_new(&mem, model, NET_KEEPS, UINT32_MAX, UINT32_MAX, NULL, ddz_cpu_allowed(-1)));
    ck_assert_uint_eq(ddz_net_memory(model, NET_KEEPS, UINT32_MAX, UINT32_MAX, 1, 0), SIZE_MAX);
    ddz_net_free(NULL);
    ddz_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("nn");
    tcase_add_test(tc, sane_models);
    tcase_add_loop_test(tc, wild_models, 1, 3);
    tcase_add_loop_test(tc, architectures, 0, 3);
    tcase_add_test(tc, output_depends);
    tcase_add_test(tc, update_depends);
    tcase_add_test(tc, networks_beside);
    tcase_add_test(tc, calls_aside);
    tcase_add_loop_test(tc, mirrored, 0, 4);
    tcase_add_test(tc, memory);
    return run_cases("nn", 300, &tc, 1);
}
